"""Runs real drivers against a real cluster in containers, and records what they do."""

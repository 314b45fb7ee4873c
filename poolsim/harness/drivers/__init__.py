"""Recorder programs: real drivers that run a load and write down what happened."""

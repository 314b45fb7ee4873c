"""The second tier (T2): do the simulated pools do the same things, in the same order, when?"""

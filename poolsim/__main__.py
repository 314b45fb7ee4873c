"""`python -m poolsim`."""

from poolsim.cli import main

# Processes of a run that are spawned import this module again: they must not start another run.
if __name__ == "__main__":
    main()

"""What the commands do; `poolsim/cli.py` says how they are typed."""

"""How the results of planning are shown: terminal, files, plots."""

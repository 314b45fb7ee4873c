"""The whole comparison, one step after the other: decisions, plans, figures, report."""

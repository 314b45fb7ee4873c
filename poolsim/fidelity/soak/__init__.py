"""Many random scenarios with every invariant, and how much of the model they reach."""

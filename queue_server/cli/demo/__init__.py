"""The demonstration: a system of its own, real plans, their progress and their results."""

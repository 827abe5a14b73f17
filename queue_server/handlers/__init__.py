"""What each method does: one file for each group of methods, found through the registry."""

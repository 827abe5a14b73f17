"""ICA: batches of analyses that are created together, below ``/ica/rest``."""

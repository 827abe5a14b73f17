"""Foreign protocols: each package has routes and translation, and nothing else."""

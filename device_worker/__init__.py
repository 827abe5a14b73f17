"""The worker process: it runs plans on hardware for one lane. Started with ``python -m device_worker``."""

"""The routes of bluesky-httpserver 0.0.14 below ``/api``."""

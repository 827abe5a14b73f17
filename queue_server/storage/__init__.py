"""The durable queue: one port, and the stores behind it."""

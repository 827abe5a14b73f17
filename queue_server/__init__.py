"""The manager of Cuelight: one durable queue, one state machine, one control socket."""

__version__ = "0.1.0"

"""The HTTP gateway: REST and WebSockets in front of a manager. Holds no state of the queue, so several can run."""

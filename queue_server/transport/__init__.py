"""The sockets of the manager: control requests in and replies out, notices out."""

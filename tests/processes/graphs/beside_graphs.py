"""A module beside startup code, which the processes of nodes must find too."""


def take_apart(size, parts):
    """Divide a size."""
    return size / parts

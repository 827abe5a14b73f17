"""Files that are known by their content, the names that people give them, and archives of them.

All of it is synchronous and waits for the disk: call it in threads, never on an event loop.
"""

"""Stand-ins for the command-line programs of bluesky-queueserver: its words and exit codes, over our own client."""

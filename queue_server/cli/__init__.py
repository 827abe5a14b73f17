"""The command ``cuelight``: verbs over the client. It decides nothing about the queue and imports no other room."""

"""Who may do what: credentials become identities."""

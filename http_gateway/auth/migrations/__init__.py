"""The steps by which the account database came to its present form. Run at every start; a step is never changed."""

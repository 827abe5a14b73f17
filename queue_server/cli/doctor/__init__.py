"""The verb ``doctor``: facts are observed in one place, judged by pure functions, and shown with what to do."""

"""Files of results as answers: single ones, parts of them, and archives that are kept once they were made."""

"""Metrics of an attempt: values by a result schema, from documents as they come and from a file that it has written."""

"""Runs as the stream shows them: their documents, columns of numbers, and images, while they are measured."""

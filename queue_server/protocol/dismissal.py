"""The reason for a dismissal that a worker tells from all others; what is said in other cases is for people."""

from typing import Final

REPLACED: Final = "a newer connection of its device took its place"
"""The device of the worker is served elsewhere from now on."""

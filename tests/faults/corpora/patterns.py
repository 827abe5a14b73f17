"""Patterns over which an engine that goes back and forth would think for years, and some that no engine should take."""

from __future__ import annotations

from collections.abc import Iterator

NAME = "a" * 5000
SMALL = "a" * 4990 + "!" + "b" * 9


def costly_patterns() -> Iterator[str]:
    """Give patterns, each without the colon in front."""
    for inner in ("a+", "a*", "a|a", "a|aa", "a?", "[a-z]+", "\\w+", "\\w*"):
        for outer in ("({})+$", "({})*$", "^({})+b", "({})*({})*c", "(({})+)+d"):
            yield outer.format(inner, inner)
    yield from (
        "(.*)(.*)(.*)(.*)(.*)(.*)x$",
        "(a|b|ab)*c",
        "(x+x+)+y",
        "^(([a-z])+.)+[A-Z]([a-z])+$",
        "(a+){10}(b|a+)*$",
    )
    yield from ("a{1000}", "(a{100}){10}$", "(?i)(A+)+$", ".*.*.*.*.*.*.*.*=.*", "(.|a)*(.|b)*$", "(^a+)+$")


COUNTED = "(a{0,30}){30}b"
"""Repetitions that are counted within each other: the time still grows with the name only, but faster."""


def refused_patterns() -> Iterator[str]:
    """Give patterns that must be refused."""
    yield from ("(a)\\1", "(?=a)a", "(?<!a)b", "(?P<n>a)(?P=n)", "(a", "a{2,1}", "a{5000}")
    yield from ("((a{1000}){1000}){1000}", "[b-a]", "*", "a" * 20_000, "(" * 5000 + ")" * 5000, "\\")
    yield from ("(?(1)a|b)", "\\p{Nothing}")

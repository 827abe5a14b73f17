"""Patterns over which an engine that goes back and forth would think for years, and some that no engine should take."""

from __future__ import annotations

import random
from collections.abc import Iterator

NAME = "a" * 5000
SMALL = "a" * 4990 + "!" + "b" * 9
MIXED = "".join(random.Random(20522).choices("ab", k=5000))
"""No part of it comes again, so that an engine finds nothing that it has remembered."""


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
    yield from (
        "a{700}",
        "(a{70}){10}$",
        "a[ab]{700}c",
        "(?i)(A+)+$",
        ".*.*.*.*.*.*.*.*=.*",
        "(.|a)*(.|b)*$",
        "(^a+)+$",
    )


def expanding_patterns() -> Iterator[str]:
    """Give patterns with counted repetitions, which stand for far more than is written."""
    yield from ("(a{0,30}){30}b", "((a{0,10}){10}){10}b", "(.{0,30}){30}b", "(\\w{0,99}){10}x", "a{1000}", "[ab]{900}c")
    yield from (
        "(a?b?){300}c",
        "([ab]{0,10}){80}c",
        "a?" * 1000,
        "|".join(f"[ab]{number}{'a' * 20}" for number in range(99)),
    )


def refused_patterns() -> Iterator[str]:
    """Give patterns that must be refused."""
    yield from ("(a)\\1", "(?=a)a", "(?<!a)b", "(?P<n>a)(?P=n)", "(a", "a{2,1}", "a{5000}")
    yield from ("((a{1000}){1000}){1000}", "[b-a]", "*", "a" * 20_000, "(" * 5000 + ")" * 5000, "\\")
    yield from ("(?(1)a|b)", "\\p{Nothing}")

"""Paths that lead out of the directory in which they should stay, from a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator

SEED = 20524
UP = ("..", "%2e%2e", "..%00", ".%2e", "..;", "%c0%ae%c0%ae", "..\\", "%252e%252e", "\uff0e\uff0e", ". .")
BETWEEN = ("/", "//", "\\", "%2f", "%5c", "/./", "%252f", "\u2215")
TARGETS = ("etc/passwd", "outside", "proc/self/environ", "outside/secret.txt", "dev/zero", "root/.ssh/id_rsa")
WHOLE = (
    "/etc/passwd",
    "//etc/passwd",
    "file:///etc/passwd",
    "~/.ssh/id_rsa",
    "~root/x",
    "C:\\Windows\\win.ini",
    "\\\\host\\share",
    "/dev/stdin",
    "/proc/self/fd/0",
    "nul\0.yaml",
    "a" * 5000,
    "link/secret.txt",
    "link",
    "link/../../outside/secret.txt",
    ".",
    "..",
    "",
    "$HOME/x",
    "${HOME}/x",
    "-rf",
)


def leaving_paths(number: int = 200) -> Iterator[str]:
    """Give so many paths."""
    chance = random.Random(SEED)
    yield from WHOLE
    for _ in range(number - len(WHOLE)):
        up, between = chance.choice(UP), chance.choice(BETWEEN)
        steps = between.join([up] * chance.randint(1, 12))
        yield f"{chance.choice(['', '/', 'plans/', './', 'link/'])}{steps}{between}{chance.choice(TARGETS)}"

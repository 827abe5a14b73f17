"""Names that are hard to tell apart, hard to show, or too long, from a seed."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable, Iterator, Sequence

SEED = 20521
LONGEST = 128

CONFUSABLE = {
    "a": "\u0430\u0251\U0001d41a",
    "e": "\u0435\u212f",
    "o": "\u043e\u03bf0",
    "c": "\u0441\u03f2",
    "p": "\u0440\u03c1",
    "i": "\u0456\u01311",
    "x": "\u0445\u03c7",
}
INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u180e"
DIRECTION = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"
CONTROL = "\0\a\b\t\n\v\f\r\x1b\x7f\x85\u2028\u2029"
DECOMPOSED = "e\u0301", "A\u030a", "n\u0303", "\u1100\u1161", "\u212b", "\u2126"
SURROGATES = "\ud800", "\udfff", "\ud83d", "\udc00\ud800"
WORDS = ("anna", "count", "motor1", "scan_1d", "expert", "root", "primary", "Ångström", "обзор", "扫描", "مسح")


def hostile_names(number: int) -> Iterator[str]:
    """Give so many names; some of them are good."""
    chance = random.Random(SEED)
    for _ in range(number):
        yield chance.choice(_KINDS)(chance, chance.choice(WORDS))


def _look_alike(chance: random.Random, word: str) -> str:
    return "".join(chance.choice(CONFUSABLE.get(letter, letter)) for letter in word)


def _with_one_of(letters: Sequence[str]) -> Callable[[random.Random, str], str]:
    def make(chance: random.Random, word: str) -> str:
        at = chance.randrange(len(word) + 1)
        return word[:at] + chance.choice(letters) + word[at:]

    return make


def _long(chance: random.Random, word: str) -> str:
    return word * chance.choice([30, 200, 4000])


def _ordinary(chance: random.Random, word: str) -> str:
    return f"{word}{chance.randrange(10**6)}"


def _any_letters(chance: random.Random, word: str) -> str:
    return "".join(chr(chance.choice([*range(32, 0x2FF), *range(0x1F300, 0x1F3FF)])) for _ in word)


_KINDS = (
    *map(_with_one_of, (INVISIBLE, DIRECTION, CONTROL, DECOMPOSED, SURROGATES)),
    _look_alike,
    _long,
    _ordinary,
    _any_letters,
)


def is_good(name: str) -> bool:
    """Whether a name may be kept."""
    return len(name) <= LONGEST and name.isprintable() and unicodedata.is_normalized("NFC", name)

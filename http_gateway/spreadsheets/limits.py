"""How large a spreadsheet may be. What is over a limit is refused before it is unpacked or parsed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one file; ``elements`` are XML elements in all parts of a zipped format together."""

    file_bytes: int = 8 * 1024**2
    unpacked_bytes: int = 32 * 1024**2
    parts: int = 512
    elements: int = 500_000
    token_chars: int = 64 * 1024
    depth: int = 128
    rows: int = 10_000
    columns: int = 256
    cell_chars: int = 10_000
    nesting: int = 16
    batch_bytes: int = 4 * 1024**2


LIMITS: Final = Limits()
"""A batch of this size is half of what the manager takes as one message."""

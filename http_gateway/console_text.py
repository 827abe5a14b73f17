"""Console output as a terminal would show it: the last lines, in which progress bars overwrite themselves."""

from __future__ import annotations

import re

MOST_LINES = 2000
MOST_COLUMNS = 10_000
MOST_CHARACTERS = 4_000_000

_UP = "\x1b[A"
_PIECES = re.compile(r"\n|\r|\x1b\[A|[^\n\r\x1b]+|\x1b")


class ConsoleText:
    """The newest ``most_lines`` lines of what was written, and of very long ones fewer.

    Exactly three controls are understood: line feed (start of the next line), carriage return (start of this line)
    and ``ESC [ A`` (one line up, same column). Columns from ``MOST_COLUMNS`` on are not kept.
    """

    def __init__(self, most_lines: int = MOST_LINES) -> None:
        self._most_lines = most_lines
        self._lines: list[str] = [""]
        self._characters = 0
        self._row = 0
        self._column = 0

    def write(self, text: str) -> None:
        """Write at the place where the last text ended."""
        for piece in _PIECES.findall(text):
            if piece == "\n":
                self._step_down()
            elif piece == "\r":
                self._column = 0
            elif piece == _UP:
                self._row = max(0, self._row - 1)
            else:
                self._overwrite(piece)
        self._drop_oldest()

    def tail(self, lines: int) -> str:
        """Return the last ``lines`` lines; an empty line at the very end is the cursor's and does not count."""
        shown = self._lines[:-1] if self._lines[-1] == "" else self._lines
        return "\n".join(shown[max(0, len(shown) - lines) :]) if lines > 0 else ""

    def _step_down(self) -> None:
        self._row += 1
        self._column = 0
        if self._row == len(self._lines):
            self._lines.append("")

    def _overwrite(self, piece: str) -> None:
        line = self._lines[self._row]
        end = self._column + len(piece)
        if self._column < MOST_COLUMNS:
            changed = f"{line[: self._column]:<{self._column}}{piece}{line[end:]}"[:MOST_COLUMNS]
            self._lines[self._row] = changed
            self._characters += len(changed) - len(line)
        self._column = end

    def _drop_oldest(self) -> None:
        surplus = max(0, len(self._lines) - self._most_lines - (self._lines[-1] == ""))
        left = self._characters - sum(map(len, self._lines[:surplus]))
        while left > MOST_CHARACTERS:
            left -= len(self._lines[surplus])
            surplus += 1
        if surplus > 0:
            del self._lines[:surplus]
            self._characters = left
            self._row = max(0, self._row - surplus)

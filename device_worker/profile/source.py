"""Where startup code comes from: the simulated profile, a directory, a file or a module. Reads no code."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from device_worker import sim
from device_worker.profile.errors import ProfileError

SourceKind = Literal["sim", "directory", "file", "module"]

MODULE_MARK = "module:"
"""Before the name of a module, it keeps the name from being taken for ``sim`` or for a path."""

_MODULE_NAME = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


@dataclass(frozen=True, slots=True)
class StartupSource:
    """One source of startup code; ``location`` is an absolute path, a module name, or empty for ``sim``."""

    kind: SourceKind
    location: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the source that ``sim``, a path or a module stands for; an existing path wins over a module.

        After ``module:`` comes the name of a module, whatever paths exist.

        Raises:
            ProfileError: it is neither an existing path nor a possible module name.
        """
        if text.startswith(MODULE_MARK):
            return cls._from_module(text.removeprefix(MODULE_MARK))
        if text == "sim":
            return cls("sim")
        path = Path(text).expanduser()
        if text and path.is_dir():
            return cls.from_directory(path)
        if path.is_file():
            return cls.from_file(path)
        if _MODULE_NAME.fullmatch(text) and path.suffix not in (".py", ".ipy"):
            return cls("module", text)
        raise ProfileError(
            f"There is no startup code at {text!r}: give 'sim', a directory or file that exists, or a module"
        )

    @classmethod
    def _from_module(cls, name: str) -> Self:
        if not _MODULE_NAME.fullmatch(name):
            raise ProfileError(f"There is no startup code at '{MODULE_MARK}{name}': {name!r} is no name of a module")
        return cls("module", name)

    @classmethod
    def from_directory(cls, path: Path | str) -> Self:
        """Return the source for all startup files of a directory."""
        return cls("directory", str(Path(path).expanduser().absolute()))

    @classmethod
    def from_file(cls, path: Path | str) -> Self:
        """Return the source for one startup file."""
        return cls("file", str(Path(path).expanduser().absolute()))

    @property
    def directory(self) -> Path | None:
        """The directory that also holds the permissions and lists of this source; None for a module."""
        if self.kind == "sim":
            return sim.DIRECTORY
        if self.kind == "module":
            return None
        return Path(self.location) if self.kind == "directory" else Path(self.location).parent

    def __str__(self) -> str:
        return "the simulated profile" if self.kind == "sim" else f"{self.kind} {self.location!r}"

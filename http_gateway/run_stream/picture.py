"""One run as its documents tell it, in the order in which they were recorded: what a viewer is shown of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from http_gateway.run_stream.columns import Columns

Document = Mapping[str, Any]

_SHOWN = ("start", "descriptor", "stop")
_NUMERIC = ("number", "integer")


@dataclass(frozen=True, slots=True)
class Told:
    """A document as it was emitted; ``number`` is its place among the documents of the run, from 1 on."""

    number: int
    name: str
    document: Document


@dataclass(frozen=True, slots=True)
class Image:
    """The newest array of a field, with the number of its document."""

    number: int
    time: float
    value: Any


@dataclass(slots=True)
class _Stream:
    columns: Columns
    arrays: frozenset[str]


@dataclass(slots=True)
class RunPicture:
    """What is known of a run; it grows by one document at a time."""

    uid: str
    number: int = 0
    documents: list[Told] = field(default_factory=list[Told])
    images: dict[str, Image] = field(default_factory=dict[str, Image])
    _streams: dict[str, _Stream] = field(default_factory=dict[str, _Stream])
    _names: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def has_ended(self) -> bool:
        """Whether the stop document is there."""
        return bool(self.documents) and self.documents[-1].name == "stop"

    @property
    def columns(self) -> Mapping[str, Columns]:
        """The columns by the names of streams."""
        return {name: stream.columns for name, stream in self._streams.items()}

    def add(self, name: str, document: Document) -> None:
        """Take the next document."""
        self.number += 1
        if name in _SHOWN:
            self.documents.append(Told(self.number, name, document))
        match name:
            case "descriptor":
                self._describe(document)
            case "event":
                self._add_row(document, document.get("seq_num"), document.get("time"), document.get("data"))
            case "event_page":
                self._add_page(document)
            case _:
                pass

    def owns(self, name: str, document: Document) -> bool:
        """Whether a document belongs to this run, as far as that can be told from it and those before."""
        if name == "start":
            return document.get("uid") == self.uid
        if name in ("event", "event_page", "stream_datum"):
            return str(document.get("descriptor", "")) in self._names
        return document.get("run_start") == self.uid

    def _describe(self, document: Document) -> None:
        name = str(document.get("name", "primary"))
        self._names[str(document.get("uid", ""))] = name
        keys: Mapping[str, Any] = document.get("data_keys") or {}
        scalars = [key for key, told in keys.items() if not told.get("shape") and told.get("dtype") in _NUMERIC]
        arrays = frozenset(key for key, told in keys.items() if len(told.get("shape") or ()) >= 2)
        # A stream that is declared again has the same fields.
        self._streams.setdefault(name, _Stream(Columns(scalars), arrays))

    def _add_page(self, page: Document) -> None:
        data: Mapping[str, Any] = page.get("data") or {}
        times = page.get("time") or ()
        for index, seq_num in enumerate(page.get("seq_num") or ()):
            row = {key: values[index] for key, values in data.items() if index < len(values)}
            at = times[index] if index < len(times) else None
            self._add_row(page, seq_num, at, row)

    def _add_row(self, document: Document, seq_num: object, at: object, data: Mapping[str, Any] | None) -> None:
        stream = self._streams.get(self._names.get(str(document.get("descriptor", "")), ""))
        if stream is None or not isinstance(seq_num, int) or data is None:
            return
        time = float(at) if isinstance(at, (int, float)) else 0.0
        stream.columns.add(seq_num, time, data)
        for key in stream.arrays & data.keys():
            self.images[key] = Image(self.number, time, data[key])

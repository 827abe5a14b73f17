"""What the reconstruction of the demonstration has left: its files, who has done what, how good the image is."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from queue_server.cli.failures import OperationFailedError

IMAGE = "image.npy"
PICTURE = "image.png"
LEAST_NODES = 3
LEAST_PROCESSES = 2
# The noise of the sequence and the edges of the phantom let the image deviate by much less.
MOST_ERROR = 0.1


class Reconstruction(Struct, frozen=True):
    """The directory of an executed graph, and what its manifest and its metrics say."""

    directory: Path
    nodes: tuple[Mapping[str, Any], ...]
    metrics: Mapping[str, Any]

    @property
    def processes(self) -> dict[str, Counter[str]]:
        """How often each process has called each node, by the name of the node without its index."""
        found: dict[str, Counter[str]] = {}
        for entry in self.nodes:
            name = str(entry["node"]).partition("[")[0]
            found.setdefault(f"{entry['process']} on {entry['host']}", Counter())[name] += 1
        return found

    @property
    def width(self) -> int:
        """The most calls of one node: those need nothing of each other."""
        totals: Counter[str] = Counter()
        for counts in self.processes.values():
            totals.update(counts)
        return max(totals.values(), default=0)

    def check(self, coils: int) -> None:
        """Do nothing if it is as it should be.

        Raises:
            OperationFailedError: it was not computed by several processes side by side, or is not the phantom.
        """
        calls, processes, error = len(self.nodes), len(self.processes), self.metrics["error"]
        judged = (
            (calls >= LEAST_NODES, f"there are {calls} node calls, and {LEAST_NODES} or more belong to it"),
            (self.width == coils, f"{self.width} calls are side by side, and there are {coils} coils"),
            (processes >= LEAST_PROCESSES, f"{processes} process has done everything, and {LEAST_PROCESSES} should"),
            (error <= MOST_ERROR, f"the image deviates from the phantom by {error:.3f}"),
        )
        found = [words for is_good, words in judged if not is_good]
        if found:
            raise OperationFailedError(f"The reconstruction is not as it should be: {'; '.join(found)}.")


def read_reconstruction(data: Path, lane: str, item_uid: str) -> Reconstruction:
    """Return what the last attempt at an item has left.

    Raises:
        OperationFailedError: a file is not there, or is not what it should be.
    """
    attempts = sorted((data / "graphs" / lane).glob(f"{item_uid}.*"), key=lambda path: int(path.suffix[1:]))
    if not attempts:
        raise OperationFailedError(f"There are no files of the item {item_uid} in {data / 'graphs' / lane}.")
    directory = attempts[-1]
    try:
        nodes = json.loads((directory / "manifest.json").read_text(encoding="utf-8"))["nodes"]
        metrics = json.loads((directory / "metrics.json").read_text(encoding="utf-8"))
        for name in (IMAGE, PICTURE):
            (directory / name).stat()
    except (OSError, ValueError, KeyError) as error:
        raise OperationFailedError(f"The files of the reconstruction cannot be read: {error}") from error
    return Reconstruction(directory, tuple(nodes), metrics)

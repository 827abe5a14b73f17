"""Archives: how much memory it takes to stream a very large one, and how fast it goes.

A process of its own streams the archive of files that nothing shrinks to nowhere, as the gateway does it, and says how
much its memory has grown from before the first piece to after the last one.

    python -m benchmarks.archives [--bytes 5000000000] [--files 5] [--json]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

from queue_server.artifacts.archive import stream_tar_gz
from queue_server.artifacts.store import open_artifacts
from queue_server.protocol.records import ManifestEntry

MOST_MB = 50.0
_PIECE_BYTES = 4 * 1024**2


def main() -> int:
    """Measure, print, and return 1 if it takes more memory than asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bytes", type=int, default=5_000_000_000, help="size of all files together")
    parser.add_argument("--files", type=int, default=5)
    parser.add_argument("--directory", type=Path, help="where the files are made; needs room for them")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.directory) as made:
        manifest = _store(Path(made), options.bytes, options.files)
        figures = _stream(Path(made), manifest)
    if options.json:
        sys.stdout.write(f"{json.dumps(figures)}\n")
    else:
        sys.stdout.write(
            f"{figures['gigabytes']:.2f} GB in {figures['seconds']:.0f} s, {figures['megabytes_per_second']:.0f} MB/s: "
            f"+{figures['grown_mb']:.1f} MB of memory (asked: less than {MOST_MB:g})\n"
        )
    return int(figures["grown_mb"] >= MOST_MB)


def _store(data: Path, size_bytes: int, files: int) -> list[ManifestEntry]:
    data.chmod(0o700)
    store = open_artifacts(data)
    manifest: list[ManifestEntry] = []
    for number in range(files):
        with store.begin() as writer:
            left = size_bytes // files
            while left > 0:
                piece = os.urandom(min(_PIECE_BYTES, left))
                writer.write(piece)
                left -= len(piece)
            manifest.append(ManifestEntry(name=f"files/{number}.bin", artifact=writer.commit()))
    return manifest


def _stream(data: Path, manifest: list[ManifestEntry]) -> dict[str, float]:
    context = multiprocessing.get_context("spawn")
    near, far = context.Pipe()
    process = context.Process(target=_stream_there, args=(far, str(data), [entry.model_dump() for entry in manifest]))
    process.start()
    figures: dict[str, float] = near.recv()
    process.join()
    return figures


def _stream_there(pipe: Connection, data: str, manifest: list[dict[str, object]]) -> None:
    store = open_artifacts(Path(data))
    entries = [ManifestEntry.model_validate(entry) for entry in manifest]
    before_kb, began_s, sent = _peak_kb(), time.monotonic(), 0
    for piece in stream_tar_gz(store, entries):
        sent += len(piece)
    seconds = time.monotonic() - began_s
    pipe.send(
        {
            "gigabytes": sent / 1e9,
            "seconds": seconds,
            "megabytes_per_second": sent / 1e6 / seconds,
            "grown_mb": (_peak_kb() - before_kb) / 1024,
        }
    )


def _peak_kb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    sys.exit(main())

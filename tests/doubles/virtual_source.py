"""A source of artifacts for archives that is larger than memory and disk: one file that repeats a piece."""

from __future__ import annotations

from queue_server.protocol.records import Artifact, ManifestEntry


class VirtualSource:
    """One artifact that repeats a piece, in no more memory than that."""

    def __init__(self, piece, count):
        self.piece, self.count, self.open_files = piece, count, 0

    @property
    def size_bytes(self):
        return len(self.piece) * self.count

    def entry(self, name):
        return ManifestEntry(name=name, artifact=Artifact(id="0" * 64, size_bytes=self.size_bytes, created=0))

    def size(self, artifact_id):
        return self.size_bytes

    def open(self, artifact_id):
        return self

    def __enter__(self):
        self.open_files += 1
        return self

    def __exit__(self, *error):
        self.open_files -= 1

    def __iter__(self):
        return (self.piece for _ in range(self.count))

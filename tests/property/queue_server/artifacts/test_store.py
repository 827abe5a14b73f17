"""The store against a map in memory, and against any damage of a file."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from queue_server.artifacts.expectation import Expectation
from queue_server.artifacts.reader import PIECE_BYTES, DamagedArtifactError
from queue_server.artifacts.store import open_artifacts
from queue_server.protocol.errors import NotFoundError, ParameterError
from tests.faults.places import place_in_memory
from tests.faults.tiers import rounds

# Around the borders of what is read at once, and anything short.
SIZES = st.sampled_from([0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 2 * PIECE_BYTES])
CONTENTS = st.binary(max_size=60) | st.tuples(SIZES, st.binary(min_size=1, max_size=3)).map(
    lambda pair: (pair[1] * (pair[0] // len(pair[1]) + 1))[: pair[0]]
)


@pytest.fixture(scope="module")
def store():
    with place_in_memory() as root:
        yield open_artifacts(root, reserve_bytes=0)


@given(CONTENTS, st.data())
def test_any_division_into_pieces_gives_the_same_artifact(store, content, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=5)))
    with store.begin(Expectation(size_bytes=len(content))) as writer:
        for start, stop in zip([0, *cuts], [*cuts, len(content)], strict=True):
            writer.write(content[start:stop])
        artifact = writer.commit()
    assert artifact.id == hashlib.sha256(content).hexdigest()
    with store.open(artifact.id) as reader:
        assert b"".join(reader) == content


@given(CONTENTS, st.data())
def test_no_damage_of_a_file_goes_unnoticed(store, content, data):
    with store.begin() as writer:
        writer.write(content)
        artifact = writer.commit()
    damaged = data.draw(_changes(content))
    store.locate(artifact.id).write_bytes(damaged)
    given_bytes = bytearray()
    with store.open(artifact.id) as reader, pytest.raises(DamagedArtifactError, match=artifact.id):
        for piece in reader:
            given_bytes += piece
    assert len(given_bytes) < max(len(damaged), 1)
    with pytest.raises(DamagedArtifactError, match=artifact.id):
        store.verify(artifact.id)


def _changes(content):
    """A bit is turned, the end is missing, something is behind it, or all of it is something else."""
    other = st.binary(max_size=60).filter(lambda found: found != content)
    extended = st.binary(min_size=1, max_size=9).map(lambda more: content + more)
    if not content:
        return extended | other
    turned = st.tuples(st.integers(0, len(content) - 1), st.integers(0, 7)).map(
        lambda place: content[: place[0]] + bytes([content[place[0]] ^ 1 << place[1]]) + content[place[0] + 1 :]
    )
    return turned | extended | other | st.integers(0, len(content) - 1).map(lambda size: content[:size])


class StoreOfArtifacts(RuleBasedStateMachine):
    """Two stores on one root, as two processes have them, do what a map does."""

    writers = Bundle("writers")

    def __init__(self):
        super().__init__()
        self.place = place_in_memory()
        self.root = self.place.__enter__()
        self.stores = [open_artifacts(self.root, reserve_bytes=0) for _ in range(2)]
        self.kept: dict[str, bytes] = {}
        self.open_writers = []

    @rule(target=writers, which=st.integers(0, 1), expected=st.none() | st.integers(0, 6))
    def begin(self, which, expected):
        writer = self.stores[which].begin(Expectation(size_bytes=expected))
        self.open_writers.append(writer)
        return {"writer": writer, "content": b"", "expected": expected}

    @rule(state=writers, piece=st.sampled_from([b"", b"a", b"b", b"ab"]))
    def write(self, state, piece):
        if not state["writer"].is_open:
            return
        if state["expected"] is not None and len(state["content"] + piece) > state["expected"]:
            with pytest.raises(ParameterError):
                state["writer"].write(piece)
            return
        state["writer"].write(piece)
        state["content"] += piece

    @rule(state=writers)
    def commit(self, state):
        if not state["writer"].is_open:
            return
        if state["expected"] not in (None, len(state["content"])):
            with pytest.raises(ParameterError):
                state["writer"].commit()
            return
        self.kept[state["writer"].commit().id] = state["content"]

    @rule(state=writers)
    def discard(self, state):
        state["writer"].discard()

    @rule(which=st.integers(0, 1), content=st.sampled_from([b"", b"a", b"ab", b"ba"]))
    def remove(self, which, content):
        artifact_id = hashlib.sha256(content).hexdigest()
        if artifact_id in self.kept:
            self.stores[which].remove(artifact_id)
            del self.kept[artifact_id]
        else:
            with pytest.raises(NotFoundError):
                self.stores[which].remove(artifact_id)

    @rule(which=st.integers(0, 1))
    def open_again(self, which):
        self.stores[which] = open_artifacts(self.root, reserve_bytes=0)

    @invariant()
    def both_have_what_was_committed_and_nothing_else(self):
        assert list(self.stores[0].ids()) == sorted(self.kept)
        for artifact_id, content in self.kept.items():
            with self.stores[1].open(artifact_id) as reader:
                assert b"".join(reader) == content

    @invariant()
    def there_is_a_draft_for_each_open_writer(self):
        drafts = list((self.root / "artifacts" / "drafts").iterdir())
        assert len(drafts) == sum(writer.is_open for writer in self.open_writers)

    def teardown(self):
        for writer in self.open_writers:
            writer.discard()
        self.place.__exit__(None, None, None)


TestStoreOfArtifacts = StoreOfArtifacts.TestCase
TestStoreOfArtifacts.settings = settings(max_examples=rounds(8, 20), stateful_step_count=25)

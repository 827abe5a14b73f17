"""Scan tokens as other routes ask for them: whose one is, and whether it counts now."""

from __future__ import annotations

import uuid

import pytest

from http_gateway.dialects.scanhub.model import Scan
from http_gateway.dialects.scanhub.notebook import Entry, Notebook, Page
from http_gateway.dialects.scanhub.token_desk import ScanTokens
from queue_server.clock import ManualClock
from queue_server.protocol.items import AttemptKey
from tests.doubles.device_session import DEVICE, ITEM, OTHER, order_of


@pytest.fixture
def desk(tmp_path):
    """The tokens, the clock by which they expire, and what keeps one with its end."""
    clock, notebook = ManualClock(), Notebook(tmp_path / "devices")
    tokens = ScanTokens(notebook, clock)

    def keep(item, kept, expires=None):
        page = notebook.read(DEVICE) or Page(generation=1)
        scan = Scan(order_of(item, token_digest=kept.digest), 1)
        attempt = AttemptKey(item, item, DEVICE, 1, 1)
        entry = Entry(scan=scan, attempt=attempt, time_start=1.0, place=(item, None), expires=expires)
        notebook.save(DEVICE, page.model_copy(update={"entries": (*page.entries, entry)}))

    yield tokens, clock, keep
    notebook.close()


def test_a_token_counts_once_its_item_is_kept(desk):
    tokens, _, keep = desk
    token, kept = tokens.issue(DEVICE, ITEM)
    assert tokens.verify(token) is None
    keep(ITEM, kept)
    assert tokens.verify(token) == (DEVICE, ITEM)


def test_each_token_is_that_of_its_own_item_until_that_expires(desk):
    tokens, clock, keep = desk
    first, second = [tokens.issue(DEVICE, item) for item in (ITEM, OTHER)]
    keep(ITEM, first[1], clock.wall() + 60)
    keep(OTHER, second[1])
    assert [tokens.verify(token) for token, _ in (first, second)] == [(DEVICE, ITEM), (DEVICE, OTHER)]
    clock.advance(60)
    assert [tokens.verify(token) for token, _ in (first, second)] == [None, (DEVICE, OTHER)]


@pytest.mark.parametrize(
    "change",
    [
        lambda token: token[:-1] + ("0" if token[-1] != "0" else "1"),
        lambda token: token.partition(".")[2],
        lambda token: uuid.UUID(OTHER).hex + "." + token.partition(".")[2],
        lambda token: "../" + token,
        lambda token: f"{DEVICE}.{token.partition('.')[2]}",
        lambda token: token.upper(),
        lambda _: "",
        lambda _: ".",
        lambda _: "x" * 32 + ".y",
    ],
)
def test_any_other_text_is_no_token(desk, change):
    tokens, _, keep = desk
    token, kept = tokens.issue(DEVICE, ITEM)
    keep(ITEM, kept)
    assert tokens.verify(change(token)) is None


def test_no_two_tokens_are_alike(desk):
    tokens = desk[0]
    assert len({tokens.issue(DEVICE, ITEM)[0] for _ in range(20)}) == 20

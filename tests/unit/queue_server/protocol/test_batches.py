"""Batches are shown as clients see them, and their items have ids that never change."""

from __future__ import annotations

import uuid

from queue_server.protocol.batches import Batch, item_ids, submission_uids

ID = "3fa85f64-5717-4562-b3fc-2c963f66afa6"


def shown(**counts):
    return Batch(ID, "", "", "", "", "default", 3, 1.0).shown(counts)


def test_the_ids_of_the_items_of_a_batch_are_always_the_same():
    assert item_ids(ID, 3) == item_ids(ID, 5)[:3]
    assert item_ids(ID, 2) == [
        "db93ec9e-52e8-5f12-9938-000000000000",
        "db93ec9e-52e8-5f12-9938-000000000001",
    ]


def test_the_ids_are_uuids_as_they_are_written_and_no_two_are_equal():
    other = str(uuid.uuid5(uuid.UUID(ID), "other"))
    made = [*item_ids(ID, 300), *submission_uids(ID, 300), *item_ids(other, 300), *submission_uids(other, 300)]
    assert len(set(made)) == len(made)
    assert all(str(uuid.UUID(each)) == each and uuid.UUID(each).version == 5 for each in made)


def test_ids_are_in_the_order_of_the_items():
    made = item_ids(ID, 10_000)
    assert made == sorted(made)


def test_a_batch_is_held_if_something_waits_and_all_of_it_is_held():
    assert shown(held=2, running=1)["is_held"] is True
    assert shown(held=2, queued=1)["is_held"] is False
    assert shown(completed=3)["is_held"] is False


def test_a_batch_of_which_nobody_has_counted_the_states_shows_none():
    batch = Batch(ID, "", "", "", "", "default", 3, 1.0).shown()
    assert (batch["counts"], batch["is_held"]) == (None, None)

"""Every declared method has exactly one handler, of its own kind."""

from __future__ import annotations

from typing import Any

import pytest

from queue_server.handlers.group import group, join
from queue_server.protocol.methods import METHODS


def handler(context, params) -> Any:
    """Do nothing."""


DECLARED = {name: METHODS[name] for name in ("status", "queue_get", "queue_clear", "re_pause")}
COMPLETE = group(
    memory={"status": handler}, turn={"queue_get": handler, "queue_clear": handler}, motion={"re_pause": handler}
)


def test_groups_join_into_one_table():
    assert set(join(DECLARED, COMPLETE)) == set(DECLARED)


def test_a_method_without_a_handler_is_named():
    with pytest.raises(ValueError, match="re_pause"):
        join(DECLARED, group(memory={"status": handler}, turn={"queue_get": handler, "queue_clear": handler}))


@pytest.mark.parametrize(
    "wrong",
    [
        group(memory={"queue_get": handler}),
        group(turn={"status": handler}),
        group(turn={"re_pause": handler}),
        group(motion={"queue_clear": handler}),
        group(memory={"absent": handler}),
    ],
)
def test_a_handler_of_another_kind_or_of_nothing_is_refused(wrong):
    with pytest.raises(ValueError, match="no method of that name and kind"):
        join(DECLARED, COMPLETE, wrong)

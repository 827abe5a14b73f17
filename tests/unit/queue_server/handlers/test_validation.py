"""Items can be checked without being added; every wrong field is named."""

from __future__ import annotations

import pytest

from tests.doubles.bench import INSTRUCTION, plan


async def test_each_item_gets_its_verdict_and_nothing_is_changed(bench):
    before = await bench.rows()
    items = [plan(), INSTRUCTION, plan("absent"), plan(kwargs={"absent": 1}), 5, None]
    reply = await bench.do("item_validate", items=items, user_group="primary")
    assert [result["valid"] for result in reply["results"]] == [True, True, False, False, False, False]
    assert reply["valid"] is False
    assert all(result["msg"] == "" and result["errors"] == [] for result in reply["results"][:2])
    assert all(result["msg"] and result["errors"] for result in reply["results"][2:])
    assert await bench.rows() == before


async def test_items_that_are_all_right_are_valid_together(bench):
    assert (await bench.do("item_validate", items=[plan(), plan("scan")], user_group="primary"))["valid"] is True
    assert (await bench.do("item_validate", items=[], user_group="primary"))["valid"] is True


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"items": [], "user_group": "nobody"}, "Unknown user group"),
        ({"items": []}, "user_group"),
        ({"user_group": "primary"}, "items"),
        ({"items": {}, "user_group": "primary"}, "items"),
        ({"items": [None] * 10_001, "user_group": "primary"}, "items"),
    ],
)
async def test_a_check_for_nobody_or_of_nothing_is_refused(bench, params, text):
    reply = await bench.refuse("item_validate", **params)
    assert text in reply["msg"]
    assert (reply["results"], reply["valid"]) == ([], False)

"""The check of items from the shell: every wrong field stands in a line of its own."""

from __future__ import annotations

import json

import pytest

VALID = {"valid": True, "msg": "", "errors": []}
WRONG = {
    "valid": False,
    "msg": "two things",
    "errors": [
        {"field": "num", "given": "'five'", "accepted": "an integer"},
        {"field": "delay", "given": "-1", "accepted": "a number of at least 0"},
    ],
}


@pytest.fixture
def plans(tmp_path):
    """A file with two items."""
    path = tmp_path / "plans.yaml"
    path.write_text("- {name: count, args: [[det1]]}\n- {name: scan, kwargs: {num: five}}\n")
    return str(path)


def test_wrong_fields_are_a_table_and_the_exit_code_says_so(cuelight, plans):
    cuelight.answer("item_validate", {"results": [VALID, WRONG], "valid": False})
    ended = cuelight("validate", plans)
    assert ended.code == 1
    header, *rows = ended.out.splitlines()
    assert header.split() == ["ITEM", "PLAN", "FIELD", "GIVEN", "ACCEPTED"]
    assert [row.split()[:4] for row in rows] == [["2", "scan", "num", "'five'"], ["2", "scan", "delay", "-1"]]
    assert rows[0].endswith("an integer")
    assert ended.err == "1 of 2 items would be refused.\n"


def test_valid_items_are_talk_and_success(cuelight, plans):
    cuelight.answer("item_validate", {"results": [VALID, VALID], "valid": True})
    assert cuelight("validate", plans) == (0, "", "All 2 items are valid.\n")


@pytest.mark.parametrize("valid", [True, False])
def test_json_is_the_reply_with_the_same_exit_code(cuelight, plans, valid):
    reply = {"success": True, "msg": "", "results": [VALID if valid else WRONG], "valid": valid}
    cuelight.answer("item_validate", reply)
    ended = cuelight("validate", plans, "--json")
    assert (ended.code, json.loads(ended.out)) == (0 if valid else 1, reply)


def test_a_file_with_one_item_is_checked_too(cuelight, tmp_path):
    (tmp_path / "plan.json").write_text('{"item": {"name": "count"}}')
    cuelight.answer("item_validate", {"results": [VALID], "valid": True})
    assert cuelight("validate", f"@{tmp_path}/plan.json", "--group", "guests").code == 0
    params = {"items": [{"item_type": "plan", "name": "count"}], "user_group": "guests"}
    assert cuelight.requests == [("item_validate", params)]


def test_a_file_without_items_is_not_sent(cuelight, tmp_path):
    (tmp_path / "plans.yaml").write_text("[]")
    assert cuelight("validate", f"{tmp_path}/plans.yaml").code == 1
    assert cuelight.requests == []

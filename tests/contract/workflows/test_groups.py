"""Groups of users submit a workflow together; nobody else does it for them."""

from __future__ import annotations

import pytest

from tests.doubles.bench import USER

EVE = {"user": "eve", "user_group": "primary"}
BOB = {"user": "bob", "user_group": "primary"}
FILE = {"name": "mask.npy", "artifact_id": "a" * 64, "size_bytes": 5, "content_type": "application/x-npy"}


@pytest.fixture
async def team(bench, register):
    """A group of two."""
    await register()
    group = {"id": "team", "name": "Team", "workflow_id": "peak", "members": ["bob", "jdoe"], "config": {"a": None}}
    return (await bench.do("workflow_group_add", group=group, **USER))["group"]


async def test_the_owner_is_a_member(bench, team):
    assert team["owner"] == "jdoe"
    assert team["members"] == ["jdoe", "bob"]
    assert (team["files"], team["config"], team["parameters"]) == ([], {"a": None}, [])
    assert (await bench.do("workflow_group_get", group_id="team"))["group"] == team


@pytest.mark.parametrize(
    ("group", "code", "word"),
    [
        ({"name": "Team", "workflow_id": "peak"}, "conflict", "'Team'"),
        ({"name": "Other", "workflow_id": "peak", "id": "team"}, "conflict", "'team'"),
        ({"name": "Other", "workflow_id": "nowhere"}, "not_found", "nowhere"),
        ({"name": "Other", "workflow_id": "peak", "id": "te-am"}, "invalid_parameter", "group.id"),
        ({"name": "Other", "workflow_id": "peak", "id": "x" * 33}, "invalid_parameter", "group.id"),
        ({"name": "x" * 513, "workflow_id": "peak"}, "invalid_parameter", "group.name"),
        ({"name": "Other", "workflow_id": "peak", "members": [""]}, "invalid_parameter", "group.members[0]"),
        ({"name": "Other", "workflow_id": "peak", "more": 1}, "invalid_parameter", "group.more"),
        ({"name": "Other", "workflow_id": "peak", "parameters": [{}]}, "invalid_parameter", "group.parameters[0]"),
        ({"workflow_id": "peak"}, "invalid_parameter", "group.name"),
    ],
)
async def test_a_group_that_cannot_be_is_refused(bench, team, group, code, word):
    reply = await bench.refuse("workflow_group_add", group=group, **USER)
    assert reply["error"]["code"] == code
    assert word in reply["msg"]


async def test_a_group_gets_an_id_of_its_own(bench, team):
    added = (await bench.do("workflow_group_add", group={"name": "Other", "workflow_id": "peak"}, **USER))["group"]
    assert len(added["id"]) == 32
    page = await bench.do("workflow_group_list", workflow_id="peak", member="jdoe")
    assert [each["id"] for each in page["groups"]] == ["team", added["id"]]
    assert (await bench.do("workflow_group_list", member="eve"))["groups"] == []


async def test_only_members_change_a_group(bench, team):
    for method, params in (
        ("workflow_group_update", {"name": "Mine"}),
        ("workflow_group_remove", {}),
        ("workflow_group_file_add", {"file": FILE}),
        ("workflow_group_file_remove", {"file_id": "x"}),
    ):
        reply = await bench.refuse(method, group_id="team", **params, **EVE)
        assert reply["error"]["code"] == "forbidden"
    changed = await bench.do("workflow_group_update", group_id="team", name="New", members=["eve"], **BOB)
    assert (changed["group"]["name"], changed["group"]["members"]) == ("New", ["jdoe", "eve"])
    assert (await bench.refuse("workflow_group_get", group_id="other"))["error"]["code"] == "not_found"


async def test_only_members_submit_for_a_group(bench, team, submit, register):
    submission = await submit(group_id="team", **BOB)
    assert (submission["group_id"], submission["creator"]) == ("team", "bob")
    given = {"workflow_id": "peak", "arguments": {"points": 2}, "group_id": "team"}
    assert (await bench.refuse("submission_add", **given, **EVE))["error"]["code"] == "forbidden"
    for method in ("submission_cancel", "submission_remove"):
        reply = await bench.refuse(method, submission_id=submission["id"], **EVE)
        assert reply["error"]["code"] == "forbidden"
    await register(id="other")
    reply = await bench.refuse("submission_add", **{**given, "workflow_id": "other"}, **USER)
    assert reply["error"]["details"]["field"] == "group_id"


async def test_files_of_the_group_are_arguments(bench, team, submit):
    file = (await bench.do("workflow_group_file_add", group_id="team", file=FILE, **BOB))["file"]
    assert len(file["id"]) == 32
    submission = await submit(group_id="team", arguments={"points": 2, "mask": file["id"]})
    assert submission["arguments"]["mask"] == {"file_id": file["id"], "artifact_id": "a" * 64}
    [item] = (await bench.do("queue_get"))["items"]
    assert item["meta"]["mask"] == "a" * 64
    named = {"points": 2, "mask": {"file_id": file["id"], "target": "data/mask.npy"}}
    assert (await submit(group_id="team", arguments=named))["arguments"]["mask"]["target"] == "data/mask.npy"
    await bench.do("workflow_group_file_remove", group_id="team", file_id=file["id"], **USER)
    params = {"workflow_id": "peak", "group_id": "team", "arguments": {"points": 2, "mask": file["id"]}}
    assert "file of the group" in (await bench.refuse("submission_add", **params, **USER))["msg"]
    assert (await bench.do("workflow_group_get", group_id="team"))["group"]["files"] == []


@pytest.mark.parametrize(
    "change", [{"name": "/etc/passwd"}, {"name": "a/../b"}, {"artifact_id": "x"}, {"size_bytes": -1}, {"more": 1}]
)
async def test_a_file_that_cannot_be_is_refused(bench, team, change):
    reply = await bench.refuse("workflow_group_file_add", group_id="team", file={**FILE, **change}, **USER)
    assert reply["error"]["details"]["field"] == f"file.{next(iter(change))}"


async def test_a_group_goes_with_its_submissions_once_they_have_ended(bench, team, score, submit):
    first = await score(1.0, group="team")
    waiting = await submit(group_id="team")
    reply = await bench.refuse("workflow_group_remove", group_id="team", **USER)
    assert reply["error"]["details"]["submission_id"] == waiting["id"]
    await bench.do("submission_cancel", submission_id=waiting["id"], **USER)
    await bench.do("workflow_group_remove", group_id="team", **USER)
    assert (await bench.do("submission_list"))["submissions"] == []
    assert (await bench.do("workflow_ranking", workflow_id="peak"))["ranking"] == []
    assert [item["item_uid"] for item in (await bench.do("history_get"))["items"]] == [first]


async def test_a_group_has_an_owner(bench, register):
    await register()
    reply = await bench.refuse("workflow_group_add", group={"name": "Nobody", "workflow_id": "peak"})
    assert reply["error"]["details"]["field"] == "user"


async def test_the_same_again_is_no_change(bench, team):
    before = await bench.rows()
    for change in ({"name": "Team"}, {"members": ["bob"]}, {}):
        assert (await bench.do("workflow_group_update", group_id="team", **change, **USER))["group"] == team
    assert await bench.rows() == before

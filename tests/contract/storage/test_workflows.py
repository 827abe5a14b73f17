"""Workflows keep their versions, groups their members and files, in every store alike."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from queue_server.protocol.errors import ConflictError, NotFoundError, ParameterError
from queue_server.protocol.workflow_groups import Group, GroupFile
from queue_server.protocol.workflows import Workflow, read_workflow

PLAN = {"item_type": "plan", "name": "count", "kwargs": {"num": "$[[n]]", "md": {"empty": None}}}


def make_workflow(identity="peak", version=1, columns=(), **fields):
    if columns:
        fields["result_schema"] = {"columns": [{"name": name, "dtype": dtype, "stop": name} for name, dtype in columns]}
    values = {"id": identity, "plan": PLAN, "parameters": [{"name": "n", "dtype": "int", "default": 0}], **fields}
    return Workflow(read_workflow(values), version, "ada", 12.5)


def make_group(identity="g1", name="First", **fields):
    known = {"workflow": "peak", "owner": "ada", "members": ("ada", "bob"), "created": 3.0}
    return Group(id=identity, name=name, **known | fields)


def make_file(identity, name="data.csv"):
    return GroupFile(identity * 32, name, "a" * 64, 7, "text/csv", 4.0)


@pytest.fixture
def do(store):
    """Do something in one transaction of its own."""

    async def transact(work):
        return await store.transact(work)

    return transact


async def test_a_workflow_is_read_as_it_was_written(do):
    workflow = make_workflow(description="Finds it", columns=[("width", "float"), ("name", "string")])
    await do(lambda tx: tx.put_workflow(workflow))
    assert await do(lambda tx: tx.workflow("peak")) == workflow
    assert await do(lambda tx: tx.workflow("other")) is None
    assert (await do(lambda tx: tx.workflow("peak"))).fields.steps[0]["kwargs"]["md"] == {"empty": None}


async def test_every_version_stays(do):
    first = make_workflow()
    second = first.renewed(make_workflow(description="better").fields, "bob", 20.0, "file")
    await do(lambda tx: tx.put_workflow(first))
    await do(lambda tx: tx.put_workflow(second))
    assert await do(lambda tx: tx.workflow("peak")) == second
    assert await do(lambda tx: tx.workflow("peak", 1)) == first
    assert await do(lambda tx: tx.workflow("peak", 3)) is None
    assert await do(lambda tx: tx.workflow_version("peak")) == 2


@pytest.mark.parametrize("version", [0, 2])
async def test_the_first_version_is_1(do, version):
    with pytest.raises(ConflictError, match="does not follow"):
        await do(lambda tx: tx.put_workflow(make_workflow(version=version)))


async def test_versions_leave_out_none(do):
    await do(lambda tx: tx.put_workflow(make_workflow()))
    for version in (1, 3):
        with pytest.raises(ConflictError, match="does not follow"):
            await do(lambda tx, version=version: tx.put_workflow(make_workflow(version=version)))


async def test_a_removed_workflow_is_not_found_but_its_versions_are(do):
    await do(lambda tx: tx.put_workflow(make_workflow()))
    await do(lambda tx: tx.remove_workflow("peak", 30.0))
    assert await do(lambda tx: tx.workflow("peak")) is None
    assert await do(lambda tx: tx.workflow("peak", 1)) == make_workflow()
    assert (await do(lambda tx: tx.workflows(limit=5))).entries == []
    with pytest.raises(NotFoundError, match="no workflow 'peak'"):
        await do(lambda tx: tx.remove_workflow("peak", 31.0))
    await do(lambda tx: tx.put_workflow(make_workflow(version=2)))
    assert (await do(lambda tx: tx.workflow("peak"))).version == 2


async def test_pages_go_on_behind_their_cursors(do):
    for name in ("c", "a", "b"):
        await do(lambda tx, name=name: tx.put_workflow(make_workflow(name)))
    await do(lambda tx: tx.remove_workflow("a", 1.0))
    first = await do(lambda tx: tx.workflows(limit=1))
    assert ([each.id for _, each in first.entries], first.has_more) == (["c"], True)
    second = await do(lambda tx: tx.workflows(limit=1, cursor=first.entries[0][0]))
    assert ([each.id for _, each in second.entries], second.has_more) == (["b"], False)
    with pytest.raises(ParameterError, match="next_cursor"):
        await do(lambda tx: tx.workflows(limit=1, cursor="x"))


async def test_a_column_keeps_its_kind_of_value(do):
    await do(lambda tx: tx.put_workflow(make_workflow(columns=[("width", "int")])))
    await do(lambda tx: tx.put_workflow(make_workflow(version=2, columns=[("width", "float")])))
    with pytest.raises(ParameterError, match="is a number in another version"):
        await do(lambda tx: tx.put_workflow(make_workflow(version=3, columns=[("width", "string")])))


async def test_all_versions_together_have_a_bounded_number_of_columns(do):
    first = [(f"a{index}", "int") for index in range(20)]
    await do(lambda tx: tx.put_workflow(make_workflow(columns=first)))
    more = [(f"b{index}", "int") for index in range(13)]
    with pytest.raises(ParameterError, match="33 different columns"):
        await do(lambda tx: tx.put_workflow(make_workflow(version=2, columns=more)))
    await do(lambda tx: tx.put_workflow(make_workflow(version=2, columns=more[:12])))


async def test_a_group_is_read_as_it_was_written(do):
    await do(lambda tx: tx.put_workflow(make_workflow()))
    group = make_group(parameters=({"name": "extra", "dtype": "int"},), config={"color": None})
    await do(lambda tx: tx.add_group(group))
    found = await do(lambda tx: tx.group("g1"))
    assert found.shown([]) == group.shown([])
    assert found.members == ("ada", "bob")
    assert await do(lambda tx: tx.group("g2")) is None


async def test_a_group_needs_a_workflow_and_a_name_of_its_own(do):
    with pytest.raises(NotFoundError, match="no workflow 'peak'"):
        await do(lambda tx: tx.add_group(make_group()))
    for name in ("peak", "other"):
        await do(lambda tx, name=name: tx.put_workflow(make_workflow(name)))
    await do(lambda tx: tx.add_group(make_group()))
    with pytest.raises(ConflictError, match="a group 'g1'"):
        await do(lambda tx: tx.add_group(make_group(name="Second")))
    with pytest.raises(ConflictError, match="with the name 'First'"):
        await do(lambda tx: tx.add_group(make_group("g2")))
    await do(lambda tx: tx.add_group(make_group("g2", workflow="other")))


async def test_only_name_members_and_additions_of_a_group_change(do):
    await do(lambda tx: tx.put_workflow(make_workflow()))
    await do(lambda tx: tx.add_group(make_group()))
    await do(lambda tx: tx.add_group(make_group("g2", "Second")))
    changed = make_group(name="Renamed", members=("ada", "eve"))
    await do(lambda tx: tx.change_group(changed))
    assert await do(lambda tx: tx.group("g1")) == changed
    await do(lambda tx: tx.change_group(changed))
    with pytest.raises(ConflictError, match="Second"):
        await do(lambda tx: tx.change_group(make_group(name="Second")))
    for change in ({"owner": "eve"}, {"created": 4.0}, {"workflow": "other"}):
        with pytest.raises(ConflictError, match="never change"):
            await do(lambda tx, change=change: tx.change_group(replace(changed, **change)))
    with pytest.raises(NotFoundError, match="'g3'"):
        await do(lambda tx: tx.change_group(make_group("g3")))


async def test_groups_are_listed_by_workflow_and_member(do):
    for name in ("peak", "other"):
        await do(lambda tx, name=name: tx.put_workflow(make_workflow(name)))
    await do(lambda tx: tx.add_group(make_group("a", "A")))
    await do(lambda tx: tx.add_group(make_group("b", "B", members=("eve",))))
    await do(lambda tx: tx.add_group(make_group("c", "C", workflow="other")))

    async def ids(**wanted):
        part = await do(lambda tx: tx.groups(limit=10, **wanted))
        return [group.id for _, group in part.entries]

    assert await ids() == ["a", "b", "c"]
    assert await ids(workflow="peak") == ["a", "b"]
    assert await ids(member="bob") == ["a", "c"]
    assert await ids(workflow="peak", member="eve") == ["b"]
    assert await ids(member="bo") == []
    first = await do(lambda tx: tx.groups(limit=1, member="bob"))
    assert first.has_more
    assert await ids(member="bob", cursor=first.entries[0][0]) == ["c"]


async def test_files_belong_to_their_group_and_go_with_it(do):
    await do(lambda tx: tx.put_workflow(make_workflow()))
    await do(lambda tx: tx.add_group(make_group()))
    await do(lambda tx: tx.add_group(make_group("g2", "Second")))
    for group, file in (("g1", make_file("b")), ("g1", make_file("a")), ("g2", make_file("c"))):
        await do(lambda tx, group=group, file=file: tx.add_group_file(group, file))
    assert await do(lambda tx: tx.group_files("g1")) == [make_file("b"), make_file("a")]
    with pytest.raises(ConflictError, match="already"):
        await do(lambda tx: tx.add_group_file("g2", make_file("a")))
    with pytest.raises(NotFoundError, match="no file"):
        await do(lambda tx: tx.remove_group_file("g2", "a" * 32))
    with pytest.raises(NotFoundError, match="no group"):
        await do(lambda tx: tx.add_group_file("g3", make_file("d")))
    await do(lambda tx: tx.remove_group_file("g1", "a" * 32))
    await do(lambda tx: tx.remove_group("g1"))
    assert await do(lambda tx: tx.group_files("g1")) == []
    assert await do(lambda tx: tx.group_files("g2")) == [make_file("c")]
    with pytest.raises(NotFoundError, match="no group"):
        await do(lambda tx: tx.remove_group("g1"))

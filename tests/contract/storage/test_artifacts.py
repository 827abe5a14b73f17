"""Names of artifacts: every record that names one is found, the newest first, and is forgotten with its record."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from queue_server.protocol.artifacts import ArtifactFilter
from queue_server.protocol.errors import ConflictError, NotFoundError, ParameterError
from queue_server.protocol.exam_records import ResultFields
from queue_server.protocol.records import Artifact, ManifestEntry
from queue_server.protocol.submissions import AttemptResult, ResultFile, Submission
from queue_server.storage.artifact_base import ARTIFACT_WINDOW
from tests.doubles.exam_records import exam, exam_task, identity, workflow
from tests.doubles.exam_records import result as exam_result


def file(letter, name="", *, created=5.0, content_type="text/csv", artifact="0"):
    return ResultFile(letter * 32, name or letter, artifact * 64, 12, content_type, created)


def submission(uid):
    return Submission(uid, "default", "ada", 1.5)


def ended(uid, *files, attempt=1):
    return AttemptResult(uid, attempt, f"i-{uid}", "completed", 2.0, 3.0, files=files)


@pytest.fixture
def do(store):
    """Work on the store in a transaction."""
    return store.transact


@pytest.fixture
def find(do):
    """Find names; return the part."""

    async def search(limit=100, cursor=None, **wanted):
        return await do(lambda tx: tx.find_artifacts(ArtifactFilter(**wanted), limit=limit, cursor=cursor))

    return search


@pytest.fixture
def names(find):
    """Find names; return them alone."""

    async def search(**wanted):
        return [named.file.name for named in (await find(**wanted)).entries]

    return search


async def test_a_registered_file_is_found_until_it_is_taken_back(do, find):
    await do(lambda tx: tx.register_file(file("a")))
    [named] = (await find()).entries
    assert (named.kind, named.file, named.submission, named.attempt) == ("registered", file("a"), "", 0)
    await do(lambda tx: tx.unregister_file("a" * 32))
    assert (await find()).entries == []
    with pytest.raises(NotFoundError, match="registered"):
        await do(lambda tx: tx.unregister_file("a" * 32))


async def test_a_file_of_a_submission_goes_with_it(do, find):
    await do(lambda tx: tx.add_submissions([submission("s"), submission("t")]))
    await do(lambda tx: tx.register_file(file("a"), "s"))
    await do(lambda tx: tx.register_file(file("b"), "t"))
    await do(lambda tx: tx.add_result(ended("s", file("c"))))
    assert {each.file.name for each in (await find(submission="s")).entries} == {"a", "c"}
    await do(lambda tx: tx.remove_submission("s"))
    assert [each.submission for each in (await find()).entries] == ["t"]


async def test_a_file_needs_a_submission_that_is_there_and_an_id_of_its_own(do):
    with pytest.raises(NotFoundError, match="'nowhere'"):
        await do(lambda tx: tx.register_file(file("a"), "nowhere"))
    await do(lambda tx: tx.register_file(file("a")))
    with pytest.raises(ConflictError, match="already"):
        await do(lambda tx: tx.register_file(file("a", "other")))


async def test_files_are_counted_for_each_submission_up_to_a_number(do):
    await do(lambda tx: tx.add_submissions([submission("s")]))
    await do(lambda tx: [tx.register_file(file(letter)) for letter in "abc"])
    await do(lambda tx: tx.register_file(file("d"), "s"))
    assert await do(lambda tx: tx.count_registered(None, 10)) == 3
    assert await do(lambda tx: tx.count_registered(None, 2)) == 2
    assert await do(lambda tx: tx.count_registered("s", 10)) == 1


async def test_files_of_an_attempt_are_named_by_its_result_and_else_by_the_history(do, find, fill, claim, result):
    left = (ManifestEntry(name="a/b", artifact=Artifact(id="1" * 64, size_bytes=3, created=4.0)),)
    await fill("one", "two")
    for _ in range(2):
        key = await claim()
        await do(lambda tx, key=key: tx.finish(key, result(artifacts=left)))
    assert [(each.kind, each.item_uid, each.attempt) for each in (await find()).entries] == [
        ("item", "two", 1),
        ("item", "one", 1),
    ]
    await do(lambda tx: tx.add_submissions([submission("s-one")]))
    kept = replace(file("f", "a/b", artifact="1"), size_bytes=3, content_type="application/octet-stream", created=4.0)
    await do(lambda tx: tx.add_result(replace(ended("s-one", kept), item_uid="one")))
    found = {(each.kind, each.item_uid) for each in (await find(artifact_id="1" * 64)).entries}
    assert found == {("result", "one"), ("item", "two")}
    await do(lambda tx: tx.trim_history(0))
    assert [(each.kind, each.file) for each in (await find()).entries] == [("result", kept)]


async def test_files_are_found_beside_numbers_that_json_does_not_have(do, names, fill, claim, result):
    odd = {"width": float("nan"), "height": float("-inf"), "depth": 10**30}
    await do(lambda tx: tx.add_submissions([submission("s")]))
    await do(lambda tx: tx.add_result(replace(ended("s", file("a", "NaN.csv")), metrics=odd)))
    left = ManifestEntry(name="Infinity.csv", artifact=Artifact(id="1" * 64, size_bytes=3, created=4.0))
    await fill("one")
    key = await claim()
    await do(lambda tx: tx.finish(key, result(artifacts=(left,), metrics=odd)))
    assert sorted(await names()) == ["Infinity.csv", "NaN.csv"]


async def test_files_of_exam_results_are_found_as_they_are_now(do, names):
    kept = {"scan.mrd": {"artifact_id": "2" * 64, "size_bytes": 7, "content_type": "application/x-mrd"}}
    record = exam_result("r", of="t", meta={"artifacts": kept})
    tree = (exam("e"), workflow("w", of="e"), exam_task("t", of="w"), record)
    await do(lambda tx: [tx.add_exam_record(each) for each in tree])
    assert await names(artifact_id="2" * 64) == ["scan.mrd"]
    fields = ResultFields.model_validate(
        {**record.fields.plain(), "meta": {"artifacts": {**kept, "more": kept["scan.mrd"]}}}
    )
    await do(lambda tx: tx.change_exam_record(replace(record, fields=fields, version=2, updated=9.0)))
    assert sorted(await names()) == ["more", "scan.mrd"]
    await do(lambda tx: tx.remove_exam_record(type(record), identity("r")))
    assert await names() == []


@pytest.mark.parametrize(
    "artifacts", [None, 5, "text", [], ["x"], {"a": 5}, {"a": {"artifact_id": 5, "size_bytes": 1}}]
)
async def test_what_is_no_artifact_in_an_exam_result_is_passed_over(do, names, artifacts):
    tree = (exam("e"), workflow("w", of="e"), exam_task("t", of="w"))
    record = exam_result("r", of="t", meta={"artifacts": artifacts})
    await do(lambda tx: [tx.add_exam_record(each) for each in (*tree, record)])
    assert await names() == []


async def test_names_are_found_by_what_they_say(do, names):
    await do(lambda tx: tx.add_submissions([submission("s")]))
    await do(lambda tx: tx.add_result(ended("s", file("a"), file("b", content_type="text/plain"))))
    await do(lambda tx: tx.add_result(ended("s", file("c", "a", artifact="3"), attempt=2)))
    assert sorted(await names(name="a")) == ["a", "a"]
    assert await names(content_type="text/plain") == ["b"]
    assert await names(submission="s", attempt=2) == ["a"]
    assert await names(artifact_id="3" * 64, submission="s") == ["a"]
    assert await names(submission="t") == []


async def test_pages_have_each_name_once_the_newest_first(do, find):
    for number, letter in enumerate("abcde"):
        await do(lambda tx, number=number, letter=letter: tx.register_file(file(letter, created=float(number))))
    found, cursor = [], None
    while cursor is not None or not found:
        part = await find(limit=2, cursor=cursor)
        found += [named.file.name for named in part.entries]
        cursor = part.cursor
        later = file("0123456789"[len(found)], created=50.0 + len(found))
        await do(lambda tx, later=later: tx.register_file(later))
    assert found == ["e", "d", "c", "b", "a"]


async def test_one_search_examines_a_bounded_number_of_names(do, find):
    many = [replace(file("a", "x"), id=f"{number:032x}") for number in range(ARTIFACT_WINDOW + 1)]
    await do(lambda tx: tx.register_file(file("f", "wanted", created=1.0)))
    await do(lambda tx: [tx.register_file(each) for each in many])
    part = await find(limit=10, name="wanted")
    assert part.entries == []
    assert [each.file.name for each in (await find(limit=10, name="wanted", cursor=part.cursor)).entries] == ["wanted"]


async def test_a_cursor_that_no_page_has_given_is_refused(find):
    with pytest.raises(ParameterError, match="cursor"):
        await find(cursor="x")

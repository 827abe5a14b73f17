"""Exam records: kept as they are, in order, with what they belong to, and never templates mixed with instances."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from queue_server.protocol.errors import ConflictError, NotFoundError, ParameterError, StateError
from queue_server.protocol.exam_records import (
    LONGEST_RECORD_BYTES,
    LONGEST_SEQUENCE_BYTES,
    Exam,
    ExamTask,
    ResultRecord,
    Sequence,
    SequenceFiles,
    TaskItem,
    Workflow,
)
from tests.doubles.exam_records import PATIENT, exam, exam_task, identity, result, sequence, workflow

ITEM = TaskItem(identity("item"), "queued")
TREE = (
    exam("e"),
    workflow("w", of="e"),
    exam_task("t", of="w"),
    exam_task("d", of="w", dag_id="fft", input_task_ids=[identity("t")], parameter={"iterations": 3}, position=1),
    result("r", of="t"),
    sequence("s", tags=["knee"]),
)
TEMPLATES = (exam("te", is_template=True), workflow("tw", of="te", is_template=True))


@pytest.fixture
def keep(store):
    """Write records."""

    async def write(*records):
        await store.transact(lambda tx: [tx.add_exam_record(record) for record in records])

    return write


@pytest.fixture
def find(store):
    """Read a record by its kind and the name that its id stands for."""

    async def read(kind, name):
        return await store.transact(lambda tx: tx.exam_record(kind, identity(name)))

    return read


@pytest.fixture
def listed(store):
    """Read the names of all records of a kind, page by page."""

    async def read(kind, limit=2, **options):
        names, cursor = [], None
        while True:
            part = await store.transact(lambda tx, at=cursor: tx.exam_records(kind, limit=limit, cursor=at, **options))
            assert len(part.entries) <= limit
            names += [record.fields.name for _, record in part.entries]
            if not part.has_more:
                return names
            cursor = part.entries[-1][0]

    return read


@pytest.mark.parametrize("record", TREE, ids=lambda record: type(record).__name__)
async def test_what_is_read_is_what_was_written(record, keep, store):
    await keep(*TREE)
    assert await store.transact(lambda tx: tx.exam_record(type(record), record.id)) == record


async def test_everything_that_a_record_can_have_is_kept(keep, find):
    limits = {"patient_height": 180, "patient_weight": 80, "patient_age": 40, "patient_gender": "NOT_GIVEN"}
    full = exam_task(
        "t",
        of="w",
        acquisition_limits=limits,
        calibration=["shims"],
        device_id=identity("scanner"),
        status="ERROR",
        progress=73,
        item=TaskItem("i", "failed"),
        error_message="the coil is unplugged",
        updated=1_700_000_001.25,
        version=7,
        description="é\0😀",
    )
    meta = {"snr": 1e300, "big": 10**30, "list": [None, True, {"a": "b"}]}
    await keep(*TREE[:2], full, result("r", of="t", type="MRD", directory="/d", files=["a/b.mrd"], meta=meta))
    assert await find(ExamTask, "t") == full
    assert (await find(ResultRecord, "r")).fields.meta == meta


@pytest.mark.parametrize("kind", [Exam, Workflow, ExamTask, ResultRecord, Sequence])
async def test_what_is_not_there_is_none(kind, find, store):
    assert await find(kind, "gone") is None
    with pytest.raises(NotFoundError, match="There is no"):
        await store.transact(lambda tx: tx.remove_exam_record(kind, "gone"))


@pytest.mark.parametrize("record", TREE, ids=lambda record: type(record).__name__)
async def test_an_id_is_given_once(record, keep):
    await keep(*TREE)
    with pytest.raises(ConflictError, match=record.id):
        await keep(record)


REFUSED = {
    "a workflow of no exam": (workflow("x", of="gone"), NotFoundError),
    "an exam task of no workflow": (exam_task("x", of="gone"), NotFoundError),
    "a result of no exam task": (result("x", of="gone"), NotFoundError),
    "an instance of a workflow in a template": (workflow("x", of="te"), ParameterError),
    "a template of a workflow in an instance": (workflow("x", of="e", is_template=True), ParameterError),
    "an instance of an exam task in a template": (exam_task("x", of="tw"), ParameterError),
    "a template of an exam task in an instance": (exam_task("x", of="w", is_template=True), ParameterError),
    "a result of a template": (result("x", of="tt"), ParameterError),
    "an exam of nobody": (exam("x", patient_id=None), ParameterError),
    "a template with a patient": (exam("x", is_template=True, patient_id=PATIENT), ParameterError),
    "a workflow alone": (workflow("x"), ParameterError),
    "an exam task alone": (exam_task("x"), ParameterError),
    "a template with an item": (exam_task("x", is_template=True, item=ITEM), ParameterError),
    "an item of another exam task": (exam_task("x", of="w", item=TaskItem("taken", "held")), ConflictError),
    "content that is too large": (result("x", of="t", meta={"text": "x" * LONGEST_RECORD_BYTES}), ParameterError),
}


@pytest.mark.parametrize("what", REFUSED)
async def test_is_refused_and_changes_nothing(what, keep, find):
    record, error = REFUSED[what]
    taken = exam_task("o", of="w", item=TaskItem("taken", "done"))
    await keep(*TREE, *TEMPLATES, exam_task("tt", of="tw", is_template=True), taken)
    with pytest.raises(error):
        await keep(record)
    assert await find(type(record), "x") is None


@pytest.mark.parametrize(
    "record", [workflow("x", is_template=True), exam_task("x", is_template=True), exam_task("x", item=ITEM)]
)
async def test_templates_may_stand_alone_and_so_may_exam_tasks_made_for_an_item(record, keep, find):
    await keep(record)
    assert await find(type(record), "x") == record


def _changed(record, **more):
    fields = record.fields.model_copy(update=more)
    return replace(record, fields=fields, version=record.version + 1, updated=2e9)


@pytest.mark.parametrize("record", TREE[:5], ids=lambda record: type(record).__name__)
async def test_a_change_replaces_the_version_before(record, keep, store):
    await keep(*TREE)
    new = _changed(record, **({"type": "MRD"} if isinstance(record, ResultRecord) else {"name": "new"}))
    await store.transact(lambda tx: tx.change_exam_record(new))
    assert await store.transact(lambda tx: tx.exam_record(type(record), record.id)) == new
    with pytest.raises(ConflictError, match="Version 2"):
        await store.transact(lambda tx: tx.change_exam_record(new))


BAD_CHANGES = {
    "of what is not there": (_changed(exam("gone")), NotFoundError),
    "that leaves a version out": (replace(_changed(exam("e")), version=3), ConflictError),
    "of who made it": (replace(_changed(exam("e")), creator="bob"), ConflictError),
    "of when it was made": (replace(_changed(exam("e")), created=1.0), ConflictError),
    "from an instance into a template": (_changed(exam("e"), is_template=True, patient_id=None), ConflictError),
    "from a scan into processing": (_changed(exam_task("t", of="w", dag_id="fft")), ConflictError),
    "of the exam task of a result": (_changed(result("r", of="d")), ConflictError),
    "into a workflow that is not there": (_changed(exam_task("t", of="gone")), NotFoundError),
    "into a workflow that is a template": (_changed(exam_task("t", of="tw")), ParameterError),
    "out of its workflow": (_changed(exam_task("t")), ParameterError),
    "of a sequence": (_changed(sequence("s", tags=["knee"])), ConflictError),
}


@pytest.mark.parametrize("what", BAD_CHANGES)
async def test_no_change(what, keep, store):
    record, error = BAD_CHANGES[what]
    await keep(*TREE, *TEMPLATES)
    before = await store.transact(lambda tx: tx.exam_record(type(record), record.id))
    with pytest.raises(error):
        await store.transact(lambda tx: tx.change_exam_record(record))
    assert await store.transact(lambda tx: tx.exam_record(type(record), record.id)) == before


async def test_a_record_may_move_to_another_one_that_it_can_belong_to(keep, store, listed):
    await keep(*TREE, workflow("w2", of="e"))
    await store.transact(lambda tx: tx.change_exam_record(_changed(TREE[2], workflow_id=identity("w2"))))
    assert await listed(ExamTask, of=identity("w")) == ["image"]
    assert await listed(ExamTask, of=identity("w2")) == ["localizer"]


async def test_records_are_listed_in_the_order_in_which_they_were_made(keep, listed):
    names = [f"{number}" for number in range(5)]
    await keep(*(exam(name, name=name) for name in names), *TEMPLATES, exam("x", name="x", patient_id=identity("o")))
    await keep(*(workflow(f"w{name}", of="1", name=name) for name in names), sequence("b"), sequence("a"))
    assert await listed(Exam, of=PATIENT) == names
    assert await listed(Exam) == [*names, "x"]
    assert await listed(Exam, templates=True) == ["knee"]
    assert await listed(Workflow, of=identity("1")) == names
    assert await listed(Workflow, of=identity("2")) == []
    assert await listed(Workflow, templates=True) == ["tw"]
    assert await listed(Sequence) == ["b", "a"]


async def test_exam_tasks_of_a_workflow_are_listed_by_their_position(keep, store, listed):
    await keep(*TREE[:2])
    for name, position in (("a", 3), ("b", 0), ("c", 3), ("d", 1)):
        await keep(exam_task(name, of="w", name=name, position=position))
    assert await listed(ExamTask, of=identity("w")) == ["b", "d", "a", "c"]
    assert await listed(ExamTask) == ["a", "b", "c", "d"]
    await store.transact(
        lambda tx: tx.change_exam_record(_changed(tx.exam_record(ExamTask, identity("c")), position=0))
    )
    assert await listed(ExamTask, of=identity("w"), limit=1) == ["b", "c", "d", "a"]


async def test_results_are_listed_by_exam_task(keep, store):
    await keep(*TREE, result("r2", of="t"), result("r3", of="d"))
    part = await store.transact(lambda tx: tx.exam_records(ResultRecord, of=identity("t"), limit=10))
    assert [record.id for _, record in part.entries] == [identity("r"), identity("r2")]


@pytest.mark.parametrize("cursor", ["", "1", "a.b", "-1.0", "1.2.3", "٣.1"])
async def test_a_cursor_that_no_list_gives_is_refused(cursor, store):
    with pytest.raises(ParameterError, match="next_cursor"):
        await store.transact(lambda tx: tx.exam_records(Exam, limit=1, cursor=cursor))


async def test_a_list_goes_on_where_a_record_has_gone(keep, store):
    await keep(exam("a"), exam("b"), exam("c"))
    part = await store.transact(lambda tx: tx.exam_records(Exam, limit=2))
    cursor = part.entries[-1][0]
    await store.transact(lambda tx: tx.remove_exam_record(Exam, identity("b")))
    part = await store.transact(lambda tx: tx.exam_records(Exam, limit=2, cursor=cursor))
    assert [record.id for _, record in part.entries] == [identity("c")]


async def test_what_belongs_to_a_record_goes_with_it(keep, store, find):
    await keep(*TREE, exam("other"), workflow("w2", of="other"))
    await store.transact(lambda tx: tx.remove_exam_record(Exam, identity("e")))
    assert [await find(type(record), name) for record, name in zip(TREE[:5], "ewtdr", strict=True)] == [None] * 5
    assert await find(Workflow, "w2") is not None
    assert await find(Sequence, "s") is not None


@pytest.mark.parametrize("state", ["dispatched", "acknowledged", "running", "uploading"])
@pytest.mark.parametrize(("kind", "name"), [(Exam, "e"), (Workflow, "w"), (ExamTask, "x")])
async def test_what_is_being_done_stays(kind, name, state, keep, store, find):
    await keep(*TREE, exam_task("x", of="w", item=TaskItem("i", state)))
    with pytest.raises(StateError, match="an item of it is active"):
        await store.transact(lambda tx: tx.remove_exam_record(kind, identity(name)))
    assert await find(ExamTask, "x") is not None
    assert await find(ResultRecord, "r") is not None


@pytest.mark.parametrize("state", ["queued", "held", "done", "failed", "unknown", "cancelled"])
async def test_what_is_not_being_done_can_go(state, keep, store, find):
    await keep(*TREE, exam_task("x", of="w", item=TaskItem("i", state)))
    await store.transact(lambda tx: tx.remove_exam_record(Exam, identity("e")))
    assert await find(ExamTask, "x") is None


async def test_an_exam_task_is_found_by_its_item_until_another_one_does_it(keep, store):
    await keep(*TREE, exam_task("x", of="w", item=TaskItem("i", "failed")))
    found = await store.transact(lambda tx: tx.exam_task_of("i"))
    assert found.id == identity("x")
    again = replace(found, item=TaskItem("j", "held"), version=2)
    await store.transact(lambda tx: tx.change_exam_record(again))
    assert await store.transact(lambda tx: tx.exam_task_of("i")) is None
    assert await store.transact(lambda tx: tx.exam_task_of("j")) == again


async def test_the_states_of_all_exam_tasks_below_are_told(keep, store):
    await keep(*TREE, workflow("w2", of="e"), exam_task("x", of="w2", status="STARTED", item=TaskItem("i", "held")))
    states = await store.transact(lambda tx: tx.exam_task_states(Exam, identity("e")))
    assert states == {("NEW", None), ("STARTED", "held")}
    assert await store.transact(lambda tx: tx.exam_task_states(Workflow, identity("w"))) == {("NEW", None)}
    assert await store.transact(lambda tx: tx.exam_task_states(Workflow, identity("gone"))) == frozenset()


@pytest.mark.parametrize("files", [SequenceFiles("[VERSION]\nmajor 1\0é"), SequenceFiles("", "<header/>")])
async def test_the_files_of_a_sequence_are_kept_once_and_go_with_it(files, keep, store):
    await keep(sequence("s"))
    assert await store.transact(lambda tx: tx.sequence_files(identity("s"))) is None
    await store.transact(lambda tx: tx.add_sequence_files(identity("s"), files))
    assert await store.transact(lambda tx: tx.sequence_files(identity("s"))) == files
    with pytest.raises(ConflictError):
        await store.transact(lambda tx: tx.add_sequence_files(identity("s"), files))
    await store.transact(lambda tx: tx.remove_exam_record(Sequence, identity("s")))
    assert await store.transact(lambda tx: tx.sequence_files(identity("s"))) is None


async def test_files_of_no_sequence_and_files_that_are_too_large_are_refused(keep, store):
    with pytest.raises(NotFoundError):
        await store.transact(lambda tx: tx.add_sequence_files("gone", SequenceFiles("x")))
    await keep(sequence("s"))
    most = SequenceFiles("x" * (LONGEST_SEQUENCE_BYTES - 2), "é")
    for files in (replace(most, seq_file=most.seq_file + "x"), replace(most, xml_file="éé")):
        with pytest.raises(ParameterError, match="at most 4194304"):
            await store.transact(lambda tx, files=files: tx.add_sequence_files(identity("s"), files))
    await store.transact(lambda tx: tx.add_sequence_files(identity("s"), most))


async def test_what_fails_half_way_leaves_nothing(store, find):
    def work(tx):
        tx.add_exam_record(exam("e"))
        tx.add_exam_record(workflow("w", of="e"))
        tx.remove_exam_record(Exam, identity("e"))
        tx.add_exam_record(exam("e"))
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await store.transact(work)
    assert await find(Exam, "e") is None
    assert await find(Workflow, "w") is None

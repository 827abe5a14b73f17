"""Graphs that take the files of earlier items: named when they are added, found when they begin."""

from __future__ import annotations

import pytest

from queue_server.core.events import RecoveryFinished
from queue_server.protocol.items import DEFAULT_LANE
from queue_server.protocol.records import Artifact, ManifestEntry
from queue_server.protocol.worker_link import CatalogPage, EnvironmentOpened, Execute
from tests.doubles.bench import USER, Bench, plan

ONE = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
GRAPHS = {
    "scan": {"dag_id": "scan", "parameters": {"type": "object", "additionalProperties": False}, "inputs": {}},
    "merge": {
        "dag_id": "merge",
        "parameters": {
            "type": "object",
            "properties": {"one": ONE, "many": {"type": "array", "items": ONE}, "note": {"type": "object"}},
            "additionalProperties": False,
        },
        "inputs": {"one": {"several": False}, "many": {"several": True}},
    },
}


def dag(name="merge", after=None, **parameters):
    return {"item_type": "dag", "name": name, "kwargs": parameters, **({} if after is None else {"after": after})}


def artifact_id(name):
    """Return an id that belongs to a name."""
    return name.encode().hex().ljust(64, "0")


def files(*names):
    """Return the files of a finished graph, listed in this order."""
    return tuple(
        ManifestEntry(name=name, artifact=Artifact(id=artifact_id(name), size_bytes=1, created=1.0)) for name in names
    )


async def begin(store, **more):
    bench = await Bench.begin(store, lanes=(DEFAULT_LANE, "compute"), **more)
    bench.resources.graph_lanes = ("compute",)
    return bench.in_lane("compute")


@pytest.fixture
async def bench(store):
    """The worker of a lane of graphs, with an open environment."""
    bench = await begin(store)
    await bench.do("environment_open", lane="compute")
    bench.hello(environment="loading")
    bench.tell(CatalogPage, catalog="dags", first=True, entries=GRAPHS)
    await bench.report(EnvironmentOpened)
    yield bench
    await bench.end()


async def add(bench, *items):
    """Add items as one batch; return their uids."""
    reply = await bench.do("queue_item_add_batch", items=list(items), **USER)
    return [item["item_uid"] for item in reply["items"]]


async def run(bench, *names):
    """Let what was sent end with files of these names."""
    await bench.finish(artifacts=files(*names))


def sent(bench):
    """Return the arguments of the graph that was sent last."""
    return bench.sent(Execute)[-1].content["kwargs"]


async def queued(bench):
    return (await bench.do("queue_get", lane="compute"))["items"]


async def test_a_file_of_an_earlier_item_of_the_batch_becomes_an_input(bench):
    first, second = await add(bench, dag("scan"), dag(one={"item": 0, "file": "kspace.npy"}))
    [_, waiting] = await queued(bench)
    assert (waiting["after"], waiting["kwargs"]) == ([first], {"one": {"item_uid": first, "file": "kspace.npy"}})
    await bench.do("queue_start", lane="compute")
    await run(bench, "other.npy", "kspace.npy")
    assert bench.key.item_uid == second
    assert sent(bench) == {"one": artifact_id("kspace.npy")}
    running = (await bench.do("queue_get", lane="compute"))["running_item"]
    assert running["kwargs"] == waiting["kwargs"]


@pytest.mark.parametrize(
    ("given", "names", "found"),
    [
        ({}, ("a.npy", "manifest.json", "device_parameter.json", "metrics.json"), ["a.npy"]),
        ({"file": "b*"}, ("a.npy", "b.npy"), ["b.npy"]),
        ({"file": "manifest.json"}, ("a.npy", "manifest.json"), ["manifest.json"]),
        ({"file": "a[1].npy"}, ("a[1].npy", "a1.npy"), ["a[1].npy"]),
    ],
)
async def test_one_file_is_named_or_described_or_the_only_one(bench, given, names, found):
    [first] = await add(bench, dag("scan"))
    await add(bench, dag(one={"item_uid": first, **given}))
    await bench.do("queue_start", lane="compute")
    await run(bench, *names)
    assert sent(bench) == {"one": artifact_id(found[0])}


async def test_several_files_are_given_in_the_order_of_their_names(bench):
    first, *_ = await add(bench, dag("scan"), dag(many={"item": 0, "file": "coils/*"}))
    plain = artifact_id("plain")
    await add(bench, dag(many=[plain, {"item_uid": first, "file": "c*"}, {"item_uid": first, "file": "a"}]))
    assert (await queued(bench))[1]["kwargs"] == {"many": [{"item_uid": first, "file": "coils/*"}]}
    await bench.do("queue_start", lane="compute")
    await run(bench, "coils/2", "coils/1", "a", "manifest.json")
    coils = [artifact_id("coils/1"), artifact_id("coils/2")]
    assert sent(bench) == {"many": coils}
    await run(bench)
    assert sent(bench) == {"many": [plain, *coils, artifact_id("a")]}


async def test_what_is_no_input_is_left_alone(bench):
    first, *_ = await add(bench, dag("scan"), dag(after=[0], note={"item": 0}))
    assert (await queued(bench))[1]["kwargs"] == {"note": {"item": 0}}
    await add(bench, dag(note={"item_uid": first}))
    assert "after" not in (await queued(bench))[2]


@pytest.mark.parametrize(
    ("reference", "names", "said"),
    [
        ({"file": "c.npy"}, ("a.npy", "b.npy"), "a file 'c.npy' of the item {uid}, but its files are 'a.npy', 'b.npy'"),
        (
            {"file": "*.npy"},
            ("a.npy", "b.npy"),
            "a file '*.npy' of the item {uid}, but several files fit that: 'a.npy'",
        ),
        ({}, ("a.npy", "b.npy"), "the only file of the item {uid}, but its files are 'a.npy', 'b.npy'"),
        ({}, (), "the only file of the item {uid}, but its files are none"),
    ],
)
async def test_without_the_file_the_item_is_held_and_says_what_was_there(bench, reference, names, said):
    first, second = await add(bench, dag("scan"), dag(one={"item": 0, **reference}))
    await bench.do("queue_start", lane="compute")
    await run(bench, *names)
    [item] = await queued(bench)
    assert (item["item_uid"], item["state"]) == (second, "held")
    assert f"'item.kwargs.one' is to be {said.format(uid=first)}" in item["hold_reason"]
    assert bench.events()[-1] == "item_held"
    assert len(bench.sent(Execute)) == 1


async def test_an_update_that_names_another_file_helps(bench):
    first, second = await add(bench, dag("scan"), dag(one={"item": 0, "file": "c"}))
    await bench.do("queue_start", lane="compute")
    await run(bench, "a")
    item = {**dag(one={"item_uid": first, "file": "a"}), "item_uid": second}
    await bench.do("queue_item_update", item=item, lane="compute", **USER)
    await bench.do("queue_start", lane="compute")
    assert sent(bench) == {"one": artifact_id("a")}


async def test_the_files_are_those_of_the_attempt_that_was_completed(bench):
    first, *_ = await add(bench, dag("scan"), dag(one={"item": 0, "file": "a*"}))
    await bench.do("queue_start", lane="compute")
    await bench.finish("failed", artifacts=files("a of the failure"))
    [copy, _] = await queued(bench)
    if copy.get("state") == "held":
        await bench.do("queue_item_release", uid=copy["item_uid"], lane="compute")
    await bench.do("queue_start", lane="compute")
    assert bench.key.submission == first
    await run(bench, "a of the success")
    assert sent(bench) == {"one": artifact_id("a of the success")}


async def test_a_worker_that_never_got_the_graph_is_sent_the_same_files_by_the_next_manager(bench, store):
    _, second = await add(bench, dag("scan"), dag(one={"item": 0}))
    await bench.do("queue_start", lane="compute")
    await run(bench, "a")
    key = bench.key
    await bench.end()
    again = await begin(store, serving=False)
    again.hello()
    await again.engine.post(lambda turn: turn.apply(RecoveryFinished()))
    [order] = again.sent(Execute)
    assert (order.attempt, order.attempt.item_uid) == (key, second)
    assert order.content["kwargs"] == {"one": artifact_id("a")}
    await again.end()


@pytest.mark.parametrize(
    ("reference", "field", "said"),
    [
        ({"item_uid": "nobody"}, "item.after[0]", "There is no item 'nobody'"),
        ({"item_uid": 5}, "item.kwargs.one.item_uid", "the uid of an item"),
        ({"item": 0}, "item.kwargs.one.item", "an index only where earlier items stand in the same batch"),
        ({"file": "a"}, "item.kwargs.one", "a map of 'item_uid'"),
        ({"item": 0, "item_uid": "a"}, "item.kwargs.one", "a map of 'item_uid'"),
        ({"item_uid": "a", "name": "a"}, "item.kwargs.one", "a map of 'item_uid'"),
        ({"item_uid": "a", "file": ""}, "item.kwargs.one.file", "the name of a file, or a pattern of names"),
        ({"item_uid": "a", "file": "a" * 257}, "item.kwargs.one.file", "of 1 to 256 characters"),
    ],
)
async def test_a_malformed_reference_is_refused_by_its_field(bench, reference, field, said):
    reply = await bench.refuse("queue_item_add", item=dag(one=reference), **USER)
    assert said in reply["msg"]
    assert reply["error"]["details"]["field"] == field


async def test_a_graph_with_references_is_checked_like_any_other(bench):
    [uid] = await add(bench, dag("scan"))
    reference = {"item_uid": uid}
    for item, said in (
        (dag(two=reference), "two: given {'item_uid"),
        (dag(many=[reference, 5]), "many.1: given 5"),
    ):
        assert said in (await bench.refuse("queue_item_add", item=item, **USER))["msg"]
    verdicts = await bench.do(
        "item_validate", items=[dag("scan"), dag(one={"item": 0})], lane="compute", user_group="primary"
    )
    assert verdicts["valid"] is True


async def test_a_plan_takes_maps_as_they_are(bench):
    reply = await bench.do("queue_item_add", item=plan(kwargs={"num": {"item_uid": "x"}}), **USER)
    assert reply["item"]["kwargs"] == {"num": {"item_uid": "x"}}


@pytest.fixture
async def scanner(bench):
    """The worker of a scanner that is connected."""
    scanner = bench.in_lane((await bench.do("device_create", name="MR 1", description="room 3"))["device_id"])
    scanner.hello(incarnation="mr.1", re_state="ready")
    await scanner.settle()
    return scanner


def scan(lane):
    return {"item_type": "acquisition", "name": "localizer", "kwargs": {"sequence_id": "7"}, "lane": lane}


async def upload(scanner, item_uid, *names):
    """Store files as the gateway stores what a scanner uploads for an item."""
    manifest = {name: {"artifact_id": artifact_id(name), "size_bytes": 1, "content_type": "x"} for name in names}
    made = await scanner.do("exam_result_add", task_id=item_uid)
    fields = {"type": "MRD", "files": list(names), "meta": {"item_uid": item_uid, "artifacts": manifest}}
    await scanner.do("exam_result_update", result_id=made["result"]["id"], result=fields)


async def test_acquire_then_reconstruct_is_one_submission(bench, scanner):
    batch = [scan(scanner.lane_name), {**dag(one={"item": 0, "file": "kspace*"}), "lane": "compute"}]
    await bench.do("queue_start", lane="compute")
    first, second = await add(bench, *batch)
    await bench.do("queue_start", lane="compute")
    assert scanner.key.item_uid == first
    [lane] = [lane for lane in bench.status["lanes"] if lane["lane"] == "compute"]
    assert lane["comes_after"] == [{"item_uid": first, "lane": scanner.lane_name, "is_held": False}]
    await upload(scanner, first, "kspace.npy", "device_parameter.json")
    await scanner.finish()
    assert bench.key.item_uid == second
    assert sent(bench) == {"one": artifact_id("kspace.npy")}

"""Documents and tables of recorded runs over HTTP: whole or in parts, from the data root and from nowhere else."""

from __future__ import annotations

import csv
import io
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import pytest_asyncio

from http_gateway.run_files import LEFT_OUT
from tests.doubles.gateway import answering_gateway
from tests.doubles.recorded_runs import RUN_UID, documents, start, write_run

pytestmark = pytest.mark.asyncio(loop_scope="module")

PLACE = f"runs/2026-11/{RUN_UID}.jsonl"
DOCUMENTS = f"/v1/runs/{RUN_UID}/documents"
TABLE = f"/v1/runs/{RUN_UID}/table"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def shared(tmp_path_factory):
    """The manager, a client of the gateway in front of it, and their data directory."""
    directory = tmp_path_factory.mktemp("gateway")
    async with answering_gateway(directory) as (manager, client):
        yield manager, client, directory


@pytest.fixture
def manager(shared):
    """A manager whose index has one run."""
    manager, _, _ = shared
    manager.forget()
    manager.answers["run_get"] = {"success": True, "msg": "", "run": {"uid": RUN_UID, "file": PLACE, "host": ""}}
    return manager


@pytest.fixture
def client(shared):
    """A client with the API key of the gateway."""
    return shared[1]


@pytest.fixture
def file(shared):
    """The file of the run."""
    return write_run(shared[2] / PLACE, documents(3))


def tell(manager, **run):
    """Let the index say something else of the run."""
    known = {"uid": RUN_UID, "file": PLACE, "host": ""}
    manager.answers["run_get"] = {"success": True, "msg": "", "run": known | run}


async def test_documents_come_as_they_are_recorded(client, manager, file):
    answer = await client.get(DOCUMENTS)
    assert (answer.status_code, answer.content) == (200, file.read_bytes())
    assert answer.headers["content-type"] == "application/jsonl"
    assert answer.headers["content-length"] == str(file.stat().st_size)
    assert answer.headers["accept-ranges"] == "bytes"
    assert RUN_UID in answer.headers["content-disposition"]
    [request] = [request for request in manager.requests if request["method"] != "status"]
    assert (request["method"], request["params"]) == ("run_get", {"run_uid": RUN_UID})


async def test_a_long_run_comes_whole(client, manager, file):
    write_run(file, [start(filling="x" * 3_000_000), *documents(3)[1:]])
    assert (await client.get(DOCUMENTS)).content == file.read_bytes()


PARTS = {
    "bytes=0-9": (0, 10),
    "bytes=5-": (5, None),
    "bytes=-7": (-7, None),
    "bytes=10-10": (10, 11),
    "bytes=100-99999999": (100, None),
    "bytes=-99999999": (0, None),
}


@pytest.mark.parametrize("asked", PARTS)
async def test_a_part_can_be_asked_for(asked, client, manager, file):
    whole = file.read_bytes()
    part = whole[slice(*PARTS[asked])]
    answer = await client.get(DOCUMENTS, headers={"Range": asked})
    assert (answer.status_code, answer.content) == (206, part)
    begin = whole.index(part) if asked != "bytes=10-10" else 10
    assert answer.headers["content-range"] == f"bytes {begin}-{begin + len(part) - 1}/{len(whole)}"


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "bytes=-", "lines=0-1", "bytes=9-5", "bytes=x-"])
async def test_what_is_no_single_part_is_everything(asked, client, manager, file):
    answer = await client.get(DOCUMENTS, headers={"Range": asked})
    assert (answer.status_code, answer.content) == (200, file.read_bytes())


async def test_a_part_that_is_asked_for_if_nothing_changed_is_everything(client, manager, file):
    answer = await client.get(DOCUMENTS, headers={"Range": "bytes=0-1", "If-Range": '"x"'})
    assert (answer.status_code, answer.content) == (200, file.read_bytes())


@pytest.mark.parametrize("asked", ["bytes=99999999-", "bytes=-0"])
async def test_a_part_that_is_not_there_is_told_with_the_size(asked, client, manager, file):
    answer = await client.get(DOCUMENTS, headers={"Range": asked})
    assert (answer.status_code, answer.json()["type"]) == (416, "urn:cuelight:problem:range")
    assert answer.headers["content-range"] == f"bytes */{file.stat().st_size}"


async def test_a_table_is_csv_unless_something_else_is_asked_for(client, manager, file):
    answer = await client.get(TABLE)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers[LEFT_OUT] == "image"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["seq_num"], row["det"]) for row in rows] == [("1", "0.5"), ("2", "1.0"), ("3", "1.5")]


async def test_a_table_of_another_stream_and_format(client, manager, file):
    baseline = await client.get(TABLE, params={"stream": "baseline", "format": "parquet"})
    assert pq.read_table(io.BytesIO(baseline.content)).column("temperature").to_pylist() == [295.5]
    assert baseline.headers["content-type"] == "application/vnd.apache.parquet"
    assert LEFT_OUT not in baseline.headers
    primary = await client.get(TABLE, params={"format": "arrow"})
    assert pa.ipc.open_file(io.BytesIO(primary.content)).read_all().column("image").to_pylist()[0][1][2] == 60_000


REFUSED = {
    "a stream that is not there": ({"stream": "other"}, 404, "no stream 'other'; it has 'baseline', 'primary'"),
    "an unknown format": ({"format": "xlsx"}, 422, "'format'"),
    "an unknown parameter": ({"formt": "csv"}, 422, "'formt'"),
}


@pytest.mark.parametrize("what", REFUSED)
async def test_a_table_is_refused_with_a_reason(what, client, manager, file):
    params, status, text = REFUSED[what]
    answer = await client.get(TABLE, params=params)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert text in answer.json()["detail"]


async def test_a_query_that_means_nothing_is_refused(client, manager, file):
    answer = await client.get(DOCUMENTS, params={"stream": "primary"})
    assert answer.status_code == 422


@pytest.mark.parametrize("path", [DOCUMENTS, TABLE])
async def test_a_run_that_the_index_does_not_have_is_refused_in_the_words_of_the_manager(path, client, manager, file):
    manager.answers["run_get"] = {"success": False, "msg": "No such run.", "error": {"code": "not_found"}}
    answer = await client.get(path)
    assert (answer.status_code, answer.json()["detail"]) == (404, "No such run.")


NOT_HERE = {
    "not recorded": ({"file": ""}, 404, "not recorded in a file"),
    "on another host": ({"host": "far.example.org"}, 404, "on the host far.example.org"),
    "gone": ({"file": "runs/2026-10/gone.jsonl"}, 404, "bring the file back"),
    "in a place outside": ({"file": "../secret.jsonl"}, 500, "in which no run can be"),
    "in a place above": ({"file": "runs/2026-11/../../api-key"}, 500, "in which no run can be"),
    "in an absolute place": ({"file": "/etc/passwd"}, 500, "in which no run can be"),
}


@pytest.mark.parametrize("path", [DOCUMENTS, TABLE])
@pytest.mark.parametrize("what", NOT_HERE)
async def test_documents_that_are_not_here_are_not_looked_for_elsewhere(what, path, client, manager, file):
    run, status, text = NOT_HERE[what]
    tell(manager, **run)
    answer = await client.get(path)
    assert (answer.status_code, text in answer.json()["detail"]) == (status, True)


async def test_no_link_leads_out_of_the_data_root(client, manager, file, tmp_path):
    outside = write_run(tmp_path / "secret.jsonl", documents(1))
    (file.parent / "link.jsonl").symlink_to(outside)
    (file.parent.parent / "2026-12").symlink_to(tmp_path)
    for place in ("runs/2026-11/link.jsonl", "runs/2026-12/secret.jsonl"):
        tell(manager, file=place)
        answer = await client.get(DOCUMENTS)
        assert (answer.status_code, answer.json()["type"]) == (500, "urn:cuelight:problem:unreadable_run")


async def test_what_is_no_file_is_not_waited_for(client, manager, file):
    os.mkfifo(file.parent / "pipe.jsonl")
    tell(manager, file="runs/2026-11/pipe.jsonl")
    answer = await client.get(DOCUMENTS)
    assert (answer.status_code, "no ordinary file" in answer.json()["detail"]) == (500, True)


async def test_without_a_credential_nothing_is_told(client, manager, file):
    for path in (DOCUMENTS, TABLE):
        answer = await client.get(path, headers={"Authorization": "ApiKey wrong"})
        assert answer.status_code == 401
    assert "run_get" not in manager.asked

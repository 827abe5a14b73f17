"""Files of results over the native routes: as a whole, in part, as an archive, and refused with a problem."""

from __future__ import annotations

import io
import tarfile

import pytest

from queue_server.artifacts.expectation import Expectation
from queue_server.artifacts.store import open_artifacts
from tests.doubles.gateway import AnsweringManager, running_gateway

NOT_FOUND = {"success": False, "msg": "There is none.", "error": {"code": "not_found", "details": {}}}


@pytest.fixture
async def manager():
    """The manager behind the gateway."""
    manager = AnsweringManager()
    yield manager
    await manager.close()


@pytest.fixture
async def client(manager, tmp_path):
    """A client with the API key of a running gateway."""
    async with running_gateway(manager, tmp_path) as client:
        yield client


@pytest.fixture
def file(tmp_path):
    """A file of a result, as the manager tells of it."""
    with open_artifacts(tmp_path).begin(Expectation(content_type="text/csv")) as writer:
        writer.write(b"angle,counts\n1,2\n")
        kept = writer.commit()
    shown = {"id": "f" * 32, "name": "a/curve.csv", "artifact_id": kept.id}
    return {**shown, "size_bytes": kept.size_bytes, "content_type": "text/csv", "created": 1.0}


@pytest.fixture
def told(manager, file):
    """Let the manager know the file."""
    manager.answers |= {
        "submission_file": {"success": True, "file": file},
        "workflow_result_file": {"success": True, "file": file},
        "submission_archive": {"success": True, "manifest": [file], "submission_id": "s", "attempt": 1},
        "workflow_result_archive": {"success": True, "manifest": [file], "submission_id": "s", "attempt": 1},
    }
    return manager


@pytest.mark.parametrize("path", ["submissions/s", "workflows/w"])
async def test_a_file_is_handed_out_as_it_was_stored(client, told, file, path):
    answer = await client.get(f"/v1/{path}/files/{file['id']}")
    assert (answer.status_code, answer.content) == (200, b"angle,counts\n1,2\n")
    assert answer.headers["content-type"].startswith("text/csv")
    assert 'filename="curve.csv"' in answer.headers["content-disposition"]
    asked = told.requests[-1]["params"]
    assert asked["file_id"] == file["id"]
    assert {"s", "w"} & set(asked.values())


async def test_a_part_of_a_file_is_handed_out(client, told, file):
    address = f"/v1/submissions/s/files/{file['id']}"
    answer = await client.get(address, headers={"Range": "bytes=6-11"})
    assert (answer.status_code, answer.content) == (206, b"counts")
    refused = await client.get(address, headers={"Range": "bytes=100-"})
    assert (refused.status_code, refused.headers["content-range"]) == (416, "bytes */17")
    assert refused.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["submissions/s/archive?attempt=1", "workflows/w/archive"])
async def test_the_files_of_a_result_are_handed_out_as_an_archive(client, told, path):
    answers = [await client.get(f"/v1/{path}") for _ in range(2)]
    with tarfile.open(fileobj=io.BytesIO(answers[0].content)) as archive:
        assert archive.getnames() == ["a/curve.csv"]
    assert answers[0].content == answers[1].content
    assert answers[0].headers["content-type"] == "application/gzip"


async def test_an_artifact_is_handed_out_to_who_knows_its_id(client, file):
    answer = await client.get(f"/v1/artifacts/{file['artifact_id']}")
    assert (answer.status_code, answer.content) == (200, b"angle,counts\n1,2\n")
    assert (await client.get(f"/v1/artifacts/{'0' * 64}")).status_code == 404
    assert (await client.get("/v1/artifacts/no-id")).status_code == 422


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("submissions/s/archive", "submission_archive"),
        ("submissions/s/files/f", "submission_file"),
        ("workflows/w/archive", "workflow_result_archive"),
        ("workflows/w/files/f", "workflow_result_file"),
    ],
)
async def test_what_the_manager_refuses_is_a_problem(client, manager, path, method):
    manager.answers[method] = NOT_FOUND
    answer = await client.get(f"/v1/{path}")
    assert (answer.status_code, answer.json()["detail"]) == (404, "There is none.")


async def test_a_query_that_means_nothing_is_refused(client, told):
    assert (await client.get("/v1/submissions/s/archive?attempt=0")).status_code == 422
    assert (await client.get("/v1/submissions/s/archive?member=x")).status_code == 422
    assert (await client.get("/v1/submissions/s/files/f?member=x")).status_code == 422

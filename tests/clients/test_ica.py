"""libica as it comes from PyPI, in a process of its own, against a whole system that runs what it creates."""

from __future__ import annotations

import json
import subprocess
import sys
import typing
import uuid
from pathlib import Path

import pytest

from http_gateway.dialects.ica.analyses import Pipeline, read_item
from http_gateway.dialects.ica.answers import SERIALIZERS, write_item
from http_gateway.dialects.ica.errors import AcceptError, InFlightError, ReusedKeyError, refuse_places
from http_gateway.dialects.ica.face import render_error
from http_gateway.errors import CredentialError, TooLargeError
from queue_server.client import RunControl
from queue_server.protocol.errors import CommunicationError, CuelightError, NotFoundError, ParameterError
from queue_server.protocol.submissions import Processing, SubmissionState
from tests.clients.journeys import check, names_of_journeys
from tests.doubles.ica_gateway import PIPELINE, WORKFLOW

PROGRAM = Path("ica/journeys.py")
ROOT = Path(__file__).parents[2]
ERRORS = (
    AcceptError(),
    CommunicationError("x"),
    CredentialError("x"),
    CuelightError("x"),
    InFlightError(),
    NotFoundError("x"),
    ParameterError("x", field="y"),
    ReusedKeyError(),
    TooLargeError("x"),
    refuse_places([("a", "b")]),
)

# The first test waits for all journeys.
pytestmark = pytest.mark.timeout(300)


def submission(state, processing, *, ran):
    """What the manager says about a submission."""
    result = {"attempt": 1, "outcome": "failed", "time_start": 1100.0, "time_stop": 1200.5, "message": "no beam"}
    return {
        "id": str(uuid.UUID(int=1)),
        "item_id": str(uuid.UUID(int=2)),
        "state": state,
        "message": "no beam",
        "workflow_id": PIPELINE,
        "workflow_version": 1,
        "reference": "x" * 255,
        "processing": processing,
        "created": 1000.0,
        "creator": "ann",
        "tags": ["a"],
        "request": None,
        "results": [result] if ran else [],
        "time_started": 1100.0 if state == "running" else None,
    }


def documents():
    """Every state in both versions, and problems of all kinds, each with the name of the model that must read it."""
    pipeline = Pipeline("p" * 300, "", "2026-01-01T00:00:00.000Z", "")
    told = [submission(state, "succeeded", ran=ran) for state in typing.get_args(SubmissionState) for ran in (0, 1)]
    told += [submission("queued", processing, ran=False) for processing in typing.get_args(Processing)]
    for version, serializer in SERIALIZERS.items():
        yield from ((version.name, write_item(serializer, read_item(each), pipeline)) for each in told)
    for error in ERRORS:
        yield "problem", json.loads(bytes(render_error(error, "0" * 32).body))


@pytest.fixture(scope="module")
def told(running_system):
    """What became of the journeys, one after the other in one system whose queue runs all the while."""
    with running_system(http="127.0.0.1:0") as system:
        with RunControl(system.ready["control"], system.ready["info"], timeout_s=10) as client:
            client.send_request(method="workflow_add", params={"workflow": WORKFLOW})
            client.environment_open()
            client.wait_for_status(lambda status: status["worker_environment_exists"], 60)
            client.queue_autostart(enable=True)
        key = (system.data / "api-key").read_text().strip()
        done = subprocess.run(
            [sys.executable, str(ROOT / "tests/clients/programs" / PROGRAM), system.ready["http"], key, PIPELINE],
            cwd=ROOT,
            input=json.dumps(list(documents())),
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        yield json.loads(done.stdout)


@pytest.mark.parametrize("journey", names_of_journeys(PROGRAM))
def test_the_journey_ends_well(told, journey):
    check(told[journey])

"""Batch items and analyses, read from what the manager says about a submission."""

from __future__ import annotations

import typing
import uuid

import pytest

from http_gateway.dialects.ica import identities
from http_gateway.dialects.ica.analyses import CREATION, Pipeline, Words, read_item, write_time
from http_gateway.dialects.ica.answers import SERIALIZERS, STATES_V3, STATES_V4, write_batch, write_item
from http_gateway.dialects.ica.negotiation import Version
from queue_server.protocol.submissions import Processing, SubmissionState

STATES = typing.get_args(SubmissionState)
PIPELINE = Pipeline("demo-pipeline", "", "2026-01-01T00:00:00.000Z", "ann")
REQUEST = {
    "kind": "nextflowItems",
    "item": {
        "userReference": "mine",
        "pipelineId": "the pipeline as it was named",
        "tags": {"technicalTags": ["t", None], "userTags": None},
    },
}


def result(attempt=1, start=1100.0, stop=1200.0, outcome="completed", message=""):
    """The result of an attempt."""
    return {"attempt": attempt, "outcome": outcome, "time_start": start, "time_stop": stop, "message": message}


def submission(**changes):
    """What the manager says about a submission."""
    return {
        "id": str(uuid.UUID(int=1)),
        "item_id": str(uuid.UUID(int=2)),
        "state": "completed",
        "message": "",
        "workflow_id": "demo-pipeline",
        "workflow_version": 3,
        "reference": "mine",
        "processing": "succeeded",
        "created": 1000.0,
        "creator": "bob",
        "tags": ["t"],
        "request": REQUEST,
        "results": [result()],
        "time_started": None,
        **changes,
    }


def written(version=Version.V4, **changes):
    """The item as a version writes it."""
    return write_item(SERIALIZERS[version], read_item(submission(**changes)), PIPELINE)


def analysis(version=Version.V4, **changes):
    """The analysis as a version writes it."""
    return written(version, **changes)["createdAnalysis"]


def test_times_are_written_in_utc():
    assert write_time(0.1234) == "1970-01-01T00:00:00.123Z"


def test_reference_pipeline_and_tags_are_told_as_they_came():
    assert written()["request"] == {
        "userReference": "mine",
        "pipelineId": "the pipeline as it was named",
        "tags": {"technicalTags": ["t"], "userTags": [], "referenceTags": []},
    }


def test_what_was_created_in_another_way_is_readable_too():
    item = read_item(submission(request=None, reference="", tags=["a", "b"]))
    assert (item.user_reference, item.pipeline_id) == (str(uuid.UUID(int=1)), "demo-pipeline")
    assert item.tags == Words((), ["a", "b"], ())
    assert read_item(submission(request={"item": 7}, workflow_id=None)).pipeline_id == ""


@pytest.mark.parametrize("processing", typing.get_args(Processing))
def test_how_far_the_creation_is_has_a_word_of_its_own(processing):
    item = written(processing=processing, message="no room")
    assert item["processing"]["status"] == CREATION[processing]
    assert ("createdAnalysis" in item) == (processing == "succeeded")
    assert ("additionalStatusInformation" in item["processing"]) == (processing != "succeeded")


@pytest.mark.parametrize("table", [STATES_V3, STATES_V4])
def test_every_state_has_a_word_in_each_version(table):
    assert set(table) == set(STATES)


@pytest.mark.parametrize(
    ("state", "v3", "v4"),
    [
        ("queued", "REQUESTED", "QUEUED"),
        ("held", "AWAITINGINPUT", "AWAITING_INPUT"),
        ("running", "INPROGRESS", "IN_PROGRESS"),
        ("paused", "AWAITINGINPUT", "AWAITING_INPUT"),
        ("uploading", "INPROGRESS", "GENERATING_OUTPUTS"),
        ("stopped", "SUCCEEDED", "SUCCEEDED"),
        ("unknown", "FAILED", "FAILED"),
        ("removed", "ABORTED", "ABORTED"),
    ],
)
def test_a_state_is_told_in_the_words_of_each_version(state, v3, v4):
    assert analysis(Version.V3, state=state)["status"] == v3
    assert analysis(Version.V4, state=state)["status"] == v4


def test_owners_stand_in_the_place_that_each_version_has_for_them():
    old, new = analysis(Version.V3), analysis(Version.V4)
    assert old["ownerId"] == new["owner"]["id"] == identities.user_id("bob")
    assert old["pipeline"]["ownerId"] == new["pipeline"]["owner"]["id"] == identities.user_id("ann")
    assert {"owner", "tenant"}.isdisjoint(old)
    assert {"ownerId", "tenantId", "tenantName"}.isdisjoint(new)
    assert {"timeCreated", "ownerId"}.isdisjoint(new["pipeline"]["analysisStorage"])


def test_a_pipeline_has_the_name_of_its_workflow_and_an_id_made_from_it():
    pipeline = analysis()["pipeline"]
    assert (pipeline["code"], pipeline["description"]) == ("demo-pipeline", "demo-pipeline")
    assert pipeline["id"] == identities.pipeline_id("demo-pipeline")
    item = read_item(submission())
    described = write_item(SERIALIZERS[Version.V3], item, Pipeline("p" * 300, "d" * 5000, "", ""))
    assert len(described["createdAnalysis"]["pipeline"]["code"]) == 296
    assert len(described["createdAnalysis"]["pipeline"]["description"]) == 4000


def test_an_analysis_has_the_times_of_its_newest_attempt():
    finished = analysis(results=[result(), result(2, 1300.0, 1400.0)])
    assert (finished["startDate"], finished["endDate"]) == (write_time(1300), write_time(1400))
    assert (finished["timeCreated"], finished["timeModified"]) == (write_time(1000), write_time(1400))


def test_an_analysis_that_runs_once_more_has_begun_and_has_no_end():
    running = analysis(state="running", results=[result()], time_started=1500.0)
    assert running["startDate"] == running["timeModified"] == write_time(1500)
    assert "endDate" not in running
    waiting = analysis(state="queued", results=[result(outcome="failed")])
    assert {"startDate", "endDate"}.isdisjoint(waiting)
    assert waiting["timeModified"] == write_time(1200)


def test_an_analysis_that_never_ran_has_the_time_of_its_creation_only():
    removed = analysis(state="removed", results=[])
    assert {"startDate", "endDate", "summary"}.isdisjoint(removed)
    assert removed["timeCreated"] == removed["timeModified"]


def test_references_begin_as_the_user_s_own_and_are_no_longer_than_allowed():
    assert analysis()["reference"] == f"mine-{uuid.UUID(int=1)}"
    long = {"item": {**REQUEST["item"], "userReference": "x" * 255}}
    one, other = (analysis(request=long, id=str(uuid.UUID(int=number)))["reference"] for number in (1, 2))
    assert len(one) == 255
    assert one != other


def test_a_batch_is_told_with_the_job_that_made_it_which_is_the_same_for_ever():
    batch = {"id": str(uuid.UUID(int=3)), "created": 1000.0, "owner": "bob", "size": 2}
    told = write_batch(batch)
    assert (told["id"], told["job"]["subjectId"], told["job"]["status"]) == (batch["id"], batch["id"], "SUCCEEDED")
    assert told["job"]["owner"]["username"] == "bob"
    assert told == write_batch({**batch, "counts": {"completed": 2}})


@pytest.mark.parametrize("user", ["", "x" * 300])
def test_users_have_names_of_a_length_that_clients_take(user):
    owner = write_batch({"id": "b", "created": 1.0, "owner": user})["job"]["owner"]
    assert 1 <= len(owner["username"]) <= 255
    assert 1 <= len(owner["email"]) <= 255


def test_ids_are_in_the_one_form_that_clients_read():
    assert identities.is_uuid("3fa85f64-5717-4562-b3fc-2c963f66afa6")
    assert identities.is_uuid("3FA85F64-5717-4562-B3FC-2C963F66AFA6")
    for text in ("3fa85f6457174562b3fc2c963f66afa6", "{3fa85f64-5717-4562-b3fc-2c963f66afa6}", "x", ""):
        assert not identities.is_uuid(text)

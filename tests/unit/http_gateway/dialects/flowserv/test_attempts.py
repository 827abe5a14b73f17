"""Runs of a submission: one for each attempt, and the states that end stay as they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from http_gateway.dialects.flowserv.attempts import (
    ACTIVE,
    STATES,
    cancelled_run,
    find_run,
    name_run,
    read_run_id,
    read_state,
    runs_of,
    served_run,
)
from queue_server.protocol.errors import NotFoundError, ParameterError

OUTCOMES = ("completed", "stopped", "failed", "unknown", "aborted", "halted")
LIVING = ("queued", "held", "running", "paused", "uploading")


def submission_of(state, outcomes=(), **more):
    """Return a submission whose attempts have ended so."""
    results = [
        {"attempt": number, "outcome": outcome, "time_start": 5.0, "time_stop": 6.0, "message": "", "files": ["f"]}
        for number, outcome in enumerate(outcomes, 1)
    ]
    return {"id": "s", "state": state, "message": "", "created": 4.0, "time_started": None, "results": results} | more


@given(st.lists(st.sampled_from(OUTCOMES), max_size=4), st.sampled_from((*LIVING, "removed")))
def test_every_attempt_is_a_run_and_at_most_the_last_is_active(outcomes, state):
    if state == "removed" and outcomes:
        state = outcomes[-1]
    runs = runs_of(submission_of(state, outcomes))
    assert [run.id for run in runs] == [name_run("s", number) for number in range(1, len(runs) + 1)]
    assert len(runs) == max(1, len(outcomes) + (state in LIVING))
    assert all(run.state not in ACTIVE for run in runs[:-1])
    assert (runs[-1].state in ACTIVE) == (state in LIVING)
    assert all(run.created <= run.started <= run.finished for run in runs)
    assert all(bool(run.files) == (run.state == "SUCCESS") for run in runs)
    assert all(run.messages for run in runs if run.state in ("ERROR", "CANCELED"))


@given(st.lists(st.sampled_from(OUTCOMES), min_size=1, max_size=4), st.data())
def test_what_has_ended_stays_as_it_is(outcomes, data):
    fewer = data.draw(st.integers(1, len(outcomes)))
    before = runs_of(submission_of(outcomes[fewer - 1], outcomes[:fewer]))
    assert runs_of(submission_of("queued", outcomes))[:fewer] == before


@given(st.from_regex(r"[A-Za-z0-9-]{1,36}", fullmatch=True), st.integers(1, 999))
def test_the_id_of_a_run_tells_its_submission_and_attempt(submission_id, attempt):
    assert read_run_id(name_run(submission_id, attempt)) == (submission_id, attempt)


@pytest.mark.parametrize("run_id", ["", "a.1", "a.0", "a.02", "a.b", "a.2.3", ".2", "a/b", "ä", "a" * 200])
def test_other_ids_are_of_no_run(run_id):
    with pytest.raises(NotFoundError):
        read_run_id(run_id)


def test_a_run_that_has_not_been_is_not_found():
    with pytest.raises(NotFoundError):
        find_run(submission_of("completed", ["completed"]), 2)
    assert find_run(submission_of("queued", ["failed"]), 2).state == "PENDING"


def test_the_newest_success_is_served_or_the_newest_run():
    assert served_run(submission_of("queued", ["completed", "failed"])).attempt == 1
    assert served_run(submission_of("queued", ["failed"])).attempt == 2


def test_a_cancelled_run_that_never_began_says_why():
    waiting = submission_of("queued", ["failed"])
    run = runs_of(waiting)[-1]
    left = cancelled_run(submission_of("failed", ["failed"]), run, "no sample")
    assert (left.id, left.state, left.messages) == ("s.2", "CANCELED", ("no sample",))
    removed = cancelled_run(submission_of("removed"), runs_of(submission_of("queued"))[0])
    assert (removed.state, removed.messages) == ("CANCELED", ("It was taken out of the queue before it had begun.",))
    # One that runs goes on until its worker has ended it.
    running = submission_of("running", time_started=9.0)
    assert cancelled_run(running, runs_of(running)[0], "why").state == "RUNNING"


def test_states_are_read_as_the_client_writes_them():
    assert [read_state(text) for text in (None, "", "None")] == [None] * 3
    assert [read_state(text) for text in STATES] == list(STATES)
    for text in ("none", "success", "ALL"):
        with pytest.raises(ParameterError, match="PENDING"):
            read_state(text)

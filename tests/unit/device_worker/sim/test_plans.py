from __future__ import annotations

from collections import Counter

import pytest

from device_worker.sim.plans import PlanFailure


def _kinds(documents):
    return Counter(kind for kind, _ in documents)


def _values(documents, field):
    return [document["data"][field] for kind, document in documents if kind == "event" and field in document["data"]]


def test_a_failing_count_takes_its_points_and_closes_its_run_as_failed(run):
    with pytest.raises(PlanFailure, match="fails on purpose after 2 of 5 points"):
        run("failing_count", ["det1"])
    assert _kinds(run.documents) == {"start": 1, "descriptor": 1, "event": 2, "stop": 1}
    start, stop = run.documents[0][1], run.documents[-1][1]
    assert (start["plan_name"], start["num_points"]) == ("failing_count", 5)
    assert stop["exit_status"] == "fail"
    assert "on purpose" in stop["reason"]


def test_a_failing_count_may_fail_at_once_or_late(run):
    with pytest.raises(PlanFailure, match="after 0 of 3 points"):
        run("failing_count", ["det1"], num=3, fail_after=0)
    with pytest.raises(PlanFailure, match="after 3 of 3 points"):
        run("failing_count", ["det1"], num=3, fail_after=9, md={"sample": "x"})
    assert run.documents[0][1]["sample"] == "x"
    assert _kinds(run.documents)["event"] == 3


def test_the_annotated_plan_moves_and_counts_with_its_default_detectors(run):
    documents = run("move_then_count", ["motor1", "motor2"], positions=[0, 1])
    assert _values(documents, "det1") == [5.0]
    assert _values(documents, "det2") == [2.0]


def test_the_annotated_plan_refuses_unequal_lists(run):
    with pytest.raises(ValueError, match="1 motors, but 2 positions"):
        run("move_then_count", ["motor1"], positions=[0, 1])


def test_components_of_a_bundle_can_be_counted(run):
    documents = run("count_bundle_test", ["det", "sim_bundle_A.dets.det_A"], num=2)
    assert len(_values(documents, "sim_bundle_A_dets_det_A")) == 2


def test_a_stage_moves_as_one_device(run, profile):
    run("mv", "sim_bundle_A.mtrs", [1, 2, 3])
    stage = profile.namespace["sim_bundle_A"].mtrs
    assert (stage.x.position, stage.y.position, stage.z.position) == (1, 2, 3)


def test_marked_up_count_counts(run):
    assert len(_values(run("marked_up_count", ["det"], num=3), "det")) == 3


def test_nested_runs_are_two_runs_with_their_own_points(run):
    documents = run("sim_multirun_plan_nested", 3, delay=0)
    assert _kinds(documents) == {"start": 2, "descriptor": 2, "event": 7, "stop": 2}
    outer, inner = (document["uid"] for kind, document in documents if kind == "start")
    assert [document["run_start"] for kind, document in documents if kind == "stop"] == [inner, outer]


@pytest.mark.parametrize(
    ("name", "args", "points"),
    [
        ("count", [["det1", "det2"], 3], 3),
        ("scan", [["det1"], "motor1", -1, 1, 5], 5),
        ("rel_scan", [["det1"], "motor1", -1, 1, 3], 3),
        ("grid_scan", [["det4"], "motor1", 0, 1, 2, "motor2", 0, 1, 3], 6),
        ("list_scan", [["det1"], "motor1", [1, 2, 3]], 3),
    ],
)
def test_plans_of_bluesky_run_with_names_for_devices(run, name, args, points):
    assert _kinds(run(name, *args))["event"] == points


def test_progress_bars_are_drawn_at_every_step(profile, capsys):
    plan = profile.namespace["plan_test_progress_bars"](2)
    # Walked through without a RunEngine, so that nobody waits for the time that it sleeps.
    messages = list(plan)
    assert [message.command for message in messages] == ["sleep"] * 10
    output = "".join(capsys.readouterr())
    assert "TEST1" in output
    assert "TEST2" in output
    # What published tests look for around the bars.
    assert output.count("TESTING 2 PROGRESS BARS") == output.count("TEST COMPLETED") == 1

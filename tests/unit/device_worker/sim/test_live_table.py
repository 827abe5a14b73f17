from __future__ import annotations

import re


def _rows(output):
    return [line for line in output.splitlines() if re.match(r"\|\s+\d+ \|", line)]


def test_a_run_is_printed_as_a_table_of_what_was_scanned_and_measured(run, capsys):
    documents = run("scan", ["det1"], "motor1", -1, 1, 3)
    output = capsys.readouterr().out
    assert f"Persistent Unique Scan ID: '{documents[0][1]['uid']}'" in output
    header = next(line for line in output.splitlines() if "seq_num" in line)
    assert header.replace(" ", "") == "|seq_num|time|motor1|det1|"
    assert len(_rows(output)) == 3
    assert f"generator scan ['{documents[0][1]['uid'][:8]}']" in output


def test_nested_runs_have_tables_of_their_own(run, capsys):
    run("sim_multirun_plan_nested", 2, delay=0)
    output = capsys.readouterr().out
    headers = [line.replace(" ", "") for line in output.splitlines() if "seq_num" in line]
    assert headers == ["|seq_num|time|motor|det|", "|seq_num|time|motor1|motor2|det2|"]
    assert len(_rows(output)) == 5


def test_images_are_not_columns(run, capsys, recwarn):
    run("count", ["direct_img", "det"])
    header = next(line for line in capsys.readouterr().out.splitlines() if "seq_num" in line)
    assert header.replace(" ", "") == "|seq_num|time|det|"
    assert not [warning for warning in recwarn if "LiveTable" in str(warning.message)]


def test_a_run_without_points_prints_its_head_alone(run, capsys):
    run("fly", ["trivial_flyer"])
    output = capsys.readouterr().out
    assert "Transient Scan ID" in output
    assert "seq_num" not in output


def test_nothing_is_kept_of_a_finished_run(profile):
    from device_worker.sim.live_table import RunTables

    tables, engine = RunTables(), profile.namespace["RE"]
    token = engine.subscribe(tables)
    engine(profile.namespace["count"]([profile.namespace["det"]]))
    engine.unsubscribe(token)
    assert not any(vars(tables)[name] for name in ("_starts", "_tables", "_runs"))

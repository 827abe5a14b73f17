from pathlib import Path

import pytest

from queue_server.cli.doctor.command import read_settings, report, show, summarize
from queue_server.cli.doctor.finding import Finding
from queue_server.cli.main import run

OK = Finding("store", "ok", "sound")
WARNING = Finding("disk", "warning", "little room", "df -h /data")
FAILURE = Finding("manager", "failure", "silent", "kill -KILL 7")


@pytest.mark.parametrize(
    ("findings", "said"),
    [
        ([OK], "all is well."),
        ([OK, WARNING], "1 warning."),
        ([FAILURE, WARNING, FAILURE, WARNING], "2 failures, 2 warnings."),
    ],
)
def test_findings_are_counted(findings, said):
    assert summarize(findings) == said


def test_what_a_machine_reads_has_every_finding_and_the_exit_code():
    found = report([OK, WARNING], Path("/data"))
    assert (found["success"], found["level"], found["exit_code"], found["data"]) == (True, "warning", 1, "/data")
    assert found["findings"] == [
        {"check": "store", "level": "ok", "text": "sound", "action": ""},
        {"check": "disk", "level": "warning", "text": "little room", "action": "df -h /data"},
    ]
    assert report([FAILURE], Path("/data"))["success"] is False


def test_a_person_reads_what_to_do_under_each_finding(capsys):
    show([OK, FAILURE], Path("/data"))
    shown = capsys.readouterr()
    assert shown.out.splitlines() == [
        "ok       store    sound",
        "failure  manager  silent",
        "                  → kill -KILL 7",
    ]
    assert shown.err == "/data: 1 failure.\n"


def test_settings_that_cannot_be_used_are_a_finding_and_the_rest_goes_on(tmp_path):
    (tmp_path / "cuelight.yaml").write_text("control: nonsense\n")
    settings, [found] = read_settings({"data": tmp_path / "data", "config": tmp_path, "ready_file": None})
    assert (found.check, found.level) == ("settings", "failure")
    assert "control" in found.text
    assert found.action == f"$EDITOR {tmp_path}/cuelight.yaml"
    assert settings.data == tmp_path / "data"
    assert settings.backup_interval_s > 0


def test_settings_that_can_be_used_are_no_finding(tmp_path):
    settings, found = read_settings({"data": tmp_path, "config": None, "ready_file": None})
    assert (settings.data, found) == (tmp_path, [])


def test_a_time_that_is_no_number_is_refused(capsys):
    assert run(["doctor", "--timeout", "nan"]) == 1
    assert "--timeout" in capsys.readouterr().err

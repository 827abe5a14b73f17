from pathlib import Path

import pytest

from queue_server.cli.doctor.finding import EXIT_CODES, Finding, command_on, worst_of

OK, WARNING, FAILURE = (Finding("store", level, "text") for level in ("ok", "warning", "failure"))


@pytest.mark.parametrize(
    ("findings", "level", "code"),
    [
        ([], "ok", 0),
        ([OK, OK], "ok", 0),
        ([OK, WARNING, OK], "warning", 1),
        ([FAILURE, WARNING, OK], "failure", 2),
        ([WARNING, FAILURE], "failure", 2),
    ],
)
def test_the_gravest_finding_decides_the_exit_code(findings, level, code):
    assert worst_of(findings) == level
    assert EXIT_CODES[worst_of(findings)] == code


def test_a_command_can_be_typed_whatever_the_directory_is_called():
    assert command_on(Path("/data/my lab"), "up") == "cuelight up --data '/data/my lab'"

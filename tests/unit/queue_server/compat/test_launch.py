"""The command re-manager, up to the moment at which it would start the system."""

from __future__ import annotations

import pytest

from queue_server.compat.launch import main, pass_secrets
from queue_server.compat.launch_settings import read_wishes


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--startup-dir", "a", "--startup-module", "b"], "--startup-module"),
        (["--startup-dir", "/", "--startup-profile", "b"], "startup_profile"),
        (["--startup-dir", "/nowhere/at/all"], "/nowhere/at/all"),
        (["--no-such-option"], "--no-such-option"),
    ],
)
def test_wrong_options_are_explained_on_standard_output(arguments, named, capsys):
    assert main(arguments, program="cuelight re-manager") == 1
    printed = capsys.readouterr()
    assert printed.out.startswith("cuelight re-manager: ")
    assert named in printed.out
    assert printed.err == ""


def test_help_is_an_answer(capsys):
    assert main(["--help"], program="cuelight re-manager") == 0
    printed = capsys.readouterr()
    assert "usage: cuelight re-manager" in printed.out
    assert printed.err == ""


def test_secrets_of_a_configuration_file_are_passed_on_in_the_environment(tmp_path):
    file = tmp_path / "config.yml"
    key = "x" * 40
    file.write_text(f"network: {{zmq_private_key: {key}}}\noperation: {{emergency_lock_key: sesame}}\n")
    environ = {"QSERVER_EMERGENCY_LOCK_KEY_FOR_SERVER": "of the environment"}
    pass_secrets(read_wishes(["--config", str(file)], "re-manager", environ), environ)
    assert environ == {
        "QSERVER_EMERGENCY_LOCK_KEY_FOR_SERVER": "sesame",
        "QSERVER_ZMQ_PRIVATE_KEY_FOR_SERVER": key,
    }

"""Which startup code is loaded, and which permissions belong to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from queue_server.compat.launch_startup import Startup, find_list_file, find_permissions, find_startup
from queue_server.protocol.errors import ParameterError


@pytest.fixture
def profile(tmp_path):
    """An IPython directory with the startup directory of one profile."""
    startup = tmp_path / "ipython" / "profile_beam" / "startup"
    startup.mkdir(parents=True)
    return startup


@pytest.fixture
def ipython_dir(profile):
    return str(profile.parents[1])


def find(file=None, options=None, environ=None):
    return find_startup(file or {}, options or {}, environ or {})


def test_without_a_location_the_simulated_profile_is_loaded():
    assert find().setting == "sim"


def test_each_location_has_its_form(tmp_path):
    assert find(options={"startup_dir": str(tmp_path)}).setting == str(tmp_path)
    assert find(options={"startup_script": "~/s.py"}).setting == str(Path("~/s.py").expanduser())
    assert find(options={"startup_module": "beam.line"}).setting == "module:beam.line"


def test_a_profile_is_its_startup_directory(profile, ipython_dir, monkeypatch, tmp_path):
    options = {"startup_profile": "beam"}
    assert find(options={**options, "ipython_dir": ipython_dir}).setting == str(profile)
    assert find(options=options, environ={"IPYTHONDIR": ipython_dir}).setting == str(profile)
    monkeypatch.setenv("HOME", str(tmp_path))
    default = tmp_path / ".ipython" / "profile_default" / "startup"
    default.mkdir(parents=True)
    assert find(options={"ipython_dir": "~/.ipython"}).setting == str(default)


def test_an_option_wins_over_the_file(tmp_path):
    file = {"startup_dir": str(tmp_path)}
    assert find(file=file).setting == str(tmp_path)
    assert find(file=file, options={"startup_module": "m"}).setting == "module:m"


@pytest.mark.parametrize(
    "values",
    [
        {"startup_dir": "/a", "startup_profile": "beam"},
        {"startup_dir": "/a", "ipython_dir": "/i"},
        {"startup_dir": "/a", "startup_script": "/s.py"},
        {"startup_script": "/s.py", "startup_module": "m"},
    ],
)
@pytest.mark.parametrize("source", ["file", "options"])
def test_two_locations_in_one_source_are_refused_with_both_names(values, source):
    with pytest.raises(ParameterError) as caught:
        find(**{source: values})
    assert [name for name in values if name not in str(caught.value)] == []


def test_a_startup_directory_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ParameterError, match="nowhere"):
        find(options={"startup_dir": str(tmp_path / "nowhere")})


def test_permissions_lie_beside_the_profile_of_a_script(profile, ipython_dir):
    values = {"startup_script": "/s.py", "startup_profile": "beam", "ipython_dir": ipython_dir}
    startup = find(options=values)
    assert startup.setting == "/s.py"
    assert find_permissions(None, startup) == profile / "user_group_permissions.yaml"
    assert find_list_file(None, startup) == profile / "existing_plans_and_devices.yaml"


def test_without_a_profile_the_worker_finds_the_permissions(tmp_path):
    assert find_permissions(None, find()) is None
    assert find_permissions(None, find(options={"startup_dir": str(tmp_path)})) is None
    assert find_list_file(None, find(options={"startup_dir": str(tmp_path)})) is None


def test_a_directory_of_permissions_means_the_file_in_it(tmp_path):
    default = tmp_path / "user_group_permissions.yaml"
    assert find_permissions(str(tmp_path), Startup()) == default
    assert find_permissions(str(tmp_path / "mine.yaml"), Startup()) == tmp_path / "mine.yaml"


def test_a_directory_of_lists_means_the_file_in_it(tmp_path):
    assert find_list_file(str(tmp_path), Startup()) == tmp_path / "existing_plans_and_devices.yaml"
    assert find_list_file(str(tmp_path / "mine.yaml"), Startup()) == tmp_path / "mine.yaml"

from __future__ import annotations

import pytest

from device_worker import sim
from device_worker.profile import ProfileError, StartupSource


def test_the_word_sim_is_the_simulated_profile(tmp_path, monkeypatch):
    (tmp_path / "sim").mkdir()
    monkeypatch.chdir(tmp_path)
    assert StartupSource.parse("sim") == StartupSource("sim")
    assert StartupSource.parse("./sim").kind == "directory"


def test_an_existing_directory_or_file_becomes_an_absolute_path(tmp_path, monkeypatch):
    (tmp_path / "profile").mkdir()
    (tmp_path / "one.py").touch()
    monkeypatch.chdir(tmp_path)
    assert StartupSource.parse("profile") == StartupSource("directory", str(tmp_path / "profile"))
    assert StartupSource.parse("one.py") == StartupSource("file", str(tmp_path / "one.py"))


def test_a_dotted_name_is_a_module():
    assert StartupSource.parse("beamline.startup") == StartupSource("module", "beamline.startup")


def test_a_name_marked_as_a_module_is_one_whatever_paths_exist(tmp_path, monkeypatch):
    (tmp_path / "beamline").mkdir()
    (tmp_path / "sim").mkdir()
    monkeypatch.chdir(tmp_path)
    assert StartupSource.parse("beamline").kind == "directory"
    assert StartupSource.parse("module:beamline") == StartupSource("module", "beamline")
    assert StartupSource.parse("module:sim") == StartupSource("module", "sim")


@pytest.mark.parametrize("name", ["", "a/b", "a.py:b", "1st"])
def test_what_is_marked_as_a_module_must_be_a_name(name):
    with pytest.raises(ProfileError, match=f"{name!r} is no name of a module"):
        StartupSource.parse(f"module:{name}")


@pytest.mark.parametrize("text", ["", "no/such/dir", "missing.py", "two words", "a..b", "1st", "missing.ipy"])
def test_what_is_neither_a_path_nor_a_module_is_refused_with_the_text(text):
    with pytest.raises(ProfileError, match="There is no startup code at") as caught:
        StartupSource.parse(text)
    assert repr(text) in str(caught.value)


def test_the_home_directory_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "profile").mkdir()
    assert StartupSource.parse("~/profile").location == str(tmp_path / "profile")


def test_files_of_a_profile_lie_beside_its_code(tmp_path):
    assert StartupSource.from_directory(tmp_path).directory == tmp_path
    assert StartupSource.from_file(tmp_path / "one.py").directory == tmp_path
    assert StartupSource("module", "beamline").directory is None
    assert StartupSource("sim").directory == sim.DIRECTORY

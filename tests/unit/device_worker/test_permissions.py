"""The permissions come from the given file, or from the startup directory."""

from __future__ import annotations

import pytest

from device_worker.permissions import FILE_NAME, read_permissions
from device_worker.profile import ProfileError


@pytest.fixture
def startup(tmp_path):
    directory = tmp_path / "startup"
    directory.mkdir()
    (directory / FILE_NAME).write_text("user_groups: {primary: {}}")
    return directory


def test_the_startup_directory_is_the_default(startup):
    assert read_permissions(None, startup) == {"user_groups": {"primary": {}}}


def test_there_may_be_none(tmp_path):
    assert read_permissions(None, tmp_path) is None
    assert read_permissions(None, None) is None


def test_a_given_file_wins(startup, tmp_path):
    given = tmp_path / "mine.yaml"
    given.write_text("user_groups: {mine: {}}")
    assert read_permissions(given, startup) == {"user_groups": {"mine": {}}}


def test_a_given_directory_stands_for_the_file_in_it(startup, tmp_path):
    assert read_permissions(startup, tmp_path) == {"user_groups": {"primary": {}}}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a: [", "not valid YAML"),
        ("- a", "must be a map, not list"),
        ("", "must be a map, not NoneType"),
        ("since: 2024-01-01", "unusable value"),
        ("a: !!python/object/apply:os.getcwd []", "not valid YAML"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_file(tmp_path, content, words):
    given = tmp_path / "mine.yaml"
    given.write_text(content)
    with pytest.raises(ProfileError, match=words) as caught:
        read_permissions(given, None)
    assert str(given) in str(caught.value)


def test_a_given_file_must_exist(tmp_path):
    with pytest.raises(ProfileError, match="No such file"):
        read_permissions(tmp_path / "missing.yaml", None)

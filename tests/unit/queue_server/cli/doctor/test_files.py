from pathlib import Path

import pytest

from queue_server.cli.doctor.facts import FileFacts, FileKind
from queue_server.cli.doctor.files import check_access, check_file, check_files, check_owner, check_place, user_name

DATA = Path("/data")
OWNER = 4_000_000_001
OTHER = 4_000_000_002


def file(kind: FileKind = "private", mode: int | None = 0o600, path=DATA / "file", owner: int | None = OWNER):
    return FileFacts(path, kind, "the key", mode, owner)


@pytest.mark.parametrize(
    ("kind", "mode", "level"),
    [
        ("database", 0o600, None),
        ("database", 0o640, "failure"),
        ("database", 0o604, "failure"),
        ("secret", 0o400, None),
        ("secret", 0o640, "failure"),
        ("private", 0o600, None),
        ("private", 0o644, "warning"),
        ("private", 0o620, "failure"),
        ("private", 0o602, "failure"),
        ("list", 0o644, None),
        ("list", 0o664, "failure"),
        ("tls_key", 0o600, None),
        ("tls_key", 0o640, "warning"),
        ("tls_key", 0o604, "failure"),
        ("socket", 0o755, None),
        ("socket", 0o770, "failure"),
        ("link", 0o770, None),
        ("link", 0o777, "failure"),
        ("directory", 0o700, None),
        ("directory", 0o710, None),
        ("directory", 0o750, "warning"),
        ("directory", 0o701, "warning"),
        ("directory", 0o720, "failure"),
        ("directory", 0o777, "failure"),
        ("shared", 0o2770, None),
        ("shared", 0o2775, "warning"),
        ("shared", 0o2777, "failure"),
    ],
)
def test_each_kind_of_file_has_its_own_rule(kind, mode, level):
    found = check_file(file(kind, mode))
    assert (None if found is None else found.level) == level
    assert found is None or found.action.startswith("chmod ")


def test_the_correction_is_a_command_with_the_path():
    found = check_file(file("secret", 0o644, Path("/etc/my key")))
    assert found is not None
    assert found.action == "chmod 600 '/etc/my key'"
    assert "mode 0644" in found.text


@pytest.mark.parametrize(
    ("kind", "level"),
    [("secret", "failure"), ("list", "failure"), ("tls_key", "failure"), ("private", None), ("database", None)],
)
def test_only_a_file_that_a_setting_names_must_be_there(kind, level):
    found = check_file(file(kind, mode=None, owner=None))
    assert (None if found is None else found.level) == level


def test_a_file_of_somebody_else_is_a_failure():
    found = check_owner(file(owner=OTHER), OWNER)
    assert found is not None
    assert (found.level, found.action) == ("failure", f"sudo chown {OWNER} /data/file")
    assert check_owner(file(owner=OWNER), OWNER) is None
    assert check_owner(file(owner=None), OWNER) is None


def test_files_that_are_all_right_are_one_finding():
    [found] = check_files([file(), file("directory", 0o700)], DATA, OWNER)
    assert (found.level, found.text) == ("ok", "Modes and owners of 2 files and directories are right.")


def test_owners_are_compared_inside_the_data_directory_and_not_where_workers_write():
    elsewhere = file("list", 0o644, Path("/etc/clients"), OTHER)
    shared = file("shared", 0o2770, DATA / "workers", OTHER)
    assert [found.level for found in check_files([elsewhere, shared], DATA, OWNER)] == ["ok"]
    assert [found.level for found in check_files([file(owner=OTHER)], DATA, OWNER)] == ["failure"]


def test_where_there_are_no_files_nothing_is_said():
    assert check_files([], DATA, None) == []


@pytest.mark.parametrize(("own", "count"), [(OWNER, 0), (0, 0), (OTHER, 1)])
def test_another_user_than_the_owner_is_told_whom_to_be(own, count):
    found = check_access(DATA, OWNER, own)
    assert len(found) == count
    assert all(finding.action == f"sudo -u {OWNER} cuelight doctor --data /data" for finding in found)


@pytest.mark.parametrize(
    ("is_directory", "is_readable", "owner", "part"),
    [
        (True, True, OWNER, None),
        (False, False, None, None),
        (False, True, OWNER, "is not a directory"),
        (True, False, OWNER, "may not look into it"),
    ],
)
def test_a_place_that_cannot_be_looked_into_is_a_failure(is_directory, is_readable, owner, part):
    found = check_place(DATA, is_directory=is_directory, is_readable=is_readable, owner=owner)
    assert (found is None) == (part is None)
    assert found is None or (found.level == "failure" and part in found.text)


def test_a_user_without_a_name_is_told_by_number():
    assert user_name(0) == "root"
    assert user_name(OWNER) == str(OWNER)

"""Where list file and permissions are, and what reading them gives."""

from __future__ import annotations

import pytest

from queue_server.access.policy import Policy
from queue_server.access.startup_files import NO_FILES, FileLists, find_directory, find_startup_files
from queue_server.protocol.errors import ParameterError
from queue_server.protocol.list_file import MOST_YAML_BYTES, render_lists

PERMISSIONS = "user_groups: {root: {allowed_plans: [null]}, guests: {}}"


@pytest.fixture
def find(tmp_path):
    """Find the files of startup code; by default in the directory of the test."""

    def find(startup=None, list_file=None, permissions=None):
        return find_startup_files(startup or str(tmp_path), list_file, permissions, "on_change")

    return find


def test_both_files_lie_beside_the_startup_code(find, tmp_path):
    script = tmp_path / "script.py"
    script.touch()
    for startup in (tmp_path, script):
        files = find(str(startup))
        assert files.lists == tmp_path / "existing_plans_and_devices.yaml"
        assert files.permissions == tmp_path / "user_group_permissions.yaml"


@pytest.mark.parametrize("startup", ["beamline.startup", "module:sim", "/nowhere/at/all"])
def test_a_module_has_no_place_for_files(find, startup):
    files = find(startup)
    assert (files.lists, files.permissions) == (None, None)
    assert files.read_list_file() is None
    assert files.read_policy() == Policy.default()


def test_the_simulated_profile_brings_its_files():
    files = find_startup_files("sim", None, None, "on_change")
    assert files.is_simulated
    assert "primary" in files.read_policy().groups
    text = files.read_list_file()
    assert text is not None
    assert {"count", "scan"} <= set(files.parse_list_file(text).plans)


def test_files_elsewhere_are_named_by_their_path_or_their_directory(find, tmp_path):
    files = find("sim", tmp_path, tmp_path)
    assert files.lists == tmp_path / "existing_plans_and_devices.yaml"
    assert files.permissions == tmp_path / "user_group_permissions.yaml"
    assert not files.is_simulated
    named = find("sim", tmp_path / "lists.yaml", tmp_path / "who.yaml")
    assert (named.lists, named.permissions) == (tmp_path / "lists.yaml", tmp_path / "who.yaml")


def test_a_list_file_needs_a_directory(find, tmp_path):
    with pytest.raises(ParameterError, match="there is no directory"):
        find("sim", tmp_path / "missing" / "lists.yaml")


def test_lists_belong_to_startup_code_and_place(find, tmp_path):
    origins = {find().origin, find("sim").origin, find("sim", tmp_path).origin, find("a.module").origin}
    assert len(origins) == 4


def test_the_directory_of_startup_code_that_is_not_there_is_unknown():
    assert find_directory("/nowhere") is None


# --- permissions ------------------------------------------------------------------------------------------------------


def test_permissions_are_read(find, tmp_path):
    (tmp_path / "user_group_permissions.yaml").write_text(PERMISSIONS)
    assert find().read_policy().groups == ("root", "guests")


def test_without_a_file_the_default_holds_unless_one_was_named(find, tmp_path):
    assert find().read_policy() == Policy.default()
    with pytest.raises(ParameterError, match=r"who\.yaml cannot be read: No such file"):
        find(permissions=tmp_path / "who.yaml").read_policy()


@pytest.mark.parametrize(
    ("text", "words"),
    [("user_groups: {", "YAML"), ("- none", "mapping"), ("user_groups: {a: {}}", "'root'"), (b"\xff\xfe\xff", "YAML")],
)
def test_permissions_that_cannot_be_used_are_refused_also_where_nobody_named_them(find, tmp_path, text, words):
    path = tmp_path / "user_group_permissions.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ParameterError, match=words) as caught:
        find().read_policy()
    assert str(path) in caught.value.message
    assert caught.value.field == "permissions"


# --- lists ------------------------------------------------------------------------------------------------------------


def test_a_list_file_may_be_missing(find):
    assert find().read_list_file() is None
    assert NO_FILES.read_list_file() is None


def test_a_list_file_that_cannot_be_read_is_refused(find, tmp_path):
    (tmp_path / "existing_plans_and_devices.yaml").mkdir()
    with pytest.raises(ParameterError, match="cannot be read: Is a directory"):
        find().read_list_file()


@pytest.mark.parametrize(
    "text",
    [
        b"existing_plans: {count: {name: count}}\nexisting_devices: {det: {}}",
        b"existing_plans: {count: &c {name: count}}\nexisting_devices: {det: {}}\nmore: *c",
        render_lists({"count": {"name": "count"}}, {"det": {}}).encode(),
    ],
)
def test_lists_are_read_from_both_forms(find, text):
    assert find().parse_list_file(text) == FileLists({"count": {"name": "count"}}, {"det": {}})


@pytest.mark.parametrize("text", [b"", b"# nothing", b"existing_plans:\nexisting_devices: {}"])
def test_lists_may_be_empty(find, text):
    assert find().parse_list_file(text) == FileLists({}, {})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"existing_plans: [", "not YAML"),
        (b"\xff", "not YAML"),
        (b"!!python/name:os.system", "not YAML"),
        (b"- count", "must be a map"),
        (b"existing_plans: [count]", "existing_plans must be a map"),
        (b"existing_devices: {det: 5}", "device 'det'"),
        (b"#" * (MOST_YAML_BYTES + 1), "list-plans-devices"),
    ],
)
def test_other_content_is_refused_with_the_file_and_the_place(find, text, words):
    with pytest.raises(ParameterError, match=words) as caught:
        find().parse_list_file(text)
    assert "existing_plans_and_devices.yaml" in caught.value.message

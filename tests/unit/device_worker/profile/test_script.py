"""Scripts change the namespace of a profile, keep its RunEngine unless told not to, and fail with their own lines."""

from __future__ import annotations

import linecache
import sys
import traceback

import pytest

from device_worker.profile import Profile, ProfileError, StartupSource
from device_worker.profile.script import REMEMBERED_SCRIPTS, execute_script, find_directory, find_function


@pytest.fixture
def profile(tmp_path):
    return Profile(StartupSource.from_directory(tmp_path), {"RE": "engine", "speed": 1})


def execute(profile, script, label="one", *, keeps_session=True):
    execute_script(profile, script, label, keeps_session=keeps_session)


def test_a_script_changes_the_namespace(profile):
    execute(profile, "speed += 1\ndef double(x):\n    return x * speed\nwhere = __file__\nname = __name__")
    namespace = profile.namespace
    assert (namespace["speed"], namespace["double"](4), namespace["name"]) == (2, 8, "__main__")
    assert namespace["where"].endswith("script")
    assert "__file__" not in namespace


def test_the_empty_script_changes_nothing(profile):
    before = dict(profile.namespace)
    execute(profile, "")
    assert {key: profile.namespace[key] for key in before} == before


def test_the_run_engine_and_the_databroker_stay_what_they_were(profile):
    execute(profile, "RE = 'another'\ndb = 'a new one'\nspeed = 3")
    assert profile.namespace["RE"] == "engine"
    assert "db" not in profile.namespace
    assert profile.namespace["speed"] == 3


def test_the_run_engine_stays_also_where_the_script_deletes_it_and_fails(profile):
    with pytest.raises(ZeroDivisionError):
        execute(profile, "del RE\nspeed = 3\n1 / 0")
    assert (profile.namespace["RE"], profile.namespace["speed"]) == ("engine", 3)


def test_they_are_replaced_on_request(profile):
    execute(profile, "RE = 'another'\ndb = 'a new one'", keeps_session=False)
    assert (profile.namespace["RE"], profile.namespace["db"]) == ("another", "a new one")


def test_a_failure_shows_the_line_of_the_script_also_in_a_function_that_is_called_later(profile):
    execute(profile, "def fail():\n    raise OSError('the shutter')  # this line")
    with pytest.raises(OSError, match="the shutter") as failure:
        profile.namespace["fail"]()
    text = "".join(traceback.format_exception(failure.value))
    assert '"<script one>", line 2, in fail' in text
    assert "# this line" in text


def test_a_script_that_is_not_python_changes_nothing(profile):
    with pytest.raises(SyntaxError) as failure:
        execute(profile, "speed = 5\nspeed = = 6")
    assert (failure.value.filename, failure.value.lineno) == ("<script one>", 2)
    assert profile.namespace["speed"] == 1


def test_the_lines_of_old_scripts_are_forgotten(profile):
    for number in range(REMEMBERED_SCRIPTS + 1):
        execute(profile, "pass", f"many-{number}")
    kept = [name for name in linecache.cache if name.startswith("<script ")]
    assert len(kept) == REMEMBERED_SCRIPTS
    assert "<script many-0>" not in kept


def test_modules_beside_the_startup_code_are_read_again_by_each_script(profile, tmp_path):
    module = tmp_path / "beside_the_startup.py"
    before = list(sys.path)
    for answer in (1, 22, 333):
        module.write_text(f"answer = {answer}")
        execute(profile, "from beside_the_startup import answer")
        assert profile.namespace["answer"] == answer
    assert "beside_the_startup" not in sys.modules
    assert sys.path == before


def test_modules_from_elsewhere_stay_loaded(profile, tmp_path, monkeypatch):
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "from_elsewhere.py").write_text("answer = 1")
    monkeypatch.syspath_prepend(inner)
    execute(profile, "import from_elsewhere")
    assert sys.modules.pop("from_elsewhere").answer == 1


def test_an_import_of_the_interactive_shell_takes_the_stand_in(profile):
    profile.namespace["__get_ipython__"] = lambda: "the stand-in"
    execute(profile, "from IPython import get_ipython\nshell = get_ipython()")
    assert profile.namespace["shell"] == "the stand-in"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (StartupSource("directory", "/a/b"), "/a/b"),
        (StartupSource("file", "/a/b/c.py"), "/a/b"),
        (StartupSource("sim"), None),
        (StartupSource("module", "there.is_no_such_module"), None),
    ],
)
def test_the_directory_to_import_from(source, expected):
    assert (str(find_directory(source)) if expected else find_directory(source)) == expected


def test_a_startup_module_has_the_directory_of_its_file():
    directory = find_directory(StartupSource("module", "device_worker.sim.startup"))
    assert directory is not None
    assert (directory / "startup.py").is_file()


def test_functions_and_whatever_can_be_called_are_found(profile):
    profile.namespace["double"] = double = lambda x: 2 * x
    profile.namespace["Kind"] = dict
    assert find_function(profile, "double") is double
    assert find_function(profile, "Kind") is dict


def a_plan():
    yield None


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("_hidden", "is private"),
        ("unknown", "no function 'unknown'"),
        ("speed", "is a int, which cannot be called"),
        ("a_plan", "is a plan"),
        ("double.__call__", "no function"),
    ],
)
def test_nothing_else_is_found(profile, name, words):
    profile.namespace.update(_hidden=print, a_plan=a_plan, double=print)
    with pytest.raises(ProfileError, match=words):
        find_function(profile, name)

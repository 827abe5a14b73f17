"""I5, I6 and I13: what the source never does, and which versions of libraries it stands on."""

from __future__ import annotations

import ast
import pickle
import tomllib
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

import apsw
import pytest
import zmq
from packaging.requirements import Requirement
from packaging.version import Version

from queue_server.protocol.errors import CuelightError
from queue_server.protocol.worker_link import read_from_worker
from queue_server.workers.sockets import link_address
from tests.processes.lone import ROOT, Manager
from tests.processes.system import copy_startup

PACKAGES = ("queue_server", "device_worker", "http_gateway")
BANNED_IMPORTS = {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "jsonpickle", "joblib", "jose"}
BANNED_CALLS = {"eval", "exec", "compile", "execfile", "__import__"}
BANNED_ATTRIBUTES = {
    "yaml.load",
    "yaml.load_all",
    "yaml.unsafe_load",
    "yaml.full_load",
    "os.system",
    "os.popen",
    "numpy.load",
    "np.load",
    "builtins.exec",
    "builtins.eval",
}
# The worker runs the code of its users, and nothing else of the project runs any. A lane for processing sends it on to
# processes of its own, over TLS, and reads arrays, but no objects in them.
ALLOWED = {
    ("device_worker/compute/inputs.py", "np.load"),
    ("device_worker/compute/step.py", "cloudpickle"),
    ("device_worker/profile/load.py", "exec"),
    ("device_worker/profile/script.py", "exec"),
    ("device_worker/profile/startup_code.py", "compile"),
}
FLOORS = {"starlette": "1.3.1", "apsw": "3.51.3"}


def source_files():
    """Return every module of the packages."""
    return [file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py"))]


def findings(file: Path):
    """Give where a module does what it must not: line and name."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, each.name) for each in node.names if each.name.split(".")[0] in BANNED_IMPORTS)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in BANNED_IMPORTS:
            yield node.lineno, str(node.module)
        elif isinstance(node, ast.Call):
            yield from _calls(node)


def _calls(node: ast.Call):
    if isinstance(node.func, ast.Name) and node.func.id in BANNED_CALLS:
        yield node.lineno, node.func.id
    name = ast.unparse(node.func)
    if name in BANNED_ATTRIBUTES:
        yield node.lineno, name
    for keyword in node.keywords:
        if keyword.arg == "shell" and not (isinstance(keyword.value, ast.Constant) and keyword.value.value is False):
            yield node.lineno, "shell=True"
        if keyword.arg == "allow_pickle" and not (
            isinstance(keyword.value, ast.Constant) and keyword.value.value is False
        ):
            yield node.lineno, "allow_pickle"


# --- I6 -------------------------------------------------------------------------------------------------------------


@pytest.mark.fault("I6", "I12")
def test_no_module_executes_text_or_unpickles_outside_a_short_list(figure):
    files = source_files()
    found = {(str(file.relative_to(ROOT)), name): line for file in files for line, name in findings(file)}
    strange = {where: line for where, line in found.items() if where not in ALLOWED}
    figure("findings outside the list", 0, len(strange))
    assert len(files) > 100
    assert strange == {}
    assert set(found) == ALLOWED, "the list has places that need no permission any more"


@pytest.mark.fault("I6")
@pytest.mark.parametrize(
    "text",
    [
        "import pickle",
        "from marshal import loads",
        "eval('1')",
        "import yaml\nyaml.load('a')",
        "import subprocess\nsubprocess.run('x', shell=True)",
        "import os\nos.system('x')",
    ],
)
def test_the_search_finds_what_it_looks_for(text, tmp_path):
    file = tmp_path / "module.py"
    file.write_text(text)
    assert list(findings(file))


class _Touch:
    def __init__(self, mark):
        self._mark = mark

    def __reduce__(self):
        return open, (str(self._mark), "w")


@pytest.mark.fault("I6")
def test_pickled_bytes_of_a_worker_are_refused_and_not_executed(directory, figure):
    mark = directory / "executed"
    messages = [pickle.dumps(_Touch(mark), protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]
    for message in messages:
        with pytest.raises(CuelightError):
            read_from_worker(message)
    manager = Manager(directory / "data", startup=str(copy_startup(directory / "startup"))).must_be_ready()
    ask = manager.requester
    try:
        before = ask.open()["lanes"][0]["worker"]
        with zmq.Context.instance().socket(zmq.DEALER) as socket:
            socket.set(zmq.LINGER, 2000)
            socket.connect(link_address(directory / "data"))
            for message in messages:
                socket.send(message)
                socket.send_multipart([message, message])
        for message in messages:
            assert not ask.ask("queue_item_add", item={"name": message.hex()}, user="a", user_group="b")["success"]
        assert ask.status()["lanes"][0]["worker"] == before
        figure("pickles executed", 0, int(mark.exists()))
        assert not mark.exists()
    finally:
        ask.ask("environment_destroy")
        manager.kill()


# --- I5 -------------------------------------------------------------------------------------------------------------


@pytest.mark.fault("I5")
def test_nothing_writes_cells_that_a_spreadsheet_program_would_open(figure):
    """Tables are written in two places: of runs, whose cells are neutralised, and of numbers in a simulated plan."""
    known = {"queue_server/client/run_tables.py", "device_worker/sim/crystal.py"}
    writers = {"writer", "DictWriter", "writerow", "writerows", "Workbook", "to_csv", "to_excel"}
    found = []
    for file in source_files():
        if str(file.relative_to(ROOT)) in known:
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            name = getattr(node, "attr", getattr(node, "id", None))
            if isinstance(node, ast.Attribute | ast.Name) and name in writers and "csv" in _imports(file):
                found.append(f"{file.relative_to(ROOT)}:{node.lineno}")
    figure("places that export cells", 0, len(found))
    assert found == []


def _imports(file: Path) -> str:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return "csv" if {"csv", "openpyxl", "pandas"} & {name.split(".")[0] for name in names} else ""


# --- I13 ------------------------------------------------------------------------------------------------------------


def read_project():
    """Return what the project says of itself."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)["project"]


def declared():
    """Return the requirements of the project by name."""
    project = read_project()
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    return {Requirement(text).name.lower(): Requirement(text) for group in groups for text in group}


@pytest.mark.fault("I13")
@pytest.mark.parametrize("name", FLOORS)
def test_what_is_declared_and_installed_is_above_the_floor(name, figure):
    floor = Version(FLOORS[name])
    figure(f"version of {name}", f">= {floor}", version(name))
    assert Version(version(name)) >= floor
    lowest = [Version(each.version) for each in declared()[name].specifier if each.operator in (">=", "~=", "==")]
    assert lowest, f"{name} has no floor"
    assert max(lowest) >= floor


@pytest.mark.fault("I13")
def test_the_library_of_the_store_has_the_version_without_the_fault(figure):
    figure("SQLite of the store", ">= 3.51.3", apsw.sqlite_lib_version())
    assert Version(apsw.sqlite_lib_version()) >= Version("3.51.3")


@pytest.mark.fault("I13")
def test_no_part_of_the_project_asks_for_a_library_that_is_ruled_out():
    banned = {"python-jose", "jose", "pickle5", "dill", "passlib"}
    assert not banned & declared().keys()
    # Dask's processes need it, and nobody else.
    assert [text for text in read_project()["dependencies"] if "cloudpickle" in text] == []
    try:
        of_the_wheel = {Requirement(text).name.lower() for text in requires("cuelight") or []}
    except PackageNotFoundError:
        of_the_wheel = set()
    assert not banned & of_the_wheel

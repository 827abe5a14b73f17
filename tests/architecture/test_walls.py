"""The walls: every import between rooms, and of a library, stands in the table of docs/architecture.md."""

from __future__ import annotations

import re
import sys
import tomllib
from configparser import ConfigParser
from dataclasses import dataclass

import grimp
import pytest

FOUNDATION = ("clock", "failpoints", "disk", "config", "logs", "systemd")
PACKAGES = ("device_worker", "http_gateway")
# Libraries that are installed under another name than they are imported by.
DISTRIBUTIONS = {
    "zmq": "pyzmq",
    "re2": "google_re2",
    "yaml": "pyyaml",
    "click": "typer",
    "argon2": "argon2_cffi",
    "jwt": "pyjwt",
    "PIL": "pillow",
}


@dataclass(frozen=True)
class Room:
    """What one room may import: modules of ours by dotted prefix, libraries by top-level name."""

    modules: frozenset[str]
    libraries: frozenset[str]

    def admits(self, imported):
        """Whether the import of a module or library is allowed."""
        return imported in self.libraries or any(_is_within(imported, allowed) for allowed in self.modules)


@pytest.fixture(scope="module")
def walls(root):
    page = (root / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = page.split("<!-- walls:")[1].split("<!-- end of walls -->")[0]
    lines = table.splitlines()
    open_to_all = {name for line in lines if line.startswith("| every room ") for name in _quoted(line)}
    rooms = [line for line in lines if line.startswith("| `")]
    return {name: room for line in rooms for name, room in _rooms_of(line, open_to_all)}


def _rooms_of(line, open_to_all):
    first, second, third = (cell.strip() for cell in line.strip("|").split("|"))
    row = _quoted(first)
    modules = set(_quoted(second)) - {"queue_server"}
    if "foundation" in second:
        modules |= set(FOUNDATION)
    if "each other" in second:
        modules |= set(row)
    allowed = {f"queue_server.{name}" for name in modules}
    if second.startswith("everything in `queue_server`"):
        allowed.add("queue_server")
    for name in row:
        full_name = name if name in PACKAGES else f"queue_server.{name}"
        yield full_name, Room(frozenset(allowed | {full_name}), frozenset(open_to_all.union(_quoted(third))))


def _quoted(cell):
    return re.findall(r"`([\w.]+)`", cell)


def _is_within(module, package):
    return module == package or module.startswith(package + ".")


@pytest.fixture(scope="module")
def imports(packages):
    graph = grimp.build_graph(*packages, include_external_packages=True, cache_dir=None)
    return sorted(
        (importer, imported)
        for importer in graph.modules
        for imported in graph.find_modules_directly_imported_by(importer)
    )


def _room_of(module):
    return module.split(".")[0] if module.split(".")[0] in PACKAGES else ".".join(module.split(".")[:2])


def test_every_room_is_in_the_table(walls, source_modules):
    rooms = {_room_of(module.name) for module in source_modules} - {"queue_server"}
    assert sorted(rooms - set(walls)) == []


def test_every_import_stays_within_the_walls(walls, imports):
    broken = [
        f"{importer} -> {imported}"
        for importer, imported in imports
        if imported != "queue_server"
        and imported not in sys.stdlib_module_names
        and not walls[_room_of(importer)].admits(imported)
    ]
    assert broken == []


def test_the_root_of_the_queue_server_imports_nothing(imports):
    assert [imported for importer, imported in imports if importer == "queue_server" and imported != "__future__"] == []


def test_the_import_linter_and_pyright_know_every_package(packages, root):
    contracts = ConfigParser()
    contracts.read(root / ".importlinter")
    settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    assert sorted(contracts["importlinter"]["root_packages"].split()) == sorted(packages)
    assert set(packages) <= set(settings["tool"]["pyright"]["include"])


def test_every_library_of_the_table_is_a_declared_dependency(walls, packages, root):
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    # Where an extra brings a library, the code that imports it does without.
    extras = {name: lines for name, lines in project["optional-dependencies"].items() if name != "dev"}
    lines = [*project["dependencies"], *(line for lines in extras.values() for line in lines)]
    declared = {re.split(r"[<>=\[; ]", line)[0].lower().replace("-", "_") for line in lines}
    used = {library for name, room in walls.items() if name.split(".")[0] in packages for library in room.libraries}
    assert sorted({DISTRIBUTIONS.get(library) or library for library in used} - declared) == []

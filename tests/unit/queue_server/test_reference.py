import dataclasses
import json
from pathlib import Path

import pytest

from queue_server import reference
from queue_server.cli import failures
from queue_server.config import Settings
from queue_server.protocol import errors
from queue_server.protocol.methods import METHODS
from queue_server.protocol.status import LaneStatus, Status
from tests.cases import each

DIRECTORY = Path(__file__).parents[3] / "docs" / "reference"


@pytest.fixture(scope="module")
def pages():
    """The pages as they should be."""
    return reference.render()


def test_the_committed_pages_are_fresh(pages):
    stale = [name for name, text in pages.items() if (DIRECTORY / name).read_text(encoding="utf-8") != text]
    assert stale == [], "run: make regen"


def test_every_committed_page_is_generated(pages):
    # The description of the routes is made, and compared, by the package that serves them.
    assert {path.name for path in DIRECTORY.iterdir()} - {"openapi.json"} == set(pages)


@each("method", METHODS.values(), lambda method: method.name)
def test_every_method_has_its_section_with_all_parameters_and_reply_fields(pages, method):
    section = pages["methods.md"].partition(f"\n## {method.name}\n")[2].partition("\n## ")[0]
    assert method.summary in section
    assert method.scope in section
    fields = [field.name for field in dataclasses.fields(method.result)]
    assert [name for name in (*method.params.model_fields, *fields) if f"`{name}`" not in section] == []


@each("method", METHODS.values(), lambda method: method.name)
def test_every_example_is_a_request_that_the_method_accepts(method):
    request = reference.example(method)
    assert request["method"] == method.name
    method.parse(request.get("params", {}))


def test_the_schemas_cover_every_method(pages):
    assert json.loads(pages["methods.schema.json"])["$defs"].keys() == METHODS.keys()


def test_every_setting_is_listed_with_its_option_and_variable(pages):
    for name in Settings.model_fields:
        assert f"`--{name.replace('_', '-')}`" in pages["settings.md"]
        assert f"`CUELIGHT_{name.upper()}`" in pages["settings.md"]


def test_the_pages_do_not_depend_on_the_machine(pages, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", "/somewhere/else")
    monkeypatch.setenv("CUELIGHT_DATA", "/somewhere/else")
    assert reference.render() == pages


def test_every_code_is_listed(pages):
    codes = {kind.code for kind in vars(errors).values() if hasattr(kind, "code")}
    assert [code for code in codes if f"`{code}`" not in pages["errors.md"]] == []
    assert "invalid_parameter" in codes


def test_every_exit_code_of_the_command_is_listed(pages):
    codes = {failures.PLAN_FAILED, failures.PLAN_ABORTED, failures.INTERRUPTED}
    codes |= {kind.exit_code for kind in vars(errors).values() if hasattr(kind, "exit_code")}
    table = pages["errors.md"].partition("## Exit codes")[2]
    assert [code for code in codes if f"| {code} |" not in table] == []


@pytest.mark.parametrize("kind", [Status, LaneStatus])
def test_every_field_of_the_status_is_explained(pages, kind):
    rows = [line for line in pages["status.md"].splitlines() if line.startswith("| `")]
    names = {row.split("`")[1]: row for row in rows}
    assert [name for name in kind.__annotations__ if name not in names] == []
    assert [row for row in rows if row.rstrip().endswith("|  |")] == []


def test_writing_and_checking_agree(tmp_path, capsys):
    assert reference.main(["--write", str(tmp_path / "new")]) == 0
    assert reference.main(["--check", str(tmp_path / "new")]) == 0
    (tmp_path / "new" / "status.md").write_text("old")
    assert reference.main(["--check", str(tmp_path / "new")]) == 1
    assert "status.md" in capsys.readouterr().err

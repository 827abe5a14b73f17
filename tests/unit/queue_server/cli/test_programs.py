import pytest

from queue_server.cli.main import run
from queue_server.cli.programs import find_program, list_programs

MODULE = """
def main(arguments, *, program):
    print(program, *arguments)
    return len(arguments)
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An installed package that adds the program ``greet``."""
    (tmp_path / "greeting.py").write_text(MODULE)
    info = tmp_path / "greeting-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[cuelight.commands]\ngreet = greeting:main\n")
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.usefixtures("package")
def test_a_program_of_a_package_is_a_verb_and_gives_the_exit_code(capsys):
    assert run(["greet", "--loud", "you"]) == 2
    assert capsys.readouterr().out == "cuelight greet --loud you\n"


@pytest.mark.usefixtures("package")
def test_programs_are_named_in_the_help(capsys):
    assert "greet" in list_programs()
    assert run(["--help"]) == 0
    assert "greet" in capsys.readouterr().out


def test_a_name_that_nobody_adds_is_none():
    assert find_program("greet") is None

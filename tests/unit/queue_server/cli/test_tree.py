import pytest

from queue_server.cli.build import derive
from queue_server.cli.main import run
from queue_server.cli.session import COMMON
from queue_server.cli.tree import VERBS, build, choose
from queue_server.protocol.methods import METHODS
from tests.cases import each

ALL = [*VERBS, ("call",)]


@pytest.mark.parametrize(
    ("words", "paths"),
    [
        (["pause", "--now"], [("pause",)]),
        (["queue", "add", "count"], [("queue", "add")]),
        (["history"], [("history",)]),
        (["history", "clear"], [("history", "clear")]),
        (["call", "status"], [("call",)]),
        ([], ALL),
        (["--help"], ALL),
        (["queue"], ALL),
        (["queue", "add", "--help"], ALL),
        (["quue", "add"], ALL),
    ],
)
def test_only_the_verb_that_is_named_is_loaded(words, paths):
    assert choose(words) == paths


@each("path", VERBS, " ".join)
def test_every_verb_can_be_loaded_alone_and_explains_itself(path):
    command = build([path]).commands[path[0]]
    for name in path[1:]:
        command = command.commands[name]
    assert command.help
    assert [parameter.name for parameter in command.params if not parameter.help] == []


def test_the_help_of_a_verb_shows_its_options(capsys):
    assert run(["queue", "move", "--help"]) == 0
    shown = capsys.readouterr().out
    assert "cuelight queue move" in shown
    assert [option for option in ("--before", "--after", "--json", "--timeout", "POS") if option not in shown] == []


def test_help_names_every_verb(capsys):
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    assert [path[0] for path in ALL if path[0] not in shown] == []


@pytest.fixture(scope="module")
def calls():
    """The verb that calls any method: it derives them all at once."""
    return build([("call",)]).commands["call"]


@each("name", METHODS)
def test_every_method_can_be_called_with_an_option_for_each_parameter(calls, name):
    options = {option for parameter in calls.commands[name].params for option in parameter.opts}
    wanted = {f"--{field.replace('_', '-')}" for field in METHODS[name].params.model_fields}
    assert wanted <= options


@each("method", METHODS.values(), lambda method: method.name)
def test_no_parameter_of_a_method_hides_a_common_option(method):
    common = {option.name for option in COMMON} | {option.flag for option in COMMON}
    flags = {f"--{field.replace('_', '-')}" for field in method.params.model_fields}
    assert common & (flags | set(method.params.model_fields)) == set()
    assert derive(method) is not None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["stats"], "Did you mean 'status'"),
        (["status", "--jsn"], "--jsn"),
        (["queue", "ad"], "Did you mean 'add'?"),
        (["queue", "add"], "PLAN"),
        (["history", "--limit", "many"], "--limit"),
    ],
)
def test_a_wrong_command_line_says_what_is_wrong_and_is_a_parameter_error(words, said, capsys):
    assert run(words) == 1
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""


@pytest.mark.parametrize("words", [[], ["queue"], ["env"], ["call"]])
def test_a_command_line_without_a_verb_shows_the_help(words, capsys):
    assert run(words) == 1
    assert "Usage" in capsys.readouterr().out


def test_the_version_is_shown_without_a_manager(capsys):
    from queue_server import __version__

    assert run(["version"]) == 0
    assert __version__ in capsys.readouterr().out

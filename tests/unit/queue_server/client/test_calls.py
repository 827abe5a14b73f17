"""One Python method for each declared method: the committed modules are those that are written now."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from queue_server.client import RunControl, asynchronous, calls, calls_source
from queue_server.client.caller import Caller
from queue_server.protocol.methods import METHODS
from tests.cases import each


class Recorder(calls.Calls[tuple[str, dict[str, object]]]):
    """Gives back what would be sent."""

    def _request(self, name, params):
        return name, dict(params)


def test_the_modules_are_fresh():
    place = Path(calls.__file__).parent
    committed = {path.name: path.read_text(encoding="utf-8") for path in place.glob("*.py")}
    assert committed == calls_source.modules(), "run `make regen` and commit queue_server/client/calls"


def test_they_can_be_written_anywhere(tmp_path):
    calls_source.write(tmp_path / "calls")
    assert {path.name for path in (tmp_path / "calls").iterdir()} == set(calls_source.modules())


@pytest.mark.parametrize("run_control", [RunControl, asynchronous.RunControl])
@each("method", METHODS.values(), lambda method: method.name)
def test_every_method_has_its_parameters_and_its_text(run_control, method):
    function = getattr(run_control, method.name)
    parameters = inspect.signature(function).parameters
    assert set(parameters) - {"self"} == set(method.params.model_fields)
    assert method.summary.rstrip(".") in " ".join(str(inspect.getdoc(function)).split())
    for name, field in method.params.model_fields.items():
        assert parameters[name].kind is inspect.Parameter.KEYWORD_ONLY
        if not field.is_required():
            # What is made anew each time is left out of a request where nobody gives it.
            expected = None if field.default_factory is not None else field.default
            assert parameters[name].default == expected


def test_no_method_hides_another_one_of_the_client():
    own = {name for name in vars(RunControl) if not name.startswith("_")}
    assert own & set(METHODS) == set()
    assert set(METHODS).isdisjoint(vars(Caller))


def test_parameters_that_are_none_are_not_sent():
    assert Recorder().queue_item_remove(uid="8f0c") == ("queue_item_remove", {"uid": "8f0c"})
    assert Recorder().queue_clear() == ("queue_clear", {})


def test_a_type_without_a_form_stops_the_writing():
    with pytest.raises(TypeError, match="no form"):
        calls_source._annotation(Recorder)  # noqa: SLF001

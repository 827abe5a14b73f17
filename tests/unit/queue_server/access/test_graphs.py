"""Processing graphs of a lane: whose they are, which items fit, and every mistake in their parameters by its name."""

from __future__ import annotations

import time

import pytest

from queue_server.access import Catalog, Policy, validate_item
from queue_server.access.field_error import MAX_ERRORS
from queue_server.access.graphs import CompiledGraph
from queue_server.access.lists import Lists
from queue_server.protocol.errors import ParameterError

# What takes more than polynomial time would take hours.
SLOW_S = 10

SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["size", "mask"],
    "properties": {
        "size": {"type": "integer", "minimum": 1, "maximum": 512},
        "noise": {"type": "number", "exclusiveMinimum": 0},
        "mask": {"type": "string", "pattern": "^[0-9a-f]{4}$"},
        "limit": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "mode": {"enum": ["fast", "exact"]},
        "window": {"$ref": "#/$defs/Window"},
        "coils": {"type": "array", "items": {"type": "integer"}, "uniqueItems": True},
    },
    "$defs": {"Window": {"type": "object", "properties": {"width": {"type": "number"}}, "required": ["width"]}},
}
FITTING = {"size": 64, "mask": "00ff"}


def explain(**parameters):
    """Return the findings about parameters that fit but for these."""
    return [(found.field, found.accepted) for found in CompiledGraph(SCHEMA).explain({**FITTING, **parameters})]


@pytest.mark.parametrize(
    "more", [{}, {"noise": 1}, {"limit": None}, {"mode": "fast"}, {"window": {"width": 0.5}}, {"coils": [1, 2]}]
)
def test_parameters_that_fit_are_accepted(more):
    assert explain(**more) == []


@pytest.mark.parametrize(
    ("more", "field", "accepted"),
    [
        ({"size": "64"}, "size", "a value of type integer"),
        ({"size": True}, "size", "a value of type integer"),
        ({"size": 64.0}, "size", "a value of type integer"),
        ({"size": 0}, "size", "at least 1"),
        ({"size": 513}, "size", "at most 512"),
        ({"noise": 0.0}, "noise", "more than 0"),
        ({"noise": float("inf")}, "noise", "a value of type number"),
        ({"mask": "00fg"}, "mask", "a text that matches '^[0-9a-f]{4}$'"),
        ({"limit": "x"}, "limit", "a value of type integer or null"),
        ({"mode": "slow"}, "mode", "one of ['fast', 'exact']"),
        ({"window": {}}, "window.width", "a value"),
        ({"window": {"width": None}}, "window.width", "a value of type number"),
        ({"coils": [1, "2"]}, "coils.1", "a value of type integer"),
        ({"coils": [1, 1]}, "coils", "elements that differ"),
    ],
)
def test_a_parameter_that_does_not_fit_is_named_with_what_is_accepted(more, field, accepted):
    assert explain(**more) == [(field, accepted)]


def test_every_missing_and_every_unknown_parameter_is_named():
    found = CompiledGraph(SCHEMA).explain({"sice": 1, "masc": 2})
    assert {each.field for each in found} == {"size", "mask", "sice", "masc"}
    assert next(each for each in found if each.field == "sice").accepted.startswith("no such parameter; the graph has")


def test_as_many_mistakes_are_found_as_an_error_carries():
    found = CompiledGraph(SCHEMA).explain({**FITTING, "coils": ["x"] * 5000})
    assert len(found) == MAX_ERRORS + 1


def test_no_text_makes_an_expression_slow():
    graph = CompiledGraph({"properties": {"name": {"type": "string", "pattern": "^(a+)+$"}}})
    started_s = time.process_time()
    assert len(graph.explain({"name": "a" * 5000 + "b"})) == 1
    assert time.process_time() - started_s < SLOW_S


def test_no_list_makes_the_search_for_equal_elements_slow():
    graph = CompiledGraph({"properties": {"list": {"type": "array", "uniqueItems": True}}})
    started_s = time.process_time()
    assert graph.explain({"list": [[number] if number % 2 else number for number in range(20_000)]}) == []
    assert time.process_time() - started_s < SLOW_S


def test_an_expression_that_is_not_known_here_is_left_to_the_worker():
    assert CompiledGraph({"properties": {"name": {"pattern": "a(?=b)"}}}).explain({"name": "x"}) == []


def test_names_that_have_to_match_an_expression_are_left_to_the_worker():
    schema = {"patternProperties": {"^(a+)+$": {"type": "integer"}}, "additionalProperties": False}
    assert CompiledGraph(schema).explain({"a" * 40 + "b": 1}) == []


@pytest.mark.parametrize("reference", ["http://127.0.0.1:1/schema", "#/$defs/Missing", "file:///etc/passwd"])
def test_a_description_that_refers_to_something_outside_is_refused(reference):
    with pytest.raises(ParameterError, match="it has no definition") as caught:
        CompiledGraph({"properties": {"x": {"anyOf": [{"$ref": reference}]}}})
    assert caught.value.field == "item.name"


def test_a_description_with_an_unknown_type_is_refused_and_fails_nothing_else():
    with pytest.raises(ParameterError, match="cannot be used"):
        CompiledGraph({"properties": {"x": {"type": "colour"}}}).explain({"x": 1})


# --- items of a lane of graphs ---------------------------------------------------------------------------------------

REBIN = {
    "dag_id": "rebin",
    "description": "Rebin.",
    "parameters": {"type": "object", "properties": {"factor": {"type": "integer"}}, "required": ["factor"]},
    "inputs": {},
}
GROUPS = {
    "root": {"allowed_plans": [None], "forbidden_plans": [":^_"]},
    "primary": {"allowed_plans": [None]},
    "guests": {"allowed_plans": ["other"]},
}


@pytest.fixture
def catalog():
    policy = Policy.from_mapping({"user_groups": GROUPS})
    return Catalog.build({}, {}, policy, {"rebin": REBIN, "_own": REBIN})


@pytest.fixture
def refuse(catalog):
    def run(item, group="primary", catalog=catalog):
        with pytest.raises(ParameterError) as caught:
            validate_item({"item_type": "dag", **item}, catalog, group)
        return caught.value

    return run


def test_a_fitting_graph_is_accepted(catalog):
    validate_item({"item_type": "dag", "name": "rebin", "kwargs": {"factor": 2}}, catalog, "primary")


def test_the_rules_for_plans_hold_for_the_names_of_graphs(catalog, refuse):
    assert dict(Lists(catalog).dags_existing()) == {"rebin": REBIN, "_own": REBIN}
    assert dict(Lists(catalog).dags_allowed("primary")) == {"rebin": REBIN}
    assert dict(Lists(catalog).dags_allowed("guests")) == {}
    assert "not in the list of allowed graphs" in refuse({"name": "_own", "kwargs": {"factor": 2}}).message
    assert refuse({"name": "rebin", "kwargs": {"factor": 2}}, "guests").field == "item.name"
    assert "group" in refuse({"name": "rebin"}, "nobody").message


@pytest.mark.parametrize(
    ("item", "field", "said"),
    [
        ({}, "item.name", "does not name its graph"),
        ({"name": "unknown"}, "item.name", "use one of rebin"),
        ({"name": "rebin"}, "factor", "given nothing, accepted a value"),
        ({"name": "rebin", "kwargs": {"factor": "2"}}, "factor", "given '2', accepted a value of type integer"),
        ({"name": "rebin", "kwargs": {"factor": 2}, "args": [2]}, "item.args", "give parameters by name"),
        ({"name": "rebin", "kwargs": [2]}, "item.kwargs", "a map"),
    ],
)
def test_what_does_not_fit_is_named(refuse, item, field, said):
    error = refuse(item)
    assert error.field == field
    assert said in error.message


def test_without_graphs_it_is_said_when_they_are_known(refuse):
    empty = Catalog.build({}, {}, Policy.default(), {})
    assert "environment_open" in refuse({"name": "rebin"}, "root", empty).message


def test_a_lane_executes_plans_or_graphs_and_says_which(catalog, refuse):
    plans = Catalog.build({}, {}, Policy.from_mapping({"user_groups": GROUPS}))
    assert refuse({"name": "rebin"}, catalog=plans).field == "item.item_type"
    with pytest.raises(ParameterError, match="executes processing graphs, and no plans"):
        validate_item({"item_type": "plan", "name": "rebin"}, catalog, "primary")
    validate_item({"item_type": "instruction", "name": "queue_stop"}, catalog, "primary")


def test_a_description_that_is_no_map_is_refused():
    with pytest.raises(ParameterError, match="graph 'rebin' is not a map"):
        Catalog.build({}, {}, Policy.default(), {"rebin": 5})  # type: ignore[dict-item]

"""Searching and filtering the tree of devices."""

from __future__ import annotations

import copy

import pytest

from queue_server.access.devices import filter_devices, find_names, list_names, require_descriptions
from queue_server.access.patterns import parse_device_pattern
from queue_server.protocol.errors import ParameterError


@pytest.fixture
def find(beamline):
    return lambda text: find_names(beamline, parse_device_pattern(text))


@pytest.fixture
def keep(beamline):
    def names(allowed, forbidden=()):
        tree = filter_devices(
            beamline,
            None if allowed is None else [parse_device_pattern(entry) for entry in allowed],
            [parse_device_pattern(entry) for entry in forbidden],
        )
        return set(list_names(tree))

    return names


def test_all_names_are_listed_in_the_order_of_the_tree(beamline):
    assert list(list_names(beamline))[:4] == ["det1", "det1.val", "det2", "motor"]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        (":^det", ["det1", "det2"]),
        (":^stage$:mtrs:^x$", ["stage", "stage.mtrs", "stage.mtrs.x"]),
        (":-^stage$:mtrs:^x$", ["stage.mtrs", "stage.mtrs.x"]),
        (":-^stage$:-mtrs:-^x$", ["stage.mtrs.x"]),
        (":?^stage.*x$", ["stage.mtrs.x"]),
        (":?^det:depth=1", ["det1", "det2"]),
        (":?.*:depth=1", ["det1", "det2", "motor", "flyer", "stage", "_spare"]),
        (":+^stage$:?.*:depth=1", ["stage", "stage.mtrs", "stage.dets"]),
        (":-^stage$:?^mtrs.x:depth=2", ["stage.mtrs.x"]),
        ("__MOTOR__:?^stage.*:depth=3", ["stage.mtrs.x", "stage.mtrs.y"]),
        ("__DETECTOR__:^(det|motor)", ["det1", "det2"]),
        ("__FLYABLE__:.*", ["flyer"]),
        (":^nothing$:?.*", []),
        ("stage.mtrs.q", ["stage.mtrs.q"]),
    ],
)
def test_a_pattern_finds_the_devices_that_the_manual_says(find, pattern, names):
    assert find(pattern) == names


def test_a_whole_name_expression_without_depth_searches_every_level(find, beamline):
    assert find(":?.*") == list(list_names(beamline))


def test_what_is_excluded_is_not_found(beamline):
    tree = filter_devices(beamline, [parse_device_pattern("stage.mtrs.x")], [])
    assert tree["stage"]["excluded"]
    assert find_names(tree, parse_device_pattern(":?^stage.*")) == ["stage.mtrs.x"]
    assert find_names(tree, parse_device_pattern(":^stage:mtrs:^x$")) == ["stage.mtrs.x"]


def test_nothing_is_allowed_by_an_empty_list(keep):
    assert keep([]) == set()


def test_everything_is_allowed_without_limit(keep, beamline):
    assert keep(None) == set(list_names(beamline))


def test_forbidden_names_win_over_allowed_ones(keep):
    assert keep([":^det"], ["det2"]) == {"det1"}
    assert "_spare" not in keep(None, [":^_:?.*"])
    assert "_spare.val" not in keep(None, [":^_:?.*"])


def test_a_forbidden_component_leaves_the_device_allowed(beamline):
    tree = filter_devices(beamline, None, [parse_device_pattern("det1.val")])
    assert "components" not in tree["det1"]
    assert "excluded" not in tree["det1"]


def test_a_device_that_only_leads_to_an_allowed_component_is_marked(beamline):
    tree = filter_devices(beamline, [parse_device_pattern("stage.mtrs.x")], [])
    assert list(tree) == ["stage"]
    assert tree["stage"]["components"]["mtrs"]["excluded"] is True
    assert "excluded" not in tree["stage"]["components"]["mtrs"]["components"]["x"]
    assert list(tree["stage"]["components"]) == ["mtrs"]


def test_filtering_never_changes_the_tree_that_was_given(beamline):
    before = copy.deepcopy(beamline)
    filter_devices(beamline, [parse_device_pattern("stage.mtrs.x")], [parse_device_pattern("det1")])
    assert beamline == before


def test_unchanged_branches_are_shared(beamline):
    tree = filter_devices(beamline, None, [parse_device_pattern("det1.val")])
    assert tree["stage"] is beamline["stage"]


def test_an_empty_map_of_components_disappears(describe_device):
    tree = filter_devices({"bare": {**describe_device(), "components": {}}}, None, [])
    assert "components" not in tree["bare"]


@pytest.mark.parametrize(
    ("descriptions", "named"),
    [
        ([], "not a map, but []"),
        ({"det": None}, "'det'"),
        ({5: {}}, "'5'"),
        ({"stage": {"components": {"x": {"components": []}}}}, "'stage.x.'"),
        ({"stage": {"components": {"x": "axis"}}}, "'stage.x'"),
    ],
)
def test_what_is_no_map_of_descriptions_is_refused_by_name(descriptions, named):
    with pytest.raises(ParameterError) as caught:
        require_descriptions("device", descriptions)
    assert named in caught.value.message


def test_nested_descriptions_pass(beamline):
    require_descriptions("device", beamline)

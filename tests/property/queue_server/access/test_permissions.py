"""Patterns and permissions: whatever is written, nobody gets more than root, and bad text is refused with a reason."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from queue_server.access import Catalog, Policy
from queue_server.access.devices import filter_devices, find_names, list_names
from queue_server.access.patterns import parse_device_pattern, parse_name_pattern
from queue_server.protocol.errors import ParameterError

WORDS = st.sampled_from(["a", "b", "ab", "_a", "x", "det"])
NODES = st.fixed_dictionaries({"is_readable": st.booleans(), "is_movable": st.booleans(), "is_flyable": st.booleans()})


def with_components(devices):
    return st.tuples(NODES, st.dictionaries(WORDS, devices, min_size=1, max_size=3)).map(
        lambda pair: {**pair[0], "components": pair[1]}
    )


TREES = st.dictionaries(WORDS, st.recursive(NODES, with_components, max_leaves=8), max_size=4)

EXPRESSIONS = st.sampled_from([".*", "^a", "b$", "^_", "^det$", "x|b", "."])
SIGNS = st.sampled_from(["", "+", "-"])
LEVELS = st.lists(st.tuples(SIGNS, EXPRESSIONS).map("".join), max_size=2)
TAILS = st.sampled_from(["", "?.*", "?.*:depth=1", "?b$:depth=2", "?^a", ".*"])
SEARCHES = st.builds(
    lambda kind, levels, tail: f"{kind}:" + ":".join([*levels, tail] if tail else levels or [".*"]),
    st.sampled_from(["", "__READABLE__", "__MOTOR__", "__DETECTOR__", "__FLYABLE__"]),
    LEVELS,
    TAILS,
)
PATTERNS = st.one_of(SEARCHES, WORDS, st.tuples(WORDS, WORDS).map(".".join))
DEVICE_LISTS = st.lists(PATTERNS, max_size=4) | st.just([None])
PLAN_LISTS = st.lists(st.one_of(WORDS, EXPRESSIONS.map(":{}".format)), max_size=4) | st.just([None])
GROUPS = st.fixed_dictionaries(
    {
        "allowed_devices": DEVICE_LISTS,
        "forbidden_devices": DEVICE_LISTS,
        "allowed_plans": PLAN_LISTS,
        "forbidden_plans": PLAN_LISTS,
    }
)


def is_refused_or(parse, text):
    try:
        parse(text)
    except ParameterError as error:
        return bool(error.message)
    return True


@given(st.text(st.sampled_from(":+-?.*^$()[]\\ad=_1 ") | st.characters(), max_size=40))
def test_any_text_is_a_pattern_or_is_refused_with_a_reason(text):
    assert is_refused_or(parse_device_pattern, text)
    assert is_refused_or(parse_name_pattern, text)


@given(TREES, PATTERNS)
def test_a_pattern_finds_only_names_of_the_tree(tree, text):
    pattern = parse_device_pattern(text)
    if not pattern.is_plain:
        assert set(find_names(tree, pattern)) <= set(list_names(tree))


@given(TREES, st.lists(PATTERNS, max_size=3), st.lists(PATTERNS, max_size=3))
def test_what_is_left_is_exactly_what_is_allowed_and_not_forbidden(tree, allowed, forbidden):
    wanted = [parse_device_pattern(text) for text in allowed]
    banned = [parse_device_pattern(text) for text in forbidden]
    left = set(list_names(filter_devices(tree, wanted, banned)))
    found = {name for pattern in wanted for name in find_names(tree, pattern)}
    lost = {name for pattern in banned for name in find_names(tree, pattern)}
    assert left == (found - lost) & set(list_names(tree))


@given(TREES, st.lists(PATTERNS, max_size=3))
def test_filtering_again_changes_nothing(tree, allowed):
    patterns = [parse_device_pattern(text) for text in allowed]
    once = filter_devices(tree, patterns, [])
    assert filter_devices(once, None, []) == once


@given(TREES, st.lists(WORDS, unique=True, max_size=4), GROUPS, GROUPS)
def test_no_group_may_use_more_than_root(tree, plan_names, root, users):
    policy = Policy.from_mapping({"user_groups": {"root": root, "users": users}})
    plans = {name: {"name": name, "parameters": []} for name in plan_names}
    catalog = Catalog.build(plans, tree, policy)
    assert set(catalog.plans_allowed("users")) <= set(catalog.plans_allowed("root"))
    assert set(catalog.for_group("users").device_names) <= set(catalog.for_group("root").device_names)


@given(TREES, GROUPS)
def test_a_name_list_is_expanded_to_names_that_the_group_may_use(tree, users):
    everything = {"allowed_devices": [None], "allowed_plans": [None]}
    policy = Policy.from_mapping(
        {"user_groups": {"root": everything, "users": {**users, "allowed_plans": [None], "forbidden_plans": []}}}
    )
    annotation = {"type": "list[D]", "devices": {"D": [":?.*", "a", "det.b"]}}
    plans = {"p": {"name": "p", "parameters": [{"name": "x", "kind": {"value": 1}, "annotation": annotation}]}}
    group = Catalog.build(plans, tree, policy).for_group("users")
    (parameter,) = group.plans["p"]["parameters"]
    assert set(parameter["annotation"]["devices"]["D"]) == set(group.device_names)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("root") | st.just("user_groups"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["user_groups", "root", "allowed_plans", "allowed_devices", "x"]), inner)
    ),
    max_leaves=15,
)


@given(JSON)
def test_any_data_is_a_policy_or_is_refused_with_a_reason(data):
    read = read_policy(data)
    if isinstance(read, ParameterError):
        assert read.field == "user_group_permissions"
    else:
        assert read.as_mapping() == data


def read_policy(data):
    try:
        return Policy.from_mapping(data)
    except ParameterError as error:
        return error


@given(st.lists(st.text(max_size=20), max_size=3))
def test_names_never_break_matching(names):
    rule = Policy.default().rules_of("primary").plans
    assert rule.select(names) == names
    root = Policy.default().rules_of("root").plans
    assert root.select(names) == [name for name in names if not name.startswith("_")]

"""Types as text: the vocabulary that is understood, and that nothing is ever evaluated."""

from __future__ import annotations

import pytest

from queue_server.access.shapes import (
    ANYTHING,
    BOOL,
    BYTES,
    FLOAT,
    HASHABLE,
    INT,
    NOTHING,
    TEXT,
    Constant,
    Either,
    Fixed,
    Many,
    Name,
    Table,
)
from queue_server.access.type_expression import MAX_TYPE_DEPTH, MAX_TYPE_LENGTH, parse_type

ANY_LIST = Many(ANYTHING)
DEVICE = Name(["det1"])
STAGEABLE = Name(["stage"])


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("int", INT),
        (" float ", FLOAT),
        ("bool", BOOL),
        ("str", TEXT),
        ("builtins.str", TEXT),
        ("bytes", BYTES),
        ("None", NOTHING),
        ("NoneType", NOTHING),
        ("types.NoneType", NOTHING),
        ("typing.Any", ANYTHING),
        ("Any", ANYTHING),
        ("object", ANYTHING),
        ("collections.abc.Hashable", HASHABLE),
        ("list", ANY_LIST),
        ("typing.List", ANY_LIST),
        ("typing.List[int]", Many(INT)),
        ("list[list[float]]", Many(Many(FLOAT))),
        ("typing.Set[int]", Many(INT)),
        ("frozenset[str]", Many(TEXT)),
        ("tuple", ANY_LIST),
        ("tuple[int, str]", Fixed((INT, TEXT))),
        ("typing.Tuple[int, ...]", Many(INT)),
        ("tuple[int]", Fixed((INT,))),
        ("tuple[()]", Fixed(())),
        ("dict", Table(ANYTHING, ANYTHING)),
        ("dict[str, typing.Any]", Table(TEXT, ANYTHING)),
        ("typing.Mapping[str, int]", Table(TEXT, INT)),
        ("dict[str]", Table(ANYTHING, ANYTHING)),
        ("collections.abc.Sequence[str]", Many(TEXT)),
        ("typing.Sequence", Many(ANYTHING, letters=True)),
        ("collections.abc.Iterable[float]", Many(FLOAT, keys=True)),
        ("typing.Union[int, str]", Either((INT, TEXT))),
        ("typing.Optional[int]", Either((INT, NOTHING))),
        ("int | float | None", Either((INT, FLOAT, NOTHING))),
        ("typing.Union[int, typing.Any]", ANYTHING),
        ("typing.Union", ANYTHING),
        ("typing.Annotated[int, 'points']", INT),
        ("typing.Literal['a', 1, -2, None]", Constant(("a", 1, -2, None))),
        ("typing.Literal[Color.RED]", ANYTHING),
        ("typing.Callable", TEXT),
        ("collections.abc.Callable[[int], str]", TEXT),
        ("list['int']", Many(INT)),
        ("__READABLE__", DEVICE),
        ("collections.abc.Sequence[__READABLE__]", Many(DEVICE)),
        ("bluesky.protocols.Readable", DEVICE),
        ("bluesky.protocols.Stageable", STAGEABLE),
        ("list[bluesky.protocols.NamedMovable]", Many(TEXT)),
    ],
)
def test_the_vocabulary_is_understood(text, shape):
    names = {"__READABLE__": DEVICE, "__DEVICE__": STAGEABLE}
    assert parse_type(text, names) == shape


@pytest.mark.parametrize(
    "text",
    [
        "numpy.ndarray",
        "ophyd.Device",
        "SomeClass[int]",
        "print(1)",
        "lambda: 1",
        "int if x else str",
        "(",
        "",
        "a b",
        "int[",
        "f(x).y",
        "f(x)[int]",
        "1 + 2",
        "5",
        "\x00",
        "x" * (MAX_TYPE_LENGTH + 1),
        "[" * 5000 + "]" * 5000,
        "-" * 9000 + "1",
    ],
)
def test_what_is_not_understood_accepts_anything(text):
    assert parse_type(text) is ANYTHING


def test_a_name_defined_with_the_parameter_wins_over_the_vocabulary():
    assert parse_type("typing.List[int]", {"int": DEVICE}) == Many(DEVICE)


def test_types_nested_too_deep_accept_anything_at_the_bottom():
    shape = parse_type("list[" * 50 + "int" + "]" * 50)
    value = 5
    for _ in range(MAX_TYPE_DEPTH):
        assert not shape.accepts(value)
        value = [value]
    assert shape.accepts(value)


def test_a_text_inside_a_text_cannot_run_away():
    assert parse_type(repr(repr(repr("int")))) == INT


def test_a_long_choice_is_no_deep_one():
    shape = parse_type(" | ".join(["int", "str"] * 200))
    assert shape.accepts("a")
    assert not shape.accepts(1.5)


def test_nothing_is_evaluated(tmp_path):
    trap = tmp_path / "trap"
    parse_type(f"list[__import__('pathlib').Path({str(trap)!r}).touch()]")
    assert not trap.exists()

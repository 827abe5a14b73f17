"""The form of the source: sizes, docstrings, names, broad excepts, words that must not stay."""

from __future__ import annotations

import ast
import statistics

MAX_LINES = 400
MAX_MEDIAN_LINES = 150
MAX_ATTRIBUTES = 10
DRAWERS = {"common", "helper", "helpers", "manager", "managers", "misc", "ops", "util", "utils"}
BROAD_EXCEPT_PLACES = {
    "queue_server/dispatch.py",
    "queue_server/engine/perform.py",
    "device_worker/executor.py",
}
BROAD = {"Exception", "BaseException"}
# Written in halves, so that this file does not accuse itself.
FORBIDDEN_WORDS = [
    "TO" + "DO",
    "FIX" + "ME",
    "XX" + "X",
    "HA" + "CK",
    "/ro" + "ot/",
    "/wo" + "rk/",
    "/Us" + "ers/",
]


def test_no_module_is_longer_than_the_limit(source_modules):
    lengths = {str(module): _length(module) for module in source_modules}
    assert {name: lines for name, lines in lengths.items() if lines > MAX_LINES} == {}


def test_the_typical_module_is_short(source_modules):
    assert statistics.median(_length(module) for module in source_modules) <= MAX_MEDIAN_LINES


def _length(module):
    return len(module.text.splitlines())


def test_every_module_says_what_it_owns(source_modules):
    assert [str(module) for module in source_modules if not ast.get_docstring(module.tree)] == []


def test_no_module_is_a_drawer(source_modules):
    found = [
        str(module)
        for module in source_modules
        if any(DRAWERS & set(part.split("_")) for part in module.where.with_suffix("").parts)
    ]
    assert found == []


def test_no_class_has_more_attributes_than_the_limit(source_modules):
    crowded = {
        f"{module}: {node.name}": sorted(attributes)
        for module in source_modules
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef) and len(attributes := _attributes(node)) > MAX_ATTRIBUTES
    }
    assert crowded == {}


def _attributes(class_node):
    """The names that instances can change: set on self, or fields of a class of values that are not frozen."""
    names = {
        node.attr
        for method in class_node.body
        if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(method)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    }
    if _has_changing_fields(class_node):
        names |= {
            node.target.id
            for node in class_node.body
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
        }
    return names


def _has_changing_fields(class_node):
    written = [ast.unparse(decorator) for decorator in class_node.decorator_list]
    if any("dataclass" in text and "frozen=True" not in text for text in written):
        return True
    is_struct = any(ast.unparse(base) == "Struct" for base in class_node.bases)
    return is_struct and not any(keyword.arg == "frozen" for keyword in class_node.keywords)


def test_broad_excepts_stand_in_three_named_places_only(source_modules):
    found = {str(module): count for module in source_modules if (count := _count_broad_excepts(module.tree))}
    assert set(found) <= BROAD_EXCEPT_PLACES
    assert {place: count for place, count in found.items() if count > 1} == {}


def _count_broad_excepts(tree):
    return sum(_swallows_everything(node) for node in ast.walk(tree))


def _swallows_everything(node):
    if isinstance(node, ast.ExceptHandler):
        raises_again = isinstance(node.body[-1], ast.Raise)
        return not raises_again and (node.type is None or bool(BROAD & _names(node.type)))
    if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", None)) == "suppress":
        return any(BROAD & _names(argument) for argument in node.args)
    return False


def _names(expression):
    return {node.id for node in ast.walk(expression) if isinstance(node, ast.Name)}


def test_no_lint_is_switched_off_without_its_code(source_modules):
    """A broad except cannot hide behind a comment: its three places are named in the configuration."""
    found = [
        f"{module}:{number}"
        for module in source_modules
        for number, line in enumerate(module.text.splitlines(), 1)
        if "noqa" in line and ("BLE001" in line or "noqa:" not in line)
    ]
    assert found == []


def test_no_note_to_self_and_no_path_of_somebodys_machine_is_left(text_files, root):
    found = [
        f"{path.relative_to(root)}: {word}"
        for path in text_files
        for text in [path.read_text(encoding="utf-8")]
        for word in FORBIDDEN_WORDS
        if word in text
    ]
    assert found == []

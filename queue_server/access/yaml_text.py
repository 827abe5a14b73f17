"""YAML as data: no objects are made, and a name that stands twice in one map is refused with both places."""

from __future__ import annotations

from typing import Any

import yaml

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(text: str | bytes) -> object:
    """Return the value in the text.

    Raises:
        yaml.YAMLError: the text is no YAML, or a map has a name twice; the message names the lines.
        ValueError, RecursionError: a value cannot be read.
    """
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _refuse_twice(node)
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _refuse_twice(root: yaml.Node) -> None:
    waiting: list[Any] = [root]
    seen: set[int] = set()
    while waiting:
        node = waiting.pop()
        # What is referred to from several places is looked at once.
        if id(node) in seen or isinstance(node, yaml.ScalarNode):
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            _compare_names(node)
            waiting += [value for _, value in node.value]
        else:
            waiting += node.value


def _compare_names(node: yaml.MappingNode) -> None:
    places: dict[tuple[str, str], yaml.Node] = {}
    for name, _ in node.value:
        if not isinstance(name, yaml.ScalarNode):
            continue
        earlier = places.setdefault((name.tag, name.value), name)
        if earlier is not name:
            raise yaml.constructor.ConstructorError(
                f"{name.value!r} stands here", earlier.start_mark, "and again here", name.start_mark
            )

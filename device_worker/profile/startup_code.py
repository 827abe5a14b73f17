"""Compiles startup files: interactive habits work or are skipped, line numbers stay. Executes nothing."""

from __future__ import annotations

import ast
import logging
import tokenize
from pathlib import Path
from types import CodeType
from typing import Final

_log = logging.getLogger(__name__)

GET_IPYTHON: Final = "__get_ipython__"
"""The name under which the namespace holds the stand-in for ``IPython.get_ipython``."""

_MAGIC_MARKS = ("%", "!")


def read_source(path: Path) -> str:
    """Return the text of a startup file in the encoding that it declares."""
    with tokenize.open(path) as stream:
        return stream.read()


def compile_startup_code(source: str, path: Path) -> CodeType:
    """Compile the text of a startup file.

    ``from IPython import get_ipython`` takes the stand-in of the namespace. In an ``.ipy`` file, lines that
    begin with ``%`` or ``!`` are skipped and noted in the log.

    Raises:
        SyntaxError: with the file and the line.
    """
    tree = _parse_interactive(source, path) if path.suffix == ".ipy" else ast.parse(source, str(path))
    tree = ast.fix_missing_locations(_ShellImports().visit(tree))
    # Without dont_inherit this module's own __future__ imports would apply to the profile.
    return compile(tree, str(path), "exec", dont_inherit=True)


def _parse_interactive(source: str, path: Path) -> ast.Module:
    # The parser finds magic lines more reliably than a search would: it knows where strings and brackets end.
    lines = source.splitlines()
    while True:
        try:
            return ast.parse("\n".join(lines) + "\n", str(path))
        except SyntaxError as error:
            index = (error.lineno or 0) - 1
            command = lines[index].strip() if 0 <= index < len(lines) else ""
            if not command.startswith(_MAGIC_MARKS):
                raise
            _log.info("Skipping line %d of %s, made for IPython alone: %s", index + 1, path.name, command)
            lines[index] = lines[index].replace(command, "pass")


class _ShellImports(ast.NodeTransformer):
    """Replaces the import of ``get_ipython`` from any module of IPython by an assignment."""

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | list[ast.stmt]:
        wanted = [alias for alias in node.names if alias.name == "get_ipython"]
        if not wanted or node.level or (node.module or "").partition(".")[0] != "IPython":
            return node
        assignments = [_assign_stand_in(alias.asname or alias.name, node) for alias in wanted]
        node.names = [alias for alias in node.names if alias.name != "get_ipython"]
        return [node, *assignments] if node.names else assignments


def _assign_stand_in(name: str, place: ast.stmt) -> ast.stmt:
    return ast.copy_location(ast.Assign([ast.Name(name, ast.Store())], ast.Name(GET_IPYTHON, ast.Load())), place)

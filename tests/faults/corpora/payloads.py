"""Text that some program somewhere would take for code; each would leave a file behind."""

from __future__ import annotations

import base64
from pathlib import Path


def code_payloads(mark: Path) -> list[str]:
    """Return pieces of code that make the file ``mark`` if anybody executes them."""
    shell = f"touch {mark}"
    call = f"__import__('os').system('{shell}')"
    pickled = b"cposix\nsystem\n(S'" + shell.encode() + b"'\ntR."
    yaml_tags = ("python/object/apply:os.system", "python/object/new:os.system", "python/object/apply:subprocess.call")
    return [
        call,
        f"({call})",
        f"[{call}]",
        f"{{'a': {call}}}",
        f"'x' if {call} else 'y'",
        f"lambda: {call}",
        f"(lambda: {call})()",
        f"f'{{{call}}}'",
        f"{{{call}}}",
        f"{{0.__class__.__init__.__globals__}}{call}",
        f"[x for x in [{call}]]",
        f"().__class__.__base__.__subclasses__() or {call}",
        f"open('{mark}', 'w')",
        f'eval("{call}")',
        f"exec(\"open('{mark}', 'w')\")",
        f"import os; os.system('{shell}')",
        f"\n{call}\n",
        f"#!/bin/sh\n{shell}\n",
        f"$({shell})",
        f"`{shell}`",
        f"; {shell} ;",
        f"| {shell}",
        f"&& {shell}",
        f"${{{shell}}}",
        f"$(({shell}))",
        f"%({shell})s",
        f"{{{{ {call} }}}}",
        f"{{% {call} %}}",
        f"<% {call} %>",
        f"#{{{call}}}",
        f"=cmd|'/c {shell}'!A1",
        f"@SUM(1+1)*cmd|'{shell}'!A0",
        f'=WEBSERVICE("file://{mark}")',
        f"+{call}",
        f"-{call}",
        *(f"!!{tag} ['{shell}']" for tag in yaml_tags),
        f"!!python/name:os.system {shell}",
        f"&a [*a, !!python/object/apply:os.system ['{shell}']]",
        f"<!DOCTYPE a [<!ENTITY b SYSTEM 'file://{mark}'>]><a>&b;</a>",
        base64.b64encode(pickled).decode(),
        pickled.decode(),
        f"typing.Literal[{call}]",
        f"typing.Annotated[int, {call}]",
        f"'; ATTACH DATABASE '{mark}' AS x; CREATE TABLE x.y (z); --",
        f"'||load_extension('{mark}')||'",
    ]

"""Many small cases in one test, where to set up a test of its own for each would take longer than all of them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any


def each(names: str, cases: Iterable[Any], name: Callable[[Any], object] = repr) -> Callable[[Any], Any]:
    """Run a test with every case, as ``pytest.mark.parametrize`` does, but as one test, which the first failure ends.

    ``names`` are the parameters that a case gives, with commas between them; where it is more than one, a case is a
    tuple. What fails is told with the ``name`` of its case. The other parameters are fixtures, which all cases share.
    """
    wanted, known = [word.strip() for word in names.split(",")], list(cases)
    assert known, "there is no case"

    def values(case: Any) -> dict[str, Any]:
        return dict(zip(wanted, case if len(wanted) > 1 else (case,), strict=True))

    def decorate(function: Any) -> Any:
        def test(**fixtures: Any) -> None:
            for case in known:
                with _told(name(case)):
                    function(**fixtures, **values(case))

        async def asynchronous_test(**fixtures: Any) -> None:
            for case in known:
                with _told(name(case)):
                    await function(**fixtures, **values(case))

        made: Any = asynchronous_test if inspect.iscoroutinefunction(function) else test
        functools.update_wrapper(made, function)
        signature = inspect.signature(function)
        left = [parameter for parameter in signature.parameters.values() if parameter.name not in wanted]
        made.__signature__ = signature.replace(parameters=left)
        # Else the framework would look for the parameters of the function inside.
        del made.__wrapped__
        return made

    return decorate


@contextmanager
def _told(case: object) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        error.add_note(f"in the case {case}")
        raise

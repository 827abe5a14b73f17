"""Steps as they travel to a process and what they do there. Imports nothing of Dask."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from device_worker.compute.composition import Composition, OutputFile, Pending, Step
from device_worker.compute.errors import GraphError, NodeFailure
from device_worker.compute.node import list_needed, replace_parts
from device_worker.compute.output_files import write_output
from device_worker.compute.own_code import describe_error, format_node_traceback
from device_worker.compute.workplace import Workplace

MAX_ARGUMENT_BYTES = 16 * 1024 * 1024
"""What the arguments of one call may take that are no inputs and no values of other nodes."""


@dataclass(frozen=True, slots=True)
class Argument:
    """Stands for the value of an earlier step, by its place among the values that a step is given."""

    position: int


@dataclass(frozen=True, slots=True)
class StepOrder:
    """All that a process needs for a step, apart from the values of ``needs``, the numbers of earlier steps.

    ``call`` is the pickled function with its arguments. It is unpickled by the processes of the user's own code only.
    """

    step: int
    label: str
    name: str
    needs: tuple[int, ...]
    directory: str
    search_path: tuple[str, ...]
    call: bytes


@dataclass(frozen=True, slots=True)
class WriteFile:
    """The call of a step that writes a file."""

    step: int
    directory: str
    file: OutputFile

    def __call__(self, value: Any) -> None:
        """Write a value and note that the file is complete."""
        place = Workplace(Path(self.directory))
        part = place.part(self.step)
        try:
            entry = write_output(part, self.file.name, value, self.file.role)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        place.note_file(self.step, part, entry)


def prepare_steps(composition: Composition, directory: Path, search_path: Sequence[str]) -> list[StepOrder]:
    """Return the orders for all steps of a graph: its nodes first, then its files.

    Raises:
        GraphError: a node or its arguments cannot be sent to another process, or take too much.
    """
    orders = [_prepare(index, step, str(directory), tuple(search_path)) for index, step in enumerate(composition.steps)]
    for index, file in enumerate(composition.files, len(orders)):
        unvalued = OutputFile(file.name, None, file.role)
        step = Step(f"write {file.name}", WriteFile(index, str(directory), unvalued), (file.value,), {})
        orders.append(_prepare(index, step, str(directory), tuple(search_path)))
    return orders


def _prepare(index: int, step: Step, directory: str, search_path: tuple[str, ...]) -> StepOrder:
    needs = list_needed((step.args, step.kwargs))
    positions = {number: position for position, number in enumerate(needs)}

    def place(part: Any) -> Any:
        return Argument(positions[part.step]) if isinstance(part, Pending) else part

    call = _pickle(step.label, (step.function, replace_parts(step.args, place), replace_parts(step.kwargs, place)))
    name = getattr(step.function, "name", "write")
    return StepOrder(index, step.label, name, tuple(needs), directory, search_path, call)


def _pickle(label: str, call: tuple[Any, ...]) -> bytes:
    import cloudpickle

    try:
        pickled = cloudpickle.dumps(call)
    except Exception as error:
        raise GraphError(
            f"Node {label!r} cannot be sent to another process: {describe_error(error)}. It must not use devices, open "
            "files or locks of the startup code"
        ) from error
    if len(pickled) > MAX_ARGUMENT_BYTES:
        raise GraphError(
            f"The arguments of node {label!r} take {len(pickled)} bytes, and at most {MAX_ARGUMENT_BYTES} are sent: "
            "give large arrays as inputs, or make them in a node"
        )
    return pickled


def perform_step(order: StepOrder, *values: Any) -> Any:
    """Do what an order says, inside a process that serves graphs; return the value of the node.

    Raises:
        NodeFailure: the code of the node raised something.
        StepForbidden: the execution has ended.
    """
    with Workplace(Path(order.directory)).running(order.step):
        try:
            return _call(order, values)
        except NodeFailure as failure:
            # What the node raised may be unable to travel, and would be taken along.
            failure.__cause__ = failure.__context__ = None
            raise


def _call(order: StepOrder, values: tuple[Any, ...]) -> Any:
    def fill(part: Any) -> Any:
        return values[part.position] if isinstance(part, Argument) else part

    try:
        function, args, kwargs = _load_call(order)
        return function(*replace_parts(args, fill), **replace_parts(kwargs, fill))
    except BaseException as error:
        raise NodeFailure(order.label, describe_error(error), format_node_traceback(error)) from error


def _load_call(order: StepOrder) -> tuple[Any, ...]:
    import cloudpickle

    # Modules beside the startup code are found here as they were when it was loaded.
    sys.path.extend(entry for entry in order.search_path if entry not in sys.path)
    return cloudpickle.loads(order.call)

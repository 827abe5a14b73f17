"""The files in which a site keeps its workflows: what they say, and which of them cannot be used. It writes none."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, cast

import yaml
from msgspec import Struct, field

from queue_server.access.workflows import check_workflow
from queue_server.access.yaml_text import read_yaml
from queue_server.protocol.errors import ParameterError
from queue_server.protocol.workflows import LONGEST_WORKFLOW_BYTES, WorkflowFields, read_workflow

MOST_FILES: Final = 1_000
_ENDINGS: Final = frozenset({".yaml", ".yml"})


class FoundWorkflows(Struct):
    """What the files of a directory say, by the ids of workflows, and what is wrong with a file, by its name."""

    workflows: dict[str, WorkflowFields] = field(default_factory=dict[str, WorkflowFields])
    problems: dict[str, str] = field(default_factory=dict[str, str])


def read_workflow_files(directory: Path) -> FoundWorkflows:
    """Return the workflows of all files ``*.yaml`` and ``*.yml`` of a directory, in the order of their names.

    Each has one workflow; its id is the name of the file, unless it says another one. A directory that is not there
    has none.

    Raises:
        ParameterError: the directory cannot be read, or has too many files.
    """
    found = FoundWorkflows()
    for file in _list_files(directory):
        try:
            fields = read_workflow_file(file)
            if fields.id in found.workflows:
                raise ParameterError(f"Another file has a workflow {fields.id!r} already; give this one another id.")
        except ParameterError as error:
            found.problems[file.name] = error.message
        else:
            found.workflows[fields.id] = fields
    return found


def _list_files(directory: Path) -> list[Path]:
    try:
        named = [file for file in directory.iterdir() if file.suffix in _ENDINGS]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ParameterError(f"The directory of workflows {directory} cannot be read: {error.strerror}.") from error
    files = [file for file in named if not file.name.startswith(".")]
    if len(files) > MOST_FILES:
        raise ParameterError(f"The directory of workflows {directory} has {len(files)} files, more than {MOST_FILES}.")
    return sorted(files)


def read_workflow_file(file: Path) -> WorkflowFields:
    """Return the workflow of a file.

    Raises:
        ParameterError: it cannot be read, is no YAML, or has no workflow that can be used.
    """
    try:
        text = _read_bytes(file)
        given = read_yaml(text)
    except OSError as error:
        raise ParameterError(f"It cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ParameterError(f"It is no YAML: {error}.") from error
    if not isinstance(given, dict):
        raise ParameterError("It must have a map with the keys of a workflow, such as 'name' and 'steps'.")
    values = cast("dict[str, Any]", given)
    fields = read_workflow({"id": file.stem, **values})
    check_workflow(fields)
    return fields


def _read_bytes(file: Path) -> bytes:
    with file.open("rb") as stream:
        text = stream.read(LONGEST_WORKFLOW_BYTES + 1)
    if len(text) > LONGEST_WORKFLOW_BYTES:
        raise ParameterError(f"It has more than {LONGEST_WORKFLOW_BYTES} bytes.")
    return text

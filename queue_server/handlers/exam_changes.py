"""What all changes of exam records have in common: which record is meant, which version, who signs, and the event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from msgspec.structs import replace

from queue_server.handlers.context import TurnContext
from queue_server.protocol.errors import ForbiddenError, NotFoundError, ParameterError, StaleError, StateError
from queue_server.protocol.exam_records import (
    OWNED_STATES,
    Exam,
    ExamRecord,
    ExamTask,
    Fields,
    R,
    ResultRecord,
    Sequence,
    Workflow,
)
from queue_server.protocol.method import Done

F = TypeVar("F", bound=Fields)

_WORDS: dict[type[ExamRecord], tuple[str, str]] = {
    Exam: ("exam", "exam_id"),
    Workflow: ("workflow", "workflow_id"),
    ExamTask: ("exam task", "task_id"),
    ResultRecord: ("result", "result_id"),
    Sequence: ("sequence", "sequence_id"),
}
_FIXED = ("is_template", "task_type", "task_id")
"""Fields that never change."""


def find_record(context: TurnContext, kind: type[R], identity: str) -> R:
    """Return a record; an exam task is found by the uid of its item as well.

    Raises:
        NotFoundError: there is none.
    """
    found = context.turn.tx.exam_record(kind, identity.lower())
    if found is None and kind is ExamTask:
        found = context.turn.tx.exam_task_of(identity)
    if not isinstance(found, kind):
        raise NotFoundError(f"There is no {_WORDS[kind][0]} {identity!r}.")
    return found


def find_template(context: TurnContext, kind: type[R], identity: str) -> R:
    """Return a record that is a template.

    Raises:
        NotFoundError: there is no such record.
        ParameterError: it is no template.
    """
    found = find_record(context, kind, identity)
    if not getattr(found.fields, "is_template", False):
        message = f"The {_WORDS[kind][0]} {identity!r} is not a template; copies are made of templates only."
        raise ParameterError(message, field="template_id")
    return found


def check_version(record: ExamRecord, wanted: int | None) -> None:
    """Refuse a change that is based on another version.

    Raises:
        StaleError: the record has changed; nothing was done.
    """
    if wanted is not None and wanted != record.version:
        raise StaleError(
            f"The {_WORDS[type(record)][0]} {record.id} has version {record.version}, not {wanted}; nothing was done. "
            "Read it again, and decide anew.",
            details={"version": record.version},
        )


def check_new(fields: Fields, name: str) -> None:
    """Refuse a new record that has come further already.

    Raises:
        ParameterError: its status is not NEW.
    """
    status = getattr(fields, "status", "NEW")
    if status != "NEW":
        raise ParameterError(f"'{name}.status' of a new record must be 'NEW', not {status!r}.", field=f"{name}.status")


def check_parent(context: TurnContext, fields: Fields, field: str, kind: type[R]) -> None:
    """Refuse fields of what belongs to nothing that it can belong to; ``field`` is the path of the id that says so.

    Raises:
        ParameterError: the id is missing and it is no template, nothing has that id, or a template and an instance
            would be mixed. ``details.missing`` has the id that nothing has.
    """
    identity: str | None = getattr(fields, field.rpartition(".")[2])
    is_template = bool(getattr(fields, "is_template", False))
    word = _WORDS[kind][0]
    if identity is None:
        if not is_template:
            raise ParameterError(f"'{field}' is required, unless it is a template.", field=field)
        return
    parent = context.turn.tx.exam_record(kind, identity)
    if parent is None:
        raise ParameterError(f"'{field}': there is no {word} {identity!r}.", field=field, details={"missing": identity})
    if getattr(parent.fields, "is_template", False) != is_template:
        raise ParameterError(
            f"'{field}': the {word} {identity!r} is {'no' if is_template else 'a'} template. Templates and instances "
            "do not mix.",
            field=field,
        )


def merge(record: ExamRecord, changes: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the values of a record's fields with some of them changed.

    Raises:
        ParameterError: one of them never changes.
    """
    values = record.fields.plain()
    for field in _FIXED:
        if field in changes and field in values and changes[field] != values[field]:
            message = f"'{name}.{field}' never changes: it is {values[field]!r}."
            raise ParameterError(message, field=f"{name}.{field}")
    return {**values, **changes}


def refuse_new(changes: Mapping[str, Any], name: str) -> None:
    """Refuse to make a record new again.

    Raises:
        ForbiddenError: the status that is asked for is NEW.
    """
    if changes.get("status") == "NEW":
        raise ForbiddenError(f"'{name}.status' cannot become 'NEW' again; leave it out to keep what it is.")


def _require_free(context: TurnContext, record: Exam | Workflow | ExamTask) -> None:
    if isinstance(record, ExamTask):
        is_owned = record.is_owned
    else:
        states = context.turn.tx.exam_task_states(type(record), record.id)
        is_owned = bool({state for _, state in states} & OWNED_STATES)
    if is_owned:
        raise StateError(
            f"The {_WORDS[type(record)][0]} {record.id} cannot be removed: an item of its exam tasks waits or is "
            "active. Take the item out of its queue, or wait for its end."
        )


def sign(context: TurnContext) -> dict[str, Any]:
    """Return what a new record has besides its fields."""
    return {
        "id": context.turn.chance.identifier(),
        "creator": context.origin.user,
        "created": float(context.turn.now),
    }


def add(context: TurnContext, record: R, **data: object) -> R:
    """Write a new record, and an event."""
    context.turn.tx.add_exam_record(record)
    tell(context, record, **data)
    return record


def change(context: TurnContext, record: R, fields: Fields) -> R:
    """Write a record with other fields, and an event; if they are the same nothing is done.

    What was NEW is UPDATED then, unless the queue owns it.
    """
    if fields == record.fields:
        return record
    if not (isinstance(record, ExamTask) and record.is_owned):
        fields = _updated_status(fields)
    # Only what was changed by name: the log is no place for what is known of patients.
    before, after = record.fields.plain(), fields.plain()
    changed = sorted(name for name in after if after[name] != before.get(name))
    new = renew(context, record, fields)
    tell(context, new, changed=changed)
    return new


def renew(context: TurnContext, record: R, fields: Fields) -> R:
    """Write the next version of a record."""
    new = replace(record, fields=fields, version=record.version + 1, updated=float(context.turn.now))
    context.turn.tx.change_exam_record(new)
    return new


def remove(context: TurnContext, kind: type[R], identity: str, if_version: int | None = None) -> Done:
    """Remove a record with what belongs to it, and write an event.

    Raises:
        NotFoundError: there is none.
        StaleError: it has another version than ``if_version``.
        StateError: an item of one of its exam tasks waits or is active.
    """
    record = find_record(context, kind, identity)
    check_version(record, if_version)
    if isinstance(record, (Exam, Workflow, ExamTask)):
        _require_free(context, record)
    context.turn.tx.remove_exam_record(kind, record.id)
    tell(context, record)
    return Done()


def tell(context: TurnContext, record: ExamRecord, **data: object) -> None:
    """Write into the event log which record was changed; it is about no lane."""
    known = {_WORDS[type(record)][1]: record.id, "version": record.version, **data}
    context.turn.record(context.method, origin=context.origin, data=known)


def _updated_status(fields: F) -> F:
    return fields.model_copy(update={"status": "UPDATED"}) if getattr(fields, "status", "") == "NEW" else fields

"""Handlers of the methods about sequences and their files."""

from __future__ import annotations

from queue_server.handlers.context import TurnContext
from queue_server.handlers.exam_changes import add, find_record, remove, sign
from queue_server.handlers.exam_trees import show_page
from queue_server.handlers.group import group
from queue_server.protocol.exam_fields import read_fields
from queue_server.protocol.exam_records import Sequence, SequenceFields, SequenceFiles
from queue_server.protocol.method import Done
from queue_server.protocol.methods.exam_sequences import (
    SequenceAddParams,
    SequenceGetParams,
    SequenceListParams,
    SequencePage,
    SequenceRemoveParams,
    SequenceReply,
)


def add_sequence(context: TurnContext, params: SequenceAddParams) -> SequenceReply:
    """Add a sequence with its files."""
    fields = read_fields(SequenceFields, params.sequence, "sequence")
    files = SequenceFiles(params.seq_file, params.xml_file)
    sequence = add(context, Sequence(**sign(context), fields=fields), size_bytes=files.size_bytes)
    context.turn.tx.add_sequence_files(sequence.id, files)
    return SequenceReply(sequence.shown())


def get_sequence(context: TurnContext, params: SequenceGetParams) -> SequenceReply:
    """Return a sequence."""
    sequence = find_record(context, Sequence, params.sequence_id)
    shown = sequence.shown()
    files = context.turn.tx.sequence_files(sequence.id) if params.files else None
    if files is not None:
        shown |= {"seq_file": files.seq_file, "xml_file": files.xml_file}
    return SequenceReply(shown)


def list_sequences(context: TurnContext, params: SequenceListParams) -> SequencePage:
    """Return a page of sequences without their files."""
    return SequencePage(*show_page(context, Sequence, limit=params.limit, cursor=params.cursor))


def remove_sequence(context: TurnContext, params: SequenceRemoveParams) -> Done:
    """Remove a sequence with its files."""
    return remove(context, Sequence, params.sequence_id)


GROUP = group(
    turn={
        "exam_sequence_add": add_sequence,
        "exam_sequence_get": get_sequence,
        "exam_sequence_list": list_sequences,
        "exam_sequence_remove": remove_sequence,
    }
)

"""The verbs of recorded runs: which there are, and their documents and tables, from here or through a gateway."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from queue_server.cli import render
from queue_server.cli.options import User, claim
from queue_server.cli.session import Session
from queue_server.cli.times import From, To, read_time
from queue_server.client.run_tables import TableFormat
from queue_server.protocol.errors import NotFoundError, ParameterError, RunFileError

RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="Uid of the run, or the path of a file with its documents (*.jsonl).")
]
Data = Annotated[
    Path | None,
    typer.Option(
        envvar="CUELIGHT_DATA",
        help="Data directory in which the documents are, by default the one of 'cuelight up'; a gateway sends them.",
    ),
]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write there, and replace what is there.")
]

_COLUMNS = ("STARTED", "SCAN", "PLAN", "LANE", "STATE", "EVENTS", "RUN")
_DOWNLOAD_S = 600.0
"""How long a gateway may take for the next piece."""


def list_runs(
    session: Session,
    limit: Annotated[int, typer.Option(help="Number of runs, the newest ones.")] = 20,
    plan: Annotated[str | None, typer.Option(help="Only runs of the plan of this name.")] = None,
    lane: Annotated[str | None, typer.Option(help="Only runs of this lane.")] = None,
    item: Annotated[str | None, typer.Option(help="Only runs of this item.")] = None,
    submission: Annotated[str | None, typer.Option(help="Only runs of this submission.")] = None,
    scan_id: Annotated[int | None, typer.Option(help="Only runs with this scan id.")] = None,
    time_from: From = None,
    time_to: To = None,
    cursor: Annotated[str | None, typer.Option(help="Go on where an earlier list has ended.")] = None,
) -> None:
    """List recorded runs, the newest first; the history may be cleared meanwhile."""
    wanted = {
        "plan": plan,
        "lane": lane,
        "item_uid": item,
        "submission": submission,
        "scan_id": scan_id,
        "time_from": read_time(time_from, "--from"),
        "time_to": read_time(time_to, "--to"),
    }
    reply = _gather(session, limit, cursor, wanted)
    session.show(reply, lambda: _print_list(reply))


def show(session: Session, run: RunArgument, data: Data = None) -> None:
    """Show what is known of a run; with its documents at hand, also its streams and their columns."""
    if _is_path(run):
        raise ParameterError(
            "Name the uid of a run: a file is not in the index. 'runs table' reads files.", field="RUN"
        )
    reply = session.request("run_get", {"run_uid": run})
    session.show(reply, lambda: _print_run(session, reply["run"], data))


def print_documents(session: Session, run: RunArgument, data: Data = None, output: Output = None) -> None:
    """Print the documents of a run as JSON lines: for each an array of its name and its content."""
    from queue_server.client.run_file import read_documents
    from queue_server.protocol.documents import write_line

    with _documents_of(session, run, data) as path:
        _write(output, (write_line(name, document) for name, document in read_documents(path)))


def print_table(
    session: Session,
    run: RunArgument,
    stream: Annotated[str, typer.Option(help="Name of the stream.")] = "primary",
    form: Annotated[TableFormat, typer.Option("--format", help="Format of the table.")] = "csv",
    output: Output = None,
    data: Data = None,
) -> None:
    """Print a stream of a run as a table: a row for each event, with its number, its time, and its data.

    CSV has no columns of arrays; 'cuelight runs export' writes these into files of their own.
    """
    from queue_server.client.run_columns import table_of
    from queue_server.client.run_tables import make_table

    if form != "csv" and output is None and render.on_terminal():
        raise ParameterError(f"A table in the format {form} is not for a terminal: name a file.", field="--output")
    with _documents_of(session, run, data) as path:
        table = table_of(path, stream)
        _write(output, make_table(path, table, form))
    if form == "csv" and table.arrays:
        render.say(f"Left out, since CSV has no arrays: {', '.join(column.name for column in table.arrays)}.")


def export(
    session: Session,
    run: RunArgument,
    directory: Annotated[Path, typer.Argument(help="A directory that does not exist yet.")],
    form: Annotated[TableFormat, typer.Option("--format", help="Format of the tables.")] = "parquet",
    data: Data = None,
) -> None:
    """Write a run into a directory: its documents, a table for each stream, and with CSV its arrays as .npy files."""
    from queue_server.client.run_export import export_run

    with _documents_of(session, run, data) as path:
        files = export_run(path, directory.expanduser().absolute(), form)
    reply = {"success": True, "msg": "", "directory": str(directory), "files": [file.name for file in files]}
    session.show(reply, lambda: render.say(f"{len(files)} files were written into {directory}."))


def index(session: Session, data: Data = None, user: User = None) -> None:
    """Add the runs below the data directory to the index that it lacks: after a restore, or when files were copied."""
    from queue_server.client.run_scan import scan_runs
    from queue_server.protocol.methods.recordings import MOST_RUNS_TOGETHER

    entries = scan_runs(_directory(data), render.say)
    looked_at = added = 0
    while runs := list(islice(entries, MOST_RUNS_TOGETHER)):
        looked_at += len(runs)
        added += session.request("run_add", {"runs": runs, **claim(user)})["added"]
    reply = {"success": True, "msg": "", "looked_at": looked_at, "added": added}
    session.show(reply, lambda: render.say(f"{added} of {looked_at} runs were added, or their ends."))


def _gather(session: Session, limit: int, cursor: str | None, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the newest runs that fit, asking until there are enough: a page may be short."""
    runs: list[dict[str, Any]] = []
    while True:
        most = min(limit - len(runs), 1_000)
        reply = session.request("run_list", {"limit": most, "cursor": cursor, **wanted})
        runs += reply["runs"]
        cursor = reply.get("next_cursor")
        if cursor is None or len(runs) >= limit:
            return {**reply, "runs": runs}


@contextmanager
def _documents_of(session: Session, run: str, data: Path | None) -> Generator[Path]:
    """Give the path of a file with the documents of a run, as long as the block lasts."""
    if _is_path(run):
        path = Path(run).expanduser()
        if not path.is_file():
            raise NotFoundError(f"There is no file {path}.")
        yield path
        return
    if _is_remote(session):
        with tempfile.NamedTemporaryFile(prefix="cuelight-", suffix=".jsonl") as file:
            session.run_control.download(f"/v1/runs/{quote(run, safe='')}/documents", file.write, _DOWNLOAD_S)
            file.flush()
            yield Path(file.name)
        return
    with _open_here(session.request("run_get", {"run_uid": run})["run"], data) as path:
        yield path


@contextmanager
def _open_here(run: Mapping[str, Any], data: Path | None) -> Generator[Path]:
    from queue_server.client.run_location import open_run_file

    with open_run_file(_directory(data), run) as file:
        yield file.path


def _directory(data: Path | None) -> Path:
    from queue_server.config import default_data_directory

    return (data or default_data_directory()).expanduser().absolute()


def _is_path(run: str) -> bool:
    return "/" in run or run.endswith(".jsonl")


def _is_remote(session: Session) -> bool:
    from queue_server.client.addresses import is_http

    return is_http(session.run_control.control_address)


def _write(output: Path | None, pieces: Iterable[bytes]) -> None:
    if output is None:
        for piece in pieces:
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
        return
    place = output.expanduser().absolute()
    draft = place.with_name(f".{place.name}.{os.getpid()}.part")
    try:
        with draft.open("xb") as file:
            file.writelines(pieces)
        draft.replace(place)
    except OSError as error:
        raise ParameterError(f"{place} cannot be written: {error.strerror or error}.", field="--output") from error
    finally:
        draft.unlink(missing_ok=True)
    render.say(f"{place} was written.")


def _print_list(reply: Mapping[str, Any]) -> None:
    render.print_table(_COLUMNS, map(_row, reply["runs"]))
    if reply.get("next_cursor"):
        render.say(f"There are others; go on with: --cursor {reply['next_cursor']}")


def _row(run: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        render.show_time(run["time_start"]),
        "" if run["scan_id"] is None else str(run["scan_id"]),
        run["plan_name"],
        run["lane"],
        _state(run),
        _show_events(run),
        run["uid"],
    )


def _state(run: Mapping[str, Any]) -> str:
    return "open" if run["is_open"] else run["exit_status"] or "unknown"


def _show_events(run: Mapping[str, Any]) -> str:
    return " ".join(f"{stream}:{count}" for stream, count in run["num_events"].items())


def _print_run(session: Session, run: Mapping[str, Any], data: Path | None) -> None:
    ended = run["time_stop"]
    fields = {
        "run": run["uid"],
        "scan": "" if run["scan_id"] is None else str(run["scan_id"]),
        "plan": run["plan_name"],
        "lane": run["lane"],
        "item": run["item_uid"],
        "submission": run["submission"],
        "attempt": str(run["attempt"]),
        "state": _state(run),
        "started": render.show_time(run["time_start"]),
        "duration": "" if ended is None else render.show_duration(ended - run["time_start"]),
        "events": _show_events(run),
        "file": run["file"],
        "host": run["host"],
    }
    render.print_fields(fields)
    if _is_remote(session):
        return
    try:
        _print_streams(run, data)
    except (NotFoundError, RunFileError) as error:
        render.say(error.message)


def _print_streams(run: Mapping[str, Any], data: Path | None) -> None:
    from queue_server.client.run_columns import find_tables

    with _open_here(run, data) as path:
        tables = find_tables(path).values()
    rows = [
        (table.stream, str(table.rows), column.name, column.type_text) for table in tables for column in table.columns
    ]
    render.print_line("")
    render.print_table(("STREAM", "EVENTS", "COLUMN", "TYPE"), rows)

"""Verbs on artifacts that a manager answers: which there are, what names them, and the registration of files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from queue_server.cli import render
from queue_server.cli.artifacts import show_size
from queue_server.cli.options import DEFAULT_GROUP, LockKey, User, UserGroup, who
from queue_server.cli.session import Session

Sha256 = Annotated[str, typer.Argument(metavar="SHA256", help="Id of the artifact: the SHA-256 of its bytes.")]

_COLUMNS = ("NAME", "SIZE", "TYPE", "CREATED", "NAMED BY", "ARTIFACT")


def list_artifacts(
    session: Session,
    submission: Annotated[str | None, typer.Option(help="Only of this submission.")] = None,
    attempt: Annotated[int | None, typer.Option(min=1, help="Only of attempts of this number.")] = None,
    name: Annotated[str | None, typer.Option(help="Only files of exactly this name.")] = None,
    content_type: Annotated[str | None, typer.Option("--type", help="Only files of exactly this media type.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Number of names, the newest ones.")] = 20,
) -> None:
    """Show which artifacts results, groups, exams and registrations name, the newest first."""
    wanted = {"submission_id": submission, "attempt": attempt, "name": name, "content_type": content_type}
    reply = session.request("artifact_list", {**wanted, "limit": limit})
    found: list[dict[str, Any]] = reply["artifacts"]
    while reply["next_cursor"] is not None and len(found) < limit:
        # A page with filters may be short.
        more = {"limit": limit - len(found), "cursor": reply["next_cursor"]}
        reply = session.request("artifact_list", {**wanted, **more})
        found = [*found, *reply["artifacts"]]
    reply = {**reply, "artifacts": found}
    session.show(reply, lambda: render.print_table(_COLUMNS, map(_row, found)))


def get(session: Session, artifact: Sha256) -> None:
    """Show whether the file of an artifact is there, and what names it."""
    reply = session.request("artifact_get", {"artifact_id": artifact})
    session.show(reply, lambda: _print(reply["artifact"]))


def register(
    session: Session,
    artifact: Sha256,
    name: Annotated[str, typer.Argument(help="What it is called: a name, or a relative path with slashes.")],
    size_bytes: Annotated[
        int | None, typer.Option("--size", min=0, help="Bytes; as the store has it if left out.")
    ] = None,
    content_type: Annotated[str | None, typer.Option("--type", help="Media type.")] = None,
    submission: Annotated[str | None, typer.Option(help="Submission to which it belongs.")] = None,
    user: User = None,
    group: UserGroup = DEFAULT_GROUP,
    lock_key: LockKey = None,
) -> None:
    """Give a stored file a name, so that it is kept and found; prints the id of the file. All of it is read first."""
    if size_bytes is None:
        size_bytes = session.request("artifact_get", {"artifact_id": artifact})["artifact"]["size_bytes"]
    given = {"name": name, "content_type": content_type, "submission_id": submission, **who(user, group)}
    params = {"artifact_id": artifact, "size_bytes": size_bytes, **given, "lock_key": lock_key}
    reply = session.request("artifact_register", params)
    session.show(reply, lambda: render.print_line(reply["artifact"]["id"]))


def unregister(
    session: Session,
    file: Annotated[str, typer.Argument(metavar="FILE", help="Id of the registered file.")],
    user: User = None,
    group: UserGroup = DEFAULT_GROUP,
    lock_key: LockKey = None,
) -> None:
    """Take the registration of a file back; its bytes go as the rules say, once nothing refers to them."""
    reply = session.request("artifact_unregister", {"file_id": file, **who(user, group), "lock_key": lock_key})
    session.show(reply, lambda: render.say(f"The file {file} is not registered any more."))


def _row(named: Mapping[str, Any]) -> tuple[str, ...]:
    owner = next((named[key] for key in ("submission_id", "item_uid", "group_id", "exam_result_id") if named[key]), "")
    by = " ".join(filter(None, (named["kind"], owner)))
    size = show_size(named["size_bytes"])
    return named["name"], size, named["content_type"], render.show_time(named["created"]), by, named["artifact_id"]


def _print(artifact: Mapping[str, Any]) -> None:
    render.print_fields(
        {
            "artifact": artifact["id"],
            "file": "there" if artifact["is_present"] else "missing, or of another length",
            "size": show_size(artifact["size_bytes"]),
        }
    )
    render.print_table(_COLUMNS[:-1], (_row(named)[:-1] for named in artifact["references"]))

"""Judges who may use the files of a system: data, keys, lists of keys, and the directories around them."""

from __future__ import annotations

import pwd
from collections.abc import Sequence
from pathlib import Path

from queue_server.cli.doctor.facts import FileFacts, FileKind
from queue_server.cli.doctor.finding import Finding, Level, quoted

# For each kind: bits that make a start or a request be refused, bits that only should not be, and what corrects it.
_RULES: dict[FileKind, tuple[int, int, str]] = {
    "database": (0o077, 0o077, "chmod 600"),
    "secret": (0o077, 0o077, "chmod 600"),
    "private": (0o022, 0o077, "chmod 600"),
    "list": (0o022, 0o022, "chmod go-w"),
    "tls_key": (0o007, 0o077, "chmod 600"),
    # Whoever may write to a socket can connect to it. Workers of another user reach their link by the group.
    "socket": (0o022, 0o022, "chmod 600"),
    "link": (0o002, 0o002, "chmod o="),
    # A group that may only pass through reaches what it knows by name: 0710, as the units have it.
    "directory": (0o022, 0o067, "chmod 700"),
    "shared": (0o002, 0o007, "chmod o="),
}


def check_file(facts: FileFacts) -> Finding | None:
    """Judge one file; None if there is nothing to say."""
    if facts.mode is None:
        return _judge_missing(facts)
    refused, unwanted, correction = _RULES[facts.kind]
    level: Level | None = "failure" if facts.mode & refused else "warning" if facts.mode & unwanted else None
    if level is None:
        return None
    what = "change" if facts.mode & 0o022 else "use"
    text = f"Other users may {what} {facts.name}, {facts.path} (mode {facts.mode:04o})."
    return Finding("files", level, text, f"{correction} {quoted(facts.path)}")


def check_owner(facts: FileFacts, owner: int) -> Finding | None:
    """Judge whether a file of the data directory belongs to the owner of that; None if it does."""
    if facts.owner is None or facts.owner == owner:
        return None
    text = f"{facts.path} belongs to {user_name(facts.owner)}, and the data directory to {user_name(owner)}."
    return Finding("files", "failure", text, f"sudo chown {user_name(owner)} {quoted(facts.path)}")


def check_files(files: Sequence[FileFacts], data: Path, owner: int | None) -> list[Finding]:
    """Judge all files; those inside the data directory, except what workers write, have one owner."""
    found = [finding for facts in files if (finding := check_file(facts))]
    own = [facts for facts in files if facts.path.is_relative_to(data) and facts.kind != "shared"]
    if owner is not None:
        found += [finding for facts in own if (finding := check_owner(facts, owner))]
    there = sum(facts.mode is not None for facts in files)
    if found or not there:
        return found
    return [Finding("files", "ok", f"Modes and owners of {there} files and directories are right.")]


def check_place(data: Path, *, is_directory: bool, is_readable: bool, owner: int | None) -> Finding | None:
    """Judge whether there is a data directory that can be looked into; None if it can, or if there is none yet."""
    if owner is None:
        return None
    if not is_directory:
        return Finding("files", "failure", f"{data} is not a directory.", "cuelight doctor --data DIR")
    if is_readable:
        return None
    text = f"{data} belongs to {user_name(owner)}, and this user may not look into it."
    action = f"sudo -u {user_name(owner)} cuelight doctor --data {quoted(data)}"
    return Finding("files", "failure", text, action)


def check_access(data: Path, owner: int | None, own: int) -> list[Finding]:
    """Judge whether this user can see everything of a data directory; ``owner`` is None if there is none."""
    if owner is None or own in (0, owner):
        return []
    text = f"{data} belongs to {user_name(owner)}; as {user_name(own)} not everything can be seen."
    action = f"sudo -u {user_name(owner)} cuelight doctor --data {quoted(data)}"
    return [Finding("files", "warning", text, action)]


def user_name(number: int) -> str:
    """Return the name of a user, or the number if the host knows none."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _judge_missing(facts: FileFacts) -> Finding | None:
    if facts.kind not in ("secret", "list", "tls_key"):
        return None
    text = f"{facts.name[:1].upper()}{facts.name[1:]} is to be in {facts.path}, and is not there or cannot be read."
    return Finding("files", "failure", text, f"ls -l {quoted(facts.path.parent)}")

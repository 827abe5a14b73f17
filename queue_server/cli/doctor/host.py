"""Judges the host: disks, file system, clock and versions."""

from __future__ import annotations

import re
from pathlib import Path

from queue_server.cli import render
from queue_server.cli.doctor.facts import ClockFacts, DiskFacts, StoreFacts, VersionFacts
from queue_server.cli.doctor.finding import Finding, command_on, quoted

MIB = 1024 * 1024
LEAST_BYTES = 64 * MIB
"""Below this the write-ahead log has no room; a manager refuses additions soon."""
COMFORT_BYTES = 1024 * MIB
LEAST_FILES = 1000

SQLITE_NEEDED = (3, 51, 3)
LIBZMQ_NEEDED = (4, 3, 3)
PYTHON_NEEDED = (3, 11)

MOVED_BY_S = 30.0
"""How far the wall clock may be from where it should be; a start takes some seconds itself."""
AHEAD_BY_S = 60.0
RECENTLY_S = 86400.0
EARLIEST = 1_767_225_600.0
"""2026-01-01 UTC. No clock that is right shows less."""


def check_disk(facts: DiskFacts, data: Path) -> list[Finding]:
    """Judge the free space of the disk of a directory."""
    look = f"df -h {quoted(facts.path)} && du -xhd 1 {quoted(facts.path)}    # then remove what is not needed"
    free = f"{facts.path}: {show_size(facts.free_bytes)} are free"
    wanted = max(COMFORT_BYTES, 3 * facts.database_bytes)
    if facts.free_bytes < LEAST_BYTES:
        found = [Finding("disk", "failure", f"{free}; nothing more can be added.", look)]
    elif facts.free_bytes < wanted:
        text = f"{free}; with its backups the database may need {show_size(wanted)}."
        found = [Finding("disk", "warning", text, look)]
    else:
        found = [Finding("disk", "ok", f"{free}.")]
    if facts.free_files is not None and facts.free_files < LEAST_FILES:
        text = f"{facts.path}: only {facts.free_files} more files can be created."
        found.append(
            Finding("disk", "failure" if facts.free_files == 0 else "warning", text, f"df -i {quoted(facts.path)}")
        )
    if facts.wants_ballast and not facts.has_ballast:
        text = "The room that is kept for a full disk was given up; additions are refused until there is room again."
        found.append(
            Finding("disk", "warning", text, f"{look.partition('    #')[0]}    # then: {command_on(data, 'doctor')}")
        )
    return found


def check_file_system(facts: StoreFacts, data: Path) -> list[Finding]:
    """Judge whether the data directory is on a disk of this host."""
    if facts.surroundings is None:
        return []
    name = facts.surroundings["network"]
    if name is None:
        return [Finding("file system", "ok", f"{data} is on no network file system.")]
    text = f"{data} is on a network file system ({name}), where a manager refuses to start."
    action = (
        f"cp -a {quoted(data)} /var/lib/cuelight/ && cuelight up --data {quoted(Path('/var/lib/cuelight') / data.name)}"
    )
    return [Finding("file system", "failure", text, action)]


def check_clock(facts: ClockFacts) -> list[Finding]:
    """Judge the wall clock by itself, by the kernel, and by the monotonic clock."""
    shown = render.show_time(facts.wall)
    if facts.wall < EARLIEST:
        return [Finding("clock", "failure", f"The clock shows {shown}, which is past.", "timedatectl set-ntp true")]
    found: list[Finding] = []
    if facts.moved_s is not None and abs(facts.moved_s) > MOVED_BY_S:
        text = (
            f"The wall clock was moved {_by(facts.moved_s)} since the manager has started; "
            "deadlines are not affected, the times in records are."
        )
        found.append(Finding("clock", "warning", text, "timedatectl timesync-status"))
    if facts.is_synchronised is False:
        text = f"The clock shows {shown}, and no time server keeps it right."
        found.append(Finding("clock", "warning", text, "timedatectl set-ntp true"))
    return found or [Finding("clock", "ok", f"The clock shows {shown}, and goes as the monotonic clock does.")]


def check_recorded_times(facts: StoreFacts, now: float) -> list[Finding]:
    """Judge the times in the event log, whose order is that of its numbers."""
    seen = facts.data
    if seen is None or "steps" not in seen:
        return []
    action = "timedatectl timesync-status"
    newest = seen["newest_event"]
    if newest is not None and newest - now > AHEAD_BY_S:
        ahead = render.show_duration(newest - now)
        text = f"The newest event is {ahead} ahead of the clock, which was moved back or is wrong."
        return [Finding("clock", "warning", text, action)]
    recent = [step for step in seen["steps"] if abs(now - step[1]) < RECENTLY_S]
    if recent:
        seq, at, back_s = recent[0]
        text = (
            f"The clock went back by {render.show_duration(back_s)} before event {seq} "
            f"({render.show_time(at)}); events are in order by their numbers."
        )
        return [Finding("clock", "warning", text, action)]
    return [Finding("clock", "ok", "The times in the event log do not go back in the last 24 h.")]


def check_versions(facts: VersionFacts) -> list[Finding]:
    """Judge what is installed, and whether the running manager is of the same release."""
    wanted = (
        ("SQLite", facts.sqlite, SQLITE_NEEDED, "apsw"),
        ("libzmq", facts.libzmq, LIBZMQ_NEEDED, "pyzmq"),
        ("Python", ".".join(map(str, facts.python)), PYTHON_NEEDED, ""),
    )
    found = [_judge_version(*each) for each in wanted]
    bad = [finding for finding in found if finding.level != "ok"]
    if facts.running and facts.running != facts.installed:
        text = f"Cuelight {facts.installed} is installed, and {facts.running} runs."
        bad.append(Finding("versions", "warning", text, "cuelight down && cuelight up    # workers go on meanwhile"))
    return bad or [Finding("versions", "ok", f"Cuelight {facts.installed}, {', '.join(f.text for f in found)}")]


def _judge_version(name: str, version: str, needed: tuple[int, ...], package: str) -> Finding:
    least = ".".join(map(str, needed))
    action = f"pip install --upgrade {package}" if package else f"install Python {least} or newer"
    if not version:
        return Finding("versions", "failure", f"{name} cannot be loaded; {least} or newer is needed.", action)
    if read_version(version) < needed:
        return Finding("versions", "failure", f"{name} {version} is too old: {least} or newer is needed.", action)
    return Finding("versions", "ok", f"{name} {version}")


def read_version(text: str) -> tuple[int, ...]:
    """Return the numbers of a version, up to the first part that is none."""
    numbers: list[int] = []
    for part in text.split("."):
        match = re.match(r"\d+", part)
        if match is None:
            break
        numbers.append(int(match.group()))
    return tuple(numbers)


def show_size(size_bytes: int) -> str:
    """Return a size in the largest unit that fits: ``12 MiB``, ``3.4 GiB``."""
    if size_bytes < MIB:
        return f"{size_bytes // 1024} KiB"
    if size_bytes < 1024 * MIB:
        return f"{size_bytes // MIB} MiB"
    return f"{size_bytes / (1024 * MIB):.1f} GiB"


def _by(moved_s: float) -> str:
    return f"{'forward' if moved_s > 0 else 'back'} by {render.show_duration(abs(moved_s))}"

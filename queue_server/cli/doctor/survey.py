"""Observes a whole system and has everything judged. The order of the findings is that of the questions of a person."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from queue_server import __version__
from queue_server.cli.doctor import files, host, lanes, places, proc, processes, sockets, store
from queue_server.cli.doctor.facts import Answer, ProcessFacts, SocketFacts, SystemFacts, VersionFacts
from queue_server.cli.doctor.finding import Finding
from queue_server.cli.doctor.inspection import Inspection, find_libzmq
from queue_server.cli.doctor.probe import ask_gateway, ask_manager, find_http_speech, find_speech
from queue_server.config import Settings
from queue_server.supervisor import (
    GATEWAY_PIPE,
    LOCK_FILE,
    MANAGER_PIPE,
    SUPERVISOR_FILE,
    delegate_address,
    find_writer,
    living_workers,
)

UNNAMED = "a socket"
"""How a socket is called whose address stands in no setting that is known here."""

ANY_HOST = {"*": "0.0.0.0", "": "0.0.0.0", "localhost": "127.0.0.1"}  # noqa: S104 - compared, not bound


class Patience(Struct, frozen=True):
    """How long the doctor waits, in seconds: for an answer, and for the examination of the store."""

    answer_s: float
    store_s: float


def examine(settings: Settings, patience: Patience) -> list[Finding]:
    """Observe everything and return all findings."""
    place = _judge_place(settings.data)
    if place is not None:
        return [place]
    inspection = Inspection(settings.data)
    libzmq = find_libzmq()
    ready = places.read_ready(settings)
    system = observe_processes(settings, str(ready.get("control") or settings.control), patience.answer_s)
    listening = observe_sockets(settings, ready, system)
    system = _ask_gateway(system, listening, patience.answer_s)
    found = [*judge_system(system), *_judge_sockets(system, listening), *_judge_files(settings)]
    found += _judge_host(settings, system)
    seen = inspection.finish(patience.store_s)
    now, is_running = time.time(), system.manager is not None
    sqlite = str((seen.surroundings or {}).get("sqlite", ""))
    versions = VersionFacts(sys.version_info[:3], sqlite, libzmq, __version__, str(ready.get("version") or ""))
    return [
        *store.check_examination(seen, settings.data),
        *store.check_store(seen, settings.data, is_running=is_running),
        *store.check_backups(seen, settings.data, interval_s=settings.backup_interval_s, now=now),
        *store.check_newest_backup(seen, settings.data),
        *found,
        *host.check_file_system(seen, settings.data),
        *host.check_recorded_times(seen, now),
        *host.check_versions(versions),
    ]


def judge_system(system: SystemFacts) -> list[Finding]:
    """Return what is to be said about processes and lanes."""
    found = [*processes.check_supervisor(system), *processes.check_manager(system), *processes.check_gateway(system)]
    named = (("supervisor", system.supervisor), ("manager", system.manager), ("gateway", system.gateway))
    for name, process in named:
        if process is not None:
            found += processes.check_watchdog(process, name)
    found += processes.check_workers(system)
    content = system.manager_answer.content if system.manager_answer is not None else {}
    for lane in content.get("lanes") or []:
        found += lanes.check_lane(lane, system.data, time.time())
    return found


def observe_processes(settings: Settings, control: str, timeout_s: float) -> SystemFacts:
    """Find the processes of a data directory, and ask the manager for its status."""
    data = settings.data
    manager = _read(proc.find_holder(data / LOCK_FILE) or find_writer(data / MANAGER_PIPE))
    gateway = _read(find_writer(data / GATEWAY_PIPE) or proc.find_by_words("gateway", data))
    answer: Answer | None = None
    if manager is not None and manager.state not in "Tt":
        answer = ask_manager(_find_address(data, control), timeout_s)
    return SystemFacts(
        data,
        _read(proc.find_holder(data / SUPERVISOR_FILE)),
        manager,
        gateway,
        tuple(found for pid in living_workers(data / places.WORKERS) if (found := _read(pid))),
        manager_answer=answer,
        wants_gateway=settings.http != "off",
        has_launchers=bool(settings.worker_launchers),
    )


def observe_sockets(
    settings: Settings, ready: dict[str, object], system: SystemFacts
) -> list[tuple[SocketFacts, int | None]]:
    """Return the sockets that belong to the system, or to its settings, each with the process that should have it."""
    listeners = proc.list_listeners()
    wanted = _wanted(settings, ready)
    found: list[tuple[SocketFacts, int | None]] = []
    taken: set[int] = set()
    for process, names in (
        (system.manager, ("control", "info", "documents", "worker link")),
        (system.gateway, ("http",)),
    ):
        own = frozenset() if process is None else proc.sockets_of(process.pid)
        for listener in listeners:
            if listener.inode in own and process is not None:
                name = next((each for each in names if wanted.get(each, ("", 0))[1] == listener.port), "")
                name = name or (f"{UNNAMED} of the gateway" if names == ("http",) else f"{UNNAMED} of the manager")
                taken.add(listener.port)
                found.append((_describe(name, listener, process.pid), process.pid))
    for name in ("control", "info", "documents", "worker link", "http"):
        host_name, port = wanted.get(name, ("", 0))
        owner = system.gateway if name == "http" else system.manager
        if port and port not in taken:
            found.append((_find_other(name, host_name, port, listeners), None if owner is None else owner.pid))
    return found


def _read(pid: int | None) -> ProcessFacts | None:
    return None if pid is None else proc.read_process(pid)


def _find_address(data: Path, control: str) -> str:
    """Return the private socket, which is where the data are; the other one can only be known from settings."""
    try:
        private = delegate_address(data)
    except OSError:
        return control
    return private if Path(private.removeprefix("ipc://")).exists() else control


def _wanted(settings: Settings, ready: dict[str, object]) -> dict[str, tuple[str, int]]:
    """Return host and port of each socket whose address is known."""
    named = {
        "control": ready.get("control") or settings.control,
        "info": ready.get("info") or settings.info,
        "documents": ready.get("documents") or settings.documents,
        "worker link": settings.worker_link or "",
        "http": "" if settings.http == "off" else ready.get("http") or settings.http,
    }
    found: dict[str, tuple[str, int]] = {}
    for name, address in named.items():
        scheme, _, rest = str(address).rpartition("://")
        host_name, _, port = rest.rstrip("/").rpartition(":")
        if scheme != "ipc" and port.isdigit():
            plain = host_name.removeprefix("[").removesuffix("]")
            found[name] = (ANY_HOST.get(plain, plain), int(port))
    return found


def _describe(name: str, listener: proc.Listener, pid: int) -> SocketFacts:
    host_name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(listener.host, listener.host)  # noqa: S104 - compared
    speech = (
        find_http_speech(host_name, listener.port)
        if name == "http" or name.endswith("gateway")
        else find_speech(host_name, listener.port)
    )
    return SocketFacts(name, listener.host, listener.port, True, pid, proc.name_of(pid), listener.owner, speech)


def _find_other(name: str, host_name: str, port: int, listeners: list[proc.Listener]) -> SocketFacts:
    """Return who else has a port, if anybody."""
    same = next((each for each in listeners if each.port == port), None)
    if same is None:
        return SocketFacts(name, host_name, port, False, None, "", None, None)
    pid = proc.find_socket_holder(same.inode)
    name_of = "" if pid is None else proc.name_of(pid)
    return SocketFacts(name, same.host, port, True, pid, name_of, same.owner, None)


def _ask_gateway(system: SystemFacts, listening: list[tuple[SocketFacts, int | None]], timeout_s: float) -> SystemFacts:
    gateway = system.gateway
    if gateway is None or gateway.state in "Tt":
        return system
    facts = next((facts for facts, owner in listening if owner == gateway.pid and facts.holder == owner), None)
    if facts is None or facts.speech is None:
        return system
    host_name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(facts.host, facts.host)  # noqa: S104 - compared
    return replace(system, gateway_answer=ask_gateway(host_name, facts.port, facts.speech, timeout_s))


def _judge_sockets(system: SystemFacts, listening: list[tuple[SocketFacts, int | None]]) -> list[Finding]:
    """Judge what can be judged, and leave out what follows from a process that was told already not to answer."""
    unnamed = {owner for facts, owner in listening if facts.name.startswith(UNNAMED)}
    found: list[Finding] = []
    for facts, owner in listening:
        process = system.gateway if facts.name == "http" or facts.name.endswith("gateway") else system.manager
        # Of processes of other users the kernel does not tell which sockets they have.
        is_hidden = process is not None and not proc.sockets_of(process.pid)
        is_elsewhere = facts.holder is None and not facts.is_listening and owner in unnamed
        is_told = facts.speech == "silent" and (process is not system.manager or not processes.answers(system))
        if not (is_hidden or is_elsewhere or is_told):
            found.append(sockets.check_socket(facts, system.data, owner))
    return found


def _judge_place(data: Path) -> Finding | None:
    is_readable = os.access(data, os.R_OK | os.X_OK)
    return files.check_place(data, is_directory=data.is_dir(), is_readable=is_readable, owner=places.owner_of(data))


def _judge_files(settings: Settings) -> list[Finding]:
    owner = places.owner_of(settings.data)
    seen = places.observe_files(settings)
    return [*files.check_access(settings.data, owner, os.geteuid()), *files.check_files(seen, settings.data, owner)]


def _judge_host(settings: Settings, system: SystemFacts) -> list[Finding]:
    data, manager = settings.data, system.manager
    found: list[Finding] = []
    backups = data / places.BACKUPS
    has_own_disk = backups.exists() and backups.stat().st_dev != data.stat().st_dev
    for path in (data, backups) if has_own_disk else (data,):
        wants_ballast = path == data and manager is not None
        disk = places.observe_disk(path, data, wants_ballast=wants_ballast)
        found += [] if disk is None else host.check_disk(disk, data)
    clock = places.observe_clock(data, None if manager is None else manager.age_s)
    return [*found, *host.check_clock(clock)]

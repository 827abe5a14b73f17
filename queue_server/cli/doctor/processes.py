"""Judges the processes: whether they run, answer and are watched over."""

from __future__ import annotations

from queue_server.cli import render
from queue_server.cli.doctor.facts import ProcessFacts, SystemFacts
from queue_server.cli.doctor.finding import Finding, command_on, quoted

_FROZEN = ("T", "t")
_DEAD = ("Z", "X")

WATCHDOG_AT_MOST_S = 60.0


def check_supervisor(system: SystemFacts) -> list[Finding]:
    """Judge whether somebody replaces a manager that dies."""
    found, manager = system.supervisor, system.manager
    if found is not None:
        if found.state in _FROZEN:
            return [_frozen("supervisor", found)]
        return [Finding("supervisor", "ok", f"The supervisor runs: {describe(found)}.")]
    if manager is None:
        return []
    if manager.unit:
        return [Finding("supervisor", "ok", f"The manager is the unit {manager.unit}, and systemd replaces it.")]
    text = "The manager runs without a supervisor: nobody replaces it if it dies."
    action = f"{command_on(system.data, 'up')}    # takes the running manager over"
    return [Finding("supervisor", "warning", text, action)]


def check_manager(system: SystemFacts) -> list[Finding]:
    """Judge whether the manager runs and answers."""
    manager, answer = system.manager, system.manager_answer
    if manager is None:
        return [_judge_absence(system)]
    if manager.state in _FROZEN:
        return [_frozen("manager", manager)]
    if answer is None or answer.error:
        said = f": {answer.error}" if answer is not None else ""
        waited = f" within {answer.waited_s:g} s" if answer is not None else ""
        text = f"The manager ({describe(manager)}) does not answer{waited}{said}"
        return [Finding("manager", "failure", _sentence(text), _replace(system, manager))]
    state = str(answer.content.get("manager_state", "")).replace("_", " ")
    return [Finding("manager", "ok", f"The manager runs and answers: {describe(manager)}, {state}.")]


def check_gateway(system: SystemFacts) -> list[Finding]:
    """Judge whether the gateway runs and can serve."""
    gateway, answer = system.gateway, system.gateway_answer
    if gateway is None:
        if not system.wants_gateway or system.supervisor is None:
            return []
        text = "The gateway does not run, though the supervisor does; it is started once the manager serves."
        action = f"{command_on(system.data, 'down')} && {command_on(system.data, 'up')}"
        return [Finding("gateway", "failure", text, action)]
    if gateway.state in _FROZEN:
        return [_frozen("gateway", gateway)]
    if answer is not None and answer.error:
        text = f"The gateway ({describe(gateway)}) does not serve: {answer.error}"
        return [Finding("gateway", "failure", _sentence(text), _mend_gateway(system, gateway))]
    if answer is None:
        return [Finding("gateway", "ok", f"The gateway runs: {describe(gateway)}.")]
    return [Finding("gateway", "ok", f"The gateway runs and serves: {describe(gateway)}.")]


def check_workers(system: SystemFacts) -> list[Finding]:
    """Judge the worker processes as the kernel shows them."""
    found = [_frozen("worker", worker) for worker in system.workers if worker.state in _FROZEN]
    alive = [worker for worker in system.workers if worker.state not in (*_FROZEN, *_DEAD)]
    if alive and system.manager is None:
        which = ", ".join(map(describe, alive))
        action = (
            f"{command_on(system.data, 'up')}    # takes them over; or: {command_on(system.data, 'down --workers')}"
        )
        found.append(Finding("worker", "warning", f"Workers go on without a manager: {which}.", action))
    elif alive:
        found += [Finding("worker", "ok", f"A worker runs: {describe(worker)}.") for worker in alive]
    return found


def check_watchdog(process: ProcessFacts, name: str) -> list[Finding]:
    """Judge whether systemd watches over a process that is a unit; nothing is said of others."""
    if not process.unit:
        return []
    edit = f"systemctl edit {process.unit}    # [Service] WatchdogSec=5, NotifyAccess=main, Type=notify"
    if process.watchdog_s is None:
        text = f"The {name} is the unit {process.unit}, and systemd does not notice if it hangs."
        return [Finding("watchdog", "warning", text, edit)]
    if process.watchdog_s > WATCHDOG_AT_MOST_S:
        text = f"systemd notices only after {render.show_duration(process.watchdog_s)} that {process.unit} hangs."
        return [Finding("watchdog", "warning", text, edit)]
    text = f"{process.unit} is replaced if it gives no sign of life for {process.watchdog_s:g} s."
    return [Finding("watchdog", "ok", text)]


def answers(system: SystemFacts) -> bool:
    """Return whether the manager runs and has answered."""
    return system.manager_answer is not None and not system.manager_answer.error


def describe(process: ProcessFacts) -> str:
    """Return which process this is and for how long it has run."""
    return f"process {process.pid}, for {render.show_duration(process.age_s)}"


def _judge_absence(system: SystemFacts) -> Finding:
    if system.supervisor is not None:
        action = f"{command_on(system.data, 'down')} && {command_on(system.data, 'up')}    # its output says why"
        return Finding("manager", "failure", "The manager does not run, though its supervisor does.", action)
    action = "systemctl start cuelight-manager" if system.has_launchers else command_on(system.data, "up")
    return Finding("manager", "warning", f"Nothing runs on {system.data}.", action)


def _replace(system: SystemFacts, manager: ProcessFacts) -> str:
    if manager.unit:
        return f"systemctl restart {manager.unit}    # workers go on"
    if system.supervisor is not None:
        return f"kill -KILL {manager.pid}    # the supervisor starts another one; workers go on"
    return f"kill -KILL {manager.pid}; cuelight up --data {quoted(system.data)}    # workers go on"


def _mend_gateway(system: SystemFacts, gateway: ProcessFacts) -> str:
    if not answers(system):
        return f"{command_on(system.data, 'doctor')}    # again, once the manager answers"
    restart = f"systemctl restart {gateway.unit}" if gateway.unit else f"kill {gateway.pid}"
    return f"{restart}    # another one takes its place"


def _frozen(name: str, process: ProcessFacts) -> Finding:
    text = f"The {name} ({describe(process)}) was stopped by a signal (SIGSTOP) or a debugger, and does nothing."
    return Finding(name, "failure", text, f"kill -CONT {process.pid}")


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."

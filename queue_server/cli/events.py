"""The verb ``events``: what has happened, and with --follow what happens. It decides nothing about the log."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any

import typer

from queue_server.cli import render
from queue_server.cli.session import Session
from queue_server.client.notices import EVENT_TOPIC, STATUS_TOPIC
from queue_server.protocol.errors import ParameterError

_PAGE = 1000
_COLUMNS = ("SEQ", "TIME", "EVENT", "USER", "ITEM", "DETAILS")

Event = Mapping[str, Any]


def events(
    session: Session,
    since: Annotated[int | None, typer.Option(help="Only events after this sequence number.")] = None,
    limit: Annotated[int, typer.Option(help="Largest number of events, with --follow of past ones.")] = 50,
    follow: Annotated[
        bool,
        typer.Option("--follow", "-f", help="Go on with what happens, until Ctrl-C or for --timeout seconds."),
    ] = False,
) -> None:
    """Show what has happened: the event log, by default its newest part.

    With --follow and --json every event is one line of JSON.
    """
    if follow:
        if session.field is not None:
            raise ParameterError("--field picks a part of one reply; with --follow there is none.", field="--field")
        _follow(session, since, limit)
        return
    reply = _read_page(session, _first(session, since, limit), limit)
    session.show(reply, lambda: render.print_table(_COLUMNS, map(_row, reply["events"])))


class EventFollower:
    """Shows each event once and in order; what the notices leave out is asked for."""

    def __init__(self, read: Callable[[int], Iterable[Event]], show: Callable[[Event], None], last_seq: int) -> None:
        self._read = read
        self._show = show
        self._last_seq = last_seq

    def hear(self, seq: int) -> None:
        """Show everything up to an event that was announced."""
        while self._last_seq < seq:
            page = list(self._read(self._last_seq))
            if not page:
                return
            for event in page:
                self._show(event)
                self._last_seq = event["seq"]


def _read_page(session: Session, since: int, limit: int) -> dict[str, Any]:
    return session.request("events_get", {"since": since, "limit": limit})


def _newest(session: Session) -> int:
    return session.request("events_get", {"limit": 1})["last_seq"]


def _first(session: Session, since: int | None, limit: int) -> int:
    return max(0, _newest(session) - limit) if since is None else since


def _follow(session: Session, since: int | None, limit: int) -> None:
    show = _print_line if session.json else _print_row
    deadline = None if session.timeout_s is None else time.monotonic() + session.timeout_s
    first = _first(session, since, limit)
    follower = EventFollower(lambda seq: _read_page(session, seq, _PAGE)["events"], show, first)
    # The status is repeated, so that it tells when the subscription is in force; only then is nothing missed.
    with session.run_control.notices([EVENT_TOPIC, STATUS_TOPIC]) as notices:
        follower.hear(_newest(session))
        is_subscribed = False
        while deadline is None or time.monotonic() < deadline:
            notice = notices.receive(None if deadline is None else max(0.0, deadline - time.monotonic()))
            if notice is None:
                continue
            if not is_subscribed:
                is_subscribed = True
                follower.hear(_newest(session))
            if notice.topic == EVENT_TOPIC:
                follower.hear(int(notice.payload.get("seq", 0)))


def _print_line(event: Event) -> None:
    render.print_line(json.dumps(event, ensure_ascii=False))


def _print_row(event: Event) -> None:
    render.print_line("  ".join(filter(None, _row(event))))


def _row(event: Event) -> tuple[str, ...]:
    origin = event.get("origin") or {}
    details = ", ".join(f"{name}={value}" for name, value in (event.get("data") or {}).items())
    return (
        str(event["seq"]),
        render.show_time(event["time"]),
        event["kind"],
        origin.get("user", ""),
        event.get("item_uid") or "",
        details,
    )

"""The verb ``log``: what has happened, and with --follow what happens. It decides nothing about the log."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any

import typer

from queue_server.cli import render
from queue_server.cli.session import Session
from queue_server.cli.times import From, To, read_time
from queue_server.client.notices import EVENT_TOPIC, STATUS_TOPIC
from queue_server.protocol.errors import ParameterError

_PAGE = 1000
_COLUMNS = ("SEQ", "TIME", "EVENT", "USER", "ITEM", "DETAILS")
# For programs; the seqs of a person's screen say as much.
_HIDDEN = ("queue_uid", "queue_uid_before", "item_uid")

Event = Mapping[str, Any]
Text = str | None


def events(
    session: Session,
    since: Annotated[int | None, typer.Option(help="Only events after this sequence number.")] = None,
    before: Annotated[int | None, typer.Option(help="Only events before this sequence number.")] = None,
    limit: Annotated[int, typer.Option(help="Largest number of events, with --follow of past ones.")] = 50,
    kind: Annotated[list[str] | None, typer.Option(help="Only events of this kind; may be repeated.")] = None,
    item: Annotated[Text, typer.Option(metavar="UID", help="Only events of this item.")] = None,
    submission: Annotated[Text, typer.Option(metavar="UID", help="Only events of this submission.")] = None,
    by_user: Annotated[Text, typer.Option("--user", help="Only what this user has asked for.")] = None,
    lane: Annotated[Text, typer.Option(help="Only events of this lane.")] = None,
    time_from: From = None,
    time_to: To = None,
    newest: Annotated[bool, typer.Option("--newest", help="Show the newest first.")] = False,
    follow: Annotated[
        bool,
        typer.Option("--follow", "-f", help="Go on with what happens, until Ctrl-C or for --timeout seconds."),
    ] = False,
) -> None:
    """Show what has happened, who asked for it and when: the event log, by default its newest part.

    With --follow and --json every event is one line of JSON.
    """
    wanted = {
        "kind": kind or None,
        "item_uid": item,
        "submission": submission,
        "by_user": by_user,
        "lane": lane,
        "time_from": read_time(time_from, "--from"),
        "time_to": read_time(time_to, "--to"),
    }
    log = _Log(session, {name: value for name, value in wanted.items() if value is not None})
    if follow:
        if session.field is not None:
            raise ParameterError("--field picks a part of one reply; with --follow there is none.", field="--field")
        if newest or before is not None:
            raise ParameterError("--follow goes forward; leave --newest and --before out.", field="--follow")
        _follow(session, log, since, limit)
        return
    reply = log.read(since, before, limit, newest=newest)
    session.show(reply, lambda: render.print_table(_COLUMNS, map(_row, reply["events"])))


class EventFollower:
    """Shows each event once and in order; what the notices leave out is asked for.

    With ``skips`` the reader leaves out events, so that nothing read means that nothing fits.
    """

    def __init__(
        self,
        read: Callable[[int], Iterable[Event]],
        show: Callable[[Event], None],
        last_seq: int,
        *,
        skips: bool = False,
    ) -> None:
        self._read = read
        self._show = show
        self._last_seq = last_seq
        self._skips = skips

    def hear(self, seq: int) -> None:
        """Show everything up to an event that was announced."""
        while self._last_seq < seq:
            page = list(self._read(self._last_seq))
            if not page:
                self._last_seq = seq if self._skips else self._last_seq
                return
            for event in page:
                self._show(event)
                self._last_seq = event["seq"]


class _Log:
    """The events that are wanted, read in as many requests as it takes."""

    def __init__(self, session: Session, wanted: Mapping[str, Any]) -> None:
        self._session = session
        self._wanted = dict(wanted)

    @property
    def is_filtered(self) -> bool:
        """Whether some events are not wanted."""
        return bool(self._wanted)

    def newest(self) -> int:
        """Return the number of the newest event of all."""
        return self._session.request("events_get", {"limit": 1})["last_seq"]

    def read(self, since: int | None, before: int | None, limit: int, *, newest: bool = False) -> dict[str, Any]:
        """Return the events behind ``since``, without it the newest ones, in the order in which they are shown."""
        if since is None and not newest and before is None and not self._wanted:
            return self._page({"since": max(0, self.newest() - limit), "limit": limit})
        backward = newest or since is None
        reply = self._gather(since, before, limit, backward=backward)
        if backward and not newest:
            reply["events"].reverse()
        return reply

    def after(self, since: int) -> list[Event]:
        """Return the next events, none if nothing fits up to the newest."""
        return self._gather(since, None, _PAGE, backward=False, at_once=True)["events"]

    def _gather(
        self, since: int | None, before: int | None, limit: int, *, backward: bool, at_once: bool = False
    ) -> dict[str, Any]:
        """Ask until there are enough events, or with ``at_once`` any."""
        cursor = "before" if backward else "since"
        asked = {"since": since, "before": before, **({"order": "newest"} if backward else {}), **self._wanted}
        reply = self._page({**asked, "limit": min(limit, _PAGE)})
        found: list[Event] = reply["events"]
        while reply.get("next_seq") is not None and len(found) < (1 if at_once else limit):
            asked[cursor] = reply["next_seq"]
            reply = self._page({**asked, "limit": min(limit - len(found), _PAGE)})
            found += reply["events"]
        return {**reply, "events": found}

    def _page(self, params: Mapping[str, Any]) -> dict[str, Any]:
        return self._session.request("events_get", params)


def _follow(session: Session, log: _Log, since: int | None, limit: int) -> None:
    show = _print_line if session.json else _print_row
    deadline = None if session.timeout_s is None else time.monotonic() + session.timeout_s
    first = since
    if first is None:
        newest = log.newest()
        past: list[Event] = log.read(None, None, limit)["events"] if log.is_filtered and limit else []
        for event in past:
            show(event)
        first = max([newest, *(event["seq"] for event in past)]) if log.is_filtered else max(0, newest - limit)
    follower = EventFollower(log.after, show, first, skips=log.is_filtered)
    # The status is repeated, so that it tells when the subscription is in force; only then is nothing missed.
    with session.run_control.notices([EVENT_TOPIC, STATUS_TOPIC]) as notices:
        follower.hear(log.newest())
        is_subscribed = False
        while deadline is None or time.monotonic() < deadline:
            notice = notices.receive(None if deadline is None else max(0.0, deadline - time.monotonic()))
            if notice is None:
                continue
            if not is_subscribed:
                is_subscribed = True
                follower.hear(log.newest())
            if notice.topic == EVENT_TOPIC:
                follower.hear(int(notice.payload.get("seq", 0)))


def _print_line(event: Event) -> None:
    render.print_line(json.dumps(event, ensure_ascii=False))


def _print_row(event: Event) -> None:
    render.print_line("  ".join(filter(None, _row(event))))


def _row(event: Event) -> tuple[str, ...]:
    origin = event.get("origin") or {}
    shown = {name: value for name, value in (event.get("data") or {}).items() if name not in _HIDDEN}
    details = ", ".join(f"{name}={value}" for name, value in shown.items())
    return (
        str(event["seq"]),
        render.show_time(event["time"]),
        event["kind"],
        origin.get("user", ""),
        event.get("item_uid") or "",
        details,
    )

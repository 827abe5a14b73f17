"""The list of faults: one row for each, with what is done to the system, when it is tested and what is asked for.

It holds no results and knows no tests; ``tests/faults/report.py`` brings the two together.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One fault. ``commit`` and ``night`` are the figures asked for in that tier; ``""`` means not in this tier.

    A row with neither belongs to the tests before a release. ``missing`` names the part that does not exist yet.
    """

    id: str
    fault: str
    commit: str = ""
    night: str = ""
    release: str = ""
    missing: str = ""

    @property
    def grows(self) -> bool:
        """Whether the night asks for more than every commit does."""
        return bool(self.commit and self.night)

    def asked(self, *, at_night: bool) -> str:
        """Return the figure asked for in a tier; the night has everything that each commit has."""
        return (self.night or self.commit) if at_night else self.commit


K = "nothing lost, doubled or in two places"

SECTIONS: dict[str, tuple[Row, ...]] = {
    "Durability": (
        Row("D1", "manager killed at random instants, >= 50 mixed changes/s", night=f"200 of 200 kills: {K}"),
        Row("D2", "manager or worker killed at each failpoint, three times", commit=f"every point: {K}"),
        Row("D3", "store alone killed at random instants", commit="200 kills: 0 lost", night="1,000 kills: 0 lost"),
        Row(
            "D4",
            "loss of power at any write, two models of the disk",
            commit="300 cuts: 0 lost, 0 corrupt",
            night="1,000 cuts: 0 lost, 0 corrupt",
        ),
        Row("D5", "whole system on a file system that forgets what was not synced", release="50 kills: 0 lost"),
        Row("D6", "fsync fails once", night="nothing acknowledged after it, end <= 1 s, no second fsync, 0 lost"),
        Row(
            "D7",
            "each fsync takes 500 ms longer",
            night="status, pause, abort p99 <= 100 ms; change p99 <= 1.5 s; 0 restarts",
        ),
        Row("D8", "disk full (40 MiB; the ballast has 16)", night="storage_full <= 100 ms, 0 lost, goes on <= 5 s"),
        Row("D9", "1,000 single bits of the database turned", night="every change of meaning found, copy restored"),
        Row(
            "D10",
            "database missing, empty, without log, of a newer version, read-only",
            commit="clear error, end <= 2 s, never an empty queue",
        ),
        Row("D11", "online backup at 50 changes/s", night="20 of 20 restore to a prefix of what was done"),
        Row("D12", "migration killed at each step", night="50 of 50 usable afterwards"),
        Row(
            "D13",
            "30 % of messages delayed or cut off, each request sent 1-5 times",
            commit="1,000 requests: 1,000 effects, equal replies, other body refused",
            night="10,000 requests: 10,000 effects, equal replies, other body refused",
        ),
        Row(
            "D14",
            "random operations and crashes against a model, both stores",
            commit="100 x 50 steps: 0 differences",
            night="1,000 x 50 steps: 0 differences",
        ),
        Row("D15", "PostgreSQL: killed under load", night="50 times: 0 lost, back <= 5 s", missing="PostgreSQL store"),
        Row("D16", "100,000 events, manager killed three times", night="all gaps found and refilled"),
    ),
    "Death of processes": (
        Row("P1", "manager killed during a plan", night="50 of 50 plans recorded with run uids, back <= 2.0 s"),
        Row("P2", "plan ends while the manager is down", night="50 of 50 recorded once"),
        Row("P3", "manager killed between the report of an end and its commit", commit="50 of 50 recorded once"),
        Row(
            "P4",
            "worker killed during a plan",
            commit="5 times: seen <= 0.1 s, unknown + held copy, opens again",
            night="50 times: seen <= 0.1 s, unknown + held copy, opens again",
        ),
        Row(
            "P5",
            "worker: segfault, exit, memory kill, stopped 30 s, C loop 30 s",
            night="5 of 5 named rightly, stall shown <= 3 s, no kill by itself; kill <= 10 s after abort",
        ),
        Row("P7", "all processes killed during a plan", night="50 times: unknown + held copy, order kept, 0 re-runs"),
        Row("P15", "report of an end with an old epoch", commit="50 of 50 recorded as late, not applied"),
        Row("P16", "gateway killed", night="50 times: queue untouched, clients back <= 3 s, 0 gaps"),
        Row("P18", "Dask scheduler or workers killed", night="100 times: acquisition p99 <= 100 ms, 0 partial results"),
    ),
    "Supervision": (
        Row("P6", "supervisor killed", night="20 times: adopted, 0 double starts, 0 lost results"),
        Row("P8", "start of the manager blocked for 60 s", night="tries for ever, <= 30 s apart, up <= 35 s after"),
        Row("P9", "supervisor stopped 20 s while the manager dies", night="manager back <= 5 s after it goes on"),
        Row(
            "P10",
            "clock steps: + 8 s, +- 1 h, summer time, leap second",
            commit="0 restarts, order kept, skew of tokens <= 60 s",
        ),
        Row("P11", "SIGTERM under load", commit="accepted answered, new ones refused as busy, end <= 5 s"),
        Row("P12", "upgrade during a plan; worker of another version", release="20 of 20 go on; mismatch refused"),
        Row("P13", "second manager on the same data or port", commit="100 times: end <= 1 s, 0 rows changed"),
        Row("P14", "PostgreSQL: second manager takes over", night="old writes refused", missing="PostgreSQL store"),
        Row("P17", "72 h of operation", release="memory + <= 5 %, handles +- 5, log <= 64 MiB, p99 + <= 20 %"),
    ),
    "Resources and limits": (
        Row("R1", "1,000 clients x 10 durable changes", night="10,000 replies, p99 <= 1.0 s"),
        Row("R2", "one client sends 5,000 requests/s", night="status of others p99 <= 100 ms; it is told busy"),
        Row("R3", "10 subscribers that never read", night="memory + <= 64 MB, publishing p99 <= 1 ms, others lose 0"),
        Row("R4", "50 WebSockets that never read", night="memory + <= 64 MB, closed <= 10 s after the buffer is full"),
        Row(
            "R5",
            "100,000 items queued, 1,000,000 in the history",
            night="status <= 10 ms, add <= 20 ms, start <= 5 s",
        ),
        Row("R6", "frame of 64 MiB", commit="peer dropped, memory + <= 16 MB, others p99 <= 100 ms"),
        Row(
            "R7",
            "500 silent and 2,000 garbage connections",
            commit="silent ones closed <= 3.5 s, 0 crashes, <= 1 line/s",
        ),
        Row("R8", "no more file handles, no more threads", night="new peers refused, old ones served, no end"),
    ),
    "Malformed messages": (
        Row(
            "Z1",
            "malformed messages of 1-6 frames",
            commit="10,000: 0 crashes, memory + <= 16 MB",
            night="100,000: 0 crashes, memory + <= 16 MB",
        ),
        Row("Z2", "coverage-guided fuzzing of the decoder", night="0 uncaught, <= 50 ms each"),
        Row(
            "Z3", "nesting of 100,000, claimed lengths, 4 MB of empty maps", commit="refused <= 50 ms, memory + <= 8 MB"
        ),
    ),
    "CURVE": (
        Row(
            "Z4", "keys: registered, random, of another server, none, revoked", commit="1 accepted; revoked cut <= 5 s"
        ),
        Row("Z5", "500 handshakes/s for 60 s", night="existing connections p99 <= 200 ms"),
    ),
    "HTTP and WebSocket": (
        Row("H1", "1,000 half-sent headers, 200 slow bodies", night="closed <= 15 s, others p99 <= 200 ms"),
        Row("H2", "200 MB and endless bodies", commit="413 within limit + 64 KiB, memory + <= 16 MB"),
        Row("H3", "10,000 parts; spreadsheet that unpacks to 300 MB", commit="refused <= 200 ms, memory + <= 32 MB"),
        Row(
            "H4",
            "WebSocket flood, large frames, compression bomb",
            night="closed 1008 or 1009 <= 1 s, others unaffected",
        ),
        Row("H5", "WebSocket from another site, every route", commit="all refused unless listed"),
        Row("H6", "every route x credential x altered parameters", commit="0 unexpected successes"),
        Row("H7", "forged request of another site, every unsafe route", commit="0 changes"),
        Row(
            "H8",
            "generated requests for every native route",
            commit="1,000 cases: 0 server errors, all problem+json",
            night="10,000 cases: 0 server errors, all problem+json",
        ),
        Row("H9", "forged Host and forwarding headers, 10,000 ranges", night="no effect, <= 50 ms"),
    ),
    "Authentication and secrets": (
        Row("A1", "10,000 guesses of passwords from 10 addresses", commit="<= 20 per account in 15 min, then 429"),
        Row("A2", "30 forged or misused tokens", commit="0 accepted, all 401"),
        Row("A3", "timing of 100,000 API keys; stolen database", night="Welch |t| < 4.5; 0 usable keys"),
        Row("A4", "100 logins at once", night="<= 4 hashes at once, control p99 <= 100 ms"),
        Row(
            "A5",
            "key revoked, scope reduced, token expired",
            commit="effective <= 1 s everywhere, open sockets included",
        ),
        Row("A6", "10,000 guesses of a lock key", commit="<= 10 per minute evaluated, only a hash kept"),
        Row("A7", "50 canary secrets through all paths, errors and logs", commit="0 occurrences"),
        Row("A8", "fresh installation", commit="0 public listeners; public bind without keys refused"),
        Row("A9", "key or database file that others may read", commit="refuses to start"),
    ),
    "Input and authority": (
        Row("I1", "40 pieces of code in cells, arguments, names, metadata", commit="0 executed; uploads recorded"),
        Row(
            "I2",
            "50 costly patterns x names of 5,000 characters",
            commit="<= 10 ms each, control p99 <= 100 ms, none kept",
        ),
        Row("I3", "10,000 names: look-alikes, right-to-left, NUL, surrogates", commit="NFC <= 128 only, 0 crashes"),
        Row("I4", "200 paths that leave their root", commit="0 opened outside"),
        Row("I5", "exported cells that a spreadsheet would execute", commit="all neutralised"),
        Row("I6", "static search for unsafe calls; worker sends pickle", commit="0 findings; refused"),
        Row("I7", "40 requests to inner addresses in URL fields", night="0 hits"),
        Row("I8", "device socket: no, foreign or replayed token, 100 at once", commit="1 owner, 0 commands to others"),
        Row("I9", "device names given twice", commit="refused, both places named"),
        Row("I10", "200 cases of one user acting on another's items", commit="0 beyond scope"),
        Row(
            "I11", "hostile worker: forged item, epoch, history; 100,000 messages", night="0 applied, memory + <= 16 MB"
        ),
        Row("I12", "Dask listener and unpickling", commit="loopback or TLS, 0 unpickled by the manager"),
        Row("I13", "known weaknesses of what is installed", commit="0 high; the floors of versions hold"),
    ),
}
ROWS: dict[str, Row] = {row.id: row for rows in SECTIONS.values() for row in rows}

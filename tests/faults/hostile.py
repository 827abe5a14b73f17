"""Startup code of a worker that does what a test tells it, with all that the process has: its pid, its link, its files.

Copied beside other startup code. Each connection to the socket ``hostile`` in the startup directory is one order: the
name of a function below and its arguments, as JSON in one line. The answer is what it returns.
"""

import json
import os
import socketserver
import sys
import threading
from pathlib import Path

import zmq

from queue_server.client.outbox import finish_record_path
from queue_server.protocol.codec import encode
from queue_server.protocol.items import AttemptKey
from queue_server.protocol.worker_link import Hello, pack

ADDRESS = Path(__file__).parent / "hostile"
OPTIONS = dict(zip(sys.argv[1::2], sys.argv[2::2], strict=False))
INCARNATION = OPTIONS["--incarnation"]
RECORDS = finish_record_path(Path(OPTIONS["--state-dir"]), INCARNATION)
# Far above the numbers of the true link.
FIRST = 1_000_000
# Of the kinds that are sent here: those that are no reports.
TELEGRAMS = ("progress", "console", "heartbeat", "metadata", "stop_report")
# Links that stay open.
KEPT = []


def make(message, number):
    """Return the frame of a message, right or not; a report gets its number."""
    fields = dict(message)
    head = {"kind": fields.pop("kind")}
    return encode({**head, **({} if head["kind"] in TELEGRAMS else {"number": number}), **fields}, "msgpack")


class Link:
    """A second connection of this worker, in the place of the first one."""

    def __init__(self, attempt=None, lane="default", incarnation=INCARNATION, pid=None):
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.set(zmq.LINGER, 10_000)
        self.socket.connect(OPTIONS["--link"])
        self.hello = pack(
            Hello(
                lane=lane,
                incarnation=incarnation,
                pid=pid or os.getpid(),
                environment="open",
                re_state="running" if attempt else "idle",
                attempt=AttemptKey(**attempt) if attempt else None,
                next_report=FIRST,
            )
        )
        self.socket.send(self.hello)

    def close(self):
        """Leave what was sent to be read."""
        self.socket.close()


def tell(messages, times=1, attempt=None, stay=False, **who):
    """Say hello, and send messages, one after the other, again and again; wait for no acknowledgement.

    Whoever does not stay may lose the end of it: ZeroMQ drops what a full receiver had not read of a closed connection.
    """
    link = Link(attempt, **who)
    number = FIRST
    for _ in range(times):
        for message in messages:
            link.socket.send(make(message, number))
            number += message["kind"] not in TELEGRAMS
    if stay:
        KEPT.append(link)
    else:
        link.close()
    return number - FIRST


def greet(times, incarnations=1):
    """Say hello again and again, under this name or under many others."""
    for number in range(incarnations):
        link = Link() if incarnations == 1 else Link(incarnation=f"stranger {number}")
        for _ in range(times):
            link.socket.send(link.hello)
        link.close()
    return times * incarnations


def send_large(size_bytes):
    """Send one frame of zeros."""
    link = Link()
    link.socket.send(b"\x81" + bytes(size_bytes))
    link.socket.set(zmq.LINGER, 1_000)
    link.close()
    return size_bytes


def replace_records(content_hex="", target="", pipe=False):
    """Put something else in the place of the file of finish records: bytes, a link to a file, or a pipe."""
    RECORDS.unlink(missing_ok=True)
    if target:
        RECORDS.symlink_to(target)
    elif pipe:
        os.mkfifo(RECORDS, 0o600)
    else:
        RECORDS.write_bytes(bytes.fromhex(content_hex))
    return str(RECORDS)


class Ears(socketserver.StreamRequestHandler):
    """Takes orders of the test."""

    def handle(self):
        """Take one."""
        name, arguments = json.loads(self.rfile.readline())
        self.wfile.write(json.dumps(globals()[name](**arguments)).encode() + b"\n")


ADDRESS.unlink(missing_ok=True)
server = socketserver.ThreadingUnixStreamServer(str(ADDRESS), Ears)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()

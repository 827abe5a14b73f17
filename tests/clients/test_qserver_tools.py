"""The small tools beside ``qserver`` understand what bluesky-queueserver publishes, and make the keys that it takes."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgpack
import pytest
import zmq

_ROOT = Path(__file__).parents[2]
_PATIENCE_S = 60


@contextmanager
def _python(program, *arguments, **environ) -> Iterator[Any]:
    """Run a program, and kill it if the test ends before it."""
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        cwd=_ROOT,
        env={**os.environ, **environ},
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        text=True,
        encoding="utf-8",
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def _start(module, *arguments, **environ):
    return _python(
        f"import sys; from queue_server.compat.{module} import main; sys.exit(main())", *arguments, **environ
    )


class Publisher:
    """A socket of notices that knows when somebody subscribes."""

    def __init__(self):
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.XPUB)
        self._socket.setsockopt(zmq.LINGER, 0)
        self.address = f"tcp://127.0.0.1:{self._socket.bind_to_random_port('tcp://127.0.0.1')}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()
        self._context.term()

    def wait_for_subscription(self):
        """Return the topic that somebody has subscribed to."""
        assert self._socket.poll(_PATIENCE_S * 1000), "nobody subscribes"
        return self._socket.recv()[1:]

    def send(self, *frames):
        """Publish frames."""
        self._socket.send_multipart(frames)


@pytest.fixture
def publisher():
    with Publisher() as publisher:
        yield publisher


def _read_exactly(process, text):
    found = process.stdout.read(len(text))
    assert found == text


@pytest.mark.parametrize("how", ["option", "deprecated option", "environment"])
def test_the_console_monitor_prints_both_encodings_and_ends_cleanly(publisher, how):
    arguments = {"option": ["--zmq-info-addr"], "deprecated option": ["--zmq-subscribe-addr"]}.get(how, [])
    arguments += [publisher.address] if arguments else []
    environ = {} if arguments else {"QSERVER_ZMQ_INFO_ADDRESS": publisher.address}
    with _start("console_monitor", *arguments, **environ) as process:
        assert publisher.wait_for_subscription() == b"QS_Console"
        publisher.send(b"QS_Info", json.dumps({"time": 1.0, "msg": {"status": {}}}).encode())
        publisher.send(b"QS_Console", b"not a message")
        publisher.send(b"QS_Console", json.dumps({"time": 1.0, "msg": "one, "}).encode())
        # What has no line end yet is shown at once.
        _read_exactly(process, "one, ")
        publisher.send(b"QS_Console", msgpack.Packer().pack({"time": 2.0, "msg": "zwölf\n"}))
        _read_exactly(process, "zwölf\n")
        process.send_signal(signal.SIGINT)
        rest, log = process.communicate(timeout=_PATIENCE_S)
    assert (process.returncode, rest) == (0, "")
    assert publisher.address in log
    assert "Traceback" not in log
    assert ("deprecated" in log) == (how == "deprecated option")


def test_the_console_monitor_ends_when_nobody_reads_it_any_more(publisher):
    with _start("console_monitor", "--zmq-info-addr", publisher.address) as process:
        publisher.wait_for_subscription()
        process.stdout.close()
        # The first line that cannot be written ends the monitor.
        publisher.send(b"QS_Console", json.dumps({"time": 1.0, "msg": "a line\n"}).encode())
        _, log = process.communicate(timeout=_PATIENCE_S)
    assert process.returncode == 0
    assert "Traceback" not in log


_STOCK_STREAM = """
import multiprocessing, sys

from bluesky_queueserver.manager.output_streaming import PublishZMQStreamOutput

queue = multiprocessing.Queue()
publisher = PublishZMQStreamOutput(
    msg_queue=queue,
    console_output_on=False,
    zmq_publish_on=True,
    zmq_publish_addr=sys.argv[1],
    encoding=sys.argv[2],
)
publisher.start()
print("ready", flush=True)
for line in sys.stdin:
    queue.put({"time": 1.0, "msg": line, "channel": "console"})
publisher.stop()
"""


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
def test_the_console_monitor_prints_what_the_stock_manager_publishes(encoding, tmp_path):
    address = f"ipc://{tmp_path}/info"
    with _python(_STOCK_STREAM, address, encoding) as stock:
        assert stock.stdout.readline() == "ready\n"
        with _start("console_monitor", "--zmq-info-addr", address, "--zmq-encoding", encoding) as process:
            found, tries = "", 100
            while "RE Environment is ready\n" not in found:
                assert (tries := tries - 1), "nothing arrives"
                # A subscription takes an unknown time to arrive, so the line is repeated until it is seen.
                stock.stdin.write("RE Environment is ready\n")
                stock.stdin.flush()
                found += _wait_for_text(process, 0.2)
            process.send_signal(signal.SIGINT)
            assert process.wait(_PATIENCE_S) == 0
        stock.stdin.close()
        assert stock.wait(_PATIENCE_S) == 0


def _wait_for_text(process, timeout_s):
    assert process.poll() is None, process.stderr.read()
    ready, _, _ = select.select([process.stdout], [], [], timeout_s)
    return os.read(process.stdout.fileno(), 65536).decode() if ready else ""


def _keys_in(text):
    words = {line.split()[0]: line.split()[-1] for line in text.splitlines() if "Private" in line or "Public" in line}
    return words["Private"], words["Public"]


def _run(program, *arguments):
    done = subprocess.run([*program, *arguments], capture_output=True, text=True, timeout=180, check=False, cwd=_ROOT)
    return done.returncode, done.stdout


def test_keys_are_those_that_the_stock_program_makes_and_accepts():
    stock = [Path(sys.executable).with_name("qserver-zmq-keys")]
    ours = [sys.executable, "-c", "import sys; from queue_server.compat.zmq_keys import main; sys.exit(main())"]
    for first, second in ((stock, ours), (ours, stock)):
        code, text = _run(first)
        assert code == 0
        private_key, public_key = _keys_in(text)
        code, text = _run(second, f"--zmq-private-key={private_key}")
        assert (code, text.count(private_key), text.count(public_key)) == (0, 1, 1)
    # The stock program calls this an exception.
    assert _run(stock, "--zmq-private-key=short")[0] == 4
    assert _run(ours, "--zmq-private-key=short")[0] == 1

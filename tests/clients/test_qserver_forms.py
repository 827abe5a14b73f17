"""``cuelight qserver`` sends what bluesky-queueserver's ``qserver`` sends, and ends with the same exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import msgpack
import pytest
import zmq

from queue_server.compat.qserver import main
from queue_server.compat.qserver_forms import FORMS
from queue_server.protocol.curve_keys import SHARED_PRIVATE_KEY, SHARED_PUBLIC_KEY

_KEY = ("-k", "90g94")
_PLAN = '{"name": "count", "args": [["det1", "det2"]], "kwargs": {"num": 10, "delay": 1}}'
_LITERAL = "{'name': 'count', 'args': (['det1'],), 'kwargs': {'num': None, 'per_shot': True}}"
_FUNCTION = '{"name": "function_sleep", "args": [20], "kwargs": {}}'
_WORDS_FOR_SCRIPTS = ("background", "update-re", "keep-lists")

# Every form of the stock manual, with all places, and with and without what may be left out.
_SAME = [
    "ping",
    "status",
    "config",
    "environment open",
    "environment close",
    "environment destroy",
    "environment update",
    "environment update background",
    "existing plans",
    "existing devices",
    "allowed plans",
    "allowed devices",
    "permissions reload",
    "permissions reload lists",
    "permissions get",
    ("permissions", "set", "PERMISSIONS"),
    ("queue", "add", "plan", _PLAN),
    ("queue", "add", "plan", _LITERAL),
    *(("queue", "add", "plan", *place.split(), _PLAN) for place in ("front", "back", "2", "-1", "before u", "after u")),
    "queue add instruction queue-stop",
    "queue add instruction 2 queue-stop",
    "queue add instruction before u queue-stop",
    ("queue", "update", "plan", "u", _PLAN),
    ("queue", "replace", "plan", "u", _PLAN),
    "queue update instruction u queue-stop",
    "queue replace instruction u queue-stop",
    ("queue", "execute", "plan", _PLAN),
    "queue execute instruction queue-stop",
    "queue get",
    "queue clear",
    *(f"queue item get{source}" for source in ("", " back", " front", " 2", " -3", " u")),
    *(f"queue item remove{source}" for source in ("", " back", " front", " 2", " -3", " u")),
    "queue item move 2 5",
    "queue item move back front",
    "queue item move front -2",
    "queue item move u 5",
    "queue item move 2 before v",
    "queue item move 2 after v",
    "queue item move u before v",
    "queue start",
    "queue stop",
    "queue stop cancel",
    "queue autostart enable",
    "queue autostart disable",
    "queue mode set loop True",
    "queue mode set loop False ignore_failures True",
    "queue mode set",
    "queue mode set loop sometimes",
    "re pause",
    "re pause deferred",
    "re pause immediate",
    "re resume",
    "re stop",
    "re abort",
    "re halt",
    "re metadata",
    "re runs",
    "re runs active",
    "re runs open",
    "re runs closed",
    "history get",
    "history clear",
    "history clear 200",
    "history clear -1",
    "history clear u",
    ("function", "execute", _FUNCTION),
    ("function", "execute", _FUNCTION, "background"),
    "task result u",
    "task status u",
    "kernel interrupt",
    "kernel interrupt task",
    "kernel interrupt plan",
    "kernel interrupt task plan",
    "manager stop",
    "manager stop safe on",
    "manager stop safe off",
    "manager kill test",
    # A lock that is asked for without a key is refused by the manager.
    "lock environment",
    "lock queue",
    "lock all",
    "lock info",
    "unlock",
    # Wrong command lines.
    "bogus",
    "ping now",
    "monitor now",
    "environment",
    "environment bogus",
    "environment open now",
    "environment update now",
    "existing",
    "allowed bogus",
    "allowed plans devices",
    "permissions set",
    "permissions set NOWHERE",
    "permissions set SCRIPT",
    "permissions get all",
    "queue",
    "queue bogus",
    "queue add plan",
    "queue add plan 2",
    "queue add bogus queue-stop",
    ("queue", "add", "plan", "before", _PLAN),
    ("queue", "add", "plan", "front", "u", _PLAN),
    ("queue", "add", "plan", "{'name': "),
    ("queue", "add", "plan", "count"),
    "queue add instruction bogus",
    ("queue", "update", "plan", _PLAN),
    ("queue", "replace", "plan", "u", "v", _PLAN),
    "queue get all",
    "queue clear all",
    "queue start now",
    "queue item",
    "queue item bogus",
    "queue item get 1 2",
    "queue item move",
    "queue item move 2",
    "queue item move 2 before",
    "queue item move 2 v",
    "queue stop now",
    "queue autostart",
    "queue autostart on",
    "queue mode",
    "queue mode get",
    "queue mode set loop",
    "re",
    "re bogus",
    "re pause now",
    "re runs all",
    "history",
    "history clear 1 2",
    "function",
    "function execute",
    "function execute count",
    ("function", "execute", _FUNCTION, "foreground"),
    "script",
    "script upload",
    "script upload NOWHERE",
    "task",
    "task result",
    "task bogus u",
    "kernel",
    "kernel interrupt all",
    "lock",
    "lock bogus",
    "lock environment queue",
    "lock environment note more",
    "lock info all",
    "unlock all",
    "manager",
    "manager stop safe",
    "manager stop safe maybe",
    "manager kill",
    "manager kill now",
]
_SAME_WITH_KEY = [
    "lock environment",
    ("lock", "environment", "Locked for 1 hr"),
    "lock queue",
    "lock all",
    "lock info",
    "unlock",
    "status",
    "allowed plans",
    "environment open",
    "environment update background",
    "permissions reload lists",
    ("permissions", "set", "PERMISSIONS"),
    ("queue", "add", "plan", "-1", _PLAN),
    ("queue", "replace", "plan", "u", _PLAN),
    "queue execute instruction queue-stop",
    "queue get",
    "queue item get 1",
    "queue item remove",
    "queue item move 2 5",
    "queue stop",
    "queue stop cancel",
    "queue mode set loop True",
    "re pause",
    "re halt",
    "history get",
    "history clear 5",
    ("function", "execute", _FUNCTION),
    ("script", "upload", "SCRIPT"),
    ("script", "upload", "SCRIPT", *_WORDS_FOR_SCRIPTS),
    "task result u",
    "manager stop safe on",
]

# Where the two differ on purpose: command line, what ours sends and its exit code, and the reason.
_OPENS = {"lock_key": "90g94"}
_DIFFERENT = [
    (("queue start", *_KEY), ("queue_start", _OPENS), 0, "the stock program forgets the key"),
    (("queue clear", *_KEY), ("queue_clear", _OPENS), 0, "the stock program forgets the key"),
    (
        ("queue autostart enable", *_KEY),
        ("queue_autostart", {"enable": True, **_OPENS}),
        0,
        "the stock program forgets the key",
    ),
    (("permissions reload", *_KEY), ("permissions_reload", _OPENS), 0, "the stock program forgets the key"),
    (("kernel interrupt", *_KEY), ("kernel_interrupt", _OPENS), 0, "the stock program forgets the key"),
    (("re runs", *_KEY), ("re_runs", {}), 0, "the method does not take the key, and refuses what it does not take"),
    (("re metadata", *_KEY), ("re_metadata", {}), 0, "the method does not take the key"),
    (
        ("script upload SCRIPT",),
        (
            "script_upload",
            {"script": "x = 1\n", "run_in_background": False, "update_re": False, "update_lists": True},
        ),
        0,
        "without a key none is sent, not a null",
    ),
    (
        ("lock", *_KEY, "queue"),
        ("lock", {"queue": True, "user": "qserver-cli", **_OPENS}),
        0,
        "options may stand between the words; the stock program takes the rest for a wrong argument",
    ),
    (
        ("queue", "add", "plan", '{"name": "count", "kwargs": {"per_shot": null, "md": {"test": true}}}'),
        (
            "queue_item_add",
            {
                "item": {
                    "name": "count",
                    "kwargs": {"per_shot": None, "md": {"test": True}},
                    "item_type": "plan",
                },
                "user": "qserver-cli",
                "user_group": "primary",
            },
        ),
        0,
        "JSON is understood, with its null and true",
    ),
    (
        ("queue mode set loop true",),
        ("queue_mode_set", {"mode": {"loop": True}}),
        0,
        "JSON is understood; the stock program sends the word",
    ),
    (("queue add plan [1]",), None, 1, "a plan that is no map is a wrong parameter, not an internal error"),
    (("function execute 5",), None, 1, "a function that is no map is a wrong parameter, not an internal error"),
    (("permissions",), None, 1, "a missing word is a wrong parameter, not an internal error"),
    (("permissions reload bogus",), None, 1, "the stock program finds the error and sends the request all the same"),
    (("re resume now",), None, 1, "the stock program overlooks words that are too much"),
    (("history get 5",), None, 1, "the stock program overlooks words that are too much"),
    ((), None, 1, "exit code 2 means that the manager refused, not that the command line is wrong"),
    (("ping", "--bogus"), None, 1, "exit code 2 means that the manager refused, not that the command line is wrong"),
    (("ping", "--zmq-encoding", "pickle"), None, 1, "a wrong option is a wrong parameter, not an internal error"),
    (("ping", "-a", "nowhere"), None, 1, "an address that is none is a wrong parameter, not a failed communication"),
]

_STOCK = """
import contextlib, io, json, sys

from bluesky_queueserver.manager.qserver_cli import qserver

found = []
for arguments in json.load(sys.stdin):
    sys.argv = ["qserver", *arguments]
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            found.append(qserver())
        except SystemExit as error:
            found.append(error.code)
json.dump(found, sys.stdout)
"""


class RecordingManager:
    """Answers every request and remembers it; what a peer of either socket type sends is understood."""

    def __init__(self, private_key=None):
        self.requests = []
        self.reply = {"success": True, "msg": ""}
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.LINGER, 0)
        if private_key is not None:
            self._socket.curve_server = True
            self._socket.curve_secretkey = private_key
        self.address = f"tcp://127.0.0.1:{self._socket.bind_to_random_port('tcp://127.0.0.1')}"
        self._stop, self._end = self._context.socket(zmq.PAIR), self._context.socket(zmq.PAIR)
        self._stop.bind("inproc://stop")
        self._end.connect("inproc://stop")
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._end.send(b"")
        self._thread.join()
        for socket in (self._socket, self._stop, self._end):
            socket.close()
        self._context.term()

    def take(self):
        """Return the requests since the last time."""
        taken, self.requests = self.requests, []
        return taken

    def _serve(self):
        poller = zmq.Poller()
        for socket in (self._socket, self._stop):
            poller.register(socket, zmq.POLLIN)
        while self._stop not in dict(poller.poll()):
            *envelope, body = self._socket.recv_multipart()
            packed = not body.startswith(b"{")
            request = msgpack.unpackb(body) if packed else json.loads(body)
            self.requests.append((request["method"], request.get("params", {})))
            reply = self.reply | {name: request[name] for name in ("id",) if name in request}
            answer = msgpack.Packer().pack(reply) if packed else json.dumps(reply).encode()
            self._socket.send_multipart([*envelope, answer])


@pytest.fixture(scope="module")
def manager():
    with RecordingManager() as started:
        yield started


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The files that command lines name by a word in capitals."""
    directory = tmp_path_factory.mktemp("files")
    (directory / "script.py").write_text("x = 1\n")
    (directory / "permissions.yaml").write_text("user_groups:\n  primary:\n    allowed_plans: [':.*']\n")
    return {
        "SCRIPT": str(directory / "script.py"),
        "PERMISSIONS": str(directory / "permissions.yaml"),
        "NOWHERE": str(directory / "nowhere"),
    }


def _words(line, files):
    parts = line.split(" ") if isinstance(line, str) else line
    return [files.get(word, word) for part in parts for word in _split(part)]


def _split(part):
    return [part] if part.startswith("{") or part == "Locked for 1 hr" else part.split(" ")


def _run_stock(lines):
    done = subprocess.run(
        [sys.executable, "-c", _STOCK],
        input=json.dumps(lines),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _observe_stock(manager, lines):
    """Return for each command line what the stock program sent (None for nothing), and its exit code."""
    # A request between the lines tells which of them sent something.
    mark = ["task", "status", "mark", "-a", manager.address]
    codes = _run_stock([given for line in lines for given in (line, mark)])[::2]
    sent, last = [], None
    for request in manager.take():
        if request == ("task_status", {"task_uid": "mark"}):
            sent.append(last)
            last = None
        else:
            last = request
    assert len(sent) == len(codes) == len(lines)
    return [list(found) for found in zip(sent, codes, strict=True)]


@pytest.fixture(scope="module")
def stock(manager, files):
    """What the stock program sent for each command line, and its exit code."""
    lines = [_words(line, files) for line in _SAME]
    lines += [[*_words(line, files), *_KEY] for line in _SAME_WITH_KEY]
    observed = _observe_stock(manager, [[*line, "-a", manager.address] for line in lines])
    return {tuple(line): found for line, found in zip(lines, observed, strict=True)}


def _run_ours(manager, words):
    code = main([*words, "-a", manager.address])
    sent = [*manager.take(), None]
    assert len(sent) <= 2
    return [sent[0], code]


@pytest.mark.parametrize("line", _SAME, ids=str)
def test_a_command_line_means_the_same_as_for_the_stock_program(line, stock, manager, files, capsys):
    words = _words(line, files)
    assert _run_ours(manager, words) == stock[tuple(words)]
    assert capsys.readouterr().out.startswith(f"Arguments: {words}\n")


@pytest.mark.parametrize("line", _SAME_WITH_KEY, ids=str)
def test_a_command_line_with_a_key_means_the_same_as_for_the_stock_program(line, stock, manager, files):
    words = [*_words(line, files), *_KEY]
    assert _run_ours(manager, words) == stock[tuple(words)]


def _addressed(line, manager, files):
    words = _words(line, files)
    return words if "-a" in words else ["-a", manager.address, *words]


@pytest.mark.parametrize(("line", "sent", "code", "reason"), _DIFFERENT, ids=lambda value: str(value)[:60])
def test_a_deliberate_difference_is_as_it_is_meant(line, sent, code, reason, manager, files):
    assert main(_addressed(line, manager, files)) == code, reason
    assert manager.take() == ([sent] if sent else []), reason


def test_the_deliberate_differences_are_differences(manager, files):
    lines = [_addressed(line, manager, files) for line, *_ in _DIFFERENT]
    for found, (line, sent, code, reason) in zip(_observe_stock(manager, lines), _DIFFERENT, strict=True):
        assert found != [sent, code], (line, reason)


def test_every_form_of_the_table_is_compared(files):
    compared = [tuple(_words(line, files)) for line in [*_SAME, *_SAME_WITH_KEY]]
    alone = {"monitor"}  # it has no end; see below
    assert [form.words for form in FORMS if form.words not in alone and not any(map(form.fits, compared))] == []


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
def test_a_refusal_ends_with_the_exit_code_of_the_stock_program(encoding, manager, capsys):
    line = ["queue", "start", "--zmq-encoding", encoding, "-a", manager.address]
    manager.reply = {"success": False, "msg": "not now"}
    try:
        codes = [*_run_stock([line]), main(line)]
    finally:
        manager.reply = {"success": True, "msg": ""}
    assert codes == [2, 2]
    assert manager.take() == [("queue_start", {})] * 2
    assert "MESSAGE: \n{'success': False, 'msg': 'not now'}" in capsys.readouterr().out


@pytest.mark.night
def test_silence_ends_with_the_exit_code_of_the_stock_program(capsys):
    line = ["ping", "-a", "tcp://127.0.0.1:1"]
    assert [*_run_stock([line]), main(line)] == [3, 3]
    assert "- ERROR: " in capsys.readouterr().out


def test_an_encrypted_connection_is_made_with_the_keys_of_the_stock_program(monkeypatch, capsys):
    public_key, private_key = zmq.curve_keypair()
    monkeypatch.setenv("QSERVER_ZMQ_PUBLIC_KEY", public_key.decode())
    with RecordingManager(private_key) as manager:
        line = ["unlock", *_KEY, "-a", manager.address]
        assert [*_run_stock([line]), main(line)] == [0, 0]
        assert manager.take() == [("unlock", _OPENS)] * 2
        # A manager that has another key than the one expected is sent nothing.
        monkeypatch.setenv("QSERVER_ZMQ_PUBLIC_KEY", zmq.curve_keypair()[0].decode())
        assert [*_run_stock([line]), main(line)] == [3, 3]
        # Nor does it listen to those who do not encrypt.
        monkeypatch.delenv("QSERVER_ZMQ_PUBLIC_KEY")
        assert main(line) == 3
        assert manager.take() == []


def test_the_shared_key_pair_is_that_of_the_stock_clients():
    program = "from bluesky_queueserver.manager import comms as c; print(c._fixed_public_key, c._fixed_private_key)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.encode().split() == [SHARED_PUBLIC_KEY, SHARED_PRIVATE_KEY]


@pytest.mark.parametrize("name", ["option", "environment", "deprecated option"])
def test_the_address_is_found_where_the_stock_program_finds_it(name, manager, monkeypatch, capsys):
    monkeypatch.setenv("QSERVER_ZMQ_CONTROL_ADDRESS", manager.address if name == "environment" else "tcp://127.0.0.1:1")
    options = {"option": ["--zmq-control-addr"], "deprecated option": ["--address"], "environment": []}[name]
    line = ["queue", "get", *(word for option in options for word in (option, manager.address))]
    assert [*_run_stock([line]), main(line)] == [0, 0]
    assert manager.take() == [("queue_get", {})] * 2
    assert ("deprecated" in capsys.readouterr().err) == (name == "deprecated option")


def test_the_installed_stock_program_and_ours_show_a_reply_alike(manager, capsys):
    manager.reply = {"success": True, "msg": "", "plans_allowed": {"count": {"name": "count"}}, "numbers": [1.5, None]}
    line = ["allowed", "plans", "-a", manager.address]
    program = Path(sys.executable).with_name("qserver")
    try:
        done = subprocess.run([program, *line], capture_output=True, text=True, timeout=180, check=True)
        assert main(line) == 0
    finally:
        manager.reply = {"success": True, "msg": ""}
    manager.take()
    ours = capsys.readouterr().out
    # The time of day stands between the arguments and the message.
    assert ours.splitlines()[0] == done.stdout.splitlines()[0]
    assert ours.partition(" - ")[2] == done.stdout.partition(" - ")[2]
    assert "'count': '{...}'" in ours


def test_the_monitor_asks_again_and_again_until_it_is_interrupted(manager):
    program = "import sys; from queue_server.compat.qserver import main; sys.exit(main())"
    command = [sys.executable, "-c", program, "monitor", "-a", manager.address]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as process:
        assert process.stdout is not None
        replies = 0
        while replies < 2:
            line = process.stdout.readline()
            assert line, "the monitor has ended"
            replies += "MESSAGE" in line
        process.send_signal(2)
        process.communicate(timeout=180)
    assert process.returncode == 0
    assert {method for method, _ in manager.take()} == {"ping"}

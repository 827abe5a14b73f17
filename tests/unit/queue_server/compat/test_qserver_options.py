"""The options of ``qserver`` and where else they come from."""

from __future__ import annotations

import pytest

from queue_server.compat.qserver_forms import FORMS
from queue_server.compat.qserver_options import Options, read_options
from queue_server.compat.qserver_parser import HelpWanted
from queue_server.protocol.errors import ParameterError

ENVIRONMENT = {
    "QSERVER_ZMQ_CONTROL_ADDRESS": "tcp://127.0.0.1:1",
    "QSERVER_ZMQ_ENCODING": "MSGPACK",
    "QSERVER_ZMQ_PUBLIC_KEY": "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID",
}


def read(*arguments, **environ):
    return read_options(arguments, "qserver", environ)


def test_without_options_only_the_words_are_known():
    assert read("queue", "get") == Options(("queue", "get"), None, "json", None, None, 2.0)


def test_options_are_read_from_the_environment():
    options = read("ping", **ENVIRONMENT)
    assert (options.address, options.encoding) == ("tcp://127.0.0.1:1", "msgpack")
    assert options.server_key == ENVIRONMENT["QSERVER_ZMQ_PUBLIC_KEY"]


def test_an_empty_variable_counts_as_not_set():
    assert read("ping", **dict.fromkeys(ENVIRONMENT, "")) == read("ping")


def test_an_option_wins_over_the_environment():
    options = read("ping", "-a", "ipc:///s", "--zmq-encoding", "json", "--timeout", "0.5", **ENVIRONMENT)
    assert (options.address, options.encoding, options.timeout_s) == ("ipc:///s", "json", 0.5)


def test_the_deprecated_option_is_weaker_and_noted():
    options = read("ping", "--address", "ipc:///old")
    assert (options.address, options.deprecated) == ("ipc:///old", ("--address",))
    assert read("ping", "--address", "ipc:///old", "-a", "ipc:///new").address == "ipc:///new"


@pytest.mark.parametrize(
    "arguments",
    [
        ("-k", "x", "lock", "queue", "a note"),
        ("lock", "-k", "x", "queue", "a note"),
        ("lock", "queue", "a note", "-kx"),
    ],
)
def test_options_stand_anywhere_between_the_words(arguments):
    options = read(*arguments)
    assert (options.words, options.lock_key) == (("lock", "queue", "a note"), "x")


def test_a_negative_position_is_no_option():
    assert read("queue", "item", "get", "-1").words == ("queue", "item", "get", "-1")


@pytest.mark.parametrize(
    ("arguments", "environ", "message"),
    [
        (["--bogus"], {}, "Unrecognized arguments: --bogus"),
        (["-k"], {}, "--lock-key/-k: expected one argument"),
        (["-k", ""], {}, "'--lock-key' must not be empty"),
        (["--timeout", "soon"], {}, "invalid float value: 'soon'"),
        (["--zmq-encoding", "pickle"], {}, "'--zmq-encoding' must be json or msgpack, not 'pickle'"),
        ([], {"QSERVER_ZMQ_ENCODING": "xml"}, "'QSERVER_ZMQ_ENCODING' must be json or msgpack, not 'xml'"),
        ([], {"QSERVER_ZMQ_PUBLIC_KEY": "short"}, "'QSERVER_ZMQ_PUBLIC_KEY' must be a key of 40 characters"),
    ],
)
def test_a_wrong_option_is_refused_by_name(arguments, environ, message):
    with pytest.raises(ParameterError) as caught:
        read("ping", *arguments, **environ)
    assert message in caught.value.message


def test_the_help_shows_every_form():
    with pytest.raises(HelpWanted) as caught:
        read("-h")
    lines = str(caught.value).splitlines()
    assert [form.usage for form in FORMS if f"  {form.usage}" not in lines] == []

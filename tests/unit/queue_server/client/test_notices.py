import pytest

from queue_server.client.notices import (
    CONSOLE_TOPIC,
    STATUS_TOPIC,
    Notice,
    check_topics,
    info_address_in,
    read_notice,
)
from queue_server.protocol.errors import CommunicationError, ParameterError
from queue_server.protocol.notices import console_notice, status_notice


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
def test_a_status_notice_gives_time_and_status(encoding):
    notice = read_notice(status_notice(12.5, {"manager_state": "idle"}, encoding))
    assert notice is not None
    assert (notice.topic, notice.time, notice.status, notice.text) == (
        STATUS_TOPIC, 12.5, {"manager_state": "idle"}, None,
    )  # fmt: skip


def test_a_console_notice_gives_its_text():
    notice = read_notice(console_notice(12.5, "hello\n"))
    assert notice is not None
    assert (notice.topic, notice.text, notice.status) == (CONSOLE_TOPIC, "hello\n", None)


@pytest.mark.parametrize(
    "frames", [[], [b"QS_Info"], [b"QS_Info", b"{}", b""], [b"QS_Info", b""], [b"QS_Info", b"[]"], [b"\xff", b"{}"]]
)
def test_frames_that_are_no_notice_are_none(frames):
    assert read_notice(frames) is None


@pytest.mark.parametrize("payload", [{}, {"time": "now", "msg": 3}, {"time": None, "msg": {"status": []}}])
def test_a_payload_of_another_form_gives_empty_values_and_no_error(payload):
    for topic in (STATUS_TOPIC, CONSOLE_TOPIC):
        notice = Notice(topic, payload)
        assert (notice.time, notice.status, notice.text) == (0.0, None, None)


def test_topics_become_prefixes():
    assert check_topics(["QS_Info", "cuelight."]) == (b"QS_Info", b"cuelight.")


@pytest.mark.parametrize("topics", ["QS_Info", [], ()])
def test_a_single_string_and_no_topic_at_all_are_refused(topics):
    with pytest.raises(ParameterError, match="topics"):
        check_topics(topics)


def test_the_address_of_the_stream_comes_from_the_configuration():
    assert info_address_in({"config": {"info": "tcp://127.0.0.1:9"}}, "tcp://x") == "tcp://127.0.0.1:9"


@pytest.mark.parametrize("reply", [{}, {"config": None}, {"config": {}}, {"config": {"info": ""}}])
def test_a_configuration_without_it_says_how_to_name_it(reply):
    with pytest.raises(CommunicationError, match=r"tcp://x .*CUELIGHT_INFO"):
        info_address_in(reply, "tcp://x")


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "*"])  # noqa: S104
@pytest.mark.parametrize(
    ("control", "expected"),
    [("tcp://beamline:1", "tcp://beamline:9"), ("tcp://[::1]:1", "tcp://[::1]:9"), ("ipc://x", "tcp://127.0.0.1:9")],
)
def test_an_address_on_every_interface_is_on_the_host_of_the_control_socket(host, control, expected):
    assert info_address_in({"config": {"info": f"tcp://{host}:9"}}, control) == expected


def test_an_ipc_address_of_notices_is_taken_as_it_is():
    assert info_address_in({"config": {"info": "ipc:///run/info"}}, "tcp://beamline:1") == "ipc:///run/info"

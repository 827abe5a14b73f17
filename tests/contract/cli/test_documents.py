"""The verb that follows the documents of runs."""

from __future__ import annotations

import json
import threading

import pytest

from queue_server.protocol.codec import encode
from queue_server.protocol.documents import MARK, DocumentHeader, pack_published


def frames(number, name="event", lane="default", omitted=""):
    content = b"" if name == MARK or omitted else encode({"data": {"x": float("nan")}}, "msgpack")
    return pack_published(DocumentHeader(lane, "one", number, name, 5.0, omitted), content)


@pytest.fixture
def publishing(cuelight):
    """A manager that publishes these documents as soon as somebody subscribes."""
    config = {"ip_connect_info": {}, "documents": cuelight.manager.info}
    threads = []

    def install(*messages):
        def publish():
            cuelight.manager.await_subscriber()
            for message in messages:
                cuelight.manager.publish_frames(*message)

        def answer(_):
            threads.append(threading.Thread(target=publish))
            threads[-1].start()
            return {"config": config}

        cuelight.answer("config_get", answer)
        return cuelight

    yield install
    for thread in threads:
        thread.join(30)


def test_documents_are_printed_as_in_the_files_of_runs_and_gaps_beside_them(publishing):
    bench = publishing(frames(1), frames(4, omitted="too large"), frames(5))
    ended = bench("documents", "--timeout", "2")
    assert ended.code == 0
    assert ended.out == '["event",{"data":{"x":NaN}}]\n' * 2
    assert ended.err.splitlines() == [
        "Lane default: documents 2 to 3 did not come (lost).",
        "Lane default: documents 4 to 4 did not come (too large).",
    ]


def test_for_programs_there_is_a_map_for_each(publishing):
    bench = publishing(frames(1, lane="b"), frames(1), frames(3, MARK))
    ended = bench("documents", "--lane", "default", "--json", "--timeout", "2")
    document, gap = map(json.loads, ended.out.splitlines())
    assert (document["name"], document["number"], document["lane"], document["time"]) == ("event", 1, "default", 5.0)
    assert gap == {"lane": "default", "incarnation": "one", "first": 2, "last": 3, "reason": "lost"}


def test_a_field_of_many_documents_is_refused(publishing):
    ended = publishing()("documents", "--field", "uid")
    assert (ended.code, "--field" in ended.err) == (1, True)

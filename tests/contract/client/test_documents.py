"""What both forms of RunControl promise about the documents of runs."""

from __future__ import annotations

import pytest

from queue_server.client import CommunicationError, ParameterError
from queue_server.client.documents import LOST, Document, Gap
from queue_server.protocol.codec import encode
from queue_server.protocol.documents import MARK, DocumentHeader, pack_published


def frames(number, name="event", lane="default"):
    content = b"" if name == MARK else encode({"uid": str(number)}, "msgpack")
    return pack_published(DocumentHeader(lane, "one", number, name, 5.0), content)


def document(number, name="event", lane="default"):
    return Document(lane, "one", number, 5.0, name, {"uid": str(number)})


@pytest.fixture
def publishing(manager):
    """Let the answer to ``ping`` wait for a subscriber, then publish documents."""
    manager.answers["config_get"] = lambda _: {"success": True, "msg": "", "config": {"documents": manager.info}}

    def install(*messages):
        def publish_then_answer(_):
            manager.await_subscriber()
            for message in messages:
                manager.publish_frames(*message)
            return {"msg": "here"}

        manager.answers["ping"] = publish_then_answer

    return install


async def test_documents_come_in_order_and_gaps_are_told(connect, publishing):
    publishing(
        frames(1, "start"), frames(4), frames(6, MARK), (b"default/event", b"no", b"document"), frames(7, "stop")
    )
    client = connect()
    documents = await client("documents")
    await client("send_request", method="ping")
    expected = [
        document(1, "start"),
        Gap("default", "one", 2, 3, LOST),
        document(4),
        Gap("default", "one", 5, 6, LOST),
        document(7, "stop"),
    ]
    assert [await client.receive(documents) for _ in expected] == expected
    assert not documents.closed
    await client.end(documents)
    assert documents.closed


async def test_only_documents_of_the_named_lanes_arrive(connect, publishing):
    publishing(frames(1, lane="b"), frames(1, lane="default2"), frames(1), frames(2))
    client = connect()
    documents = await client("documents", ["default"])
    await client("send_request", method="ping")
    assert await client.first(documents, "", 2) == [document(1), document(2)]
    await client.end(documents)


async def test_nothing_within_the_time_is_none(connect, publishing):
    client = connect()
    documents = await client("documents")
    assert await client.receive(documents, timeout_s=0.01) is None
    await client.end(documents)


@pytest.mark.parametrize("lanes", [[], "default"])
async def test_lanes_that_are_no_list_of_lanes_are_refused(connect, lanes):
    with pytest.raises(ParameterError, match="'lanes'"):
        await connect()("documents", lanes)


async def test_an_older_manager_does_not_tell_where_documents_are(connect, manager):
    manager.answers["config_get"] = lambda _: {"success": True, "msg": "", "config": {}}
    with pytest.raises(CommunicationError, match="older"):
        await connect()("documents")


async def test_over_http_there_are_no_documents(face):
    client = face("http://127.0.0.1:9", timeout_s=5)
    with pytest.raises(CommunicationError, match="0MQ only"):
        await client("documents")
    await client("close")

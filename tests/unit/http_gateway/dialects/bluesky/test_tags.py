"""Entity tags of lists: a 304 for who has the list, and never for who has another one."""

from __future__ import annotations

import pytest

from http_gateway.dialects.bluesky.tags import UIDS, tag_of
from queue_server.protocol.status import DOCUMENTED_KEYS

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATHS = {
    "/queue/get": "queue_get",
    "/history/get": "history_get",
    "/re/runs/open": "re_runs",
    "/plans/allowed": "plans_allowed",
    "/plans/existing": "plans_existing",
    "/devices/allowed": "devices_allowed",
    "/devices/existing": "devices_existing",
    "/lock/info": "lock_info",
}


@pytest.fixture
def publish(manager, client, listen):
    """Let the manager publish uids; the gateway knows them when this returns."""

    async def run(**uids):
        async with listen(client, "/api/status/ws") as heard:
            await manager.publish_status(**uids)
            while (await heard.next())["msg"]["status"] != manager.status:
                continue

    return run


async def test_every_uid_stands_in_the_status():
    assert set(UIDS.values()) <= set(DOCUMENTED_KEYS)


@pytest.mark.parametrize(("path", "method"), PATHS.items())
async def test_who_has_the_list_is_not_sent_it_again(client, manager, publish, path, method):
    name = UIDS[method]
    manager.answers[method] = {"success": True, "msg": "", "items": [], name: "uid-1"}
    await publish(**{name: "uid-1"})
    first = await client.get(f"/api{path}")
    tag = first.headers["etag"]
    for given in (tag, f'"other", W/{tag}'):
        again = await client.get(f"/api{path}", headers={"If-None-Match": given})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert manager.asked.count(method) == 1
    manager.answers[method] = {"success": True, "msg": "", "items": [1], name: "uid-2"}
    await publish(**{name: "uid-2"})
    changed = await client.get(f"/api{path}", headers={"If-None-Match": tag})
    assert (changed.status_code, changed.headers["etag"] == tag) == (200, False)


async def test_another_form_of_the_list_is_another_one(client, manager, publish):
    manager.answers["plans_allowed"] = {"success": True, "msg": "", "plans_allowed_uid": "uid-1"}
    await publish(plans_allowed_uid="uid-1")
    tags = [
        (await client.request("GET", "/api/plans/allowed", json=body)).headers["etag"]
        for body in ({}, {"reduced": True}, {"reduced": False})
    ]
    assert len(set(tags)) == 3
    answer = await client.request(
        "GET", "/api/plans/allowed", json={"reduced": True}, headers={"If-None-Match": tags[0]}
    )
    assert answer.status_code == 200


async def test_with_reload_the_list_is_sent_whatever_the_client_has(client, manager, publish):
    manager.answers["queue_get"] = {"success": True, "msg": "", "plan_queue_uid": "uid-1"}
    await publish(plan_queue_uid="uid-1")
    tag = (await client.get("/api/queue/get")).headers["etag"]
    answer = await client.request("GET", "/api/queue/get", json={"reload": True}, headers={"If-None-Match": tag})
    assert answer.status_code == 200


async def test_a_refusal_and_a_list_without_uid_have_no_tag(client, manager):
    for reply in ({"success": False, "msg": "no", "plan_queue_uid": "a"}, {"success": True, "plan_queue_uid": ""}):
        manager.answers["queue_get"] = reply
        assert "etag" not in (await client.get("/api/queue/get")).headers


@pytest.mark.parametrize(
    "frame",
    [
        b'{"success":true,"items":[{"kwargs":{"plan_queue_uid":"theirs"}}],"plan_queue_uid":"ours"}',
        b'{"success":true,"plan_queue_uid":"ours","items":[{"meta":{"plan_queue_uid":"theirs"}}]}',
        b'{"success": true, "msg": "\\"plan_queue_uid\\":\\"theirs\\"", "plan_queue_uid": "ours"}',
    ],
)
async def test_an_item_cannot_pass_its_own_uid_off_as_that_of_the_queue(frame):
    assert tag_of(frame, "queue_get", {}).startswith('"ours-')


async def test_who_shows_a_lock_key_gets_no_tag(client, manager, publish):
    manager.answers["lock_info"] = {"success": True, "msg": "", "lock_info": {}, "lock_info_uid": "uid-1"}
    await publish(lock_info_uid="uid-1")
    tag = (await client.get("/api/lock/info")).headers["etag"]
    answer = await client.request("GET", "/api/lock/info", json={"lock_key": "k"}, headers={"If-None-Match": tag})
    assert (answer.status_code, "etag" in answer.headers) == (200, False)

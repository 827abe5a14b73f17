"""The policy whose users are on a server: what it reads, and what happens when the server is silent or wrong."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager

import pytest

from http_gateway.auth.policies import UserEntry
from http_gateway.auth.scopes import SINGLE_USER
from http_gateway.auth.server_policy import ServerBasedAPIAccessControl, read_access

ACCESS = {
    "Admin": {"bob": {"email": "bob@home", "first_name": "Bob", "last_name": "Doe"}},
    "expert": {"bob": {}, "ann": {}},
}


@asynccontextmanager
async def serving(answers):
    """Answer each request with the next pair of status and body; give the port and what was asked for."""
    asked = []

    async def answer(reader, writer):
        asked.append((await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[0].decode())
        status, body = answers.pop(0)
        head = f"HTTP/1.1 {status} X\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], asked
    finally:
        server.close()
        await server.wait_closed()


async def test_the_users_of_the_server_have_access():
    async with serving([(200, json.dumps(ACCESS).encode())]) as (port, asked):
        policy = ServerBasedAPIAccessControl(instrument="TST", server="127.0.0.1", port=port)
        assert not policy.is_user_known("bob")
        assert await policy.update()
    assert asked == ["GET /instrument/tst/qserver/access HTTP/1.1"]
    assert policy.get_user_roles("bob") == {"admin", "expert"}
    assert policy.get_displayed_user_name("bob") == 'bob "Bob Doe <bob@home>"'
    assert policy.is_user_known("ann")
    assert not policy.is_user_known("nobody")
    assert policy.is_user_known(SINGLE_USER)


@pytest.mark.parametrize("answer", [(500, b"{}"), (200, b"nonsense"), (200, b"[]"), (200, b'{"admin": ["bob"]}')])
async def test_a_bad_answer_changes_nothing(answer):
    async with serving([(200, json.dumps(ACCESS).encode()), answer]) as (port, _):
        policy = ServerBasedAPIAccessControl(instrument="tst", base_url=f"http://127.0.0.1:{port}/")
        assert await policy.update()
        assert not await policy.update()
    assert policy.is_user_known("bob")


async def test_what_is_too_old_is_no_access():
    async with serving([(200, json.dumps(ACCESS).encode())]) as (port, _):
        policy = ServerBasedAPIAccessControl(
            instrument="tst", server="127.0.0.1", port=port, expiration_period=0.000_001, http_timeout=5
        )
        assert await policy.update()
    assert not policy.is_user_known("bob")
    assert policy.get_user_scopes("bob") == frozenset()
    assert policy.is_user_known(SINGLE_USER)


async def test_it_updates_in_the_background():
    async with serving([(500, b""), (200, json.dumps(ACCESS).encode())]) as (port, asked):
        policy = ServerBasedAPIAccessControl(instrument="tst", server="127.0.0.1", port=port, update_period=0.01)
        [work] = policy.background_tasks
        task = asyncio.ensure_future(work())
        async with asyncio.timeout(60):
            while len(asked) < 2:
                await asyncio.wait({task}, timeout=0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("periods", [{"update_period": 0}, {"http_timeout": -1}, {"period": 5}])
def test_periods_are_checked(periods):
    with pytest.raises(ValueError, match=r"seconds|arguments"):
        ServerBasedAPIAccessControl(instrument="tst", **periods)


def test_a_user_without_facts_is_known_by_the_role():
    assert read_access({"User": {"x": None}}) == {"x": UserEntry(frozenset({"user"}))}

"""A2: forged, changed and misused tokens open nothing, wherever a token can stand."""

from __future__ import annotations

import json

import pytest

from tests.doubles.accounts import bearer
from tests.faults.corpora.tokens import forged_tokens
from tests.faults.members import SECRET, gateway_with_accounts, handshake, log_in, open_socket, read_to_end

LEAST = 30
pytestmark = pytest.mark.fault("A2")


async def test_forged_and_misused_tokens_are_refused_everywhere(manager, tmp_path, figure):
    async with gateway_with_accounts(manager, tmp_path) as client:
        tokens = await log_in(client, "anna")
        cases = dict(forged_tokens(tokens["access_token"], tokens["refresh_token"], SECRET))
        # Whoever has shown a good token is not kept out by what others try at the same address.
        assert (await client.get("/api/queue/get", headers=bearer(tokens))).status_code == 200
        asked_before = len(manager.requests)
        wrong = {}
        for what, token in cases.items():
            headers = {"Authorization": f"Bearer {token}"}
            for path in ("/api/queue/get", "/v1/queue"):
                answer = await client.get(path, headers=headers)
                # The throttle of bad credentials answers 429 once there were too many, and reads no token any more.
                if answer.status_code not in (401, 429):
                    wrong[what, path] = answer.status_code
        figure("forged tokens", f">= {LEAST}", len(cases))
        figure("accepted, or not answered with 401", 0, len(wrong))
        assert wrong == {}
        assert len(cases) >= LEAST
        assert manager.requests[asked_before:] == []
        assert (await client.get("/api/queue/get", headers=bearer(tokens))).status_code == 200


async def test_each_of_them_is_read_and_answered_by_401(manager, tmp_path):
    async with gateway_with_accounts(manager, tmp_path) as client:
        tokens = await log_in(client, "anna")
        cases = list(forged_tokens(tokens["access_token"], tokens["refresh_token"], SECRET))
    # Fewer at a time than the throttle lets pass, so that each one is looked at.
    for start in range(0, len(cases), 25):
        directory = tmp_path / str(start)
        directory.mkdir()
        async with gateway_with_accounts(manager, directory) as client:
            for what, token in cases[start : start + 25]:
                answer = await client.get("/v1/queue", headers={"Authorization": f"Bearer {token}"})
                assert answer.status_code == 401, (what, answer.text)


async def test_they_open_no_stream_and_continue_no_session(manager, tmp_path):
    async with gateway_with_accounts(manager, tmp_path) as client:
        tokens = await log_in(client, "anna")
        cases = dict(forged_tokens(tokens["access_token"], tokens["refresh_token"], SECRET))
        for what in list(cases)[::6]:
            headers = {"Authorization": f"Bearer {cases[what]}"}
            assert await handshake(client, "/api/status/ws", headers) == 403, what
            async with open_socket(client, "/v1/stream", {}) as socket:
                await socket.send(json.dumps({"type": "auth", "access_token": cases[what]}))
                assert (await read_to_end(socket))[1] in (4401, 4429), what
            answer = await client.post("/api/auth/session/refresh", json={"refresh_token": cases[what]})
            assert answer.status_code == (200 if what == "refresh token as access token" else 401), what
        answer = await client.post("/api/auth/session/refresh", json={"refresh_token": tokens["access_token"]})
        assert answer.status_code == 401

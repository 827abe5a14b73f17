"""Whose batches and keys they are: people with several credentials, against a real manager."""

from __future__ import annotations

import httpx
import pytest
import pytest_asyncio

from tests.doubles.ica_gateway import PIPELINE, Batches, body_of, ica_gateway, nextflow, problem_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

PASSWORDS = {name: f"{name}_password" for name in ("bob", "eve", "olga")}
SETTINGS = {
    "authentication": {
        "providers": [
            {
                "provider": "toy",
                "authenticator": "bluesky_httpserver.authenticators:DictionaryAuthenticator",
                "args": {"users_to_passwords": PASSWORDS},
            }
        ],
    },
    "api_access": {
        "policy": "bluesky_httpserver.authorization:DictionaryAPIAccessControl",
        "args": {"users": {"bob": {"roles": "user"}, "eve": {"roles": "user"}, "olga": {"roles": "observer"}}},
    },
    "ica": {"projects": {"demo": {}, "of bob": {"users": ["bob"]}}},
}


class Door:
    """Lets people in, each time with a connection of their own."""

    def __init__(self, url):
        self._url = url
        self._clients = []

    async def token(self, name):
        """Return a new access token."""
        async with httpx.AsyncClient(base_url=self._url) as client:
            form = {"username": name, "password": PASSWORDS[name]}
            answer = await client.post("/api/auth/provider/toy/token", data=form)
            return answer.json()["access_token"]

    async def key(self, name, scopes=("inherit",)):
        """Return a new API key."""
        async with httpx.AsyncClient(base_url=self._url) as client:
            headers = {"Authorization": f"Bearer {await self.token(name)}"}
            wish = {"expires_in": 900, "scopes": list(scopes)}
            answer = await client.post("/api/auth/apikey", json=wish, headers=headers)
            return answer.json()["secret"]

    def enter(self, project="demo", **headers):
        """Return somebody who asks with these headers."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._clients.append(httpx.AsyncClient(base_url=self._url, headers=named, timeout=30))
        return Batches(self._clients[-1], project)

    async def bearer(self, name, project="demo"):
        """Return somebody who asks with a new access token."""
        return self.enter(project, Authorization=f"Bearer {await self.token(name)}")

    async def close(self):
        """Close all connections."""
        for client in self._clients:
            await client.aclose()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def door(tmp_path_factory):
    """A gateway with accounts."""
    directory = tmp_path_factory.mktemp("gateway")
    (directory / "api-key").write_text("unused\n")
    async with ica_gateway(directory, **SETTINGS) as (_, batches):
        door = Door(str(batches.client.base_url))
        yield door
        await door.close()


async def test_a_key_belongs_to_a_user_whatever_credential_is_used(door):
    body, made = body_of(nextflow()), set()
    for who in (
        await door.bearer("bob"),
        await door.bearer("bob"),
        door.enter(X_API_Key=await door.key("bob")),
        door.enter(X_API_Key=await door.key("bob"), Authorization=f"Bearer {await door.token('bob')}"),
    ):
        made.add(await who.created(body, "shared"))
    assert len(made) == 1
    assert await (await door.bearer("eve")).created(body, "shared") not in made


async def test_a_batch_is_read_by_everybody_in_its_project(door):
    batch = await (await door.bearer("bob")).created(body_of(nextflow()))
    for name in ("eve", "olga"):
        assert len(await (await door.bearer(name)).items(batch)) == 1


async def test_who_may_not_write_creates_nothing_and_hears_nothing_of_keys(door):
    await (await door.bearer("bob")).created(body_of(nextflow()), "olga")
    reader = await door.bearer("olga")
    problem_of(await reader.create(body_of(nextflow()), "olga"), 403)
    narrow = door.enter(X_API_Key=await door.key("bob", ["write:batches"]))
    batch = await narrow.created(body_of(nextflow()))
    problem_of(await narrow.get(f"{batch}/items"), 403)


async def test_a_key_for_batches_alone_reads_items(door):
    batch = await (await door.bearer("bob")).created(body_of(nextflow()))
    narrow = door.enter(X_API_Key=await door.key("bob", ["read:batches"]))
    assert [item["createdAnalysis"]["pipeline"]["code"] for item in await narrow.items(batch)] == [PIPELINE]


async def test_permission_in_a_project_is_asked_for_on_a_repetition_too(door):
    own = await door.bearer("bob", "of bob")
    batch = await own.created(body_of(nextflow()), "own")
    other = await door.bearer("eve", "of bob")
    problem_of(await other.create(body_of(nextflow()), "own"), 403)
    problem_of(await other.get(f"{batch}/items"), 403)


async def test_two_users_in_one_request_and_nobody_at_all_are_a_401(door):
    both = door.enter(X_API_Key=await door.key("eve"), Authorization=f"Bearer {await door.token('bob')}")
    for who in (both, door.enter(), door.enter(Authorization="Bearer x.y.z"), door.enter(X_API_Key="wrong")):
        problem_of(await who.create(body_of(nextflow())), 401)

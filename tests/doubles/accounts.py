"""Credentials as clients of a gateway with accounts use them: logins, the headers of requests, and API keys."""

from __future__ import annotations


async def log_in(client, name, password, **query):
    """Return the tokens of a user, who has a password at the provider ``toy``."""
    data = {"username": name, "password": password}
    answer = await client.post("/api/auth/provider/toy/token", data=data, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def bearer(tokens):
    """The header with an access token."""
    return {"Authorization": f"Bearer {tokens['access_token']}"}


def key_header(key):
    """The header with an API key."""
    return {"Authorization": f"ApiKey {key['secret']}"}


async def make_key(client, headers, **wish):
    """Return a new API key of the caller."""
    answer = await client.post("/api/auth/apikey", json={"expires_in": 900, **wish}, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def delete_key(client, headers, key):
    """Delete an API key of the caller."""
    answer = await client.delete(f"/api/auth/apikey?first_eight={key['first_eight']}", headers=headers)
    assert answer.status_code == 200, answer.text

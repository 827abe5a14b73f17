"""Whose credential it is: looked up at every request, except for what is known to be wrong."""

from __future__ import annotations

import pytest

from http_gateway.auth import api_keys, people, sessions
from http_gateway.auth.accounts import MultiUser
from http_gateway.auth.policies import DefaultResourceAccessControl, DictionaryAPIAccessControl
from http_gateway.auth.standing import Standings
from http_gateway.auth.tokens import Lifetimes, TokenMint
from http_gateway.auth.upkeep import Upkeep
from http_gateway.errors import CredentialError
from http_gateway.identity import Credential, CredentialKind

USERS = {"bob": {"roles": "user", "displayed_name": "Bob"}}


class CountingStore:
    """The account database, with the number of questions."""

    def __init__(self, store):
        self.reads = 0
        self._store = store

    async def read(self, work):
        self.reads += 1
        return await self._store.read(work)


@pytest.fixture
def counting(store):
    return CountingStore(store)


@pytest.fixture
def mint(clock):
    return TokenMint(["a secret"], Lifetimes(100, 500, 1000), clock)


@pytest.fixture
def accounts(counting, store, mint, clock):
    standings = Standings(DictionaryAPIAccessControl(users=USERS), DefaultResourceAccessControl())
    return MultiUser(counting, mint, standings, Upkeep(store, clock), clock)


@pytest.fixture
def person(store, clock):
    return store.run(lambda c: people.note_login(c, "toy", "bob", clock.wall()))


def make_key(store, person, clock, scopes=("inherit",), life_s=None):
    return store.run(lambda c: api_keys.add_key(c, person.uuid, scopes, now=clock.wall(), life_s=life_s, note=None))


def credential(secret, kind: CredentialKind = "api_key"):
    return Credential(kind, secret, "header")


async def test_a_key_is_its_owner(accounts, store, person, clock):
    key, secret = make_key(store, person, clock)
    identity = await accounts.identify(credential(secret))
    assert (identity.user, identity.group, identity.principal) == ('bob "Bob"', "primary", person.uuid)
    assert identity.credential == f"key {key.first_eight}"
    assert "write:queue:edit" in identity.scopes
    assert secret not in repr(identity)


async def test_a_narrow_key_can_do_what_it_says_and_stop_the_machine(accounts, store, person, clock):
    _, secret = make_key(store, person, clock, ["read:status", "write:manager:stop"])
    assert (await accounts.identify(credential(secret))).scopes == {"read:status", "estop"}


async def test_a_bad_secret_that_is_repeated_asks_the_database_once(accounts, counting):
    for _ in range(50):
        with pytest.raises(CredentialError, match=r"^Invalid API key$"):
            await accounts.identify(credential("00" * 36))
    for _ in range(50):
        with pytest.raises(CredentialError, match=r"^Could not validate credentials$"):
            await accounts.identify(credential("a.b.c", "token"))
    assert counting.reads == 1


async def test_a_key_ends_at_its_time(accounts, store, person, clock):
    _, secret = make_key(store, person, clock, life_s=10.0)
    await accounts.identify(credential(secret))
    clock.advance(10)
    with pytest.raises(CredentialError, match=r"^Invalid API key$"):
        await accounts.identify(credential(secret))


async def test_a_key_of_a_removed_account_ends_at_once(accounts, store, person, clock):
    _, secret = make_key(store, person, clock)
    await accounts.identify(credential(secret))
    store.run(lambda c: people.remove_person(c, person.uuid))
    with pytest.raises(CredentialError):
        await accounts.identify(credential(secret))


async def test_a_token_ends_with_its_session(accounts, store, mint, person, clock):
    session = store.run(lambda c: sessions.open_session(c, person.uuid, clock.wall(), 1000))
    token = mint.make_pair(person, session, [])["access_token"]
    assert (await accounts.identify(credential(token, "token"))).credential == f"session {session.uuid}"
    store.run(lambda c: sessions.revoke_session(c, session.uuid))
    with pytest.raises(CredentialError, match=r"^Could not validate credentials$"):
        await accounts.identify(credential(token, "token"))


async def test_a_token_of_another_principal_than_its_session_is_refused(accounts, store, mint, person, clock):
    other = store.run(lambda c: people.note_login(c, "toy", "ann", clock.wall()))
    session = store.run(lambda c: sessions.open_session(c, other.uuid, clock.wall(), 1000))
    token = mint.make_pair(person, session, [])["access_token"]
    with pytest.raises(CredentialError):
        await accounts.identify(credential(token, "token"))


async def test_access_that_was_taken_away_can_be_given_again(accounts, store, clock):
    person = store.run(lambda c: people.note_login(c, "toy", "ann", clock.wall()))
    _, secret = make_key(store, person, clock)
    with pytest.raises(CredentialError, match=r"^User is not authorized to access the server$"):
        await accounts.identify(credential(secret))
    store.run(lambda c: people.set_roles(c, person.uuid, frozenset({"observer"})))
    assert (await accounts.identify(credential(secret))).roles == {"observer"}

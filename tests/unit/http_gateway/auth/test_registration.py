"""Accounts that people make for themselves: never a name that somebody else has, and nothing before the activation."""

from __future__ import annotations

import pytest

from http_gateway.auth import local_accounts, people
from http_gateway.auth.policies import DefaultResourceAccessControl, DictionaryAPIAccessControl
from http_gateway.auth.registration import Registration
from http_gateway.auth.settings import DatabaseSettings
from http_gateway.auth.standing import Standings
from http_gateway.auth.store import open_store
from http_gateway.errors import ThrottledError
from queue_server.clock import ManualClock
from queue_server.protocol.errors import NotFoundError, ParameterError


@pytest.fixture
def store(tmp_path):
    """An account database."""
    store = open_store(DatabaseSettings(), tmp_path)
    yield store
    store.close()


@pytest.fixture
def clock():
    """A clock that stands still."""
    return ManualClock()


@pytest.fixture
def registration(store, clock):
    """The registration of a site whose policy knows bob."""
    access = DictionaryAPIAccessControl(users={"bob": {"roles": "admin"}})
    return Registration(store, Standings(access, DefaultResourceAccessControl()), clock)


async def find(store, name):
    """Return somebody with a local account."""
    return await store.read(lambda connection: people.find_by_name(connection, local_accounts.PROVIDER, name))


async def test_a_new_account_has_the_roles_and_the_password(registration, store):
    await registration.add("ann", "ann_password", ["User"], "here")
    assert (await find(store, "ann")).roles == {"user"}
    known = await store.read(lambda connection: local_accounts.read_hash(connection, "ann"))
    assert local_accounts.PasswordHashes().matches(known, "ann_password")


async def test_names_that_somebody_has_are_taken(registration, store, clock):
    await store.write(lambda connection: people.note_login(connection, "ldap", "eve", clock.wall()))
    await registration.add("ann", "ann_password", ["user"], "here")
    for name in ("ann", "bob", "eve"):
        with pytest.raises(ParameterError, match="another name"):
            await registration.add(name, "new_password", ["user"], "here")
    assert await find(store, "bob") is None


@pytest.mark.parametrize(
    ("name", "password"), [("", "long enough"), ('a"b', "long enough"), ("c", "short"), ("c", "x" * 1025)]
)
async def test_names_and_passwords_that_cannot_be_had_are_refused(registration, store, name, password):
    with pytest.raises(ParameterError):
        await registration.add(name, password, ["user"], "here")
    assert await store.read(people.list_people) == []


async def test_an_account_without_roles_gets_them_at_its_activation_and_only_then(registration, store):
    await registration.add("ann", "ann_password", (), "here")
    assert (await find(store, "ann")).roles == frozenset()
    await registration.activate("ann", ["user"])
    await registration.activate("ann", ["expert"])
    assert (await find(store, "ann")).roles == {"user"}
    with pytest.raises(NotFoundError):
        await registration.activate("nobody", ["user"])


async def test_one_address_makes_few_accounts(registration, clock):
    for number in range(10):
        await registration.add(f"ann{number}", "ann_password", ["user"], "here")
    with pytest.raises(ThrottledError):
        await registration.add("ann10", "ann_password", ["user"], "here")
    await registration.add("ann10", "ann_password", ["user"], "there")
    clock.advance(61)
    await registration.add("ann11", "ann_password", ["user"], "here")

"""Providers with passwords: whom they let in, what they ask, and how many at once."""

from __future__ import annotations

import asyncio
import threading

import pytest

from http_gateway.auth.local_accounts import PasswordHashes, add_account, read_hash
from http_gateway.auth.providers import (
    DictionaryAuthenticator,
    DummyAuthenticator,
    LocalAuthenticator,
    Mode,
    PAMAuthenticator,
    ThreadedAuthenticator,
    is_name,
    mode_of,
)
from http_gateway.errors import ThrottledError
from queue_server.protocol.errors import ParameterError


async def test_the_dictionary_lets_in_who_has_the_password():
    provider = DictionaryAuthenticator({"bob": "secret", "ann": "", "5": "6"})
    assert await provider.authenticate("bob", "secret") == "bob"
    assert await provider.authenticate("5", "6") == "5"
    for name, password in [("bob", "Secret"), ("bob", ""), ("nobody", ""), ("nobody", "secret"), ("bob", "\ud800")]:
        assert await provider.authenticate(name, password) is None


async def test_the_dummy_lets_everybody_in():
    assert await DummyAuthenticator().authenticate("anybody", "") == "anybody"


async def test_a_local_account_is_hashed_with_argon2id_and_let_in(store):
    hashes = PasswordHashes()
    store.run(lambda c: add_account(c, "bob", hashes.make("a good password"), 1.0))
    assert store.run(lambda c: read_hash(c, "bob")).startswith("$argon2id$")
    provider = LocalAuthenticator()
    provider.use_store(store)
    assert await provider.authenticate("bob", "a good password") == "bob"
    assert await provider.authenticate("bob", "a bad password") is None
    assert await provider.authenticate("nobody", "nobody") is None
    provider.close()


async def test_an_outdated_hash_is_renewed_at_the_next_login(store):
    from argon2 import PasswordHasher

    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("a good password")
    store.run(lambda c: add_account(c, "bob", weak, 1.0))
    provider = LocalAuthenticator()
    provider.use_store(store)
    assert await provider.authenticate("bob", "a good password") == "bob"
    renewed = store.run(lambda c: read_hash(c, "bob"))
    assert renewed != weak
    assert await provider.authenticate("bob", "a good password") == "bob"
    provider.close()


def test_a_hash_that_is_none_matches_nothing():
    assert not PasswordHashes().matches("nonsense", "nonsense")


async def test_the_host_refuses_an_unknown_user():
    provider = PAMAuthenticator(service="cuelight-test")
    assert await provider.authenticate("no-such-user-here", "password") is None
    provider.close()


async def test_what_blocks_does_not_block_the_event_loop_and_has_a_limit():
    release, running = threading.Event(), threading.Semaphore(0)

    class Slow(ThreadedAuthenticator):
        def verify(self, username, password):
            running.release()
            release.wait(10)
            return username

    provider = Slow()
    waiting = [asyncio.create_task(provider.authenticate(str(n), "")) for n in range(32)]
    await asyncio.to_thread(running.acquire)
    with pytest.raises(ThrottledError):
        await provider.authenticate("one more", "")
    release.set()
    assert await asyncio.gather(*waiting) == [str(n) for n in range(32)]
    assert await provider.authenticate("later", "") == "later"
    provider.close()


def test_the_mode_of_any_class_is_read():
    class Site:
        mode = "external"

    assert mode_of(Site()) is Mode.external
    assert mode_of(DummyAuthenticator()) is Mode.password
    with pytest.raises(ParameterError, match="must have a 'mode'"):
        mode_of(object())


@pytest.mark.parametrize("name", ["", "a\nb", 'a"b', "a<b", "a" * 129, "a\x7f"])
def test_names_that_could_pass_for_another_one_are_none(name):
    assert not is_name(name)

"""The vigil: a stream goes on as long as its reader may read, and not longer."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

import pytest

from http_gateway.errors import ClosingError, CredentialError, ScopeError
from http_gateway.identity import Identity
from http_gateway.vigil import Vigil

ANNA = Identity("anna", "primary", frozenset({"read:status", "read:queue"}), credential="session 1")
BOB = Identity("bob", "primary", frozenset({"read:status"}), credential="session 2")


class Accounts:
    """Answers who somebody is now; ``asked`` are those that it was asked for."""

    def __init__(self):
        self.now = {}
        self.asked = []
        self.failure = None
        self.came = asyncio.Event()

    async def renew(self, identity):
        """Return it as it is now, or fail as told."""
        self.asked.append(identity)
        self.came.set()
        if self.failure is not None:
            raise self.failure
        outcome = self.now.get(identity.user, identity)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


@pytest.fixture
def accounts():
    """Accounts in which nothing has changed yet."""
    return Accounts()


@pytest.fixture
async def vigil(accounts):
    """A vigil that looks all the time."""
    made = Vigil(accounts.renew, each_s=0.001)
    yield made
    await made.close()


async def read_for_ever(begun):
    begun.set()
    await asyncio.Event().wait()


async def wait_for_look(accounts, more=3):
    wanted = len(accounts.asked) + more
    while len(accounts.asked) < wanted:
        accounts.came.clear()
        await accounts.came.wait()


async def test_a_changed_identity_is_told_to_its_stream(vigil, accounts):
    fewer = replace(ANNA, scopes=frozenset({"read:status"}))
    with vigil.watch(ANNA) as watch:
        accounts.now["anna"] = fewer
        assert await watch.news() == fewer
        assert watch.identity == fewer


async def test_nothing_is_told_while_nothing_changes(vigil, accounts):
    with vigil.watch(ANNA) as watch:
        news = asyncio.create_task(watch.news())
        await wait_for_look(accounts)
        assert not news.done()
        news.cancel()


async def test_a_lost_credential_ends_the_stream_of_its_owner_alone(vigil, accounts):
    with vigil.watch(ANNA) as hers, vigil.watch(BOB) as his:
        accounts.now["anna"] = CredentialError("The session has ended.")
        with pytest.raises(CredentialError, match="ended"):
            await hers.news()
        spared = asyncio.create_task(his.news())
        await wait_for_look(accounts)
        assert not spared.done()
        spared.cancel()


async def test_many_streams_of_one_identity_cost_one_question(vigil, accounts):
    with vigil.watch(ANNA), vigil.watch(ANNA), vigil.watch(ANNA):
        accounts.now["anna"] = CredentialError("The session has ended.")
        await wait_for_look(accounts, more=1)
        assert accounts.asked == [ANNA]


async def test_a_stream_that_is_read_by_another_hears_nothing_of_the_one_before(vigil, accounts):
    with vigil.watch(ANNA) as watch:
        watch.change(BOB)
        accounts.now["anna"] = CredentialError("The session has ended.")
        news = asyncio.create_task(watch.news())
        await wait_for_look(accounts)
        assert not news.done()
        assert set(accounts.asked) == {BOB}
        news.cancel()


async def test_work_ends_with_the_scope_that_it_needs(vigil, accounts):
    begun = asyncio.Event()
    holding = asyncio.create_task(vigil.hold(ANNA, "read:queue", read_for_ever(begun)))
    await begun.wait()
    accounts.now["anna"] = replace(ANNA, scopes=frozenset({"read:status"}))
    with pytest.raises(ScopeError):
        await holding


async def test_work_goes_on_while_the_scope_is_left(vigil, accounts):
    begun = asyncio.Event()
    holding = asyncio.create_task(vigil.hold(ANNA, "read:queue", read_for_ever(begun)))
    await begun.wait()
    accounts.now["anna"] = replace(ANNA, scopes=frozenset({"read:queue"}))
    await wait_for_look(accounts)
    assert not holding.done()
    holding.cancel()
    await asyncio.gather(holding, return_exceptions=True)


async def test_work_that_ends_is_no_longer_watched(vigil, accounts):
    async def work():
        await wait_for_look(accounts, more=1)

    await vigil.hold(ANNA, "read:queue", work())
    with vigil.watch(BOB):
        await wait_for_look(accounts)
    assert accounts.asked[-1] == BOB


async def test_the_end_of_the_gateway_ends_streams_and_those_that_come_too_late(vigil):
    with vigil.watch(ANNA) as early:
        vigil.end()
        with pytest.raises(ClosingError):
            await early.news()
    with vigil.watch(BOB) as late, pytest.raises(ClosingError):
        await late.news()


async def test_streams_go_on_while_accounts_cannot_be_asked_and_that_is_logged_once(vigil, accounts, caplog):
    accounts.failure = OSError("no database")
    with caplog.at_level(logging.ERROR), vigil.watch(ANNA) as watch:
        await wait_for_look(accounts, more=5)
        accounts.failure = None
        accounts.now["anna"] = BOB
        assert await watch.news() == BOB
    assert len([each for each in caplog.records if "cannot be checked" in each.message]) == 1

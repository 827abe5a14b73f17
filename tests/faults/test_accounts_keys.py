"""A3: the time that a wrong key takes tells nothing about the right one, and a copy of the database opens nothing."""

from __future__ import annotations

import random
import sqlite3
import time
from contextlib import closing, suppress

import pytest

from http_gateway.auth import api_keys
from http_gateway.auth.accounts import MultiUser
from http_gateway.auth.desk import Desk
from http_gateway.auth.people import note_login
from http_gateway.auth.policies import DefaultResourceAccessControl, DictionaryAPIAccessControl
from http_gateway.auth.settings import DatabaseSettings
from http_gateway.auth.single_user import SingleUser
from http_gateway.auth.standing import Standings
from http_gateway.auth.store import DATABASE_FILE, open_store
from http_gateway.auth.tokens import Lifetimes, TokenMint
from http_gateway.auth.upkeep import Upkeep
from http_gateway.errors import CredentialError
from http_gateway.identity import Credential
from queue_server.clock import ManualClock
from tests.doubles.accounts import bearer, make_key
from tests.faults.members import SECRET, SETTINGS, gateway_with_accounts, log_in
from tests.faults.timing import WARM_UP, largest_t, sample

pytestmark = pytest.mark.fault("A3")

SAMPLES = 100_000
MOST_T = 4.5
SEED = 20503
DIGITS = 72
KNOWN_DIGITS = 64
"""So many of the first digits of a key an attacker would know already."""


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def store(tmp_path):
    """An account database."""
    store = open_store(DatabaseSettings(), tmp_path)
    yield store
    store.close()


def wrong_keys(right, count):
    """Return keys that begin like the right one, and as many others that do not; no key twice."""
    chance = random.Random(SEED)
    drawn = [[f"{chance.getrandbits(4 * len(right)):0{len(right)}x}" for _ in range(count)] for _ in range(2)]
    return [right[:KNOWN_DIGITS] + digits[KNOWN_DIGITS:] for digits in drawn[0]], drawn[1]


def credential_of(key):
    """Return a key as a request has it."""
    return Credential("api_key", key, "header")


@pytest.mark.night
def test_the_time_of_a_look_up_does_not_tell_how_much_of_a_key_is_right(store, clock, figure):
    """The hash of what was sent, and the search for it in the database, as they are done for each request."""
    person = store.run(lambda connection: note_login(connection, "toy", "anna", 0.0))
    key, secret = store.run(
        lambda connection: api_keys.add_key(connection, person.uuid, ["inherit"], now=0.0, life_s=None, note=None)
    )
    near, far = wrong_keys(secret, SAMPLES + WARM_UP)

    def look(connection):
        def work(credential):
            assert api_keys.find_key(connection, api_keys.hash_secret(credential.secret)) is None

        return sample(work, credential_of, (near, far), SEED)

    times = store.run(look, False)
    assert store.run(lambda connection: api_keys.find_key(connection, api_keys.hash_secret(secret)), False) == key
    t = largest_t(times)
    figure("samples", f">= {SAMPLES}", sum(map(len, times)))
    figure("largest |t|, key of an account", MOST_T, f"{t:.1f}")
    assert t < MOST_T


@pytest.mark.night
def test_the_time_of_a_comparison_does_not_tell_how_much_of_the_single_key_is_right(figure):
    right = f"{random.Random(SEED + 1).getrandbits(4 * DIGITS):0{DIGITS}x}"
    accounts = SingleUser(right)
    near, far = wrong_keys(right, SAMPLES + WARM_UP)

    def look(credential):
        try:
            accounts.identify(credential).send(None)
        except CredentialError:
            return
        raise AssertionError("a wrong key was taken")

    t = largest_t(sample(look, credential_of, (near, far), SEED))
    figure("largest |t|, key of the single user", MOST_T, f"{t:.1f}")
    assert t < MOST_T


@pytest.mark.night
def test_a_comparison_that_stops_at_the_first_difference_would_be_found():
    right = f"{random.Random(SEED + 1).getrandbits(4 * DIGITS):0{DIGITS}x}"
    near, far = wrong_keys(right, SAMPLES + WARM_UP)

    def look(key):
        return all(one == other for one, other in zip(key, right, strict=True))

    assert largest_t(sample(look, str, (near, far), SEED)) > 10 * MOST_T


# --- a copy of the database -----------------------------------------------------------------------------------------


def cells_of(directory):
    """Return every value in every table of the account database, as text."""
    with closing(sqlite3.connect(directory / DATABASE_FILE)) as copy:
        tables = [name for (name,) in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = [row for name in tables for row in copy.execute(f'SELECT * FROM "{name}"')]
    return {str(cell) for row in rows for cell in row if cell is not None}


def attempts_with(cells):
    """Give what somebody could make of the values: themselves, their bytes, and two joined."""
    for cell in cells:
        yield from (cell, cell.upper(), cell[::-1])
        with suppress(ValueError):
            yield bytes.fromhex(cell).decode("latin-1")
    short = [cell for cell in cells if len(cell) == 8]
    yield from (begin + cell for begin in short for cell in cells)


@pytest.mark.night
async def test_nothing_in_a_copy_of_the_database_opens_anything(manager, tmp_path, clock, figure):
    secrets = []
    async with gateway_with_accounts(manager, tmp_path) as client:
        for name in ("anna", "bob", "cara"):
            tokens = await log_in(client, name)
            keys = [await make_key(client, bearer(tokens), note=f"note {number}") for number in range(5)]
            secrets += [tokens["access_token"], tokens["refresh_token"], *(key["secret"] for key in keys)]
        files = b"".join(file.read_bytes() for file in tmp_path.glob(f"{DATABASE_FILE}*"))
        cells = cells_of(tmp_path)
    store = open_store(DatabaseSettings(), tmp_path)
    clock.wall_offset_s = time.time()
    mint = TokenMint([SECRET], Lifetimes(900, 900, 900), clock)
    standings = Standings(DictionaryAPIAccessControl(**SETTINGS["api_access"]["args"]), DefaultResourceAccessControl())
    accounts = MultiUser(store, mint, standings, Upkeep(store, clock), clock)
    desk = Desk(store, mint, standings, {}, clock)
    try:
        identity = await accounts.identify(Credential("api_key", secrets[-1], "header"))
        assert identity.user, "the copy cannot be used at all"
        opened, tried = [], 0
        for attempt in attempts_with(cells):
            tried += 1
            for use in (
                accounts.identify(Credential("api_key", attempt, "header")),
                accounts.identify(Credential("token", attempt, "header")),
                desk.refresh(attempt),
            ):
                with suppress(CredentialError):
                    opened.append((attempt, await use))
    finally:
        store.close()
    shown = [secret for secret in secrets if secret.encode() in files]
    figure("values tried as a key", ">= 100", tried)
    figure("usable keys", 0, len(opened) + len(shown))
    assert opened == []
    assert shown == []
    assert tried >= 100

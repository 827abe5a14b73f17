"""Limits on guessing: when one must wait, for how long, and who is not kept out by others."""

from __future__ import annotations

import pytest

from http_gateway.auth.throttle import Failures, Limit, LoginThrottle, SecretThrottle
from http_gateway.errors import ThrottledError
from queue_server.clock import ManualClock

LIMIT = Limit(3, 10.0)


@pytest.fixture
def clock():
    return ManualClock(100.0)


def test_failures_up_to_the_burst_cost_nothing_and_the_next_must_wait(clock):
    failures = Failures(LIMIT, clock)
    for _ in range(3):
        assert failures.wait_s("a") == 0
        failures.add("a")
    assert failures.wait_s("a") == 10
    assert failures.wait_s("b") == 0


def test_one_failure_is_forgiven_in_each_period(clock):
    failures = Failures(LIMIT, clock)
    for _ in range(50):
        failures.add("a")
    clock.advance(9.5)
    assert failures.wait_s("a") == 0.5
    clock.advance(0.5)
    assert failures.wait_s("a") == 0
    failures.add("a")
    assert failures.wait_s("a") == 10


def test_what_was_seen_longest_ago_is_forgotten_first(clock):
    failures = Failures(LIMIT, clock, most=2)
    for key in ("a", "a", "a", "b", "c"):
        failures.add(key)
    assert len(failures) == 2
    assert failures.wait_s("a") == 0


def test_one_bad_secret_repeated_is_not_many_guesses(clock):
    throttle = SecretThrottle(clock, repeats=Limit(5, 1.0), guesses=Limit(2, 100.0))
    for _ in range(5):
        throttle.check("bad", "host")
        throttle.fail("bad", "host")
    with pytest.raises(ThrottledError) as refused:
        throttle.check("bad", "host")
    assert refused.value.headers["Retry-After"] == "1"
    throttle.check("another", "host")


def test_different_bad_secrets_from_one_address_are_guesses(clock):
    throttle = SecretThrottle(clock, repeats=Limit(5, 1.0), guesses=Limit(2, 100.0))
    throttle.succeed("good")
    for guess in ("one", "two"):
        throttle.fail(guess, "host")
    with pytest.raises(ThrottledError) as refused:
        throttle.check("three", "host")
    assert refused.value.headers["Retry-After"] == "100"
    throttle.check("three", "elsewhere")
    throttle.check("good", "host")


def test_a_secret_that_turned_bad_is_no_exception_any_more(clock):
    throttle = SecretThrottle(clock, guesses=Limit(1, 100.0))
    throttle.succeed("key")
    throttle.fail("key", "host")
    with pytest.raises(ThrottledError):
        throttle.check("key", "host")


def test_logins_are_counted_by_account_and_address(clock):
    throttle = LoginThrottle(clock, pair=Limit(2, 10.0))
    for _ in range(2):
        throttle.fail("bob", "host")
    with pytest.raises(ThrottledError):
        throttle.check("bob", "host")
    throttle.check("bob", "elsewhere")
    throttle.check("alice", "host")


def test_one_address_cannot_try_every_account(clock):
    throttle = LoginThrottle(clock, address=Limit(5, 10.0))
    for number in range(5):
        throttle.fail(f"user{number}", "host")
    with pytest.raises(ThrottledError):
        throttle.check("another", "host")


def test_many_addresses_cannot_try_one_account(clock):
    throttle = LoginThrottle(clock, account=Limit(5, 10.0))
    for number in range(5):
        throttle.fail("bob", f"host{number}")
    with pytest.raises(ThrottledError):
        throttle.check("bob", "another")


def test_a_success_forgives_the_failures_before_it(clock):
    throttle = LoginThrottle(clock, pair=Limit(2, 10.0))
    for _ in range(2):
        throttle.fail("bob", "host")
    throttle.succeed("bob", "host")
    throttle.check("bob", "host")

"""Time and chance: the manual clock moves only when it is moved, seeded chance repeats itself."""

from __future__ import annotations

import re
import uuid

import pytest

from queue_server.clock import AnchoredClock, Chance, ManualClock, SystemClock, take_anchor, until_beat


def test_a_manual_clock_stands_still_until_it_is_moved():
    clock = ManualClock()
    before = clock.monotonic(), clock.wall()
    assert (clock.monotonic(), clock.wall()) == before
    clock.advance(2.5)
    assert (clock.monotonic(), clock.wall()) == (before[0] + 2.5, before[1] + 2.5)


def test_a_manual_wall_clock_can_step_without_the_monotonic_one():
    clock = ManualClock()
    clock.wall_offset_s -= 3600
    assert clock.monotonic() == 0
    assert clock.wall() == 1_700_000_000.0 - 3600


def test_the_monotonic_clock_of_the_system_never_steps_back():
    clock = SystemClock()
    times = [clock.monotonic() for _ in range(100)]
    assert times == sorted(times)


def test_seeded_chance_repeats_itself():
    first, second, other = Chance.seeded(1), Chance.seeded(1), Chance.seeded(2)
    drawn = [first.identifier() for _ in range(10)]
    assert [second.identifier() for _ in range(10)] == drawn
    assert other.identifier() not in drawn


def test_identifiers_are_uuids_that_begin_with_the_time():
    drawn = [Chance(clock=ManualClock(0.25)).identifier() for _ in range(100)]
    assert len(set(drawn)) == 100
    assert {uuid.UUID(text).int >> 80 for text in drawn} == {1_700_000_000_250}
    assert {uuid.UUID(text).version for text in drawn} == {7}


def test_a_later_identifier_stands_behind_an_earlier_one():
    clock = ManualClock()
    chance = Chance(clock=clock)
    drawn = []
    for _ in range(50):
        drawn.append(chance.identifier())
        clock.advance(0.001)
    assert drawn == sorted(drawn)


@pytest.mark.parametrize("count", [0, 1, 500])
def test_identifiers_that_are_drawn_at_once_are_uuids_in_their_order(count):
    drawn = Chance().identifiers(count)
    assert len(set(drawn)) == count
    assert drawn == sorted(drawn)
    assert all(str(uuid.UUID(text)) == text for text in drawn)
    assert all((uuid.UUID(text).version, uuid.UUID(text).variant) == (7, uuid.RFC_4122) for text in drawn)
    assert Chance.seeded(1).identifiers(count) == Chance.seeded(1).identifiers(count)


def test_secrets_have_256_random_bits_in_64_digits():
    secrets = [Chance().secret() for _ in range(100)]
    assert len(set(secrets)) == 100
    assert all(re.fullmatch("[0-9a-f]{64}", secret) for secret in secrets)
    assert Chance.seeded(1).secret() == Chance.seeded(1).secret()
    leading = {Chance.seeded(seed).secret()[0] for seed in range(300)}
    assert leading == set("0123456789abcdef")


def test_jitter_is_between_half_and_all_of_a_duration():
    chance = Chance.seeded(1)
    drawn = [chance.jitter(10.0) for _ in range(1000)]
    assert 5.0 <= min(drawn) < 5.5
    assert 9.5 < max(drawn) <= 10.0


# --- what expires ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step_s", [8.0, -8.0, 3600.0, -3600.0, 86_000.0])
def test_a_step_of_the_host_moves_no_anchored_clock(step_s):
    host = ManualClock(now_s=100.0)
    clock = AnchoredClock(host, elapsed=host.monotonic)
    before = clock.wall()
    host.wall_offset_s += step_s
    host.advance(60)
    assert clock.wall() == before + 60
    assert clock.monotonic() == 160
    host.wall_offset_s -= step_s
    assert clock.wall() == before + 60


@pytest.mark.parametrize("step_s", [90_000.0, -90_000.0, 1_000_000_000.0])
def test_a_clock_that_had_not_been_set_is_taken_over(step_s):
    host = ManualClock()
    clock = AnchoredClock(host, elapsed=host.monotonic)
    host.wall_offset_s += step_s
    assert clock.wall() == host.wall()
    host.advance(5)
    host.wall_offset_s += 3600
    assert clock.wall() == host.wall() - 3600


def test_clocks_with_one_anchor_agree_whatever_the_host_says_when_they_are_made():
    host = ManualClock()
    first = AnchoredClock(host, 50.0 + host.wall_offset_s, host.monotonic)
    host.wall_offset_s += 3600
    second = AnchoredClock(host, first.wall() - host.monotonic(), host.monotonic)
    host.advance(1)
    assert first.wall() == second.wall()


def test_the_anchor_of_the_host_gives_its_wall_time():
    host = SystemClock()
    assert abs(AnchoredClock(host, take_anchor()).wall() - host.wall()) < 1
    assert abs(AnchoredClock(host).wall() - host.wall()) < 1


@pytest.mark.parametrize("now_s", [0.0, 0.001, 0.25, 0.5, 0.501, 0.999, 1234.567])
@pytest.mark.parametrize("period_s", [1.0, 0.02, 5.0])
def test_what_is_due_in_each_period_is_due_at_a_multiple_of_it(now_s, period_s):
    pause_s = until_beat(now_s, period_s)
    assert period_s / 2 <= pause_s <= period_s * 1.5
    beats = (now_s + pause_s) / period_s
    assert beats == pytest.approx(round(beats), abs=1e-6)

from pathlib import Path

import pytest

from queue_server.cli.doctor.facts import ClockFacts, DiskFacts, StoreFacts, VersionFacts
from queue_server.cli.doctor.host import (
    AHEAD_BY_S,
    COMFORT_BYTES,
    EARLIEST,
    LEAST_BYTES,
    MIB,
    MOVED_BY_S,
    RECENTLY_S,
    check_clock,
    check_disk,
    check_file_system,
    check_recorded_times,
    check_versions,
    read_version,
    show_size,
)

DATA = Path("/data")
NOW = EARLIEST + 1e7


def disk(
    free_bytes=COMFORT_BYTES, free_files: int | None = 10_000, database_bytes=0, has_ballast=True, wants_ballast=True
):
    return DiskFacts(DATA, free_bytes, free_files, database_bytes, has_ballast, wants_ballast)


def levels(found):
    return [finding.level for finding in found]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (disk(), ["ok"]),
        (disk(free_bytes=COMFORT_BYTES - 1), ["warning"]),
        (disk(free_bytes=LEAST_BYTES), ["warning"]),
        (disk(free_bytes=LEAST_BYTES - 1), ["failure"]),
        (disk(database_bytes=COMFORT_BYTES), ["warning"]),
        (disk(free_bytes=3 * COMFORT_BYTES, database_bytes=COMFORT_BYTES), ["ok"]),
        (disk(free_files=None), ["ok"]),
        (disk(free_files=999), ["ok", "warning"]),
        (disk(free_files=0), ["ok", "failure"]),
        (disk(has_ballast=False), ["ok", "warning"]),
        (disk(has_ballast=False, wants_ballast=False), ["ok"]),
    ],
)
def test_a_disk_is_judged_by_bytes_files_and_the_room_that_is_kept(facts, expected):
    found = check_disk(facts, DATA)
    assert levels(found) == expected
    assert [bool(finding.action) for finding in found] == [level != "ok" for level in expected]


@pytest.mark.parametrize(("network", "level"), [(None, "ok"), ("NFS", "failure")])
def test_a_file_system_of_a_network_is_a_failure(network, level):
    [found] = check_file_system(StoreFacts(surroundings={"network": network}), DATA)
    assert found.level == level
    assert (network or "no network") in found.text


def test_a_file_system_that_was_not_looked_at_is_not_judged():
    assert check_file_system(StoreFacts(), DATA) == []


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (ClockFacts(NOW, True, 0.0), ["ok"]),
        (ClockFacts(NOW, None, None), ["ok"]),
        (ClockFacts(EARLIEST - 1, True, 0.0), ["failure"]),
        (ClockFacts(NOW, False, None), ["warning"]),
        (ClockFacts(NOW, True, MOVED_BY_S), ["ok"]),
        (ClockFacts(NOW, True, MOVED_BY_S + 1), ["warning"]),
        (ClockFacts(NOW, True, -MOVED_BY_S - 1), ["warning"]),
        (ClockFacts(NOW, False, 3600.0), ["warning", "warning"]),
    ],
)
def test_the_clock_is_judged_by_itself_by_the_kernel_and_by_the_monotonic_clock(facts, expected):
    assert levels(check_clock(facts)) == expected


@pytest.mark.parametrize(("moved_s", "words"), [(3600.0, "forward by 1 h 00 min"), (-3600.0, "back by 1 h 00 min")])
def test_a_step_of_the_clock_is_told_with_its_direction(moved_s, words):
    [found] = check_clock(ClockFacts(NOW, True, moved_s))
    assert words in found.text


def recorded(steps=(), newest: float | None = NOW - 5):
    return StoreFacts(data={"steps": [list(step) for step in steps], "newest_event": newest})


@pytest.mark.parametrize(
    ("facts", "level", "part"),
    [
        (recorded(), "ok", "do not go back"),
        (recorded(newest=None), "ok", "do not go back"),
        (recorded(newest=NOW + AHEAD_BY_S), "ok", "do not go back"),
        (recorded(newest=NOW + 3600), "warning", "1 h 00 min ahead"),
        (recorded([(9, NOW - 60, 30.0)]), "warning", "back by 30 s before event 9"),
        (recorded([(9, NOW - RECENTLY_S, 30.0)]), "ok", "do not go back"),
    ],
)
def test_recorded_times_that_go_back_or_lie_ahead_are_warnings(facts, level, part):
    [found] = check_recorded_times(facts, NOW)
    assert found.level == level
    assert part in found.text


@pytest.mark.parametrize("facts", [StoreFacts(), StoreFacts(data={"faults": ["damaged"]})])
def test_times_that_could_not_be_read_are_not_judged(facts):
    assert check_recorded_times(facts, NOW) == []


def versions(python=(3, 11, 7), sqlite="3.51.3", libzmq="4.3.3", installed="1.0", running="1.0"):
    return VersionFacts(python, sqlite, libzmq, installed, running)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (versions(), ["ok"]),
        (versions(running=""), ["ok"]),
        (versions(sqlite="3.51.2"), ["failure"]),
        (versions(sqlite="3.100.0"), ["ok"]),
        (versions(sqlite=""), ["failure"]),
        (versions(libzmq="4.3.2"), ["failure"]),
        (versions(libzmq=""), ["failure"]),
        (versions(python=(3, 10, 14)), ["failure"]),
        (versions(running="0.9"), ["warning"]),
        (versions(libzmq="4.2.5", sqlite="3.40.1", running="0.9"), ["failure", "failure", "warning"]),
    ],
)
def test_versions_must_be_new_enough_and_those_that_run(facts, expected):
    assert levels(check_versions(facts)) == expected


@pytest.mark.parametrize(
    ("text", "numbers"), [("3.51.3", (3, 51, 3)), ("4.3.5rc1", (4, 3, 5)), ("3.x.1", (3,)), ("", ())]
)
def test_a_version_is_compared_as_numbers(text, numbers):
    assert read_version(text) == numbers


@pytest.mark.parametrize(
    ("size_bytes", "shown"), [(2048, "2 KiB"), (12 * MIB, "12 MiB"), (3 * 1024 * MIB // 2, "1.5 GiB")]
)
def test_a_size_is_shown_in_the_largest_unit_that_fits(size_bytes, shown):
    assert show_size(size_bytes) == shown

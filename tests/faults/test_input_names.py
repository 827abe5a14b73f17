"""I2, I3 and I9: patterns that cost much, names that are hard to tell apart, and names that stand twice."""

from __future__ import annotations

import threading
import time

import pytest

from http_gateway.auth.providers import is_name
from queue_server.access.devices import filter_devices
from queue_server.access.names import LONGEST_DOTTED, LONGEST_NAME
from queue_server.access.patterns import MOST_STEPS, parse_device_pattern, parse_name_pattern
from queue_server.access.policy import Policy
from queue_server.access.startup_files import find_startup_files
from queue_server.protocol.errors import ParameterError
from tests.faults.corpora.names import hostile_names, is_good
from tests.faults.corpora.patterns import (
    MIXED,
    NAME,
    SMALL,
    costly_patterns,
    expanding_patterns,
    refused_patterns,
)
from tests.faults.tiers import SLACK
from tests.processes.lone import Manager
from tests.processes.requester import Requester
from tests.processes.system import copy_startup

PATTERNS = 50
MOST_MATCH_MS = 10
MOST_CONTROL_MS = 100
NAMES = 10_000
AT_ONCE = 50


@pytest.fixture
def manager(directory):
    """A manager with an open environment."""
    manager = Manager(directory / "data", startup=str(copy_startup(directory / "startup"))).must_be_ready()
    manager.requester.open()
    yield manager
    manager.requester.ask("environment_destroy")
    manager.kill()


# --- I2: patterns ---------------------------------------------------------------------------------------------------


def _compiled(text, number):
    """Return a pattern that the engine has not seen before, and for which it has remembered nothing."""
    return parse_name_pattern(f":{text}|^{number}$")


def _time_ms(work, *arguments):
    # The time of a processor: how busy the others are is no property of a pattern.
    started = time.thread_time()
    work(*arguments)
    return (time.thread_time() - started) * 1000


@pytest.mark.fault("I2")
def test_a_costly_pattern_is_matched_within_milliseconds(figure):
    patterns = list(costly_patterns())
    shortened = [name[:LONGEST_DOTTED] for name in (NAME, SMALL[-LONGEST_DOTTED:], MIXED)]
    slowest_ms = 0.0
    for text in patterns:
        for name in shortened:
            # The best of some attempts, each of which begins anew.
            attempts = [_time_ms(_compiled(text, number).matches, name) for number in range(3)]
            slowest_ms = max(slowest_ms, min(attempts))
    figure("costly patterns", f">= {PATTERNS}", len(patterns))
    figure("slowest match of the longest name that is matched, ms", MOST_MATCH_MS, f"{slowest_ms:.1f}")
    assert len(patterns) >= PATTERNS
    assert slowest_ms <= SLACK * MOST_MATCH_MS


@pytest.mark.fault("I2")
def test_a_name_of_five_thousand_characters_is_allowed_to_nobody_within_milliseconds(figure):
    texts = [f":{text}" for text in costly_patterns()]
    rules = [Policy.from_mapping({"user_groups": {"root": {"allowed_plans": [text]}}}) for text in texts]
    rules += [Policy.from_mapping({"user_groups": {"root": {"forbidden_functions": [text]}}}) for text in texts]
    slowest_ms = 0.0
    for policy in rules:
        for name in (NAME, SMALL, MIXED):
            slowest_ms = max(slowest_ms, _time_ms(policy.rules["root"].plans.allows, name))
            assert not policy.rules["root"].plans.allows(name)
            assert not policy.allows_function(name, "root")
    devices = {NAME: {"is_readable": True, "components": {"x": {}}}, "det": {"components": {NAME: {}, "y": {}}}}
    for text in texts:
        for entry in (parse_device_pattern(text), parse_device_pattern(f":?{text[1:]}")):
            assert filter_devices(devices, None, [entry]).keys() <= {"det"}
            slowest_ms = max(slowest_ms, _time_ms(filter_devices, devices, [entry], [entry]))
    assert filter_devices(devices, None, []) == {"det": {"components": {"y": {}}}}
    figure("slowest decision about a name of 5,000 characters, ms", MOST_MATCH_MS, f"{slowest_ms:.1f}")
    assert slowest_ms <= SLACK * MOST_MATCH_MS


@pytest.mark.fault("I2")
@pytest.mark.parametrize("text", list(expanding_patterns()))
def test_a_pattern_that_stands_for_too_much_is_refused_with_its_name_and_what_to_do(text):
    with pytest.raises(ParameterError, match=rf"at most {MOST_STEPS} are accepted.*Write '\*' or '\+'") as refused:
        Policy.from_mapping({"user_groups": {"root": {"allowed_plans": [f":{text}"]}}})
    assert "list 'allowed_plans'" in refused.value.message
    assert repr(text)[1:12] in refused.value.message


@pytest.mark.fault("I2")
def test_what_the_engine_cannot_do_is_refused_and_the_last_good_set_stays(manager, figure):
    ask = manager.requester
    other = Requester(manager.ready["control"], manager.ready["info"])
    good = ask.do("permissions_get")["user_group_permissions"]
    spent, ended = [], threading.Event()

    def look():
        while not ended.is_set():
            started = time.monotonic()
            other.status()
            spent.append(time.monotonic() - started)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        for text in (*refused_patterns(), *expanding_patterns()):
            groups = {"root": {"allowed_plans": [f":{text}"]}, "primary": good["user_groups"]["primary"]}
            ask.be_refused("permissions_set", user_group_permissions={"user_groups": groups})
        assert ask.do("permissions_get")["user_group_permissions"] == good
        everything = {"root": good["user_groups"]["root"], "primary": {"allowed_plans": [], "allowed_devices": []}}
        everything["primary"]["allowed_plans"] = [f":{text}" for text in costly_patterns()]
        ask.do("permissions_set", user_group_permissions={"user_groups": everything})
        ask.ask("plans_allowed", user_group="primary")
        ask.do("permissions_set", user_group_permissions=good)
    finally:
        ended.set()
        looking.join(60)
        other.close()
    slowest = sorted(spent)[max(0, int(len(spent) * 0.99) - 1)] * 1000
    figure("status p99 meanwhile, ms", MOST_CONTROL_MS, f"{slowest:.0f}")
    assert slowest <= SLACK * MOST_CONTROL_MS


# --- I3: names ------------------------------------------------------------------------------------------------------


@pytest.mark.fault("I3")
def test_only_short_visible_names_of_one_form_are_kept_and_come_back_equal(manager, figure):
    ask = manager.requester
    hostile = list(hostile_names(NAMES))
    # What is no Unicode cannot be read at all, and is refused without the number of the request.
    names = [name for name in hostile if not _has_surrogates(name)]
    for name in hostile:
        if _has_surrogates(name):
            ask.be_refused(
                "queue_item_add", item={"item_type": "plan", "name": "quick"}, user=name, user_group="primary"
            )
    item = {"item_type": "plan", "name": "quick"}
    kept = wrong = 0
    for start in range(0, len(names), AT_ONCE):
        part = names[start : start + AT_ONCE]
        numbers = [ask.post("queue_item_add", item=item, user=name, user_group="primary") for name in part]
        replies = ask.collect(numbers)
        for name, number in zip(part, numbers, strict=True):
            reply = replies[number]
            wrong += reply["success"] != is_good(name)
            if reply["success"]:
                kept += 1
                wrong += reply["item"]["user"] != name
        if start % (AT_ONCE * 20) == 0:
            good = [name for name in part if is_good(name)]
            assert [each["user"] for each in ask.queue()] == good
        ask.do("queue_clear")
    figure("names", f">= {NAMES}", len(hostile))
    figure("kept although bad, refused although good, or changed", 0, wrong)
    assert wrong == 0
    assert 0 < kept < NAMES
    assert manager.is_alive
    assert "Traceback" not in manager.log()


def _has_surrogates(name):
    return any("\ud800" <= letter <= "\udfff" for letter in name)


@pytest.mark.fault("I3")
def test_such_names_are_no_plans_no_groups_and_no_functions(manager):
    ask = manager.requester
    good = ask.do("permissions_get")["user_group_permissions"]["user_groups"]
    for name in list(hostile_names(300)):
        ask.be_refused("queue_item_add", item={"item_type": "plan", "name": f"{name}!"}, user="x", user_group="primary")
        ask.be_refused("queue_item_add", item={"item_type": "plan", "name": "quick"}, user="x", user_group=f"{name}!")
        if not is_good(name):
            ask.be_refused("permissions_set", user_group_permissions={"user_groups": {**good, name: {}}})
    assert ask.do("permissions_get")["user_group_permissions"]["user_groups"] == good
    assert LONGEST_NAME == 128


@pytest.mark.fault("I3")
def test_nobody_locks_or_logs_in_under_such_a_name(manager, figure):
    ask = manager.requester
    names = [name for name in hostile_names(400) if not _has_surrogates(name)]
    wrong = 0
    for name in names:
        reply = ask.ask("lock", lock_key="key", queue=True, user=name)
        wrong += reply["success"] != is_good(name)
        wrong += reply["success"] and ask.do("lock_info")["lock_info"]["user"] != name
        wrong += is_name(name) != (is_good(name) and not set(name) & set('"<>'))
    ask.do("unlock", lock_key="key")
    figure("names of locks and logins kept although bad, refused although good, or changed", 0, wrong)
    assert wrong == 0


# --- I9: names that stand twice -------------------------------------------------------------------------------------

TWICE = {
    "device": "existing_devices:\n  motor: {classname: a}\n  det: {}\n  motor: {classname: b}\nexisting_plans: {}\n",
    "plan": "existing_plans:\n  count: {name: count}\n  scan: {}\n  count: {name: count}\nexisting_devices: {}\n",
    "component": "existing_devices:\n  det:\n    components:\n      x: {}\n      y: {}\n      x: {}\n",
    "section": "existing_devices: {}\nexisting_plans: {}\n\nexisting_devices: {a: {}}\n",
}
LINES = {"device": (2, 4), "plan": (2, 4), "component": (4, 6), "section": (1, 4)}


@pytest.mark.fault("I9")
@pytest.mark.parametrize("what", TWICE)
def test_a_name_that_stands_twice_is_refused_with_both_places(what, tmp_path):
    (tmp_path / "existing_plans_and_devices.yaml").write_text(TWICE[what])
    files = find_startup_files(str(tmp_path), None, None, "on_change")
    with pytest.raises(ParameterError) as refused:
        files.parse_list_file(files.read_list_file() or b"")
    assert all(f"line {line}" in refused.value.message for line in LINES[what]), refused.value.message


@pytest.mark.fault("I9")
def test_a_group_that_stands_twice_is_refused_with_both_places(tmp_path):
    path = tmp_path / "user_group_permissions.yaml"
    path.write_text("user_groups:\n  root: {allowed_plans: [null]}\n  guests: {}\n  root: {}\n")
    with pytest.raises(ParameterError, match=r"(?s)line 2.*line 4"):
        find_startup_files(str(tmp_path), None, None, "on_change").read_policy()

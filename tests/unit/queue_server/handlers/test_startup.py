"""What a manager takes of the startup files when it starts."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from queue_server.access.policy import Policy
from queue_server.access.startup_files import find_startup_files
from queue_server.clock import Chance
from queue_server.core.model import State
from queue_server.engine.turn import Turn
from queue_server.handlers.resources import Resources
from queue_server.handlers.startup import take_at_start
from queue_server.protocol.errors import ParameterError
from queue_server.protocol.items import DEFAULT_LANE
from tests.doubles.bench import DEVICES, PLANS

ONLY_SCAN = {"user_groups": {"root": {"allowed_plans": [None]}, "primary": {"allowed_plans": ["scan"]}}}
ONLY_COUNT = {"user_groups": {"root": {"allowed_plans": [None]}, "primary": {"allowed_plans": ["count"]}}}
RULES = ["never", "on_request", "on_change", "on_startup"]


class Life:
    """Managers that start one after the other on one store."""

    def __init__(self, store, directory):
        self.store = store
        self.directory = directory
        self.resources = Resources()

    def write_permissions(self, permissions):
        """Write the file of permissions."""
        (self.directory / "user_group_permissions.yaml").write_text(yaml.safe_dump(permissions))

    def write_lists(self, plans, devices):
        """Write the list file."""
        content = {"existing_plans": plans, "existing_devices": devices}
        (self.directory / "existing_plans_and_devices.yaml").write_text(yaml.safe_dump(content))

    async def start(self, reload: Any = "on_change", *, startup=None, is_open=False, **named):
        """Start a manager; return what has changed since the one before."""
        files = find_startup_files(
            str(startup or self.directory), named.get("list_file"), named.get("permissions"), reload
        )
        self.resources = Resources({DEFAULT_LANE: files})

        def work(tx):
            self.resources.restore(tx)
            turn = Turn(tx, State(epoch=1), 0.0, Chance.seeded(1))
            take_at_start(turn, self.resources, open_lanes=[DEFAULT_LANE] if is_open else ())
            return turn

        return await self._do(work)

    async def change(self, **new):
        """Let the manager take something else."""

        def work(tx):
            turn = Turn(tx, State(epoch=1), 0.0, Chance.seeded(1))
            self.resources.replace(turn, **new)
            return turn

        return await self._do(work)

    async def _do(self, work):
        turn = await self.store.transact(work)
        for act in turn.after_commit:
            act()
        revisions = turn.state.revisions
        return {name for name in ("plans_existing", "devices_existing", "plans_allowed") if getattr(revisions, name)}

    @property
    def permissions(self):
        """What holds."""
        return self.resources.policy.as_mapping()

    @property
    def plans(self):
        """The names of the plans that exist."""
        return set(self.resources.catalog_of(DEFAULT_LANE).plans_existing)


@pytest.fixture
def life(store, tmp_path):
    return Life(store, tmp_path)


# --- permissions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", RULES)
async def test_the_first_start_takes_the_permissions_of_the_file_under_every_rule(life, rule):
    life.write_permissions(ONLY_SCAN)
    await life.start(rule)
    assert life.permissions == ONLY_SCAN


@pytest.mark.parametrize(
    ("rule", "unchanged", "changed"),
    [
        ("never", ONLY_SCAN, ONLY_SCAN),
        ("on_request", ONLY_SCAN, ONLY_SCAN),
        ("on_change", ONLY_SCAN, ONLY_COUNT),
        ("on_startup", Policy.default().as_mapping(), ONLY_COUNT),
    ],
)
async def test_the_rule_decides_between_what_was_set_and_what_the_file_says(life, rule, unchanged, changed):
    life.write_permissions(Policy.default().as_mapping())
    await life.start(rule)
    await life.change(policy=Policy.from_mapping(ONLY_SCAN))
    await life.start(rule)
    assert life.permissions == unchanged
    await life.change(policy=Policy.from_mapping(ONLY_SCAN))
    life.write_permissions(ONLY_COUNT)
    await life.start(rule)
    assert life.permissions == changed


async def test_the_same_permissions_change_no_number(life):
    life.write_permissions(ONLY_SCAN)
    assert await life.start("on_startup") == {"plans_allowed"}
    assert await life.start("on_startup") == set()


@pytest.mark.parametrize("content", ["- none", "user_groups: {primary: {}}"])
async def test_permissions_that_cannot_be_used_end_the_start(life, content):
    (life.directory / "user_group_permissions.yaml").write_text(content)
    with pytest.raises(ParameterError, match=r"user_group_permissions\.yaml"):
        await life.start()


@pytest.mark.parametrize("rule", ["never", "on_request"])
async def test_a_file_that_is_not_to_be_read_may_be_wrong(life, rule):
    await life.start(rule)
    (life.directory / "user_group_permissions.yaml").write_text("- none")
    await life.start(rule)
    assert life.permissions == Policy.default().as_mapping()


async def test_a_file_that_was_named_must_exist(life, tmp_path):
    with pytest.raises(ParameterError, match=r"who\.yaml cannot be read"):
        await life.start(permissions=tmp_path / "who.yaml")


# --- lists ------------------------------------------------------------------------------------------------------------


async def test_the_lists_of_the_file_are_known_before_an_environment_opens(life):
    life.write_lists(PLANS, DEVICES)
    assert await life.start() == {"plans_existing", "devices_existing", "plans_allowed"}
    assert life.plans == set(PLANS)
    assert set(life.resources.catalog_of(DEFAULT_LANE).plans_allowed("primary")) == {"count", "scan"}


async def test_the_same_lists_change_no_number(life):
    life.write_lists(PLANS, DEVICES)
    await life.start()
    assert await life.start() == set()
    life.write_lists(dict(reversed(PLANS.items())), DEVICES)
    assert await life.start() == set()
    life.write_lists(PLANS, {})
    assert await life.start() == {"devices_existing"}


async def test_the_file_counts_again_at_each_start(life):
    life.write_lists({"count": PLANS["count"]}, DEVICES)
    await life.start()
    await life.change(plans=PLANS)
    await life.start()
    assert life.plans == {"count"}


async def test_an_open_environment_has_lists_of_its_own(life):
    await life.start()
    await life.change(plans=PLANS)
    life.write_lists({}, {})
    assert await life.start(is_open=True) == set()
    assert life.plans == set(PLANS)


async def test_without_a_file_the_lists_that_were_kept_stay_with_the_same_startup_code(life, tmp_path):
    await life.start()
    assert life.plans == set()
    await life.change(plans=PLANS)
    assert await life.start() == set()
    assert life.plans == set(PLANS)
    other = tmp_path / "other"
    other.mkdir()
    await life.start(startup=other)
    assert life.plans == set()


async def test_a_list_file_that_cannot_be_used_is_said_and_does_not_end_the_start(life, caplog):
    await life.start()
    await life.change(plans=PLANS)
    (life.directory / "existing_plans_and_devices.yaml").write_text("existing_plans: [")
    await life.start()
    assert life.plans == set(PLANS)
    assert "existing_plans_and_devices.yaml is not YAML" in caplog.text


async def test_the_simulated_profile_is_known_at_once_and_what_its_environment_has_found_is_kept(life):
    await life.start(startup="sim")
    assert {"count", "scan"} <= life.plans
    await life.change(plans=PLANS)
    assert await life.start(startup="sim") == set()
    assert life.plans == set(PLANS)


async def test_lists_of_other_startup_code_give_way_to_those_of_the_simulated_profile(life):
    life.write_lists(PLANS, DEVICES)
    await life.start()
    await life.start(startup="sim")
    assert "_hidden" not in life.plans
    assert len(life.plans) > len(PLANS)


# --- lanes ----------------------------------------------------------------------------------------------------------


class TwoLanes(Life):
    """Managers with two lanes, each with startup code of its own."""

    async def start_both(self, *, open_lanes=(), startup_b=None):
        """Start a manager."""
        other = startup_b or self.directory / "b"
        other.mkdir(exist_ok=True)
        codes = {DEFAULT_LANE: str(self.directory), "b": str(other)}
        files = {lane: find_startup_files(code, None, None, "on_change") for lane, code in codes.items()}
        self.resources = Resources(files)

        def work(tx):
            self.resources.restore(tx, files)
            turn = Turn(tx, State(epoch=1), 0.0, Chance.seeded(1))
            take_at_start(turn, self.resources, open_lanes=open_lanes)
            return turn

        return await self._do(work)

    def write_other_lists(self, *names):
        """Write the list file of the other lane."""
        (self.directory / "b").mkdir(exist_ok=True)
        content = {"existing_plans": dict.fromkeys(names, PLANS["count"]), "existing_devices": {}}
        (self.directory / "b" / "existing_plans_and_devices.yaml").write_text(yaml.safe_dump(content))

    @property
    def known(self):
        """The names of the plans of each lane."""
        return [set(self.resources.catalog_of(lane).plans_existing) for lane in (DEFAULT_LANE, "b")]


@pytest.fixture
def lives(store, tmp_path):
    return TwoLanes(store, tmp_path)


async def test_each_lane_takes_the_list_file_beside_its_own_startup_code(lives):
    lives.write_lists({"scan": PLANS["scan"]}, {})
    lives.write_other_lists("only_b")
    lives.write_permissions(ONLY_SCAN)
    await lives.start_both()
    assert lives.known == [{"scan"}, {"only_b"}]
    assert lives.resources.catalog_of("b").policy.as_mapping() == ONLY_SCAN
    assert await lives.start_both() == set()


async def test_the_lists_of_a_lane_with_an_environment_stay_and_those_of_other_code_go(lives, tmp_path):
    lives.write_other_lists("only_b")
    await lives.start_both()
    lives.write_other_lists("newer")
    await lives.start_both(open_lanes=["b"])
    assert lives.known[1] == {"only_b"}
    await lives.start_both()
    assert lives.known[1] == {"newer"}
    await lives.start_both(startup_b=tmp_path / "elsewhere")
    assert lives.known[1] == set()

"""Journeys through bluesky-queueserver-api in a process of its own: `journeys.py ENCODING CONTROL INFO [PUBLIC_KEY]`.

Both forms of the client travel, one after the other. Printed is one JSON object: form to what `driver.travel` returns.
"""

from __future__ import annotations

import asyncio
import json
import sys

import catalog
import environment
import items
import locks
import monitors
import running
import service
import tasks
import waits
from driver import FORMS, travel
from steps import clean_up

# What opens the environment comes first, what closes it last. The RunEngine that a script makes stays until then.
JOURNEYS = [
    service.tells_status_and_configuration,
    service.refuses_wrong_parameters_itself,
    service.says_that_nobody_answers,
    environment.opens,
    environment.tells_the_metadata,
    environment.is_updated,
    environment.has_no_kernel_to_interrupt,
    environment.is_not_frozen_by_strangers,
    service.names_the_user,
    service.tells_what_is_refused,
    service.refuses_what_no_method_takes,
    catalog.plans_and_devices_are_described,
    catalog.groups_see_what_they_may_use,
    catalog.permissions_are_set_and_reloaded,
    items.are_added_and_found,
    items.are_changed_moved_and_removed,
    items.are_moved_and_removed_in_batches,
    items.are_made_from_objects,
    waits.end_at_the_state,
    waits.end_with_the_time,
    waits.end_when_cancelled,
    running.plans_run_in_order,
    running.a_failed_plan_returns_to_the_front,
    running.the_queue_loops_and_stops,
    running.an_instruction_stops_the_queue,
    running.paused_plans_go_on_or_end,
    running.a_plan_is_executed_at_once,
    running.the_queue_starts_by_itself,
    running.caches_are_renewed,
    monitors.show_a_plan,
    monitors.are_cleared_limited_and_disabled,
    tasks.a_function_is_called,
    tasks.a_function_belongs_to_groups,
    tasks.a_task_in_the_foreground_occupies_the_manager,
    tasks.tasks_in_the_background_leave_the_manager_idle,
    tasks.an_unknown_task_is_not_found,
    tasks.a_script_adds_a_plan,
    tasks.a_script_fails_or_runs_in_the_background,
    tasks.a_script_replaces_the_engine,
    locks.each_part_is_locked,
    locks.only_the_key_opens,
    locks.the_client_keeps_a_key,
    locks.the_default_key_is_in_a_file,
    locks.locked_methods_take_the_key,
    environment.closes_and_is_destroyed,
]


async def travel_in_both_forms(**settings: str | None) -> dict[str, object]:
    return {form: await travel(kind, JOURNEYS, clean_up, **settings) for form, kind in FORMS.items()}


def main() -> None:
    encoding, control, info, *key = sys.argv[1:]
    settings = {"zmq_encoding": encoding, "zmq_control_addr": control, "zmq_info_addr": info}
    told = asyncio.run(travel_in_both_forms(**settings, zmq_public_key=key[0] if key else None))
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()

"""The parts of the list of journeys that hold over 0MQ as well as over HTTP, in their order."""

from __future__ import annotations

import environment
import items
import locks
import monitors
import running
import tasks
import waits

# What opens the environment comes first, what closes it last. The RunEngine that a script makes stays until then.
OPENING = [
    environment.opens,
    environment.tells_the_metadata,
    environment.is_updated,
    environment.has_no_kernel_to_interrupt,
]

WORK = [
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
]

TASKS_LOCKS_AND_END = [
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

"""Journeys through bluesky-queueserver-api in a process of its own: `program FORM ENCODING CONTROL INFO [PUBLIC_KEY]`.

Printed is what `driver.travel` returns.
"""

from __future__ import annotations

import asyncio
import json
import sys

import catalog
import environment
import itinerary
import service
import tasks
from driver import FORMS, travel
from steps import clean_up

JOURNEYS = [
    service.tells_status_and_configuration,
    service.refuses_wrong_parameters_itself,
    service.says_that_nobody_answers,
    *itinerary.OPENING,
    environment.is_not_frozen_by_strangers,
    service.names_the_user,
    service.tells_what_is_refused,
    service.refuses_what_no_method_takes,
    catalog.plans_and_devices_are_described,
    catalog.groups_see_what_they_may_use,
    catalog.permissions_are_set_and_reloaded,
    *itinerary.WORK,
    tasks.a_function_belongs_to_groups,
    *itinerary.TASKS_LOCKS_AND_END,
]


def main() -> None:
    form, encoding, control, info, *key = sys.argv[1:]
    settings = {"zmq_encoding": encoding, "zmq_control_addr": control, "zmq_info_addr": info}
    outcome = travel(FORMS[form], JOURNEYS, clean_up, **settings, zmq_public_key=key[0] if key else None)
    sys.stdout.write(json.dumps(asyncio.run(outcome)))


if __name__ == "__main__":
    main()

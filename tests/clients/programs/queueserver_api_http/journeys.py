"""Journeys through bluesky-queueserver-api over HTTP in a process of its own: `journeys.py FORM ADDRESS KEY`.

Printed is what `driver.travel` returns. What the journeys over 0MQ tell holds here as well, as far as it does not
speak of 0MQ or of names that a client claims.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "queueserver_api"))

import catalog
import credentials
import itinerary
import service
from driver import HTTP_FORMS, travel
from steps import clean_up

JOURNEYS = [
    service.tells_status_and_configuration,
    service.refuses_wrong_parameters_itself,
    credentials.nobody_answers,
    credentials.no_key_and_a_wrong_key_are_refused,
    *itinerary.OPENING,
    credentials.the_key_decides_who_asks,
    credentials.groups_are_those_of_the_key,
    credentials.wrong_requests_change_nothing,
    credentials.requests_have_their_own_time,
    service.tells_what_is_refused,
    catalog.plans_and_devices_are_described,
    catalog.permissions_are_set_and_reloaded,
    *itinerary.WORK,
    *itinerary.TASKS_LOCKS_AND_END,
]


def main() -> None:
    form, address, key = sys.argv[1:]
    outcome = travel(HTTP_FORMS[form], JOURNEYS, clean_up, key=key, http_server_uri=address)
    sys.stdout.write(json.dumps(asyncio.run(outcome)))


if __name__ == "__main__":
    main()

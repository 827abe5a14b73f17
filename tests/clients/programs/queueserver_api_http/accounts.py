"""Journeys through accounts with bluesky-queueserver-api in a process of its own: `accounts.py FORM ADDRESS`.

The gateway knows bob and eve, and its access tokens count for two seconds. Printed is what `driver.travel` returns.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "queueserver_api"))

from driver import HTTP_FORMS, travel
from steps import contains, count, equal, raised

TOKEN_LIFE_S = 2
PASSWORDS = {"bob": "bob_password", "eve": "eve_password"}


def log_in(name):
    return (yield lambda rm: rm.login(name, password=PASSWORDS[name]))


def refuses_a_wrong_password():
    wrong = yield lambda rm: rm.HTTPClientError
    error = yield from raised(lambda rm: rm.login("bob", password="eve_password"), wrong)
    contains(str(error), "401: Incorrect username or password")
    error = yield from raised(lambda rm: rm.whoami(), wrong)
    contains(str(error), "401: ")


def tells_who_one_is():
    tokens = yield from log_in("bob")
    equal((tokens["token_type"], tokens["expires_in"]), ("bearer", TOKEN_LIFE_S))
    me = yield lambda rm: rm.whoami()
    equal([identity["id"] for identity in me["identities"]], ["bob"])
    mine = yield lambda rm: rm.api_scopes()
    equal(("write:queue:edit" in mine["scopes"], "admin:apikeys" in mine["scopes"]), (True, True))
    everybody = yield lambda rm: rm.principal_info()
    equal(me["uuid"] in [principal["uuid"] for principal in everybody], True)
    equal((yield lambda rm: rm.principal_info(principal_uid=me["uuid"]))["uuid"], me["uuid"])


def the_name_of_the_account_reaches_the_queue():
    yield from log_in("bob")
    added = yield lambda rm: rm.item_add(count("a"))
    contains(added["item"]["user"], "bob")


def a_token_that_has_expired_is_renewed():
    yield from log_in("bob")
    first = yield lambda rm: rm.auth_key
    time.sleep(TOKEN_LIFE_S + 0.5)
    equal((yield lambda rm: rm.status())["manager_state"], "idle")
    second = yield lambda rm: rm.auth_key
    equal(first == second, False)
    yield lambda rm: rm.session_refresh()
    equal((yield lambda rm: rm.auth_key) == second, False)


def a_session_that_is_revoked_ends():
    wrong = yield lambda rm: rm.HTTPClientError
    yield from log_in("bob")
    [session] = [one for one in (yield lambda rm: rm.whoami())["sessions"] if not one["revoked"]][-1:]
    yield lambda rm: rm.session_revoke(session_uid=session["uuid"])
    error = yield from raised(lambda rm: rm.session_refresh(), wrong)
    contains(str(error), "401: Session has expired. Please re-authenticate.")


def keys_are_made_used_and_deleted():
    wrong = yield lambda rm: rm.HTTPClientError
    yield from log_in("bob")
    made = yield lambda rm: rm.apikey_new(
        expires_in=60, scopes=["read:queue", "read:status", "user:apikeys"], note="narrow"
    )
    yield lambda rm: rm.logout()
    yield lambda rm: rm.set_authorization_key(api_key=made["secret"])
    info = yield lambda rm: rm.apikey_info()
    equal((info["note"], info["first_eight"]), ("narrow", made["secret"][:8]))
    yield lambda rm: rm.queue_get(reload=True)
    error = yield from raised(lambda rm: rm.item_add(count("a")), wrong)
    contains(str(error), "401: Not enough permissions. Requires scopes ['write:queue:edit'].")
    yield lambda rm: rm.apikey_delete(first_eight=made["secret"][:8])
    error = yield from raised(lambda rm: rm.queue_get(reload=True), wrong)
    contains(str(error), "401: Invalid API key")


def an_administrator_makes_a_key_for_somebody():
    yield from log_in("eve")
    uuid = (yield lambda rm: rm.whoami())["uuid"]
    yield from log_in("bob")
    made = yield lambda rm: rm.apikey_new(expires_in=60, principal_uid=uuid)
    mine = yield lambda rm: rm.whoami(api_key=made["secret"])
    equal([identity["id"] for identity in mine["identities"]], ["eve"])


def an_observer_changes_nothing():
    wrong = yield lambda rm: rm.HTTPClientError
    yield from log_in("eve")
    yield lambda rm: rm.queue_get(reload=True)
    error = yield from raised(lambda rm: rm.queue_clear(), wrong)
    contains(str(error), "401: Not enough permissions. Requires scopes ['write:queue:edit'].")


def after_the_logout_nothing_opens():
    wrong = yield lambda rm: rm.HTTPClientError
    tokens = yield from log_in("bob")
    yield lambda rm: rm.logout()
    equal((yield lambda rm: rm.auth_method is rm.AuthorizationMethods.NONE), True)
    error = yield from raised(lambda rm: rm.queue_get(reload=True), wrong)
    contains(str(error), "401: Not enough permissions.")
    error = yield from raised(lambda rm: rm.whoami(token=tokens["access_token"]), wrong)
    contains(str(error), "401: ")


def clean_up():
    """Leave no credential and no item."""
    yield from log_in("bob")
    yield lambda rm: rm.queue_clear()
    yield lambda rm: rm.set_authorization_key()


JOURNEYS = [
    refuses_a_wrong_password,
    tells_who_one_is,
    the_name_of_the_account_reaches_the_queue,
    a_token_that_has_expired_is_renewed,
    a_session_that_is_revoked_ends,
    keys_are_made_used_and_deleted,
    an_administrator_makes_a_key_for_somebody,
    an_observer_changes_nothing,
    after_the_logout_nothing_opens,
]


def main() -> None:
    form, address = sys.argv[1:]
    outcome = travel(HTTP_FORMS[form], JOURNEYS, clean_up, http_server_uri=address, http_auth_provider="/toy/token")
    sys.stdout.write(json.dumps(asyncio.run(outcome)))


if __name__ == "__main__":
    main()

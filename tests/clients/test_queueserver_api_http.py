"""bluesky-queueserver-api as it comes from PyPI drives a system over HTTP: blocking and asynchronous, with one key."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest

from tests.clients.journeys import check, names_of_journeys

PROGRAMS = Path("queueserver_api_http")
# Over 0MQ both forms travel with every commit.
FORMS = ("blocking", pytest.param("asynchronous", marks=pytest.mark.night))

# Methods for accounts, which a gateway with a single key does not have.
OF_ACCOUNTS = {
    "api_scopes",
    "apikey_delete",
    "apikey_info",
    "apikey_new",
    "login",
    "logout",
    "principal_info",
    "session_refresh",
    "session_revoke",
    "whoami",
}
# Of these only accounts have a use for forms instead of JSON.
FOR_ACCOUNTS = {"send_request(data)"}

# The first test of each form waits for all that happens in it.
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def told(run_client, running_system):
    """What became of the journeys of each form, one after the other in one system."""
    with running_system(http="127.0.0.1:0", script_upload=True) as system:
        key = (system.data / "api-key").read_text().strip()

        @cache
        def travel(form):
            return json.loads(run_client(PROGRAMS / "journeys.py", form, system.ready["http"], key, seconds=230))

        yield travel


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("journey", names_of_journeys(PROGRAMS / "journeys.py"))
def test_the_journey_ends_well(told, form, journey):
    check(told(form)["told"][journey])


@pytest.mark.parametrize("form", FORMS)
def test_every_public_name_of_the_client_and_every_parameter_is_used(told, form):
    surface, used = (set(told(form)[name]) for name in ("surface", "used"))
    assert {"status()", "auth_key", "set_authorization_key(token)", "console_monitor.text(nlines)"} <= surface
    left = surface - used - FOR_ACCOUNTS
    assert {name.partition("(")[0] for name in left} == OF_ACCOUNTS

"""bluesky-queueserver-api logs in to a gateway with accounts: tokens, sessions and keys, blocking and asynchronous."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest

from tests.clients.journeys import check, names_of_journeys

PROGRAM = Path("queueserver_api_http") / "accounts.py"
FORMS = ("blocking", "asynchronous")
CONFIGURATION = """
authentication:
  access_token_max_age: 2
  providers:
    - provider: toy
      authenticator: bluesky_httpserver.authenticators:DictionaryAuthenticator
      args: {users_to_passwords: {bob: bob_password, eve: eve_password}}
api_access:
  policy: bluesky_httpserver.authorization:DictionaryAPIAccessControl
  args:
    users:
      bob: {roles: [admin, expert]}
      eve: {roles: observer}
"""


@pytest.fixture(scope="module")
def told(run_client, running_system, tmp_path_factory):
    """What became of the journeys of each form, in one system."""
    configuration = tmp_path_factory.mktemp("configuration") / "gateway.yaml"
    configuration.write_text(CONFIGURATION)
    with running_system(http="127.0.0.1:0", http_config=str(configuration)) as system:
        yield cache(lambda form: json.loads(run_client(PROGRAM, form, system.ready["http"]))["told"])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("journey", names_of_journeys(PROGRAM))
def test_the_journey_ends_well(told, form, journey):
    [outcome] = [outcome for name, outcome in told(form).items() if name.partition(".")[2] == journey]
    check(outcome)

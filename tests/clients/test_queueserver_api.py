"""bluesky-queueserver-api as it comes from PyPI drives a system: in both forms and encodings, plain and encrypted."""

from __future__ import annotations

import ast
import itertools
import json
from pathlib import Path

import pytest

from tests.clients.journeys import PARTS, check, names_of_journeys, travelling

PROGRAMS = Path("queueserver_api")
FORMS = ("blocking", "asynchronous")
SYSTEMS = ("json", "msgpack", "msgpack-curve")
# Each form travels with every commit, and so does each encoding; the other pairs travel at night.
OF_EVERY_COMMIT = {("json", "blocking"), ("msgpack-curve", "asynchronous")}
TRIPS = [
    pytest.param(trip, id="-".join(trip), marks=() if trip in OF_EVERY_COMMIT else pytest.mark.night)
    for trip in itertools.product(SYSTEMS, FORMS)
]
ENDINGS = {"blocking": ("json", "safe_on"), "asynchronous": ("msgpack", "safe_off")}
ENDED = [pytest.param("blocking", marks=pytest.mark.night), "asynchronous"]

# A name that only the HTTP form of the client, which shares its base class, has a use for.
OF_HTTP = {"AuthorizationMethods"}

# The first test waits for a whole system and all that happens in it.
pytestmark = pytest.mark.timeout(300)


def names_defined(program):
    """Return the journeys that a module defines: generators without parameters that no other function calls."""
    tree = ast.parse((PARTS / program).read_text())
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and not node.args.args]
    generators = [
        node for node in functions if any(isinstance(part, ast.Yield | ast.YieldFrom) for part in ast.walk(node))
    ]
    return {f"{Path(program).stem}.{node.name}" for node in generators} - {f"{Path(program).stem}.{n}" for n in called}


@pytest.fixture(scope="module")
def told(request, run_client, running_system, curve_server):
    """What became of the journeys of each trip; those of all selected tests run side by side."""
    public, secret_file = curve_server

    def travel(trip):
        name, form = trip
        encoding, _, security = name.partition("-")
        settings = {"encoding": encoding, "script_upload": True}
        if security:
            settings |= {"curve_secret_key_file": str(secret_file), "curve_accept_stock_key": True}
        with running_system(**settings) as system:
            addresses = system.ready["control"], system.ready["info"]
            key = [public] if security else []
            return json.loads(run_client(PROGRAMS / "journeys.py", form, encoding, *addresses, *key, seconds=230))

    with travelling(request, "trip", travel) as outcomes:
        yield lambda trip: outcomes[trip].result()


@pytest.fixture(scope="module")
def ended(request, run_client, running_system):
    """What became of the journeys of each form to the end of its system, and the exit code of that."""

    def travel(form):
        encoding, option = ENDINGS[form]
        with running_system(encoding=encoding, test_methods=True) as system:
            ready = system.ready
            arguments = ready["control"], ready["info"], str(ready["pids"]["manager"]), option
            told = json.loads(run_client(PROGRAMS / "endings.py", form, encoding, *arguments, seconds=200))["told"]
            return told | {"code": system.end() if set(told.values()) == {"done"} else None}

    with travelling(request, "ending", travel) as outcomes:
        yield lambda form: outcomes[form].result()


@pytest.mark.parametrize("trip", TRIPS)
@pytest.mark.parametrize("journey", names_of_journeys(PROGRAMS / "journeys.py"))
def test_the_journey_ends_well(told, trip, journey):
    check(told(trip)["told"][journey])


@pytest.mark.parametrize("trip", TRIPS)
def test_every_public_name_of_the_client_and_every_parameter_is_used(told, trip):
    surface, used = (set(told(trip)[name]) for name in ("surface", "used"))
    assert {"status()", "lock_key=", "console_monitor.text(nlines)"} <= surface
    assert surface - used == OF_HTTP


def test_every_journey_is_listed():
    listed = set(names_of_journeys(PROGRAMS / "journeys.py"))
    modules = {f"{name.partition('.')[0]}.py" for name in listed}
    assert set.union(*map(names_defined, sorted(modules))) == listed
    assert {file.name for file in PARTS.glob("*.py")} - modules == {
        "driver.py",
        "endings.py",
        "itinerary.py",
        "journeys.py",
        "steps.py",
    }


@pytest.mark.parametrize("ending", ENDED)
@pytest.mark.parametrize("journey", names_of_journeys(PROGRAMS / "endings.py"))
def test_the_journey_to_the_end_ends_well(ended, ending, journey):
    check(ended(ending)[f"__main__.{journey}"])


@pytest.mark.parametrize("ending", ENDED)
def test_the_system_has_ended_in_order(ended, ending):
    assert ended(ending)["code"] == 0

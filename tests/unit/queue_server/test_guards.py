"""Nobody may speak for somebody else without the right to delegate."""

from __future__ import annotations

import pytest

from queue_server.guards import identify, require_gateway, require_unchanged
from queue_server.protocol.envelope import Request
from queue_server.protocol.errors import ForbiddenError, ParameterError, StaleError
from queue_server.protocol.items import Origin
from queue_server.protocol.methods import METHODS
from queue_server.protocol.peer import ANYBODY, Peer

STATUS = METHODS["status"]
ADD = METHODS["queue_item_add"]


@pytest.mark.parametrize("may_delegate", [False, True])
def test_a_request_without_an_origin_is_as_good_as_its_own_claims(may_delegate):
    request = Request("queue_item_add", params={"user": "ada", "user_group": "primary"}, id=7)
    assert identify(request, ADD, Peer(may_delegate=may_delegate)) == Origin(
        user="ada", group="primary", request_id="7"
    )


@pytest.mark.parametrize("params", [{}, {"user": 5, "user_group": ["root"]}])
def test_what_cannot_be_a_claim_is_none(params):
    assert identify(Request("status", params=params), STATUS, ANYBODY) == Origin()


@pytest.mark.parametrize("origin", [{}, {"user": "ada", "scopes": ["write:queue:edit"]}])
def test_a_request_with_an_origin_is_forbidden_to_those_who_may_not_delegate(origin):
    with pytest.raises(ForbiddenError, match="'origin' is accepted only"):
        identify(Request("status", origin=origin), STATUS, ANYBODY)


def test_the_origin_stands_above_the_claims():
    origin = {"user": "ada", "group": "primary", "client": "10.0.0.7", "request_id": "r1"}
    request = Request("queue_item_add", params={"user": "eve"}, origin=origin)
    expected = Origin(user="ada", group="primary", client="10.0.0.7", request_id="r1")
    assert identify(request, ADD, Peer(may_delegate=True)) == expected


def test_scopes_admit_the_methods_that_they_name_and_no_others():
    origin = {"user": "ada", "scopes": ["read:status"]}
    assert identify(Request("status", origin=origin), STATUS, Peer(may_delegate=True)) == Origin(user="ada")
    with pytest.raises(ForbiddenError, match="queue_item_add needs the scope 'write:queue:edit'"):
        identify(Request("queue_item_add", origin=origin), ADD, Peer(may_delegate=True))


def test_no_scopes_at_all_admit_nothing():
    with pytest.raises(ForbiddenError, match="read:status"):
        identify(Request("status", origin={"scopes": []}), STATUS, Peer(may_delegate=True))


@pytest.mark.parametrize(
    ("origin", "text"),
    [
        ({"uesr": "ada"}, "unknown keys \\['uesr'\\]"),
        ({"user": 5}, "'origin.user' must be a string"),
        ({"client": "x" * 257}, "'origin.client' must be a string of at most 256"),
        ({"scopes": "read:status"}, "'origin.scopes' must be a list"),
        ({"scopes": ["x"] * 101}, "at most 100"),
    ],
)
def test_an_origin_of_a_wrong_form_is_named(origin, text):
    with pytest.raises(ParameterError, match=text):
        identify(Request("status", origin=origin), STATUS, Peer(may_delegate=True))


# --- what a request is based on -------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [None, "present"])
def test_a_request_passes_that_is_based_on_the_present_queue_or_on_none(given):
    require_unchanged(Request("queue_item_add", if_queue_uid=given), ADD, "present")


def test_a_request_that_is_based_on_an_earlier_queue_is_refused_with_the_present_uid():
    with pytest.raises(StaleError, match="nothing was done") as caught:
        require_unchanged(Request("queue_item_add", if_queue_uid="earlier"), ADD, "present")
    assert caught.value.details == {"plan_queue_uid": "present"}


def test_what_changes_nothing_cannot_depend_on_the_queue():
    with pytest.raises(ParameterError, match="status cannot depend on 'if_queue_uid'"):
        require_unchanged(Request("status", if_queue_uid="present"), STATUS, "present")


# --- peers with a key -----------------------------------------------------------------------------------------------


def test_the_owner_of_a_key_stands_above_the_claims_of_its_messages():
    request = Request("queue_item_add", params={"user": "eve", "user_group": "primary"}, id=7)
    assert identify(request, ADD, Peer("ada")) == Origin(user="ada", group="primary", request_id="7")


def test_a_key_may_call_the_methods_of_its_scopes_and_no_others():
    display = Peer("display", frozenset({"read:status"}))
    assert identify(Request("status"), STATUS, display).user == "display"
    with pytest.raises(ForbiddenError, match="the key of 'display' lacks"):
        identify(Request("queue_item_add"), ADD, display)


def test_whoever_delegates_has_no_more_scopes_than_its_key():
    gateway = Peer("gateway", frozenset({"read:status"}), may_delegate=True)
    origin = {"user": "ada", "scopes": ["write:queue:edit"]}
    with pytest.raises(ForbiddenError, match="the key of 'gateway' lacks"):
        identify(Request("queue_item_add", origin=origin), ADD, gateway)
    assert identify(Request("status", origin={"user": "ada"}), STATUS, gateway) == Origin(user="ada")


# --- what only gateways ask -----------------------------------------------------------------------------------------

CONNECT = METHODS["device_connect"]


def test_what_is_for_gateways_is_refused_to_everybody_else():
    require_gateway(CONNECT, Peer(may_delegate=True))
    for peer in (ANYBODY, Peer("ada"), Peer("ada", frozenset({"gateway"}))):
        with pytest.raises(ForbiddenError, match="device_connect is for gateways"):
            require_gateway(CONNECT, peer)
        require_gateway(ADD, peer)


def test_a_gateway_does_not_ask_it_for_a_person():
    person = {"user": "ada", "scopes": ["read:devices", "write:devices"]}
    with pytest.raises(ForbiddenError, match="'gateway', which this identity does not have"):
        identify(Request("device_connect", origin=person), CONNECT, Peer(may_delegate=True))
    itself = {"client": "192.0.2.7", "scopes": ["gateway"]}
    assert identify(Request("device_connect", origin=itself), CONNECT, Peer(may_delegate=True)).client == "192.0.2.7"

"""Policies: roles, scopes, shown names and groups."""

from __future__ import annotations

import pytest

from http_gateway.auth.policies import (
    BasicAPIAccessControl,
    DictionaryAPIAccessControl,
)
from http_gateway.auth.scopes import ALL_SCOPES, PUBLIC_USER, ROLES, SCOPES, SINGLE_USER

USERS = {
    "bob": {"roles": ["admin", "Expert"], "displayed_name": "Doe, Bob", "email": "bob@home"},
    "ann": {"roles": "observer", "email": "ann@home"},
    "cy": {"roles": "user", "displayed_name": "Cy"},
    "dee": None,
}


def test_there_are_25_scopes_of_the_dialect_and_every_role_stays_within_all():
    assert len(SCOPES) == 25
    assert all(scopes <= ALL_SCOPES for scopes in ROLES.values())
    sizes = {role: len(scopes & SCOPES) for role, scopes in ROLES.items()}
    assert sizes == {
        "admin": 5, "expert": 20, "advanced": 16, "user": 16, "observer": 10,
        "unauthenticated_single_user": 22, "unauthenticated_public": 1,
    }  # fmt: skip


def test_the_default_knows_only_the_users_without_account():
    policy = BasicAPIAccessControl()
    assert policy.is_user_known(SINGLE_USER)
    assert policy.is_user_known(PUBLIC_USER)
    assert not policy.is_user_known("bob")
    assert policy.get_user_scopes("bob") == frozenset()
    assert policy.get_user_scopes(PUBLIC_USER) == {"read:status"}


def test_roles_are_changed_in_a_fixed_order():
    changes = {"scopes_remove": "read:queue", "scopes_add": ["Read:Queue", "read:lock"], "scopes_set": ["read:status"]}
    policy = BasicAPIAccessControl(roles={"User": changes, "expert": None, "beamline": {"scopes_add": "read:status"}})
    assert policy.get_role_scopes(["user"]) == {"read:status", "read:lock"}
    assert policy.get_role_scopes(["expert"]) == frozenset()
    assert policy.get_role_scopes(["beamline"]) == {"read:status"}
    assert policy.get_role_scopes(["observer"]) == ROLES["observer"]
    assert policy.get_role_scopes(["no such role"]) == frozenset()


@pytest.mark.parametrize("roles", [{"user": {"scope_add": "x"}}, {"user": {"scopes_add": [1]}}])
def test_a_change_of_another_form_is_refused(roles):
    with pytest.raises(ValueError, match=r"scope_add|list of words"):
        BasicAPIAccessControl(roles=roles)


def test_users_of_the_configuration_have_their_roles_and_are_shown_as_data_have_them():
    policy = DictionaryAPIAccessControl(users=USERS)
    assert policy.get_user_roles("bob") == {"admin", "expert"}
    assert policy.get_user_scopes("bob") == ROLES["admin"] | ROLES["expert"]
    shown = [policy.get_displayed_user_name(name) for name in ("bob", "ann", "cy", "dee", "unknown")]
    assert shown == ['bob "Doe, Bob <bob@home>"', "ann <ann@home>", 'cy "Cy"', "dee", "unknown"]
    assert policy.get_user_info("ann")["roles"] == {"observer"}


def test_a_user_with_an_unknown_key_is_refused():
    with pytest.raises(ValueError, match="mail"):
        DictionaryAPIAccessControl(users={"bob": {"mail": "x"}})

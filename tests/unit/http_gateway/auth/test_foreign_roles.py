"""What roles of foreign protocols mean here, and under which of them a user is shown."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from http_gateway.auth.foreign_roles import show_role, with_own
from http_gateway.auth.policies import DefaultResourceAccessControl, DictionaryAPIAccessControl
from http_gateway.auth.scopes import ROLES
from http_gateway.auth.settings import ApiAccessSettings
from http_gateway.auth.standing import Standings

KNOWN = ApiAccessSettings().foreign_roles


def test_a_foreign_role_stands_for_roles_of_our_own():
    assert with_own(["scanhub:Medical", "observer"], KNOWN) == {"scanhub:Medical", "observer", "user"}
    assert with_own(["scanhub:nobody", "other:medical", "medical"], KNOWN) == {
        "scanhub:nobody",
        "other:medical",
        "medical",
    }


def test_settings_change_single_roles():
    settings = ApiAccessSettings.model_validate(
        {"foreign_roles": {"scanhub": {"Medical": "Observer", "nurse": ["user"]}}}
    )
    changed = settings.foreign_roles["scanhub"]
    assert (changed["medical"], changed["nurse"]) == (("observer",), ("user",))
    assert changed["admin"] == KNOWN["scanhub"]["admin"]


def test_a_dialect_without_roles_is_refused():
    with pytest.raises(ValidationError, match=r"no dialect 'ica' has roles; known are \['scanhub'\]"):
        ApiAccessSettings.model_validate({"foreign_roles": {"ica": {"x": "user"}}})


@pytest.mark.parametrize("place", ["policy", "account"])
def test_a_user_may_do_what_their_foreign_role_stands_for(place):
    users = {"mia": {"roles": "scanhub:medical"}} if place == "policy" else {}
    standings = Standings(DictionaryAPIAccessControl(users=users), DefaultResourceAccessControl(), KNOWN)
    standing = standings.find("mia", ["scanhub:medical"] if place == "account" else [])
    assert standing is not None
    assert standing.roles == {"scanhub:medical", "user"}
    assert standing.scopes == ROLES["user"] | {"estop"}


def test_a_role_that_a_site_changes_changes_what_a_foreign_role_allows():
    policy = DictionaryAPIAccessControl(roles={"user": None}, users={"mia": {"roles": "scanhub:medical"}})
    standing = Standings(policy, DefaultResourceAccessControl(), KNOWN).find("mia")
    assert standing is not None
    assert standing.scopes == {"estop"}


@pytest.mark.parametrize(
    ("roles", "shown"),
    [
        (["scanhub:engineer", "expert", "admin"], "engineer"),
        (["admin", "expert"], "admin"),
        (["expert"], "scientist"),
        (["USER"], "medical"),
        (["admin"], None),
        ([], None),
    ],
)
def test_a_user_is_shown_under_one_role(roles, shown):
    assert show_role("scanhub", roles, KNOWN) == shown
    assert show_role("bluesky", roles, KNOWN) is None

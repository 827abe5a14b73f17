"""What a user may do now: policies and the roles of the account store together."""

from __future__ import annotations

from http_gateway.auth.policies import (
    DefaultResourceAccessControl,
    DictionaryAPIAccessControl,
    MappedResourceAccessControl,
)
from http_gateway.auth.scopes import PUBLIC_USER, ROLES
from http_gateway.auth.standing import Standings

USERS = {"bob": {"roles": ["admin", "Expert"]}, "ann": {"roles": "observer"}, "cy": {"roles": "user"}, "dee": None}


def find(standings, *who):
    """The standing of somebody who has one."""
    standing = standings.find(*who)
    assert standing is not None
    return standing


def test_groups_come_from_the_user_then_from_roles_in_their_order():
    policy = MappedResourceAccessControl(
        users={"ann": "guests"}, roles={"Expert": "experts", "admin": "admins"}, default_group="others"
    )
    standings = Standings(DictionaryAPIAccessControl(users=USERS), policy)
    groups = {name: find(standings, name).group for name in ("ann", "bob", "cy")}
    assert groups == {"ann": "guests", "bob": "experts", "cy": "others"}
    assert DefaultResourceAccessControl().get_resource_group("bob") == "primary"
    assert DefaultResourceAccessControl(default_group="x").get_resource_group("bob") == "x"


def test_a_standing_joins_the_roles_of_policy_and_account_store():
    standings = Standings(DictionaryAPIAccessControl(users=USERS), DefaultResourceAccessControl())
    standing = find(standings, "ann", ["USER"])
    assert standing.roles == {"observer", "user"}
    assert "write:queue:edit" in standing.scopes
    assert standings.find("unknown") is None
    assert find(standings, "unknown", ["observer"]).scopes >= ROLES["observer"]


def test_everybody_known_may_stop_the_machine_and_nobody_else():
    standings = Standings(DictionaryAPIAccessControl(users=USERS), DefaultResourceAccessControl())
    assert find(standings, "dee").scopes == {"estop"}
    assert "estop" not in standings.find_public(PUBLIC_USER).scopes


def test_a_policy_of_a_site_needs_only_the_known_methods():
    class Site:
        def is_user_known(self, username):
            return True

        def get_user_roles(self, username):
            return {"visitor"}

        def get_user_scopes(self, username):
            return {"read:status"}

        def get_displayed_user_name(self, username):
            return username.upper()

        def get_resource_group(self, username):
            return f"group of {username}"

    standing = find(Standings(Site(), Site()), "bob", ["observer"])
    assert (standing.shown, standing.group) == ("BOB", "group of bob")
    assert standing.roles == {"visitor", "observer"}
    assert "read:queue" in standing.scopes

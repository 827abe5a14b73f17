"""Projects, and who may use them."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from http_gateway.config import read_settings
from http_gateway.configuration_files import with_configuration
from http_gateway.dialects.ica.projects import require_project
from http_gateway.dialects.ica.settings import IcaSettings
from http_gateway.identity import Identity
from queue_server.protocol.errors import ForbiddenError, NotFoundError

SETTINGS = IcaSettings.model_validate(
    {"projects": {"open": {}, "closed": {"users": ["ann"], "groups": ["x-ray"]}, "staff": {"groups": ["staff"]}}}
)


def somebody(user, group="primary"):
    """A user of a group."""
    return Identity(user, group, frozenset())


@pytest.mark.parametrize(
    ("project", "who"),
    [
        ("open", somebody("bob")),
        ("closed", somebody("ann")),
        ("closed", somebody("bob", "x-ray")),
        ("primary", somebody("bob")),
        ("staff", somebody("bob", "staff")),
    ],
)
def test_a_project_is_open_to_those_it_names_and_one_without_names_to_all(project, who):
    require_project(SETTINGS, project, who)


@pytest.mark.parametrize("who", [somebody("bob"), somebody("x-ray"), somebody("Ann")])
def test_others_have_no_permission_in_it(who):
    with pytest.raises(ForbiddenError, match="closed"):
        require_project(SETTINGS, "closed", who)


@pytest.mark.parametrize("project", ["", "Open", "staff ", "x-ray", "demo"])
def test_another_project_is_unknown_and_so_is_the_group_of_others(project):
    with pytest.raises(NotFoundError):
        require_project(SETTINGS, project, somebody("bob"))
    with pytest.raises(NotFoundError):
        require_project(SETTINGS, "", somebody("bob", ""))


def test_a_listed_project_is_its_own_rule_also_for_a_group_of_the_same_name():
    settings = IcaSettings.model_validate({"projects": {"staff": {"users": ["ann"]}}})
    with pytest.raises(ForbiddenError):
        require_project(settings, "staff", somebody("bob", "staff"))


def test_without_settings_there_is_a_project_for_demonstrations():
    require_project(IcaSettings(), "demo", somebody("bob"))


@pytest.mark.parametrize("wrong", [{"projects": {"a": {"user": ["x"]}}}, {"most_items": 0}, {"limit": 1}])
def test_settings_that_mean_nothing_are_refused(wrong):
    with pytest.raises(ValidationError):
        IcaSettings.model_validate(wrong)


def test_projects_stand_in_the_configuration_of_the_gateway(tmp_path):
    file = tmp_path / "gateway.yaml"
    file.write_text("ica:\n  projects: {closed: {users: [ann]}}\n  most_items: 7\n")
    values, _ = with_configuration(file, {"data": tmp_path})
    settings = read_settings(values).ica
    assert (settings.most_items, set(settings.projects)) == (7, {"closed"})
    require_project(settings, "closed", somebody("ann"))

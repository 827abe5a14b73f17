"""Where the worker link is: always at the same place of the same data, and for this user alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from queue_server.sockets import link_address


@pytest.fixture
def deep(tmp_path):
    """A data directory whose path is too long for a socket."""
    return tmp_path / ("d" * 60) / ("e" * 60)


def test_a_short_path_has_its_socket_beside_the_data(tmp_path):
    data = Path("/data")
    assert link_address(data, {}) == "ipc:///data/link.sock"


def test_a_long_path_has_its_socket_in_the_directory_of_the_session(deep, tmp_path):
    address = link_address(deep, {"XDG_RUNTIME_DIR": str(tmp_path)})
    path = Path(address.removeprefix("ipc://"))
    assert path.parent == tmp_path / "cuelight"
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert len(os.fsencode(path)) <= 107


def test_the_same_data_have_the_same_address_and_others_another(deep, tmp_path):
    environ = {"XDG_RUNTIME_DIR": str(tmp_path)}
    assert link_address(deep, environ) == link_address(deep, environ)
    assert link_address(deep, environ) != link_address(deep / "other", environ)


def test_a_directory_that_others_can_enter_is_refused(deep, tmp_path):
    (tmp_path / "cuelight").mkdir(mode=0o755)
    with pytest.raises(PermissionError, match="0700"):
        link_address(deep, {"XDG_RUNTIME_DIR": str(tmp_path)})


def test_a_link_in_the_place_of_the_directory_is_refused(deep, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    (tmp_path / "cuelight").symlink_to(elsewhere)
    with pytest.raises(PermissionError):
        link_address(deep, {"XDG_RUNTIME_DIR": str(tmp_path)})

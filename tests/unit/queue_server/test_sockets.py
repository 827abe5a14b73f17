"""The private sockets of a data directory are found at the same place after every restart, and are for one user."""

from __future__ import annotations

import stat

import pytest

from queue_server.sockets import delegate_address, private_address


@pytest.fixture
def deep(tmp_path):
    """A data directory whose path is too long for a socket."""
    return tmp_path / ("x" * 100)


def test_a_socket_lies_in_the_data_directory(tmp_path):
    assert private_address(tmp_path, "link", {}) == f"ipc://{tmp_path}/link.sock"
    assert delegate_address(tmp_path, {}) == f"ipc://{tmp_path}/delegate.sock"


def test_a_path_that_is_too_long_is_replaced_by_a_short_one_of_the_same_user(deep, tmp_path):
    environ = {"XDG_RUNTIME_DIR": str(tmp_path)}
    addresses = [private_address(deep, name, environ) for name in ("link", "delegate", "link")]
    assert addresses[0] == addresses[2] != addresses[1]
    assert all(address.startswith(f"ipc://{tmp_path}/cuelight/") for address in addresses)
    assert stat.S_IMODE((tmp_path / "cuelight").stat().st_mode) == 0o700


def test_a_directory_that_others_can_enter_is_refused(deep, tmp_path):
    (tmp_path / "cuelight").mkdir(mode=0o755)
    with pytest.raises(PermissionError, match="0700"):
        private_address(deep, "link", {"XDG_RUNTIME_DIR": str(tmp_path)})

import os

import pytest

from queue_server.cli.doctor import proc


@pytest.fixture
def processes(tmp_path):
    """A directory as the kernel shows it, with one process, number 77, that is the main one of a unit."""
    directory = tmp_path / "proc" / "77"
    (directory / "fd").mkdir(parents=True)
    rest = ["T", *["0"] * 18, str(2 * os.sysconf("SC_CLK_TCK")), "0"]
    (directory / "stat").write_text(f"77 (a) name) {' '.join(rest)}")
    (directory / "environ").write_bytes(b"SYSTEMD_EXEC_PID=77\0WATCHDOG_USEC=5000000\0")
    (directory / "cgroup").write_text("0::/system.slice/cuelight-manager.service\n")
    (directory / "comm").write_text("python3\n")
    (directory / "cmdline").write_bytes(b"python\0cuelight\0gateway\0--data\0/data\0")
    return tmp_path / "proc"


def test_a_process_is_read_whatever_its_name_is(processes):
    found = proc.read_process(77, processes)
    assert found is not None
    assert (found.pid, found.state, found.unit, found.watchdog_s) == (77, "T", "cuelight-manager.service", 5.0)
    assert found.age_s == pytest.approx(proc.boot_time() - 2, abs=5)


def test_a_process_below_the_main_one_is_no_unit(processes):
    (processes / "77" / "environ").write_bytes(b"SYSTEMD_EXEC_PID=76\0WATCHDOG_USEC=5000000\0")
    found = proc.read_process(77, processes)
    assert found is not None
    assert (found.unit, found.watchdog_s) == ("", None)


@pytest.mark.parametrize("value", [b"", b"0", b"soon"])
def test_a_unit_without_a_watchdog_has_none(processes, value):
    (processes / "77" / "environ").write_bytes(b"SYSTEMD_EXEC_PID=77\0WATCHDOG_USEC=" + value + b"\0")
    found = proc.read_process(77, processes)
    assert found is not None
    assert found.watchdog_s is None


def test_a_process_that_is_gone_is_none(processes):
    assert proc.read_process(78, processes) is None
    assert proc.name_of(78, processes) == ""
    assert proc.sockets_of(78, processes) == frozenset()


def test_a_pid_file_names_its_holder_only_while_that_has_it_open(processes, tmp_path):
    file = tmp_path / "lock"
    assert proc.find_holder(file, processes) is None
    file.write_text("77\n")
    assert proc.find_holder(file, processes) is None
    (processes / "77" / "fd" / "3").symlink_to(file)
    assert proc.find_holder(file, processes) == 77
    for text in ("78\n", "", "none"):
        file.write_text(text)
        assert proc.find_holder(file, processes) is None


def test_a_process_is_found_by_the_words_of_its_command(processes, tmp_path):
    assert proc.find_by_words("gateway", proc.Path("/data"), processes) == 77
    assert proc.find_by_words("gateway", proc.Path("/dat"), processes) is None
    assert proc.find_by_words("manager", proc.Path("/data"), processes) is None


def test_sockets_are_found_with_their_process(processes):
    (processes / "77" / "fd" / "4").symlink_to("socket:[1234]")
    (processes / "77" / "fd" / "5").symlink_to("pipe:[99]")
    assert proc.sockets_of(77, processes) == {1234}
    assert proc.find_socket_holder(1234, processes) == 77
    assert proc.find_socket_holder(99, processes) is None


def test_only_sockets_that_listen_are_listed(tmp_path):
    head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    line = "0: {0} 00000000:0000 {1} 00000000:00000000 00:00000000 00000000  1000        0 {2} 1 0 100 0\n"
    (tmp_path / "tcp").write_text(
        head + line.format("0100007F:ECC7", "0A", 11) + line.format("0100007F:0001", "01", 12)
    )
    (tmp_path / "tcp6").write_text(head + line.format("00000000000000000000000001000000:ECD2", "0A", 13))
    assert proc.list_listeners(tmp_path) == [
        proc.Listener("127.0.0.1", 60615, 1000, 11),
        proc.Listener("::1", 60626, 1000, 13),
    ]
    assert proc.list_listeners(tmp_path / "none") == []

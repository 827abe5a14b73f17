from __future__ import annotations

import pytest

from device_worker.profile.process_marks import is_ipython_mode, is_re_worker_active, mark_worker_process


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    for name in ("_QSERVER_RE_WORKER_ACTIVE", "_QSERVER_RUNNING_IPYTHON_KERNEL"):
        monkeypatch.setenv(name, "")  # so that monkeypatch restores it whatever the test does
        monkeypatch.delenv(name)


def test_a_process_is_no_worker_until_it_is_marked():
    assert not is_re_worker_active()
    mark_worker_process()
    assert is_re_worker_active()
    assert not is_ipython_mode()


def test_the_variables_have_the_documented_names_and_values(monkeypatch):
    import os

    mark_worker_process(ipython_kernel=True)
    assert os.environ["_QSERVER_RE_WORKER_ACTIVE"] == "1"
    assert os.environ["_QSERVER_RUNNING_IPYTHON_KERNEL"] == "1"
    assert is_ipython_mode()
    mark_worker_process()
    assert os.environ["_QSERVER_RUNNING_IPYTHON_KERNEL"] == "0"


@pytest.mark.parametrize("value", ["0", "false", "No", "OFF", "f", "n", ""])
def test_words_for_no_are_understood(monkeypatch, value):
    monkeypatch.setenv("_QSERVER_RE_WORKER_ACTIVE", value)
    assert not is_re_worker_active()


def test_a_kernel_outside_a_worker_does_not_count(monkeypatch):
    monkeypatch.setenv("_QSERVER_RUNNING_IPYTHON_KERNEL", "1")
    assert not is_ipython_mode()

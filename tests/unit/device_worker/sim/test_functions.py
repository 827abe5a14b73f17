from __future__ import annotations

import pytest

from device_worker.sim.functions import clear_buffer, function_sleep, pop_buffer_element, push_buffer_element


def test_the_buffer_gives_elements_back_in_order():
    clear_buffer()
    push_buffer_element("first")
    push_buffer_element({"second": 2})
    assert [pop_buffer_element(), pop_buffer_element()] == ["first", {"second": 2}]
    with pytest.raises(IndexError):
        pop_buffer_element()


def test_the_buffer_can_be_cleared():
    push_buffer_element(1)
    clear_buffer()
    with pytest.raises(IndexError):
        pop_buffer_element()


def test_the_waiting_function_returns_what_clients_expect():
    assert function_sleep(0) == {"success": True, "time": 0}
    assert function_sleep(time=0.001) == {"success": True, "time": 0.001}

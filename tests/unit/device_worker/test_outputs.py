"""Code of a profile can ask for the directory of the attempt that is executed, and for no other."""

from __future__ import annotations

import threading

import pytest

from device_worker.outputs import output_directory, outputs_in, takes_outputs


def test_outside_of_an_item_there_is_no_directory():
    assert not takes_outputs()
    with pytest.raises(RuntimeError, match="no item is executed"):
        output_directory()


def test_inside_it_is_the_one_that_was_opened_for_every_thread(tmp_path):
    found = []
    with outputs_in(lambda: tmp_path):
        assert takes_outputs()
        thread = threading.Thread(target=lambda: found.append(output_directory()))
        thread.start()
        thread.join()
    assert found == [tmp_path]
    with pytest.raises(RuntimeError):
        output_directory()

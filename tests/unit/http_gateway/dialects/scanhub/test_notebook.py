"""The notebook: pages that are whole, the newest connection that writes, and one process that cares."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from contextlib import contextmanager

import pytest

from http_gateway.dialects.scanhub.model import Failure, Scan
from http_gateway.dialects.scanhub.notebook import Entry, Notebook, Page
from http_gateway.dialects.scanhub.uploads import StoredFile
from queue_server.protocol.items import AttemptKey
from queue_server.protocol.worker_link import ItemFinished
from tests.doubles.device_session import DEVICE, ITEM, OTHER, order_of

KEY = AttemptKey(ITEM, ITEM, DEVICE, 2, 3)
FINISHED = ItemFinished(number=0, attempt=KEY, outcome="failed", time_start=1.0, time_stop=2.0, message="hot")


def entry(outcome=None):
    scan = Scan(
        order_of(parameter={"b0": [1, None]}),
        4,
        phase="uploading",
        results=(StoredFile("a.mrd", 3, "ab", "r"),),
        failed=(Failure("b", "short", 2),),
        outcome=outcome,
        late_results=frozenset(("r",)),
    )
    return Entry(scan=scan, attempt=KEY, time_start=1.5, place=(OTHER, None), expires=None if outcome is None else 9.0)


@pytest.fixture
def notebook(tmp_path):
    notebook = Notebook(tmp_path / "devices")
    yield notebook
    notebook.close()


def test_a_page_is_read_as_it_was_saved_and_shows_no_token(notebook, tmp_path):
    page = Page(generation=4, entries=(entry(), entry("unknown")), finished=(FINISHED,))
    assert notebook.device_ids() == []
    assert notebook.save(DEVICE, page)
    assert notebook.read(DEVICE) == page
    assert notebook.device_ids() == [DEVICE]
    path = tmp_path / "devices" / f"{DEVICE}.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(os.listdir(path.parent)) == [f"{DEVICE}.claim", f"{DEVICE}.json"]
    assert repr(page.entries[0].scan.order.token_digest) not in repr(page)


@pytest.mark.parametrize(
    ("page", "is_open"),
    [
        (Page(generation=1), False),
        (Page(generation=1, entries=(entry("done"),)), False),
        (Page(generation=1, entries=(entry(),)), True),
        (Page(generation=1, finished=(FINISHED,)), True),
    ],
)
def test_a_page_is_open_while_somebody_waits(page, is_open):
    assert page.is_open is is_open


def test_a_page_of_an_older_connection_changes_nothing(notebook):
    newest = Page(generation=5)
    assert notebook.save(DEVICE, newest)
    assert not notebook.save(DEVICE, Page(generation=4, entries=(entry(),)))
    assert notebook.read(DEVICE) == newest
    assert notebook.save(DEVICE, Page(generation=5, entries=(entry(),)))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"generation":-1}', b'{"generation":1,"more":2}'])
def test_a_damaged_page_is_passed_over_and_replaced(notebook, tmp_path, content, caplog):
    notebook.save(DEVICE, Page(generation=1))
    (tmp_path / "devices" / f"{DEVICE}.json").write_bytes(content)
    assert notebook.read(DEVICE) is None
    assert "damaged" in caplog.text
    assert notebook.save(DEVICE, Page(generation=1))
    assert notebook.read(DEVICE) == Page(generation=1)


@contextmanager
def no_room_in_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_page_that_cannot_be_written_leaves_the_old_one(notebook):
    old = Page(generation=1)
    notebook.save(DEVICE, old)
    with no_room_in_files(), pytest.raises(OSError, match="too large"):
        notebook.save(DEVICE, Page(generation=2))
    assert notebook.read(DEVICE) == old


def test_one_of_two_cares_for_a_device_until_it_gives_it_up(notebook, tmp_path):
    notebook.save(DEVICE, Page(generation=1))
    other = Notebook(tmp_path / "devices")
    assert notebook.claim(DEVICE)
    assert not other.claim(DEVICE)
    notebook.give_up(DEVICE)
    assert other.claim(DEVICE)
    other.close()
    assert notebook.claim(DEVICE)


def test_a_claim_ends_with_its_process(notebook, tmp_path):
    notebook.save(DEVICE, Page(generation=1))
    notebook.close()
    program = f"""
import os
from pathlib import Path
from http_gateway.dialects.scanhub.notebook import Notebook
assert Notebook(Path({str(tmp_path / "devices")!r})).claim({DEVICE!r})
os._exit(0)
"""
    subprocess.run([sys.executable, "-c", program], check=True)
    assert notebook.claim(DEVICE)

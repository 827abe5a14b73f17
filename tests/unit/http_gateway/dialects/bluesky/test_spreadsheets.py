"""The upload of spreadsheets: one batch for the credential, refusals as replies, and the site's own conversion."""

from __future__ import annotations

import asyncio
import sys
import threading

import pytest

from http_gateway.spreadsheets.limits import LIMITS
from tests.doubles.gateway import running_gateway
from tests.doubles.spreadsheets import FORMATS, make_csv, make_zip

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATH = "/api/queue/upload/spreadsheet"
ROWS = [["plan", "args", "num"], ["count", "['det1']", 5], ["scan", None, None]]
CSV = make_csv(ROWS)
ITEMS = [
    {"name": "count", "item_type": "plan", "args": [["det1"]], "kwargs": {"num": 5}},
    {"name": "scan", "item_type": "plan"},
]
PERSON = {"user": "UNAUTHENTICATED_SINGLE_USER", "user_group": "primary"}
REPLY = {"success": False, "msg": "Failed to add all items: ...", "items": [{"a": 1}], "results": [{}], "qsize": 7}


async def upload(client, content=CSV, name="plans.csv", **options):
    """Send a file."""
    return await client.post(PATH, files={"spreadsheet": (name, content)}, **options)


def refusal(msg):
    """The reply that refuses a file."""
    return {"success": False, "msg": msg, "items": [], "results": []}


@pytest.mark.parametrize("ending", sorted(FORMATS))
async def test_a_file_is_one_batch_of_the_credential_and_the_reply_comes_unchanged(client, manager, ending):
    manager.answers["queue_item_add_batch"] = REPLY
    answer = await upload(client, FORMATS[ending](ROWS), f"plans{ending}")
    assert (answer.status_code, answer.json()) == (200, REPLY)
    [request] = manager.requests
    assert (request["method"], request["params"]) == ("queue_item_add_batch", {"items": ITEMS, **PERSON})


async def test_the_lock_key_and_the_conditions_of_the_headers_are_passed_on(client, manager):
    headers = {"Idempotency-Key": "once", "If-Match": '"uid"'}
    await upload(client, data={"lock_key": "k", "data_type": "t"}, headers=headers)
    [request] = manager.requests
    assert request["params"]["lock_key"] == "k"
    assert (request["idempotency_key"], request["if_queue_uid"]) == ("once", "uid")


@pytest.mark.parametrize(
    ("data", "name", "text"),
    [
        (b"plan,args\ncount,det1", "a.csv", "Row 2, column B ('args'): det1 is not quoted"),
        (b"plan", "plans.xls", "save the file as .xlsx"),
        (b"plan", "plans.txt", "must end in one of"),
        (b"plan", "a.xlsx", "damaged"),
        (b"", "a.csv", "first row is empty"),
        (make_zip({"content.xml": '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'}), "a.ods", "declares a document type"),
    ],
)
async def test_a_file_that_cannot_be_converted_is_refused_and_nothing_is_added(client, manager, data, name, text):
    answer = await upload(client, data, name)
    assert answer.status_code == 200
    assert text in answer.json()["msg"]
    assert answer.json() == refusal(answer.json()["msg"])
    assert manager.asked == []


async def test_a_file_over_a_limit_of_bytes_is_a_413(client, manager):
    bomb = make_zip({"content.xml": b" " * (LIMITS.unpacked_bytes + 1)})
    for data in (bomb, b"x" * (LIMITS.file_bytes + 1)):
        answer = await upload(client, data, "a.ods")
        assert answer.status_code == 413
        assert "bytes" in answer.json()["detail"]
    assert manager.asked == []


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"json": {}},
        {"data": {"spreadsheet": "text"}},
        {"files": {"data_type": (None, "x")}},
        {"files": {"spreadsheet": (None, "no file")}},
    ],
)
async def test_without_a_file_it_is_a_422(client, manager, content):
    answer = await client.post(PATH, **content)
    assert answer.status_code == 422
    assert "'spreadsheet'" in answer.json()["detail"][0]["msg"]
    assert manager.asked == []


@pytest.mark.parametrize(
    "content",
    [
        {"files": {"spreadsheet": ("a.csv", CSV), "nonsense": (None, "1")}},
        {"files": {"spreadsheet": ("a.csv", CSV)}, "params": {"data_type": "x"}},
        {"files": [("spreadsheet", ("a.csv", CSV)), ("spreadsheet", ("b.csv", CSV))]},
        {"files": {"data_type": ("a.csv", CSV)}},
        {"files": {"spreadsheet": ("a.csv", CSV), "data_type": (None, "x" * 20_000)}},
        {"files": [(f"f{at}", (None, "")) for at in range(1_500)]},
        {"content": b"--x", "headers": {"Content-Type": "multipart/form-data"}},
        {"content": b"nothing", "headers": {"Content-Type": "multipart/form-data; boundary=x"}},
    ],
)
async def test_a_wrong_form_is_refused_and_nothing_is_added(client, manager, content):
    answer = await client.post(PATH, **content)
    assert answer.status_code in {400, 422}
    assert answer.json()["detail"]
    assert manager.asked == []


async def test_it_needs_a_credential(client, manager):
    answer = await upload(client, headers={"Authorization": "ApiKey wrong"})
    assert answer.status_code == 401
    assert manager.asked == []


# --- the site's own conversion --------------------------------------------------------------------------------------


class SiteCode:
    """A module of a site; ``answer`` is what its function does."""

    def __init__(self, answer):
        self.answer = answer
        self.given = []

    def spreadsheet_to_plan_list(self, *, spreadsheet_file, **given):
        self.given.append({**given, "content": spreadsheet_file.read(), "thread": threading.current_thread()})
        return self.answer()


def fail(error):
    """Raise an error."""
    raise error


@pytest.fixture
async def upload_to(tmp_path, monkeypatch, manager):
    """A function that uploads the file to a gateway with these modules of a site."""

    async def send(*modules, **options):
        names = [f"site_code_{at}" for at in range(len(modules))]
        for name, module in zip(names, modules, strict=True):
            monkeypatch.setitem(sys.modules, name, module)
        async with running_gateway(manager, tmp_path, custom_modules=tuple(names)) as client:
            return await upload(client, **options)

    return send


async def test_the_code_of_the_site_comes_first_and_runs_in_a_thread(upload_to, manager):
    site = SiteCode(lambda: [{"name": "a"}, {"name": "queue_stop", "item_type": "instruction"}])
    answer = await upload_to(object(), site, content=b"anything", name="x.any", data={"data_type": "ours"})
    assert answer.status_code == 200
    [given] = site.given
    assert given.pop("thread") is not threading.main_thread()
    assert given == {"content": b"anything", "file_name": "x.any", "data_type": "ours", "user": PERSON["user"]}
    added = [{"name": "a", "item_type": "plan"}, {"name": "queue_stop", "item_type": "instruction"}]
    assert manager.requests[-1]["params"]["items"] == added


async def test_what_the_site_leaves_is_converted_as_usual(upload_to, manager):
    first, second = SiteCode(lambda: None), SiteCode(lambda: None)
    await upload_to(first, second)
    assert (len(first.given), len(second.given)) == (1, 1)
    assert first.given[0]["data_type"] is None
    assert manager.requests[-1]["params"]["items"] == ITEMS


@pytest.mark.parametrize("error", [ValueError("Unsupported data type: 'x'"), SystemExit("Unsupported data type: 'x'")])
async def test_an_error_of_the_site_is_the_text_of_the_refusal(upload_to, manager, error):
    answer = await upload_to(SiteCode(lambda: fail(error)))
    assert (answer.status_code, answer.json()) == (200, refusal("Unsupported data type: 'x'"))
    assert manager.asked == []


@pytest.mark.parametrize(
    ("items", "text"), [({"a": 1}, "gave a dict"), (["x"], "as item 1"), ([{"name": object()}], "cannot be sent")]
)
async def test_what_the_site_gives_must_be_items(upload_to, manager, items, text):
    answer = await upload_to(SiteCode(lambda: items))
    assert answer.status_code == 200
    assert text in answer.json()["msg"]
    assert manager.asked == []


async def test_too_large_a_batch_is_refused(upload_to, manager):
    answer = await upload_to(SiteCode(lambda: [{"name": "x" * 9_000_000}]))
    assert "split the file" in answer.json()["msg"]
    assert manager.asked == []


async def test_many_files_at_once_are_all_converted(client, manager):
    answers = await asyncio.gather(*(upload(client) for _ in range(12)))
    assert {answer.status_code for answer in answers} == {200}
    assert manager.asked == ["queue_item_add_batch"] * 12

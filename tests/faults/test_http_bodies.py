"""H2 and H3: bodies without end, forms of too many parts, and spreadsheets that unpack to far more than they are."""

from __future__ import annotations

import io
import threading
import time
import zipfile

import httpx
import openpyxl
import pytest

from http_gateway.bounded import MOST_BYTES
from tests.faults.tiers import SLACK
from tests.faults.wire import Wire
from tests.processes.waiting import resident_bytes

MOST_GROWTH_BYTES = 16 * 1024**2
MOST_FORM_GROWTH_BYTES = 32 * 1024**2
MOST_OVER_BYTES = 64 * 1024
MOST_REFUSAL_S = 0.2
PIECE = 16 * 1024
UPLOAD = "/api/queue/upload/spreadsheet"
JSON_PATHS = ("/api/queue/item/add", "/v1/queue/items", "/api/auth/session/refresh")


@pytest.fixture
def client(system, authorization):
    """A client that has the API key."""
    headers = {"Authorization": authorization}
    with httpx.Client(base_url=system.ready["http"], headers=headers, timeout=60, trust_env=False) as client:
        yield client


class Memory:
    """The highest resident memory of a process while a test runs."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._before = self._most = resident_bytes(pid)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def _look(self) -> None:
        while not self._ended.wait(0.005):
            self._most = max(self._most, resident_bytes(self._pid))

    def growth(self) -> int:
        """Look no more; return by how many bytes it has grown."""
        self._ended.set()
        self._thread.join(60)
        return self._most - self._before


def head(authorization, path, *lines):
    """The head of a POST."""
    fields = [f"POST {path} HTTP/1.1", "Host: here", f"Authorization: {authorization}", *lines, "", ""]
    return "\r\n".join(fields).encode()


def warm_up(client):
    """Let the gateway take its usual memory."""
    for path in JSON_PATHS:
        client.post(path, content=b'{"a": "' + b"x" * 1_000_000 + b'"}')
    client.post(UPLOAD, files={"spreadsheet": ("plans.csv", b"item_type,name\nplan,quick\n" * 1000)})
    # What reads workbooks is loaded for the first of them.
    book, file = openpyxl.Workbook(), io.BytesIO()
    book.save(file)
    client.post(UPLOAD, files={"spreadsheet": ("plans.xlsx", file.getvalue())})


@pytest.mark.fault("H2")
@pytest.mark.parametrize("path", JSON_PATHS)
def test_a_body_of_200_megabytes_is_refused_before_it_is_read(system, authorization, client, path, figure):
    warm_up(client)
    memory = Memory(system.ready["pids"]["gateway"])
    wire = Wire(system.ready["http"])
    wire.send(head(authorization, path, "Content-Type: application/json", f"Content-Length: {200 * 1024**2}"))
    assert wire.status() == 413
    assert wire.read()
    wire.close()
    figure("200 MB announced: growth of the memory, MB", 16, f"{memory.growth() / 1e6:.1f}")


@pytest.mark.fault("H2")
@pytest.mark.parametrize("path", [*JSON_PATHS, "/api/auth/provider/none/token"])
def test_a_body_without_end_is_refused_at_the_limit(system, authorization, client, path, figure):
    warm_up(client)
    kind = "application/x-www-form-urlencoded" if path.endswith("token") else "application/json"
    limit = 64 * 1024 if path.endswith("token") else MOST_BYTES
    memory = Memory(system.ready["pids"]["gateway"])
    wire = Wire(system.ready["http"])
    wire.send(head(authorization, path, f"Content-Type: {kind}", "Transfer-Encoding: chunked"))
    before = wire.sent
    pieces = 0
    while not wire.has_answer and wire.sent - before < limit + 8 * MOST_OVER_BYTES:
        wire.send(b"%x\r\n%s\r\n" % (PIECE, b"x" * PIECE))
        pieces += 1
        if pieces * PIECE > limit - 16 * PIECE:
            # The kernel holds more than the limit; what is sent now shall be read at once.
            time.sleep(0.02)
    assert wire.status() == 413
    over = pieces * PIECE - limit
    assert wire.read(), "the connection goes on"
    wire.close()
    growth = memory.growth()
    figure("endless body: read beyond the limit, KiB", 64, over // 1024)
    figure("endless body: growth of the memory, MB", 16, f"{growth / 1e6:.1f}")
    assert over <= MOST_OVER_BYTES
    assert growth <= MOST_GROWTH_BYTES


@pytest.mark.fault("H2")
def test_a_body_at_the_limit_is_still_read(client):
    text = b'{"item": {"name": "' + b"x" * (MOST_BYTES - 23) + b'"}}'
    assert len(text) <= MOST_BYTES
    # What is around it makes the message to the manager too large.
    status = client.post("/v1/queue/items", content=text).status_code
    assert status in (413, 422), status
    assert client.get("/v1/status").status_code == 200


# --- forms ----------------------------------------------------------------------------------------------------------


def _parts(number, name="field{}", filename=""):
    boundary = "b" * 20
    file = '; filename="plans.csv"' if filename else ""
    body = b"".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name.format(n)}"{file}\r\n\r\nx\r\n'.encode()
        for n in range(number)
    )
    return body + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def _zip(parts):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, pieces in parts.items():
            with archive.open(name, "w", force_zip64=True) as part:
                for piece in pieces:
                    part.write(piece)
    return buffer.getvalue()


TYPES = b'<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"></Types>'
ENTITIES = (
    b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9))
    + b"]><worksheet>&j;</worksheet>"
)


def bombs():
    """Spreadsheets that unpack to 300 MB, in several ways."""
    sheet = "xl/worksheets/sheet1.xml"
    million = b" " * 1_000_000
    start = {"[Content_Types].xml": [TYPES]}
    nested = _zip({"inner.xlsx": [_zip({"a.xml": [million] * 50})]})
    return {
        "one sheet of 300 MB": _zip({**start, sheet: [million] * 300}),
        "300 parts of 1 MB": _zip({**start, **{f"xl/part{n}.xml": [million] for n in range(300)}}),
        "10,000 parts": _zip({**start, **{f"xl/part{n}.xml": [b""] for n in range(10_000)}}),
        "OpenDocument of 300 MB": _zip(
            {"mimetype": [b"application/vnd.oasis.opendocument.spreadsheet"], "content.xml": [million] * 300}
        ),
        "entities": _zip({**start, sheet: [ENTITIES]}),
        "a file in a file": nested,
        "3,000,000 cells": _zip({**start, sheet: [b"<worksheet><sheetData>", *[b"<row><c/></row>" * 10_000] * 300]}),
    }


@pytest.mark.fault("H3")
def test_forms_of_too_many_parts_and_bombs_are_refused_at_once(system, client, figure):
    warm_up(client)
    cases = {}
    for what, made in {
        "fields": _parts(10_000),
        "files": _parts(10_000, "spreadsheet", "plans.csv"),
        "equal names": _parts(10_000, "spreadsheet"),
    }.items():
        cases[f"10,000 {what}"] = {"content": made[0], "headers": {"Content-Type": made[1]}}
    cases["a head of 1 MB"] = {
        "content": b"--b\r\n" + b"X-A: " + b"a" * 1_000_000 + b"\r\n\r\nx\r\n--b--\r\n",
        "headers": {"Content-Type": "multipart/form-data; boundary=b"},
    }
    for what, data in bombs().items():
        cases[what] = {"files": {"spreadsheet": ("plans.ods" if "Open" in what else "plans.xlsx", data)}}
    memory = Memory(system.ready["pids"]["gateway"])
    slowest_s = 0.0
    for what, options in cases.items():
        started = time.monotonic()
        answer = client.post(UPLOAD, **options)
        spent_s = time.monotonic() - started
        slowest_s = max(slowest_s, spent_s)
        refused = 400 <= answer.status_code < 500 or (answer.status_code == 200 and not answer.json()["success"])
        assert refused, (what, answer.status_code, answer.text[:300])
        assert spent_s <= SLACK * MOST_REFUSAL_S, (what, spent_s)
    growth = memory.growth()
    figure("slowest refusal, ms", 200, round(slowest_s * 1000))
    figure("growth of the memory, MB", 32, f"{growth / 1e6:.1f}")
    assert growth <= MOST_FORM_GROWTH_BYTES
    assert client.get("/v1/queue").json()["items"] == []

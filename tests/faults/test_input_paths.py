"""I4: paths that lead elsewhere open nothing there: every file that the gateway and the readers open is watched."""

from __future__ import annotations

import io
import sys
import threading
import zipfile
from pathlib import Path
from urllib.parse import quote

import pytest

from http_gateway.spreadsheets.errors import SpreadsheetError
from http_gateway.spreadsheets.reading import read_items
from queue_server.access.startup_files import find_startup_files
from tests.doubles.gateway import running_gateway
from tests.doubles.spreadsheets import make_xlsx, replace_part
from tests.faults.corpora.paths import leaving_paths
from tests.processes.system import ROOT

LEAST = 200
pytestmark = pytest.mark.fault("I4")


class Opens:
    """Every path that this process opens while somebody watches."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.is_on = False
        self._lock = threading.Lock()
        sys.addaudithook(self._note)

    def _note(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.is_on and event in {"open", "os.listdir", "os.scandir", "os.rename", "os.remove"}:
            with self._lock:
                self.seen.append(str(arguments[0]))

    def outside(self, *roots: Path) -> list[str]:
        """Return the paths that are below none of these."""
        allowed = [str(root.resolve()) for root in (*roots, ROOT, Path(sys.prefix), Path(sys.base_prefix))]
        allowed += ["/proc", "/sys", "/dev/urandom", "/etc/mime.types", "/usr/share", "/usr/local/etc", "/etc/httpd"]
        paths = {str(Path(path).resolve()) for path in self.seen if path.startswith(("/", ".")) and "\0" not in path}
        return sorted(path for path in paths if not path.startswith(tuple(allowed)))


OPENS = Opens()


@pytest.fixture
def opens():
    """Watch while the test runs."""
    OPENS.seen.clear()
    OPENS.is_on = True
    yield OPENS
    OPENS.is_on = False


@pytest.fixture
def place(tmp_path):
    """A data directory, and beside it a secret that nobody may open."""
    data, outside = tmp_path / "data", tmp_path / "outside"
    data.mkdir()
    outside.mkdir()
    (outside / "secret.txt").write_text("found outside")
    (data / "link").symlink_to(outside)
    return data


async def test_no_address_and_no_parameter_opens_a_file_elsewhere(manager, place, opens, figure):
    paths = list(leaving_paths(LEAST))
    shown = []
    async with running_gateway(manager, place) as client:
        opens.seen.clear()
        for path in paths:
            printable = "".join(letter for letter in path if letter.isprintable())[:2000]
            quoted = quote(printable, safe="/%\\:;.~$-")
            requests = [
                client.build_request("GET", client.base_url.copy_with(raw_path=f"{base}{quoted}".encode()))
                for base in ("/", "/docs/", "/v1/queue/items/")
            ]
            requests += [
                client.build_request("GET", "/v1/stream", params={"ticket": path}),
                client.build_request("GET", "/v1/queue", params={"cursor": path}),
                client.build_request("POST", "/api/queue/item/get", json={"uid": path}),
                client.build_request(
                    "POST", "/api/queue/upload/spreadsheet", files={"spreadsheet": (printable or "x", b"name\ncount\n")}
                ),
            ]
            for request in requests:
                answer = await client.send(request)
                assert answer.status_code < 500, (request.url, answer.text)
                if "found outside" in answer.text or "root:" in answer.text:
                    shown.append(path)
        elsewhere = opens.outside(place)
    figure("paths", f">= {LEAST}", len(paths))
    figure("opened outside", 0, len(elsewhere))
    assert shown == []
    assert [path for path in elsewhere if not path.startswith("/tmp")] == []
    assert [path for path in elsewhere if "secret" in path or "outside" in path] == []
    assert len(paths) >= LEAST


def test_no_part_of_a_spreadsheet_is_unpacked_elsewhere(place, opens):
    whole = make_xlsx([("name",), ("count",)])
    opens.seen.clear()
    for path in leaving_paths(LEAST):
        data = replace_part(whole, path.replace("\0", "")[:1000] or "x", "x")
        try:
            read_items(data, path)
        except SpreadsheetError:
            continue
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        assert archive.namelist()
    assert opens.outside(place) == []
    assert sorted(path.name for path in place.parent.iterdir()) == ["data", "outside"]


def test_files_beside_the_startup_code_stay_beside_it(place, opens):
    for path in leaving_paths(LEAST):
        if "\0" in path or len(path) > 255:
            continue
        # The startup code is named by who runs the system; a client has no say in it.
        files = find_startup_files(str(place), None, None, "on_change")
        assert files.lists is not None
        assert files.lists.parent == place
        assert files.read_list_file() is None
    assert opens.outside(place) == []

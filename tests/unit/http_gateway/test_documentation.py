"""The pages that show the native routes: offline, without a credential, and with a policy for browsers."""

from __future__ import annotations

import re

import pytest

from http_gateway.documentation import SWAGGER
from tests.doubles.gateway import running_gateway


async def test_the_page_and_all_that_it_loads_come_from_here(client):
    del client.headers["Authorization"]
    page = await client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(loaded) >= 4
    for address in loaded:
        if not address.startswith("data:"):
            assert (await client.get(f"/{address}")).status_code == 200, address
    assert "http" not in "".join(loaded)


@pytest.mark.parametrize("path", ["/docs", "/docs/start.js", "/docs/swagger-ui.css", "/openapi.json"])
async def test_browsers_are_told_to_load_nothing_from_elsewhere(client, path):
    policy = (await client.get(path)).headers["content-security-policy"]
    assert policy.startswith("default-src 'self'; ")
    assert "unsafe" not in policy


@pytest.mark.parametrize("path", ["/docs", "/docs/start.js", "/openapi.json"])
async def test_the_pages_can_be_switched_off(manager, tmp_path, path):
    async with running_gateway(manager, tmp_path, serve_docs=False) as client:
        assert (await client.get(path)).status_code == 404


async def test_the_style_sheet_loads_nothing(client):
    style = (await client.get("/docs/swagger-ui.css")).text
    loaded = re.findall(r"url\(\s*[\"']?([^\"')]{1,20})", style)
    assert [address for address in loaded if not address.startswith(("data:", "#"))] == []
    assert "@import" not in style


def test_the_licence_lies_beside_the_files():
    assert "Apache License" in (SWAGGER / "LICENSE").read_text()
    assert (SWAGGER / "NOTICE").exists()

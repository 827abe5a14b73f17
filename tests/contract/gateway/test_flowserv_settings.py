"""What a site can set about the flowserv dialect: tokens for everything, Basic for downloads, people who register."""

from __future__ import annotations

import base64
from functools import partial

import pytest

from http_gateway.config import read_settings
from http_gateway.configuration_files import with_configuration
from queue_server.protocol.errors import ParameterError
from tests.doubles.flowserv_manager import FlowservManager
from tests.doubles.gateway import answering_gateway, gateway_with_logins

BASE = "/flowserv/api/v1"
PROVIDER = {"provider": "local", "authenticator": "http_gateway.auth.providers:LocalAuthenticator"}
LOCAL = {
    "timeout_s": 20,
    "authentication": {"providers": [PROVIDER]},
    "flowserv": {"registration_roles": ["user"], "public": False},
}


def fill(manager, directory):
    """Give a manager a workflow with a served file and an upload; return the paths of all downloads."""
    content = FlowservManager(directory)
    content.serve(manager)
    group = content.group("alpha", "UNAUTHENTICATED_SINGLE_USER")
    files = [content.file("a.csv", b"a" * 3000, "text/csv")]
    group["files"] = files
    run = content.submission("alpha", "completed", [content.result(files=files)])
    content.postprocessing["peaks"] = run
    file_id = files[0]["id"]
    paths = [
        f"{start}/downloads/{end}"
        for start in ("workflows/peaks", f"runs/{run['id']}")
        for end in ("archive", f"files/{file_id}")
    ]
    return [*paths, f"uploads/alpha/files/{file_id}"]


def key_of(client):
    """Return the key of the one user."""
    return client.headers.pop("Authorization").removeprefix("ApiKey ")


def basic(secret):
    """Return the header that requests makes of a password in an address."""
    return {"Authorization": f"Basic {base64.b64encode(f'x:{secret}'.encode()).decode()}"}


async def test_downloads_can_need_the_token_as_a_basic_password(tmp_path):
    async with answering_gateway(tmp_path, timeout_s=20, flowserv={"downloads": "basic"}) as (manager, client):
        paths, key = fill(manager, tmp_path), key_of(client)
        for path in paths:
            refused = await client.get(f"{BASE}/{path}")
            assert (refused.status_code, list(refused.json())) == (403, ["message"])
            assert (await client.get(f"{BASE}/{path}", headers=basic("wrong"))).status_code == 403
            wrong_first = {**basic(key), "api_key": "wrong"}
            assert (await client.get(f"{BASE}/{path}", headers=wrong_first)).status_code == 403
            for header in (basic(key), {"api_key": key}):
                assert (await client.get(f"{BASE}/{path}", headers=header)).status_code == 200
        assert (await client.get(f"{BASE}/workflows")).status_code == 200


async def test_a_site_can_require_a_token_for_all_but_downloads(tmp_path):
    async with answering_gateway(tmp_path, timeout_s=20, flowserv={"public": False}) as (manager, client):
        paths, key = fill(manager, tmp_path), key_of(client)
        for path in ("workflows", "workflows/peaks", "workflows/peaks/leaderboard"):
            assert (await client.get(f"{BASE}/{path}")).status_code == 403
            assert (await client.get(f"{BASE}/{path}", headers={"api_key": key})).status_code == 200
        for path in paths:
            assert (await client.get(f"{BASE}/{path}")).status_code == 200


async def test_the_one_user_logs_in_with_the_key_and_is_listed(tmp_path):
    async with answering_gateway(tmp_path, timeout_s=20) as (_, client):
        key = key_of(client)
        told = await client.post(f"{BASE}/users/login", json={"username": "x", "password": key})
        user = dict.fromkeys(("id", "username"), "UNAUTHENTICATED_SINGLE_USER")
        assert (told.status_code, told.json()) == (200, {**user, "token": key})
        assert (await client.post(f"{BASE}/users/login", json={"username": "x", "password": "y"})).status_code == 403
        header = {"api_key": key}
        assert (await client.get(f"{BASE}/users", headers=header)).json() == {"users": [user]}
        assert (await client.post(f"{BASE}/users/logout", headers=header)).json() == user
        new = {"username": "new", "password": "new_password"}
        assert (await client.post(f"{BASE}/users/register", json=new)).status_code == 403


async def test_an_archive_is_kept_and_then_has_a_length_and_parts(tmp_path):
    async with answering_gateway(tmp_path, timeout_s=20) as (manager, client):
        key_of(client)
        path = f"{BASE}/{fill(manager, tmp_path)[0]}"
        first = await client.get(path)
        second = await client.get(path, headers={"Accept-Encoding": "gzip"})
        assert first.content == second.content
        assert ("content-length" in first.headers, second.headers["content-length"]) == (False, str(len(first.content)))
        assert [each.headers.get("content-encoding") for each in (first, second)] == [None, None]
        part = await client.get(path, headers={"Range": "bytes=2-5", "If-Range": first.headers["etag"]})
        assert (part.status_code, part.content) == (206, first.content[2:6])
        assert (await client.get(path, headers={"Range": "bytes=9999999-"})).status_code == 416


async def test_people_register_where_the_site_lets_them(tmp_path):
    async with gateway_with_logins(tmp_path, **LOCAL) as (_, client):

        async def ask(path, status, **body):
            answer = await client.post(f"{BASE}/users/{path}", json=body)
            assert answer.status_code == status, answer.text
            return answer.json()

        made = await ask("register", 201, username="new", password="new_password", verify=False)
        assert made == {"id": "new", "username": "new"}
        token = (await ask("login", 200, username="new", password="new_password"))["token"]
        header = {"api_key": token}
        assert (await client.get(f"{BASE}/users", headers=header)).json()["users"] == [made]
        await ask("register", 400, username="new", password="other_password")
        await ask("register", 400, username="UNAUTHENTICATED_PUBLIC", password="other_password")
        for wrong in ({"username": "a<b", "password": "12345678"}, {"username": "b", "password": "short"}):
            await ask("register", 400, **wrong)
        await ask("register", 400, username="c", password="12345678", verify="no")
        # A new password ends all logins.
        post = partial(client.post, headers=header)
        assert (await post(f"{BASE}/users/password/request", json={"username": "bob"})).status_code == 403
        request = (await post(f"{BASE}/users/password/request", json={"username": "new"})).json()["requestId"]
        await ask("password/reset", 403, requestId="0" * 64, password="another_password")
        await ask("password/reset", 403, requestId=token, password="another_password")
        await ask("password/reset", 400, requestId=request, password="short")
        assert await ask("password/reset", 200, requestId=request, password="another_password") == made
        await ask("password/reset", 403, requestId=request, password="a_third_password")
        assert (await client.get(f"{BASE}/users", headers=header)).status_code == 403
        await ask("login", 403, username="new", password="new_password")
        header = {"api_key": (await ask("login", 200, username="new", password="another_password"))["token"]}
        # Whoever is to be verified first can do nothing until then, and cannot do that alone.
        await ask("register", 201, username="later", password="later_password", verify=True)
        await ask("login", 403, username="later", password="later_password")
        refused = await client.post(f"{BASE}/users/activate", json={"id": "later"}, headers=header)
        assert refused.status_code == 403


def test_the_settings_stand_in_the_file_of_the_gateway(tmp_path):
    file = tmp_path / "gateway.yaml"
    file.write_text("flowserv: {public: false, downloads: basic, registration_roles: [observer]}")
    values, sources = with_configuration(file, {"data": tmp_path})
    settings = read_settings(values, sources).flowserv
    assert (settings.public, settings.downloads, settings.registration_roles) == (False, "basic", ("observer",))
    assert (settings.token_s, settings.archives_bytes) == (86_400, 1024**3)


@pytest.mark.parametrize("wrong", [{"downloads": "none"}, {"token_s": 0}, {"more": 1}])
def test_a_wrong_setting_is_named(tmp_path, wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        read_settings({"data": tmp_path, "flowserv": wrong})

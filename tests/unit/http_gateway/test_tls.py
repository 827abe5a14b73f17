"""TLS: HTTPS and wss with a certificate that is renewed without a restart; what cannot be used is refused."""

from __future__ import annotations

import os
import shutil
import ssl

import httpx
import pytest
import websockets

from http_gateway.config import GatewaySettings
from http_gateway.tls import Certificate, find_certificate
from queue_server.protocol.errors import ParameterError
from tests.doubles.authority import Authority
from tests.doubles.gateway import running_gateway


@pytest.fixture(scope="module")
def authority():
    return Authority()


@pytest.fixture
def files(authority, tmp_path):
    """The certificate and the key, as settings."""
    return authority.issue(tmp_path / "cert.pem", tmp_path / "key.pem")


def _settings(files, directory, **more):
    return GatewaySettings(data=directory, **files, **more)


def _base(client):
    return str(client.base_url).rstrip("/")


async def _serial(url, authority):
    """Return the serial number of the certificate that a new connection sees."""
    client = httpx.AsyncClient(verify=authority.trust())
    async with client, client.stream("GET", f"{url}/v1/health/live") as reply:
        assert reply.status_code == 200
        return reply.extensions["network_stream"].get_extra_info("ssl_object").getpeercert()["serialNumber"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_https_works_with_and_without_a_name_in_the_handshake(manager, tmp_path, authority, files, host):
    async with running_gateway(manager, tmp_path, **files) as client:
        assert _base(client).startswith("https://127.0.0.1:")
        url = _base(client).replace("127.0.0.1", host)
        async with httpx.AsyncClient(verify=authority.trust(), headers=client.headers) as trusting:
            reply = await trusting.get(f"{url}/api/status")
        assert reply.status_code == 200
        assert reply.json()["manager_state"] == "idle"


async def test_a_client_that_does_not_trust_the_authority_gets_nothing(manager, tmp_path, files):
    async with running_gateway(manager, tmp_path, **files) as client:
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await client.get("/api/status")


async def test_plain_http_is_not_answered_on_the_port_of_https(manager, tmp_path, files):
    async with running_gateway(manager, tmp_path, **files) as client, httpx.AsyncClient() as plain:
        with pytest.raises(httpx.TransportError):
            await plain.get(_base(client).replace("https:", "http:") + "/v1/health/live")


async def test_a_renewed_certificate_is_shown_to_new_connections_and_old_ones_go_on(
    manager, tmp_path, authority, files
):
    async with running_gateway(manager, tmp_path, **files) as client:
        url = _base(client)
        before = await _serial(url, authority)
        async with httpx.AsyncClient(verify=authority.trust()) as old:
            assert (await old.get(f"{url}/v1/health/live")).status_code == 200
            authority.issue(**{name.removeprefix("tls_"): path for name, path in files.items()})
            after = await _serial(url, authority)
            assert (await old.get(f"{url}/v1/health/live")).status_code == 200
        assert after != before


async def test_half_a_renewal_leaves_the_last_good_certificate_in_use(manager, tmp_path, authority, files, caplog):
    async with running_gateway(manager, tmp_path, **files) as client:
        before = await _serial(_base(client), authority)
        new = authority.issue(tmp_path / "new-cert.pem", tmp_path / "new-key.pem")
        shutil.copy(new["tls_cert"], files["tls_cert"])
        assert await _serial(_base(client), authority) == before
        assert await _serial(_base(client), authority) == before
        # Said once, not at each handshake.
        assert caplog.text.count("The certificate stays the one that was read last") == 1
        files["tls_key"].unlink()
        assert await _serial(_base(client), authority) == before
        shutil.move(new["tls_key"], files["tls_key"])
        assert await _serial(_base(client), authority) != before


async def test_wss_is_spoken_on_the_same_port(manager, tmp_path, authority, files):
    async with running_gateway(manager, tmp_path, **files) as client:
        url = _base(client).replace("https:", "wss:") + "/api/status/ws"
        headers = {"Authorization": client.headers["Authorization"]}
        async with websockets.connect(url, ssl=authority.trust(), additional_headers=headers) as socket:
            assert "idle" in str(await socket.recv())
        with pytest.raises(websockets.InvalidStatus, match="403"):
            await websockets.connect(url, ssl=authority.trust())


async def test_a_client_without_certificate_is_refused_where_one_is_required(manager, tmp_path, authority, files):
    required = {"tls_client_ca": authority.write(tmp_path / "ca.pem"), "tls_client_check": "required"}
    async with running_gateway(manager, tmp_path, **files, **required) as client:
        url = f"{_base(client)}/v1/health/live"
        async with httpx.AsyncClient(verify=authority.trust()) as nobody:
            with pytest.raises(httpx.TransportError):
                await nobody.get(url)
        context = authority.trust()
        own = authority.issue(tmp_path / "client.pem", tmp_path / "client-key.pem")
        context.load_cert_chain(own["tls_cert"], own["tls_key"])
        async with httpx.AsyncClient(verify=context) as somebody:
            assert (await somebody.get(url)).status_code == 200


def test_old_versions_of_tls_are_not_offered(files, tmp_path):
    context = Certificate(_settings(files, tmp_path)).context
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_without_files_there_is_no_tls(tmp_path):
    assert find_certificate(GatewaySettings(data=tmp_path)) is None


def _spoil_missing(files):
    files["tls_cert"].unlink()


def _spoil_open(files):
    files["tls_key"].chmod(0o644)


def _spoil_text(files):
    files["tls_cert"].write_text("nothing")


def _spoil_pair(files):
    Authority().issue(files["tls_cert"], files["tls_key"].with_name("other"))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_spoil_missing, "'tls_cert': .*cert.pem cannot be read: No such file"),
        (_spoil_open, "'tls_key': .*key.pem is open to everybody; do: chmod o= "),
        (_spoil_text, "'tls_cert': .*cert.pem and .*key.pem cannot be used: "),
        (_spoil_pair, "'tls_cert': .* cannot be used: key values mismatch"),
    ],
)
def test_files_that_cannot_be_used_are_a_start_error(files, tmp_path, spoil, message):
    spoil(files)
    with pytest.raises(ParameterError, match=message):
        find_certificate(_settings(files, tmp_path))


def test_an_encrypted_key_needs_its_password_and_asks_nobody(authority, tmp_path):
    files = authority.issue(tmp_path / "cert.pem", tmp_path / "key.pem", password="hunter2")
    assert find_certificate(_settings(files, tmp_path, tls_key_password="hunter2"))
    for password in ("hunter3", None):
        with pytest.raises(ParameterError, match="cannot be used") as refusal:
            find_certificate(_settings(files, tmp_path, tls_key_password=password))
        assert "hunter" not in str(refusal.value)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"tls_ciphers": "NONE-SUCH"}, "'tls_ciphers': no cipher"),
        ({"tls_client_check": "required"}, "'tls_client_ca': is needed"),
        ({"tls_client_check": "optional", "tls_client_ca": os.devnull}, "'tls_client_ca': /dev/null cannot be used"),
    ],
)
def test_other_tls_settings_are_checked_at_the_start(files, tmp_path, more, message):
    with pytest.raises(ParameterError, match=message):
        find_certificate(_settings(files, tmp_path, **more))


async def test_cookies_are_secure_under_tls(manager, tmp_path, authority, files):
    provider = {
        "provider": "toy",
        "authenticator": "bluesky_httpserver.authenticators:DictionaryAuthenticator",
        "args": {"users_to_passwords": {"bob": "bob_password"}},
    }
    accounts = {
        "authentication": {"providers": [provider]},
        "api_access": {
            "policy": "bluesky_httpserver.authorization:DictionaryAPIAccessControl",
            "args": {"users": {"bob": {"roles": ["expert"]}}},
        },
    }
    key_file = tmp_path / "key"
    key_file.write_text("abc")
    key_file.chmod(0o600)
    async with running_gateway(manager, tmp_path, **files, **accounts, api_key_file=key_file) as client:
        form = {"username": "bob", "password": "bob_password"}
        async with httpx.AsyncClient(verify=authority.trust()) as browser:
            reply = await browser.post(
                f"{_base(client)}/api/auth/provider/toy/token", data=form, params={"cookie": "1"}
            )
        assert reply.status_code == 200, reply.text
        cookies = reply.headers.get_list("set-cookie")
        assert cookies
        assert all("secure" in cookie.lower() for cookie in cookies)

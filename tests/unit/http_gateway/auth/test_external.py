"""Logins at another site: what the browser is sent with, and that nothing but a proof of this login is accepted."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import time
from urllib.parse import parse_qs, urlsplit

import jwt
import jwt.algorithms
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.requests import Request

from http_gateway.auth.external import OIDCAuthenticator, SAMLAuthenticator
from queue_server.protocol.errors import ParameterError

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PUBLIC = {**jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key(), as_dict=True), "kid": "k1", "alg": "RS256"}
OPTIONS = {
    "client_id": "cuelight-test",
    "client_secret": "marked-secret",
    "redirect_uri": "http://gateway/api/auth/provider/site/code",
    "public_keys": [PUBLIC],
    "token_uri": "http://127.0.0.1:1/token",
    "authorization_endpoint": "http://site/authorize?tenant=5",
}


class Site:
    """An OpenID provider: it checks the form of a code exchange and answers an identity token."""

    def __init__(self):
        self.claims = {}
        self.url = ""
        self.key, self.algorithm, self.status = KEY, "RS256", 200
        self.forms = []

    async def answer(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
        )
        self.forms.append(
            {name: value[0] for name, value in parse_qs((await reader.readexactly(length)).decode()).items()}
        )
        token = jwt.encode(self.claims, self.key, algorithm=self.algorithm, headers={"kid": "k1"})
        body = json.dumps({"id_token": token}).encode()
        writer.write(
            b"HTTP/1.1 %d X\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % (self.status, len(body)) + body
        )
        await writer.drain()
        writer.close()


@pytest.fixture
async def site():
    site = Site()
    server = await asyncio.start_server(site.answer, "127.0.0.1", 0)
    site.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/token"
    yield site
    server.close()
    await server.wait_closed()


def make_request(query="", cookie="", scheme="https"):
    headers = [(b"host", b"gateway"), (b"cookie", cookie.encode())]
    return Request({"type": "http", "method": "GET", "scheme": scheme, "path": "/", "query_string": query.encode(),
                    "headers": headers, "server": ("gateway", 443)})  # fmt: skip


async def begin(provider):
    response = await provider.begin(make_request())
    query = {name: value[0] for name, value in parse_qs(urlsplit(response.headers["location"]).query).items()}
    cookie = response.headers["set-cookie"]
    return query, cookie


@pytest.fixture
def provider(site):
    return OIDCAuthenticator(**{**OPTIONS, "token_uri": site.url, "issuer": "http://site"})


async def log_in(provider, site, **changes):
    query, cookie = await begin(provider)
    claims = {
        "sub": "bob",
        "aud": "cuelight-test",
        "iss": "http://site",
        "nonce": query["nonce"],
        "exp": time.time() + 60,
    }
    site.claims = {name: value for name, value in {**claims, **changes}.items() if value is not None}
    return await provider.authenticate(make_request(f"code=c1&state={query['state']}", cookie.split(";")[0]))


async def test_the_browser_goes_with_state_nonce_and_the_hash_of_a_proof_key(provider, site):
    query, cookie = await begin(provider)
    assert query["tenant"] == "5"
    assert query["code_challenge_method"] == "S256"
    assert query["response_type"] == "code"
    assert query["state"] != query["nonce"]
    assert "HttpOnly" in cookie
    assert "Secure" in cookie
    assert "SameSite=lax" in cookie
    assert "marked" not in json.dumps(query) + cookie + repr(provider)


async def test_a_login_that_was_begun_here_and_is_proven_gives_the_name(provider, site):
    assert await log_in(provider, site) == "bob"
    [form] = site.forms
    assert (form["code"], form["grant_type"]) == ("c1", "authorization_code")
    assert len(base64.urlsafe_b64decode(form["code_verifier"] + "==")) == 32


async def test_the_proof_key_fits_the_hash_that_the_browser_took_along(provider, site):
    query, cookie = await begin(provider)
    await provider.authenticate(make_request(f"code=c1&state={query['state']}", cookie.split(";")[0]))
    digest = hashlib.sha256(site.forms[0]["code_verifier"].encode()).digest()
    assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == query["code_challenge"]


@pytest.mark.parametrize(
    "changes",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "somebody-else"},
        {"aud": None},
        {"iss": "http://elsewhere"},
        {"exp": 1.0},
        {"exp": None},
        {"sub": None},
        {"sub": ""},
    ],
)
async def test_a_token_that_says_anything_else_proves_nothing(provider, site, changes):
    assert await log_in(provider, site, **changes) is None


async def test_a_token_of_another_key_proves_nothing(provider, site):
    site.key = OTHER_KEY
    assert await log_in(provider, site) is None


@pytest.mark.parametrize("algorithm", ["HS256", "RS512", "none"])
@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
async def test_the_algorithm_is_that_of_the_configured_key(provider, site, algorithm):
    site.algorithm = algorithm
    site.key = {"HS256": "marked-secret", "RS512": KEY, "none": ""}[algorithm]
    assert await log_in(provider, site) is None


async def test_a_site_that_refuses_or_is_silent_proves_nothing(provider, site):
    site.status = 400
    assert await log_in(provider, site) is None
    assert await log_in(OIDCAuthenticator(**OPTIONS), site) is None


async def test_a_login_that_was_not_begun_in_this_browser_is_not_even_asked_about(provider, site):
    query, cookie = await begin(provider)
    kept = cookie.split(";")[0]
    for given, sent in [
        (f"code=c&state={query['state']}", ""),
        (f"code=c&state={query['state']}", kept + "x"),
        ("code=c&state=another", kept),
        ("code=c", kept),
        (f"state={query['state']}", kept),
    ]:
        assert await provider.authenticate(make_request(given, sent)) is None
    assert site.forms == []


@pytest.mark.parametrize(
    "changes",
    [
        {"public_keys": []},
        {"algorithms": ["HS256"]},
        {"algorithms": ["ES256"]},
        {"client_secret": ""},
        {"unknown": 1},
        {"public_keys": [{**PUBLIC, "alg": "HS256", "kty": "oct", "k": "bWFya2Vk"}]},
    ],
)
def test_a_configuration_that_proves_nothing_is_refused(changes):
    with pytest.raises(ValueError, match=r"empty|algorithms|a key is for|unknown arguments"):
        OIDCAuthenticator(**{**OPTIONS, **changes})


def test_a_key_of_no_form_is_refused():
    with pytest.raises(ParameterError):
        OIDCAuthenticator(**{**OPTIONS, "public_keys": [{"kty": "nonsense"}]})


SAML = {
    "strict": True,
    "sp": {
        "entityId": "https://gateway.example.org/metadata",
        "assertionConsumerService": {"url": "https://gateway.example.org/api/auth/provider/saml/code"},
    },
    "idp": {
        "entityId": "https://site.example.org/metadata",
        "singleSignOnService": {"url": "https://site.example.org/sso"},
        "x509cert": "bWFya2Vk",
    },
}


async def test_a_saml_login_begins_at_the_site():
    provider = SAMLAuthenticator(saml_settings=SAML, attribute_name="uid")
    response = await provider.begin(make_request())
    assert response.headers["location"].startswith("https://site.example.org/sso?SAMLRequest=")
    provider.close()


@pytest.mark.parametrize("changes", [{"strict": False}, {"idp": {}}])
def test_a_saml_configuration_that_proves_nothing_is_refused(changes):
    with pytest.raises(ValueError, match=r"strict|Invalid dict settings"):
        SAMLAuthenticator(saml_settings={**SAML, **changes}, attribute_name="uid")


@pytest.mark.parametrize("response", [b"<samlp:Response/>", b"nonsense", b"", b"<Response></Response>"])
async def test_a_saml_response_without_a_proof_proves_nothing(response):
    provider = SAMLAuthenticator(saml_settings=SAML, attribute_name="uid")
    body = b"SAMLResponse=" + base64.b64encode(response).replace(b"=", b"%3D")

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    headers = [(b"host", b"gateway"), (b"content-type", b"application/x-www-form-urlencoded")]
    request = Request(
        {"type": "http", "method": "POST", "scheme": "http", "path": "/", "query_string": b"", "headers": headers},
        receive,
    )
    assert await provider.authenticate(request) is None
    provider.close()

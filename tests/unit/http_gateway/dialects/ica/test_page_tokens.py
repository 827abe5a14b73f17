"""Tokens of pages: who can make them, and for what they are good."""

from __future__ import annotations

import base64
import string

import pytest

from http_gateway.dialects.ica.errors import ContentError
from http_gateway.dialects.ica.page_tokens import PageTokens

BATCH = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
TOKENS = PageTokens(["a secret"])
TOKEN = TOKENS.write("1000", BATCH, ["succeeded", "failed"])


def refuse(token, batch=BATCH, statuses=("succeeded", "failed"), tokens=TOKENS):
    """Check that a token is not good."""
    with pytest.raises(ContentError) as raised:
        tokens.read(token, batch, statuses)
    assert set(raised.value.places) == {"pageToken"}


def test_a_token_leads_to_its_cursor_in_whatever_order_the_filter_is_written():
    assert TOKENS.read(TOKEN, BATCH, ["failed", "succeeded", "failed"]) == "1000"


def test_a_token_can_stand_in_an_address():
    assert set(TOKENS.write("a cursor with ä/+", BATCH, [])) <= set(string.ascii_letters + string.digits + "-_")
    assert len(TOKENS.write("x" * 1000, BATCH, [])) <= 2000


def test_a_token_is_good_for_one_batch_and_one_filter_only():
    refuse(TOKEN, batch=BATCH.replace("3", "4"))
    refuse(TOKEN, statuses=["succeeded"])
    refuse(TOKEN, statuses=[])


def test_nobody_else_makes_tokens():
    refuse(PageTokens(["another secret"]).write("1000", BATCH, ["succeeded", "failed"]))
    for place in range(len(TOKEN)):
        for letter in "AQgw_-z9":
            if letter != TOKEN[place]:
                refuse(f"{TOKEN[:place]}{letter}{TOKEN[place + 1 :]}")


@pytest.mark.parametrize(
    "token", ["x", "=", "ä", "\ud800", "a b", f"{TOKEN}=", f"{TOKEN}A", TOKEN[:-1], f" {TOKEN}", "A" * 5000]
)
def test_what_is_no_token_is_refused(token):
    refuse(token)


def test_what_has_more_bytes_behind_its_signature_is_refused():
    data = base64.urlsafe_b64decode(f"{TOKEN}==")
    refuse(base64.urlsafe_b64encode(data + b"0").decode().rstrip("="))


def test_all_secrets_of_a_site_are_good_and_the_first_one_signs():
    changed = PageTokens(["a new secret", "a secret"])
    assert changed.read(TOKEN, BATCH, ["succeeded", "failed"]) == "1000"
    refuse(changed.write("1000", BATCH, ["succeeded", "failed"]))

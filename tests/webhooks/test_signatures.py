"""Only who knows the secret is believed, over the bytes as they came, and not for ever."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from events.webhooks import WEBHOOKS, BadSignature, sign_timed, verify_timed

BODY = b'{"id":1}'
NOW = 1_750_000_000.0
HEADERS = {"shopify": "x-shopify-hmac-sha256", "woocommerce": "x-wc-webhook-signature"}


def signed(secret: str, body: bytes = BODY) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


@pytest.mark.parametrize("name", HEADERS)
def test_a_body_signed_with_one_of_the_secrets_is_believed(name: str) -> None:
    """Two are valid while one is being replaced."""
    WEBHOOKS[name].verify(["new", "old"], {HEADERS[name]: signed("old")}, BODY, NOW)


@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize("signature", ["", signed("another"), signed("old", BODY + b" "), "not base64"])
def test_anything_else_is_not(name: str, signature: str) -> None:
    """Another secret, another body by a blank, no signature at all."""
    with pytest.raises(BadSignature, match="header X-"):
        WEBHOOKS[name].verify(["new", "old"], {HEADERS[name]: signature}, BODY, NOW)


def test_a_timed_signature_is_believed_for_five_minutes() -> None:
    """In both directions: clocks differ."""
    for age in (-299, 0, 299):
        WEBHOOKS["stripe"].verify(["s"], {"stripe-signature": sign_timed("s", BODY, NOW - age)}, BODY, NOW)
    for age in (-301, 301):
        with pytest.raises(BadSignature, match="a replay, or a clock that is wrong"):
            verify_timed(["s"], BODY, sign_timed("s", BODY, NOW - age), "Stripe-Signature", NOW)


def test_one_of_several_signatures_is_enough() -> None:
    """The sender signs with both secrets while one is being replaced."""
    time, _, right = sign_timed("s", BODY, NOW).partition(",")
    verify_timed(["s"], BODY, f"{time},v1={'0' * 64},{right},v0=whatever", "Stripe-Signature", NOW)


@pytest.mark.parametrize(
    "signature",
    ["", "v1=abc", "t=soon,v1=abc", "t=1750000000", "t=1750000000,v1=é", sign_timed("x", BODY, NOW), "t=1,t=2,v1=a"],
)
def test_a_timed_signature_that_does_not_fit_is_refused(signature: str) -> None:
    """Whatever it looks like."""
    with pytest.raises(BadSignature, match="header Stripe-Signature"):
        verify_timed(["s"], BODY, signature, "Stripe-Signature", NOW)


def test_the_time_is_part_of_what_is_signed() -> None:
    """A replay can't be made young."""
    old = sign_timed("s", BODY, NOW - 1000).partition(",")[2]
    with pytest.raises(BadSignature, match="doesn't fit the body"):
        verify_timed(["s"], BODY, f"t={NOW:.0f},{old}", "Stripe-Signature", NOW)

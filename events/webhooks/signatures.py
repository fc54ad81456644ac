"""Who sent this? Signatures over the raw bytes of a delivery, compared in constant time, before anything is parsed.

Every scheme takes several secrets, so that one can be replaced without losing a delivery.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable

TOLERANCE_S = 300
"""How old a signature with a time in it may be; an older one is a replay, or the clocks differ."""


class BadSignature(Exception):
    """A delivery that isn't from whom it says, or that has been kept and sent again. Says what to look at."""


def verify_body(secrets: Iterable[str], body: bytes, signature: str, header: str) -> None:
    """Check base64(HMAC-SHA256(body)), as Shopify and WooCommerce sign.

    Args:
        secrets: those that are valid now.
        body: the raw bytes.
        signature: the header's value.
        header: its name, for the error.

    Raises:
        BadSignature: none of the secrets made it.
    """
    if not signature:
        raise BadSignature(f"header {header} is missing: deliveries must be signed")
    given = signature.encode()
    for secret in secrets:
        made = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest())
        if hmac.compare_digest(made, given):
            return
    raise BadSignature(f"header {header} doesn't fit the body: is the secret that of this webhook?")


def verify_timed(secrets: Iterable[str], body: bytes, signature: str, header: str, now_s: float) -> None:
    """Check `t=<unix seconds>,v1=<hex HMAC-SHA256 of "t.body">`, as Stripe signs; several v1 may be given.

    Args:
        secrets: those that are valid now.
        body: the raw bytes.
        signature: the header's value.
        header: its name, for the error.
        now_s: the clock, in seconds since 1970.

    Raises:
        BadSignature: none of the secrets made it, or its time lies more than `TOLERANCE_S` from the clock.
    """
    if not signature:
        raise BadSignature(f"header {header} is missing: deliveries must be signed")
    parts = [part.strip().partition("=") for part in signature.split(",")]
    times = [value for name, _, value in parts if name == "t"]
    given = [value.encode() for name, _, value in parts if name == "v1"]
    if len(times) != 1 or not times[0].isascii() or not times[0].isdigit() or not given:
        raise BadSignature(f"header {header} is {signature[:100]!r}, expected t=<unix seconds>,v1=<hex>")
    signed = times[0].encode() + b"." + body
    for secret in secrets:
        made = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest().encode()
        if any([hmac.compare_digest(made, each) for each in given]):  # noqa: C419 - as long for a hit as for a miss
            break
    else:
        raise BadSignature(f"header {header} doesn't fit the body: is the secret that of this webhook?")
    if abs(now_s - int(times[0])) > TOLERANCE_S:
        raise BadSignature(
            f"header {header} was signed {now_s - int(times[0]):.0f} s ago, expected at most {TOLERANCE_S} s: "
            "a replay, or a clock that is wrong"
        )


def sign_timed(secret: str, body: bytes, now_s: float) -> str:
    """Make the header that `verify_timed` checks."""
    time = str(int(now_s))
    made = hmac.new(secret.encode(), time.encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"t={time},v1={made}"

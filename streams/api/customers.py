"""`GET /customers/ID`: one customer's profile, as Redis has it; any worker answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.app import Worker

_OFF = "no profiles are written: set redis.url, and redis.profiles to on"
_AWAY = "Redis doesn't answer; try again"
_LONGEST_ID = 128


def add_customers(worker: Worker) -> None:
    """Add the page to a worker's Faust app, before it starts."""

    async def customer(request: web.Request) -> web.Response:
        customer_id = request.match_info["id"]
        if len(customer_id) > _LONGEST_ID:
            return _json({"error": f"expected a customer id of at most {_LONGEST_ID} signs"}, 400)
        if worker.profiles is None:
            return _json({"error": _OFF}, 404)
        try:
            found = await worker.profiles.read(customer_id)
        except Exception:  # noqa: BLE001 - whatever Redis said: it may hold an address, and the words stay the same
            return _json({"error": _AWAY}, 503)
        if found is None:
            return _json({"error": "nothing is known of this customer"}, 404)
        return _json({"customer_id": customer_id, **_typed(found)}, 200)

    worker.app.web.web_app.router.add_get("/customers/{id}", customer)


def _typed(profile: Mapping[str, str]) -> dict[str, Any]:
    """Give numbers and flags their types."""
    said: dict[str, Any] = dict(profile)
    for name in ("lifetimes", "tenure_days", "orders", "nps_score"):
        if name in said:
            said[name] = int(said[name])
    if "member" in said:
        said["member"] = said["member"] == "yes"
    return said


def _json(document: object, status: int) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(document), content_type="application/json")

"""The pages of targets: where each stands, and how one is set or withdrawn while the engine runs."""

from __future__ import annotations

import logging
import time
from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

from streams.forwarding import ask_owner

if TYPE_CHECKING:
    from streams.app import Worker
    from streams.target_office import TargetOffice

_log = logging.getLogger(__name__)
PATH = "/targets"
_NOBODY = "no worker answers for the KPIs yet; try again in a moment"
_EXPECTED = 'expected a JSON object with a number, such as {"value": 5000}'


class _Wanted(msgspec.Struct):
    value: msgspec.Raw


def add_targets(worker: Worker) -> None:
    """Add the pages to a worker's Faust app, before it starts."""
    router = worker.app.web.web_app.router

    async def standings(request: web.Request) -> web.Response:
        office = _office(worker)
        return await _forwarded(worker, request) if office is None else _told(worker, office)

    async def put(request: web.Request) -> web.Response:
        office = _office(worker)
        if office is None:
            return await _forwarded(worker, request)
        try:
            value = _value(await request.read())
            await office.set(*_place(request), value, int(time.time() * 1000))
        except (ValueError, ArithmeticError) as error:
            return _error(HTTPStatus.BAD_REQUEST, str(error))
        except Exception as error:  # noqa: BLE001 - whatever the broker said, the words stay the same
            return _not_kept(error)
        return _told(worker, office)

    async def delete(request: web.Request) -> web.Response:
        office = _office(worker)
        if office is None:
            return await _forwarded(worker, request)
        try:
            await office.unset(*_place(request))
        except LookupError as error:
            return _error(HTTPStatus.NOT_FOUND, str(error.args[0]))
        except Exception as error:  # noqa: BLE001 - as above
            return _not_kept(error)
        return _told(worker, office)

    router.add_get(PATH, standings)
    router.add_put(f"{PATH}/{{kpi}}/{{window}}", put)
    router.add_delete(f"{PATH}/{{kpi}}/{{window}}", delete)


async def goals_of(worker: Worker) -> dict[str, dict[str, float]]:
    """Return the targets that hold, by KPI and window; those of the settings while nobody answers for the others."""
    office = _office(worker)
    if office is not None:
        found = [(target.kpi, target.window, float(target.value)) for target, _ in office.book]
    elif (answer := await ask_owner(worker, PATH)) is not None and answer[0] == HTTPStatus.OK:
        found = [(each["kpi"], each["window"], each["target"]) for each in msgspec.json.decode(answer[1])["targets"]]
    else:
        found = [(of.kpi, of.window, float(of.value)) for of in worker.settings.economics.targets]
    goals: dict[str, dict[str, float]] = {}
    for kpi, window, value in found:
        goals.setdefault(kpi, {})[window] = value
    return goals


def _office(worker: Worker) -> TargetOffice | None:
    """Return the targets' office if this worker may speak for the KPIs."""
    if worker.rounds is None or not worker.owns_kpis or worker.standing.is_succeeded:
        return None
    return worker.targets


async def _forwarded(worker: Worker, request: web.Request) -> web.Response:
    body = await request.read()
    answer = await ask_owner(worker, request.path_qs, request.headers, method=request.method, body=body)
    if answer is None:
        return _error(HTTPStatus.SERVICE_UNAVAILABLE, _NOBODY)
    return web.Response(status=answer[0], body=answer[1], content_type="application/json")


def _place(request: web.Request) -> tuple[str, str]:
    return request.match_info["kpi"], request.match_info["window"]


def _value(body: bytes) -> str:
    """Read the value as it is written: 0.1 is a tenth, not its nearest binary neighbour."""
    try:
        written = bytes(msgspec.json.decode(body, type=_Wanted).value).decode()
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ValueError(_EXPECTED) from None
    if written[:1] not in "-0123456789" or not written:
        raise ValueError(_EXPECTED)
    return written


def _told(worker: Worker, office: TargetOffice) -> web.Response:
    rounds = worker.rounds
    if rounds is None or rounds.snapshot is None:
        return _error(HTTPStatus.SERVICE_UNAVAILABLE, _NOBODY)
    document = office.told(rounds.snapshot.document, rounds.unknown(time.monotonic()), worker.daily)
    return web.Response(body=msgspec.json.encode(document), content_type="application/json")


def _not_kept(error: Exception) -> web.Response:
    _log.warning("target not kept: %r", error)
    return _error(HTTPStatus.SERVICE_UNAVAILABLE, "it couldn't be written down; look at /targets and try again")


def _error(status: int, error: str) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode({"error": error}), content_type="application/json")

"""The HTTP interface described in OpenAPI 3.1, by hand: what programs are promised, apart from how it is done."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

_NUMBER = {"type": ["number", "null"]}
_VALUE = {"anyOf": [_NUMBER, {"type": "object", "additionalProperties": _NUMBER}]}
_WINDOWS = {"type": "object", "additionalProperties": {"type": "object", "additionalProperties": _VALUE}}
_TEXT = {"type": "string"}
_TEXTS = {"type": "array", "items": _TEXT}
_UNKNOWN = {"type": "object", "additionalProperties": _TEXT, "description": "KPI -> why it can't be known now."}
_ERROR = {"type": "object", "required": ["error"], "properties": {"error": _TEXT}}
_LANG = {"name": "lang", "in": "query", "schema": {"enum": ["en", "fa"], "default": "en"}}
_WINDOW = {"enum": ["month", "quarter", "year"]}
_HISTORY_WINDOW = {"name": "window", "in": "query", "schema": _TEXT, "description": "History of this window alone."}
_BEARER: list[dict[str, list[str]]] = [{"bearer": []}]


def openapi(url: str) -> dict[str, Any]:
    """Return the description, for the worker at an address."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "tapesh", "version": version("tapesh"), "description": "Live customer KPIs."},
        "servers": [{"url": url}],
        "paths": {
            "/kpis": {"get": _get("kpis", "Every KPI as of now.", _kpis(), busy=True)},
            "/kpis/{id}": {"get": _one_kpi()},
            "/catalogue": {"get": _get("catalogue", "What is measured, by theme.", _catalogue(), [_LANG], bad=True)},
            "/customers/{id}": {"get": _customer()},
            "/changes": {"get": _changes()},
            "/targets": {"get": _get("targets", "Where each target stands.", _targets(), busy=True)},
            "/targets/{kpi}/{window}": {"put": _set_target(), "delete": _unset_target()},
            "/health": {"get": _probe("health", "Whether this worker is alive and brought to ticks.", _health())},
            "/ready": {"get": _probe("ready", "Whether this worker may be asked.", _ready())},
            "/metrics": {"get": _metrics()},
        },
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _get(
    name: str,
    summary: str,
    schema: dict[str, Any],
    parameters: list[dict[str, Any]] | None = None,
    *,
    busy: bool = False,
    bad: bool = False,
) -> dict[str, Any]:
    responses = {"200": _json("As asked.", schema), "401": _json("No token, or not the right one.", _ERROR)}
    if bad:
        responses["400"] = _json("A parameter that isn't one; says what was expected.", _ERROR)
    responses["503"] = _json("Nobody knows yet; try again." if busy else "Too long to wait for; try again.", _ERROR)
    operation = {"operationId": name, "summary": summary, "security": [{}, *_BEARER], "responses": responses}
    return {**operation, "parameters": parameters} if parameters else operation


def _json(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _object(required: dict[str, Any], **others: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(required), "properties": {**required, **others}}


def _kpis() -> dict[str, Any]:
    now = {"type": ["string", "null"], "description": "As of when, RFC 3339; null before the first snapshot."}
    slices = {"type": "object", "additionalProperties": {"type": "object", "additionalProperties": _WINDOWS}}
    return _object(
        {"now": now, "windows": _WINDOWS, "slices": slices, "unknown": _UNKNOWN}, settings={"type": "object"}
    )


def _one_kpi() -> dict[str, Any]:
    named = dict.fromkeys(("id", "title", "meaning", "unit", "better", "formula", "gauge", "source"), _TEXT)
    values = {"type": "object", "additionalProperties": _VALUE}
    point = {"type": "array", "items": _NUMBER, "minItems": 2, "maxItems": 2}
    history = {"type": "object", "additionalProperties": {"type": "array", "items": point}}
    schema = _object(
        {**named, "now": {"type": ["string", "null"]}, "unknown": {"type": ["string", "null"]}, "windows": values},
        history={**history, "description": "By window, [milliseconds, value], a point a minute over the last day."},
    )
    identifier = {"name": "id", "in": "path", "required": True, "schema": _TEXT, "example": "churn_rate"}
    operation = _get(
        "kpi",
        "One KPI: definition, values, slices, history.",
        schema,
        [identifier, _LANG, _HISTORY_WINDOW],
        busy=True,
        bad=True,
    )
    operation["responses"]["404"] = _json("No such KPI.", _ERROR)
    return operation


def _catalogue() -> dict[str, Any]:
    themes = {"type": "array", "items": _object({"title": _TEXT, "kpis": _TEXTS})}
    return _object({"themes": themes, "kpis": {"type": "array", "items": {"type": "object"}}, "currency": _TEXT})


def _changes() -> dict[str, Any]:
    operation = _get(
        "changes", "Server-sent events: `snapshot`, then `change` as there is one, `lost` when nobody knows.", {}
    )
    operation["responses"]["200"] = {"description": "The stream.", "content": {"text/event-stream": {"schema": _TEXT}}}
    return operation


def _customer() -> dict[str, Any]:
    texts = ("as_of", "since", "until", "close_reason", "first_purchase", "last_purchase", "lapses", "currency")
    amount = {"type": "string", "description": "Of the first purchase, a decimal."}
    schema = _object(
        {
            "customer_id": _TEXT,
            "lifetime": {"enum": ["open", "closed", "none"]},
            "purchases": {"enum": ["0", "1", "2+"]},
        },
        **dict.fromkeys(texts, _TEXT),
        lifetimes={"type": "integer"},
        tenure_days={"type": "integer", "description": "As of `as_of`."},
        buying={"enum": ["active", "lapsed"]},
        first_purchase_amount=amount,
        member={"type": "boolean"},
    )
    identifier = {"name": "id", "in": "path", "required": True, "schema": _TEXT, "example": "c-17"}
    operation = _get("customer", "What is known of one customer.", schema, [identifier], busy=True, bad=True)
    operation["responses"]["404"] = _json("Nothing is known of this customer, or no profiles are written.", _ERROR)
    return operation


def _targets() -> dict[str, Any]:
    sign = {"enum": ["settings", "set"], "description": "Who has set it: the settings, or somebody since."}
    day = {"type": "string", "format": "date"}
    named = {"kpi": _TEXT, "window": _WINDOW, "target": {"type": "number"}, "from": sign}
    figures = dict.fromkeys(("value", "attainment", "expected", "pace", "forecast", "needed_per_day"), _NUMBER)
    text = {"type": ["string", "null"]}
    target = _object(
        {**named, "first": day, "last": day, "elapsed": {"type": "number"}, "adds_up": {"type": "boolean"}, **figures},
        unknown=text,
        chance={**_NUMBER, "minimum": 0, "maximum": 1},
        set_at=text,
    )
    return _object({"now": text, "targets": {"type": "array", "items": target}})


def _change_target(name: str, summary: str) -> dict[str, Any]:
    kpi = {"name": "kpi", "in": "path", "required": True, "schema": _TEXT, "example": "revenue"}
    window = {"name": "window", "in": "path", "required": True, "schema": _WINDOW}
    operation = _get(name, summary, _targets(), [kpi, window], busy=True, bad=True)
    operation["responses"]["403"] = _json("No web.token is set: nobody may change anything.", _ERROR)
    return {**operation, "security": _BEARER}


def _set_target() -> dict[str, Any]:
    body = _object({"value": {"type": "number", "description": "In the unit in which the KPI is published."}})
    content = {"application/json": {"schema": body, "example": {"value": 5000}}}
    operation = _change_target("setTarget", "Have a target hold from now on.")
    return {**operation, "requestBody": {"required": True, "content": content}}


def _unset_target() -> dict[str, Any]:
    operation = _change_target("unsetTarget", "Withdraw a target that was set; one of the settings holds again.")
    operation["responses"]["404"] = _json("Nobody has set it.", _ERROR)
    return operation


def _probe(name: str, summary: str, schema: dict[str, Any]) -> dict[str, Any]:
    responses = {"200": _json("Yes.", schema), "503": _json("No, and why.", schema)}
    return {"operationId": name, "summary": summary, "responses": responses}


def _health() -> dict[str, Any]:
    return _object({"healthy": {"type": "boolean"}, "owns_kpis": {"type": "boolean"}, "partitions": {"type": "object"}})


def _ready() -> dict[str, Any]:
    return _object({"ready": {"type": "boolean"}, "reasons": _TEXTS})


def _metrics() -> dict[str, Any]:
    operation = _get("metrics", "Gauges and counters for Prometheus.", {})
    operation["responses"]["200"] = {"description": "Text format.", "content": {"text/plain": {"schema": _TEXT}}}
    return operation

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


def openapi(url: str, *, takes_events: bool = False) -> dict[str, Any]:
    """Return the description, for the worker at an address.

    Args:
        url: the address.
        takes_events: whether the settings name anybody who may send any.
    """
    ingestion = {"/events": {"post": _post_events()}, "/webhooks/{name}": {"post": _deliver()}} if takes_events else {}
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
            "/alerts": {"get": _get("alerts", "What is watched, what fires, on which evidence.", _alerts(), busy=True)},
            "/targets": {"get": _get("targets", "Where each target stands.", _targets(), busy=True)},
            "/targets/{kpi}/{window}": {"put": _set_target(), "delete": _unset_target()},
            "/health": {"get": _probe("health", "Whether this worker is alive and brought to ticks.", _health())},
            "/ready": {"get": _probe("ready", "Whether this worker may be asked.", _ready())},
            "/metrics": {"get": _metrics()},
            **ingestion,
        },
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "web.token"},
                "source": {"type": "http", "scheme": "bearer", "description": "The token of a source in `ingest`."},
            },
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
        {"now": now, "windows": _WINDOWS, "slices": slices, "unknown": _UNKNOWN, **_breakdowns()},
        settings={"type": "object"},
    )


def _breakdowns() -> dict[str, Any]:
    """Describe what there is by month of acquisition and by tenure; null while it isn't known."""
    count = {"type": "integer", "minimum": 0}
    counts = {"type": "array", "items": count}
    so_far = _object({"retained": count, "retention": _NUMBER})
    ended = {"retained": counts, "retention": {"type": "array", "items": _NUMBER}}
    month = _object({"cohort": _TEXT, "acquired": count, **ended, "so_far": so_far})
    cohorts = _object({"now": _TEXT, "months": {"type": "array", "items": month}})
    by_band = {"type": "object", "additionalProperties": _NUMBER}
    window = {"type": "object", "additionalProperties": by_band}
    windows = {"type": "object", "additionalProperties": window}
    tenure = _object({"now": _TEXT, "active_by_tenure": by_band, "windows": windows, "survival": by_band})
    return {"cohorts": _or_null(cohorts), "tenure": _or_null(tenure)}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}], "description": "Null while it isn't known."}


def _one_kpi() -> dict[str, Any]:
    named = dict.fromkeys(("id", "title", "meaning", "unit", "better", "formula", "gauge", "source"), _TEXT)
    values = {"type": "object", "additionalProperties": _VALUE}
    point = {"type": "array", "items": _NUMBER, "minItems": 2, "maxItems": 2}
    history = {"type": "object", "additionalProperties": {"type": "array", "items": point}}
    schema = _object(
        {
            **named,
            "now": {"type": ["string", "null"]},
            "unknown": {"type": ["string", "null"]},
            "windows": values,
            "slices": {"type": "object", "additionalProperties": {"type": "object", "additionalProperties": values}},
        },
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
    listed = {"type": "array", "items": {"type": "object"}}
    return _object({"themes": themes, "kpis": listed, "breakdowns": listed, "bands": listed, "currency": _TEXT})


def _changes() -> dict[str, Any]:
    operation = _get(
        "changes", "Server-sent events: `snapshot`, then `change` as there is one, `lost` when nobody knows.", {}
    )
    operation["responses"]["200"] = {"description": "The stream.", "content": {"text/event-stream": {"schema": _TEXT}}}
    return operation


def _customer() -> dict[str, Any]:
    instants = ("as_of", "since", "until", "first_purchase", "last_purchase", "lapses", "nps_at")
    texts = (*instants, "close_reason", "currency", "value_band")
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
        orders={"type": "integer"},
        revenue={"type": "string", "description": "Of all orders, less refunds, a decimal."},
        nps_score={"type": "integer", "minimum": 0, "maximum": 10, "description": "The latest."},
        member={"type": "boolean"},
    )
    identifier = {"name": "id", "in": "path", "required": True, "schema": _TEXT, "example": "c-17"}
    operation = _get("customer", "What is known of one customer.", schema, [identifier], busy=True, bad=True)
    operation["responses"]["404"] = _json("Nothing is known of this customer, or no profiles are written.", _ERROR)
    return operation


def _alerts() -> dict[str, Any]:
    number, text = {"type": "number"}, {"type": ["string", "null"]}
    evidence = {
        "severity": {"enum": ["page", "ticket"]},
        "on": {
            "type": "boolean",
            "description": "Whether there are enough customers for the window to mean something.",
        },
        "why": _TEXT,
        "firing": {"type": "boolean"},
        "since": text,
        "end": {"type": "string", "description": "Up to where the sources have been heard of."},
        "observed": {"type": "integer"},
        "expected": number,
        "factor": number,
        "p_value": _NUMBER,
        "alpha": number,
        "needed": {"type": ["integer", "null"]},
        "base": {"type": "integer"},
    }
    watch = _object(
        {"kpi": _TEXT},
        base={"type": "integer"},
        windows={"type": "object", "additionalProperties": _object(evidence)},
        silent={"type": "string", "description": "Why it isn't judged."},
        unknown={"type": "string", "description": "Why its KPI can't be known now."},
    )
    firing = _object({"alert": _TEXT, "kpi": _TEXT, "window": _TEXT, **evidence})
    return _object(
        {
            "now": text,
            "firing": {"type": "array", "items": firing, "description": "Pages first, then by their beginning."},
            "watched": {"type": "object", "additionalProperties": watch},
            "unknown": _UNKNOWN,
        }
    )


def _post_events() -> dict[str, Any]:
    lost = {"type": "array", "items": {"type": "integer"}, "description": "Rows to be sent again."}
    outcome = _object(
        {"accepted": {"type": "integer"}, "rejected": {"type": "array", "items": {"type": "object"}}},
        unacknowledged=lost,
        error=_TEXT,
    )
    event = {"type": "object", "description": "An event; `tapesh schema` describes them."}
    events = {"anyOf": [event, {"type": "array", "items": event}]}
    bodies = {
        "application/json": events,
        "application/x-ndjson": _TEXT,
        "application/cloudevents+json": event,
        "application/cloudevents-batch+json": {"type": "array", "items": event},
    }
    return _posted("postEvents", "Events, acknowledged once Kafka has them.", bodies, outcome)


def _deliver() -> dict[str, Any]:
    outcome = {"type": "object", "description": "What became of it."}
    operation = _posted("deliver", "A webhook's delivery, signed.", {"application/json": {"type": "object"}}, outcome)
    name = {"name": "name", "in": "path", "required": True, "schema": _TEXT, "example": "my-shop"}
    operation["responses"]["404"] = _json("No such webhook.", _ERROR)
    return {**operation, "parameters": [name], "security": [{}]}


def _posted(name: str, summary: str, bodies: dict[str, Any], outcome: dict[str, Any]) -> dict[str, Any]:
    refusals = {
        "400": "No list of events.",
        "401": "Nobody who may send any, or a signature that isn't right.",
        "413": "Too large.",
        "415": "Of an unknown type.",
        "429": "Too much at once; `Retry-After` says until when.",
    }
    said = {"200": "Kafka has all.", "207": "Some rows were rejected.", "422": "All were."}
    responses = {status: _json(text, outcome) for status, text in said.items()}
    responses |= {status: _json(text, _ERROR) for status, text in refusals.items()}
    responses["503"] = _json(
        "Kafka hasn't acknowledged, or the memory of webhooks is away; send again.", {"type": "object"}
    )
    content = {kind: {"schema": schema} for kind, schema in bodies.items()}
    return {
        "operationId": name,
        "summary": summary,
        "security": [{"source": []}],
        "requestBody": {"required": True, "content": content},
        "responses": responses,
    }


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

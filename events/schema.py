"""The contract as documents: JSON Schema for validators and code generators, AsyncAPI for people and portals.

Both are derived from the models, so that they can't say anything else. What JSON Schema can't say (the decimals
of a currency, lines in the currency of the total, normalisation) stands in the descriptions.
"""

from __future__ import annotations

from typing import Any

from . import models, names

SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"
ASYNCAPI_VERSION = "3.0.0"
CONTENT_TYPE = "application/json"


def json_schema() -> dict[str, Any]:
    """JSON Schema 2020-12 of any event; each type is under `$defs`, found by `type`."""
    schema = models.EVENT_ADAPTER.json_schema()
    for name, definition in schema["$defs"].items():
        _require_type(definition)
        _admit_absence(definition, getattr(models, name).optional_texts)
    _add_survey_rules(schema["$defs"]["SurveyResponse"])
    return {
        "$schema": SCHEMA_DIALECT,
        "title": "Customer events",
        "description": (
            "One JSON object per message, UTF-8, at most 64 KiB. Unknown fields are ignored; null means absent, "
            'and so does "" for an optional text. Text is NFC-normalised and has no control characters. An amount '
            "has at most the decimals of its currency (ISO 4217)."
        ),
        **schema,
    }


def _require_type(definition: dict[str, Any]) -> None:
    """In Python the class says what an event is; in a message only `type` does."""
    discriminator = definition["properties"].get("type")
    if discriminator:
        discriminator.pop("default", None)
        definition["required"] = ["type", *definition["required"]]


def _admit_absence(definition: dict[str, Any], optional_texts: frozenset[str]) -> None:
    """Where a text is optional, null and "" are ways to leave it out."""
    for field in optional_texts - {"type"}:
        shape = definition["properties"][field]
        about = {key: shape.pop(key) for key in ("title", "description", "default") if key in shape}
        choices = shape["anyOf"] if "anyOf" in shape else [dict(shape), {"type": "null"}]
        definition["properties"][field] = {**about, "anyOf": [*choices, {"const": ""}]}


def _add_survey_rules(definition: dict[str, Any]) -> None:
    definition["allOf"] = [
        {"if": _is_survey("nps"), "then": _needs(score=_span(range(11)))},
        {
            "if": _is_survey("csat"),
            "then": {
                "required": ["score", "scale"],
                "oneOf": [
                    {"properties": {"scale": {"const": scale}, "score": _span(range(1, scale + 1))}}
                    for scale in models.CSAT_SCALES
                ],
            },
        },
        {"if": _is_survey("ces"), "then": _needs(score=_span(range(1, 8)))},
        {
            "if": _is_survey("cli"),
            "then": _needs(**{field: _span(values) for field, values in models.answers("cli", None).items()}),
        },
    ]


def _is_survey(survey: str) -> dict[str, Any]:
    return {"properties": {"survey": {"const": survey}}}


def _needs(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"properties": properties, "required": list(properties)}


def _span(values: range) -> dict[str, Any]:
    return {"type": "integer", "minimum": values[0], "maximum": values[-1]}


def asyncapi(prefix: str = "", version: str = "1.0.0") -> dict[str, Any]:
    """AsyncAPI 3.0 of the topics that producers write to.

    Args:
        prefix: what the deployment puts before its topics' names.
        version: of the contract.
    """
    schema = json_schema()
    channels = {
        names.CUSTOMER_EVENTS: ("every event about one person", "customer_id"),
        names.BUSINESS_EVENTS: ("marketing spend", "channel, or else campaign"),
    }
    messages = {
        event_type: {
            "name": event_type,
            "contentType": CONTENT_TYPE,
            "summary": schema["$defs"][model.__name__]["description"].split("\n")[0],
            "payload": {"$ref": f"#/components/schemas/{model.__name__}"},
            "bindings": {"kafka": {"key": {"type": "string", "description": channels[names.topic_of(event_type)][1]}}},
        }
        for event_type, model in models.MODELS.items()
    }
    return {
        "asyncapi": ASYNCAPI_VERSION,
        "info": {"title": schema["title"], "version": version, "description": schema["description"]},
        "defaultContentType": CONTENT_TYPE,
        "channels": {
            topic: {
                "address": prefix + topic,
                "description": f"Holds {holds}; the message key is its {key}.",
                "messages": {
                    name: {"$ref": f"#/components/messages/{name}"}
                    for name in messages
                    if names.topic_of(name) == topic
                },
            }
            for topic, (holds, key) in channels.items()
        },
        "operations": {
            f"publish-{topic}": {"action": "receive", "channel": {"$ref": f"#/channels/{topic}"}} for topic in channels
        },
        "components": {"messages": messages, "schemas": _components(schema["$defs"])},
    }


def _components(node: Any) -> Any:
    """The definitions with their references turned to where AsyncAPI keeps schemas."""
    if isinstance(node, dict):
        return {key: _components(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_components(value) for value in node]
    return node.replace("#/$defs/", "#/components/schemas/") if isinstance(node, str) else node

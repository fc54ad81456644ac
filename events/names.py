"""Every name and bound that the event contract fixes: topics, headers, event types, reasons for a rejection.

Producers, the engine, dashboards and runbooks meet in these strings. They live in one module, so that a
search finds every use and a rename can't leave one behind.
"""

from __future__ import annotations

from typing import Final, Literal

# Topics. A deployment may put a prefix before each of them.
CUSTOMER_EVENTS: Final = "customer-events"
BUSINESS_EVENTS: Final = "business-events"
DEAD_LETTERS: Final = "dead-letters"
DEAD_LETTERS_REPLAYED: Final = "dead-letters-replayed"
KPI_TICKS: Final = "kpi-ticks"
KPI_COMPONENTS: Final = "kpi-components"
KPI_SNAPSHOTS: Final = "kpi-snapshots"
ENGINES: Final = "tapesh-engines"
KPI_LEDGER: Final = "kpi-ledger"

# Headers of a dead letter: why it was rejected, and where it came from.
HEADER_ERROR: Final = "error"
HEADER_ERROR_FIELD: Final = "error-field"
HEADER_TOPIC: Final = "topic"
HEADER_PARTITION: Final = "partition"
HEADER_OFFSET: Final = "offset"
HEADER_REJECTED_AT: Final = "rejected-at"
HEADER_CUT_FROM: Final = "cut-from"
"""Only on a dead letter that the broker wouldn't take whole: how many bytes the value had."""
HEADER_DEAD_LETTER: Final = "dead-letter"
"""Of an event that was replayed: the dead letter that it was."""
DEAD_LETTER_HEADERS: Final = (
    HEADER_ERROR,
    HEADER_ERROR_FIELD,
    HEADER_TOPIC,
    HEADER_PARTITION,
    HEADER_OFFSET,
    HEADER_REJECTED_AT,
)

# Event types: the value of `type`, and the last part of a CloudEvents type.
CUSTOMER_ACQUIRED: Final = "customer-acquired"
PURCHASE: Final = "purchase"
REFUND: Final = "refund"
LEAD: Final = "lead"
SURVEY_RESPONSE: Final = "survey-response"
CANCELLATION: Final = "cancellation"
LOYALTY_ACTIVITY: Final = "loyalty-activity"
MARKETING_SPEND: Final = "marketing-spend"
EVENT_TYPES: Final = (
    CUSTOMER_ACQUIRED,
    PURCHASE,
    REFUND,
    LEAD,
    SURVEY_RESPONSE,
    CANCELLATION,
    LOYALTY_ACTIVITY,
    MARKETING_SPEND,
)

# Words that fields choose from.
Offer = Literal["base", "upsell", "cross-sell"]
Stage = Literal["new", "qualified", "proposal", "won", "lost"]
Survey = Literal["nps", "csat", "ces", "cli"]
Action = Literal["enrolled", "left", "earned", "reward-issued", "reward-redeemed"]
Purpose = Literal["acquisition", "lead-generation", "retention"]
PAYMENT_FAILED: Final = "payment-failed"

LARGEST_INTEGER: Final = 10**15
"""Bound of every number that has no narrower one, so that 64-bit sums and encodings hold it."""
LARGEST_MESSAGE: Final = 64 * 1024

# Reasons for a rejection: the value of the metric's label `reason`, and the first word of the `error` header.
Reason = Literal[
    "too-large", "not-utf8", "not-json", "unknown-type", "missing-field", "invalid-field", "unknown-currency", "future"
]
TOO_LARGE: Final = "too-large"
NOT_UTF8: Final = "not-utf8"
NOT_JSON: Final = "not-json"
UNKNOWN_TYPE: Final = "unknown-type"
MISSING_FIELD: Final = "missing-field"
INVALID_FIELD: Final = "invalid-field"
UNKNOWN_CURRENCY: Final = "unknown-currency"
FUTURE: Final = "future"
REASONS: Final[tuple[Reason, ...]] = (
    TOO_LARGE,
    NOT_UTF8,
    NOT_JSON,
    UNKNOWN_TYPE,
    MISSING_FIELD,
    INVALID_FIELD,
    UNKNOWN_CURRENCY,
    FUTURE,
)


def topic_of(event_type: str, prefix: str = "") -> str:
    """The topic that carries events of this type, with the deployment's prefix before it."""
    return prefix + (BUSINESS_EVENTS if event_type == MARKETING_SPEND else CUSTOMER_EVENTS)

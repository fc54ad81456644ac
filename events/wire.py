"""The hot path's types: structs that msgspec decodes straight from bytes.

`models.py` is the contract; these carry the same names and fields, and the cheap part of its rules, so that a
well-formed message never waits for the judge. A field or a bound that changes there changes here too
(`tests/contract/test_codec_agreement.py` fails until it does).

Structs hold no reference cycles, so the garbage collector needn't track them (`gc=False`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar, TypeAlias

from msgspec import Meta, Struct

from .names import LARGEST_INTEGER, PAYMENT_FAILED, Action, Offer, Purpose, Stage, Survey

Text64 = Annotated[str, Meta(min_length=1, max_length=64)]
Text128 = Annotated[str, Meta(min_length=1, max_length=128)]
Text256 = Annotated[str, Meta(min_length=1, max_length=256)]
Instant = Annotated[datetime, Meta(tz=True)]
Whole = Annotated[int, Meta(ge=0, le=LARGEST_INTEGER)]
Quantity: TypeAlias = (
    Annotated[int, Meta(gt=0, le=LARGEST_INTEGER)] | Annotated[float, Meta(gt=0, le=float(LARGEST_INTEGER))]
)


class Money(Struct, gc=False, frozen=True):
    """An amount as it was written, and its currency; `money.minor_units` reads it."""

    amount: str | int | float
    currency: str


class Line(Struct, gc=False, frozen=True, kw_only=True, omit_defaults=True):
    """One line of a purchase. Its total may be negative: a discount."""

    sku: Text64
    total: Money
    quantity: Quantity | None = None
    offer: Offer | None = None


class _Event(Struct, gc=False, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    event_id: Text64
    occurred_at: Instant
    source: Text256 | None = None
    specversion: None = None
    """Always None: a message that has it is a CloudEvent, which no struct fits until its envelope is taken off."""


class CustomerAcquired(_Event, tag="customer-acquired", frozen=True):
    """A lifetime begins, again after a cancellation: a win-back."""

    type: ClassVar[str] = "customer-acquired"
    customer_id: Text128
    channel: Text64 | None = None
    segment: Text64 | None = None
    country: Text64 | None = None
    plan: Text64 | None = None
    lead_id: Text64 | None = None
    cost: Money | None = None


class Purchase(_Event, tag="purchase", frozen=True):
    """An order."""

    type: ClassVar[str] = "purchase"
    customer_id: Text128
    order_id: Text64
    total: Money
    lines: list[Line] | None = None


class Refund(_Event, tag="refund", frozen=True):
    """Money given back for an order, at its own instant."""

    type: ClassVar[str] = "refund"
    customer_id: Text128
    order_id: Text64
    total: Money


class Lead(_Event, tag="lead", frozen=True):
    """A stage that a lead has reached."""

    type: ClassVar[str] = "lead"
    customer_id: Text128
    lead_id: Text64
    stage: Stage = "new"
    channel: Text64 | None = None
    cost: Money | None = None


class SurveyResponse(_Event, tag="survey-response", frozen=True):
    """An answer to a survey; which of the fields are there depends on `survey`."""

    type: ClassVar[str] = "survey-response"
    customer_id: Text128
    survey: Survey
    touchpoint: Text64 | None = None
    score: Whole | None = None
    scale: Whole | None = None
    recommend: Whole | None = None
    repurchase: Whole | None = None
    try_other: Whole | None = None


class Cancellation(_Event, tag="cancellation", frozen=True):
    """A lifetime ends."""

    type: ClassVar[str] = "cancellation"
    customer_id: Text128
    reason: Text64 | None = None
    voluntary: bool | None = None

    @property
    def is_voluntary(self) -> bool:
        """Did the customer want it? If nobody says: yes, unless a payment failed."""
        return self.reason != PAYMENT_FAILED if self.voluntary is None else self.voluntary


class LoyaltyActivity(_Event, tag="loyalty-activity", frozen=True):
    """Something that a member of the loyalty programme did or got."""

    type: ClassVar[str] = "loyalty-activity"
    customer_id: Text128
    action: Action
    points: Whole | None = None


class MarketingSpend(_Event, tag="marketing-spend", frozen=True):
    """Money spent on winning or keeping customers. It has no customer."""

    type: ClassVar[str] = "marketing-spend"
    spend: Money
    purpose: Purpose
    channel: Text64 | None = None
    campaign: Text64 | None = None


Event: TypeAlias = (
    CustomerAcquired | Purchase | Refund | Lead | SurveyResponse | Cancellation | LoyaltyActivity | MarketingSpend
)

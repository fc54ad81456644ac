"""The event contract: what a shop, a CRM or a survey tool may say. These models are the judge.

Everything the engine knows comes through them; JSON Schema and AsyncAPI are derived from them, and the hot
path's structs (`wire.py`) accept nothing that they refuse. They are strict, because a score "9" is a bug of
the emitter that somebody should hear of, and lenient towards what they don't know, so that producers can
evolve first.
"""

from __future__ import annotations

import unicodedata
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal, Self, TypeAlias, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    StrictBool,
    StrictInt,
    StrictStr,
    StringConstraints,
    TypeAdapter,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from .identity import natural_event_id
from .instant import LAST_MS, RFC3339, instant_ms, parse_instant
from .money import AmountError, has_sign, minor_units
from .names import (
    INVALID_FIELD,
    LARGEST_INTEGER,
    MISSING_FIELD,
    PAYMENT_FAILED,
    Action,
    Offer,
    Purpose,
    Reason,
    Stage,
    Survey,
)
from .rejection import shown

CSAT_SCALES = (5, 7, 10)


def _fault(reason: Reason, detail: str, field: str = "") -> PydanticCustomError:
    """An error whose type is a reason of the contract, about a field below the validated one."""
    return PydanticCustomError(reason, "{detail}", {"detail": detail, "field": field})


def _normalised(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    for character in text:
        if unicodedata.category(character) in ("Cc", "Cs"):
            raise _fault(INVALID_FIELD, f"got {shown(text)}, expected text without control characters")
    return unicodedata.normalize("NFC", text)


def _instant(value: object) -> datetime:
    try:
        instant = parse_instant(value) if isinstance(value, str) else value
        if isinstance(instant, datetime) and instant.tzinfo and 0 <= instant_ms(instant) <= LAST_MS:
            return instant
    except (ValueError, OverflowError):
        pass
    raise _fault(
        INVALID_FIELD,
        f"got {shown(value)}, expected an RFC 3339 instant with offset, from 1970 to 9999, "
        "like '2026-06-15T13:37:20.250Z'",
    )


def _amount(value: object) -> str | int | float:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return value
    raise _fault(INVALID_FIELD, f"got {shown(value)}, expected a decimal string like '19.99' or a number")


def _quantity(value: object) -> int | float:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= LARGEST_INTEGER:
        return value
    raise _fault(INVALID_FIELD, f"got {shown(value)}, expected a number above 0, at most {LARGEST_INTEGER}")


_Text = Annotated[StrictStr, AfterValidator(_normalised)]
Text64 = Annotated[_Text, StringConstraints(min_length=1, max_length=64)]
Text128 = Annotated[_Text, StringConstraints(min_length=1, max_length=128)]
Text256 = Annotated[_Text, StringConstraints(min_length=1, max_length=256)]
Instant = Annotated[
    datetime,
    BeforeValidator(_instant),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": f"^{RFC3339}$"}),
]
Whole = Annotated[StrictInt, Field(ge=0, le=LARGEST_INTEGER)]
Quantity = Annotated[
    int | float,
    PlainValidator(_quantity),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "maximum": LARGEST_INTEGER}),
]


def _decimal_schema(sign: str) -> WithJsonSchema:
    number = {"type": "number"} if sign else {"type": "number", "minimum": 0}
    return WithJsonSchema({"anyOf": [{"type": "string", "pattern": rf"^{sign}[0-9]+(\.[0-9]+)?$"}, number]})


def _is_text(annotation: Any) -> bool:
    """Does the annotation admit a string? (Strict strings and literals of strings do.)"""
    return annotation is str or isinstance(annotation, str) or any(_is_text(part) for part in get_args(annotation))


class _Part(BaseModel):
    """What all models share: unknown fields are ignored, `null` means absent, and so does "" for an optional text."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)
    optional_texts: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        fields = cls.model_fields.items()
        cls.optional_texts = frozenset(n for n, f in fields if not f.is_required() and _is_text(f.annotation))

    @model_validator(mode="before")
    @classmethod
    def _drop_absent(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        return {k: v for k, v in given.items() if v is not None and not (v == "" and k in cls.optional_texts)}


class SignedMoney(_Part):
    """Money that may be negative: the total of a purchase's line, where a discount is one.

    Strings are judged as written ("10.000" EUR has three decimals: rejected), numbers by their value.
    """

    amount: Annotated[str | int | float, BeforeValidator(_amount), _decimal_schema("-?")]
    currency: Annotated[StrictStr, WithJsonSchema({"type": "string", "pattern": "^[A-Z]{3}$"})]

    @model_validator(mode="after")
    def _is_an_amount(self) -> Self:
        try:
            minor_units(self.amount, self.currency)
        except AmountError as error:
            raise _fault(INVALID_FIELD, str(error), error.part) from None
        return self


class Money(SignedMoney):
    """An amount of at least 0, as a decimal string or a number, and its ISO 4217 currency."""

    amount: Annotated[str | int | float, PlainValidator(_amount), _decimal_schema("")]

    @model_validator(mode="after")
    def _has_no_sign(self) -> Self:
        if has_sign(self.amount):
            raise _fault(INVALID_FIELD, f"got {shown(self.amount)}, expected an amount without sign", "amount")
        return self


class Line(_Part):
    """One line of a purchase: the base product, or what was sold on top of it or beside it."""

    sku: Text64
    quantity: Quantity | None = None
    total: SignedMoney
    offer: Offer | None = None


class _Event(_Part):
    event_id: Text64 = Field(description="unique per customer and source; `natural` derives it from the natural key")
    occurred_at: Instant = Field(description="event time, RFC 3339 with offset")
    source: Text256 | None = Field(default=None, description="the emitting system")

    @classmethod
    def natural(cls, **fields: Any) -> Self:
        """The event with these fields, its `event_id` derived from its natural key unless one is given.

        Then an order that is emitted twice is counted once. The keys are in `identity.natural_event_id`.
        """
        if fields.get("event_id") is not None:
            return cls.model_validate(fields)
        event = cls.model_validate({**fields, "event_id": "-"})
        return event.model_copy(update={"event_id": natural_event_id(event)})


class _CustomerEvent(_Event):
    customer_id: Text128 = Field(description="the person, from first lead to last cancellation")


class CustomerAcquired(_CustomerEvent):
    """A lifetime begins; again, after a cancellation: a win-back."""

    type: Literal["customer-acquired"] = "customer-acquired"
    channel: Text64 | None = None
    segment: Text64 | None = None
    country: Text64 | None = Field(default=None, description="ISO 3166 alpha-2 recommended")
    plan: Text64 | None = None
    lead_id: Text64 | None = None
    cost: Money | None = Field(default=None, description="what this acquisition cost; every one counts")


class Purchase(_CustomerEvent):
    """An order. The sum of its lines may differ from its total (discounts, shipping), their currency may not."""

    type: Literal["purchase"] = "purchase"
    order_id: Text64
    total: Money
    lines: list[Line] | None = None

    @model_validator(mode="after")
    def _one_currency(self) -> Self:
        for position, line in enumerate(self.lines or ()):
            if line.total.currency != self.total.currency:
                detail = f"got {line.total.currency!r}, expected {self.total.currency!r}, the currency of the total"
                raise _fault(INVALID_FIELD, detail, f"lines.{position}.total.currency")
        return self


class Refund(_CustomerEvent):
    """Money given back. It reduces revenue at its own `occurred_at`, never the number of orders."""

    type: Literal["refund"] = "refund"
    order_id: Text64
    total: Money


class Lead(_CustomerEvent):
    """A stage that a lead has reached: one event per stage. A lead is known by customer and lead id together."""

    type: Literal["lead"] = "lead"
    lead_id: Text64
    stage: Stage = "new"
    channel: Text64 | None = None
    cost: Money | None = None


class SurveyResponse(_CustomerEvent):
    """An answer to a survey. Every response counts.

    nps: `score` 0-10. csat: `score` 1..`scale`, `scale` 5, 7 or 10. ces: `score` 1-7 (7: made easy).
    cli: `recommend`, `repurchase`, `try_other`, each 1-6 (6: most likely).
    """

    type: Literal["survey-response"] = "survey-response"
    survey: Survey
    touchpoint: Text64 | None = Field(default=None, description="product, service, delivery, price, ...")
    score: Whole | None = None
    scale: Whole | None = None
    recommend: Whole | None = None
    repurchase: Whole | None = None
    try_other: Whole | None = None

    @model_validator(mode="after")
    def _answers_fit(self) -> Self:
        if self.survey == "csat":
            self._require("scale", CSAT_SCALES)
        for field, allowed in answers(self.survey, self.scale).items():
            self._require(field, allowed)
        return self

    def _require(self, field: str, allowed: range | tuple[int, ...]) -> None:
        value = getattr(self, field)
        span = f"{allowed[0]} to {allowed[-1]}" if isinstance(allowed, range) else f"one of {allowed}"
        if value is None:
            raise _fault(MISSING_FIELD, f"expected an integer, {span}, in a {self.survey} response", field)
        if value not in allowed:
            raise _fault(INVALID_FIELD, f"got {value}, expected {span} in a {self.survey} response", field)


def answers(survey: Survey, scale: int | None) -> dict[str, range]:
    """The fields that a response to this survey must have, with the values that each may take."""
    match survey:
        case "nps":
            return {"score": range(11)}
        case "csat":
            return {"score": range(1, (scale or 0) + 1)}
        case "ces":
            return {"score": range(1, 8)}
        case "cli":
            return dict.fromkeys(("recommend", "repurchase", "try_other"), range(1, 7))


class Cancellation(_CustomerEvent):
    """A lifetime ends."""

    type: Literal["cancellation"] = "cancellation"
    reason: Text64 | None = Field(default=None, description="price, site, delivery, service, payment-failed, ...")
    voluntary: StrictBool | None = Field(default=None, description="default: false for payment-failed, else true")

    @property
    def is_voluntary(self) -> bool:
        """Did the customer want it? If nobody says: yes, unless a payment failed."""
        return self.reason != PAYMENT_FAILED if self.voluntary is None else self.voluntary


class LoyaltyActivity(_CustomerEvent):
    """Something that a member of the loyalty programme did or got."""

    type: Literal["loyalty-activity"] = "loyalty-activity"
    action: Action
    points: Whole | None = None


class MarketingSpend(_Event):
    """Money spent on winning or keeping customers. It has no customer; its key is the channel, or the campaign."""

    type: Literal["marketing-spend"] = "marketing-spend"
    spend: Money
    purpose: Purpose
    channel: Text64 | None = None
    campaign: Text64 | None = None


AnyEvent: TypeAlias = (
    CustomerAcquired | Purchase | Refund | Lead | SurveyResponse | Cancellation | LoyaltyActivity | MarketingSpend
)
Event = Annotated[AnyEvent, Field(discriminator="type")]
EVENT_ADAPTER: TypeAdapter[AnyEvent] = TypeAdapter(Event)
MODELS: dict[str, type[AnyEvent]] = {model.model_fields["type"].default: model for model in get_args(AnyEvent)}

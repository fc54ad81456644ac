"""Every setting: its name, its kind, its default, what it means, and an example of it.

The commented example file and the text of every error come from these lines, so a setting is described once.
"""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from events.money import Converter
from metrics.economics import Economics, Target
from metrics.evaluate import refuse_bad_targets
from streams.health import HealthRules
from streams.meaning import RAW_VALUES, Meaning
from streams.pace import Pace
from streams.panes import ReportingTime
from streams.settings.duration import AnyDuration, Duration, PositiveDuration
from streams.settings.expected import Expectations
from streams.settings.fields import (
    Addresses,
    Bands,
    Currency,
    Lifespan,
    Rates,
    Slices,
    Targets,
    Text,
    Timezone,
    Topics,
    Windows,
)
from streams.settings.ingest import HOLDS_SECRETS, Sources, Webhooks

ENV_PREFIX = "TAPESH_"
ENV_DELIMITER = "__"
_Name = Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]{1,200}$")]
_DAY_MS = 86_400_000
_SHORTEST_REACH = 32
"""Days: the longest month, and the day on which it is past."""
_Port = Annotated[int, Field(ge=1, le=65_535)]


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Kafka(_Group):
    """Where the events come from."""

    bootstrap: Addresses = Field(
        "127.0.0.1:9092", description="Brokers to ask for the cluster.", examples=["kafka-1:9092,kafka-2:9092"]
    )
    partitions: int = Field(
        12,
        ge=1,
        le=1_000,
        description="Partitions of the event topics, all alike. Fixed once there is data: a person lives in one.",
        examples=[12],
    )
    replication: int = Field(1, ge=1, le=9, description="Copies of what tapesh's topics hold.", examples=[3])
    topic_prefix: str = Field(
        "",
        pattern=r"^[a-zA-Z0-9._-]{0,100}$",
        description="Before the name of every topic, so that several shops share a cluster.",
        examples=["shop-1."],
    )
    customer_topics: Topics = Field(
        ("customer-events",),
        min_length=1,
        description="Topics with events about persons, without the prefix.",
        examples=[["customer-events", "crm-events"]],
    )
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="How to talk to the brokers.", examples=["SSL"]
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "PLAIN", description="How to log in, where the protocol is a SASL one.", examples=["SCRAM-SHA-512"]
    )
    username: str = Field("", description="Who logs in.", examples=["tapesh"])
    password: SecretStr = Field(
        SecretStr(""), description="Better in the environment than in a file.", examples=["a-long-secret"]
    )
    ca_file: Path | None = Field(
        None, description="Certificates to trust; without it the system's.", examples=["/etc/tapesh/ca.pem"]
    )
    cert_file: Path | None = Field(
        None, description="Our own certificate, where brokers ask for one.", examples=["/etc/tapesh/tapesh.pem"]
    )
    key_file: Path | None = Field(None, description="The key to it.", examples=["/etc/tapesh/tapesh.key"])
    session_timeout: PositiveDuration = Field(
        Duration(15_000),
        description="A worker unheard of for so long loses its partitions to others.",
        examples=["15s"],
    )
    heartbeat_interval: PositiveDuration = Field(
        Duration(3_000), description="How often a worker is heard of: a third of the session at most.", examples=["3s"]
    )
    rebalance_timeout: PositiveDuration = Field(
        Duration(15_000), description="How long a rebalance waits for workers to come along.", examples=["15s"]
    )
    instance_id: str = Field(
        "",
        pattern=r"^[a-zA-Z0-9._-]{0,200}$",
        description="One for each worker: its restart within the session then moves no partition. Empty: none.",
        examples=["worker-1"],
    )

    @field_validator("ca_file", "cert_file", "key_file")
    @classmethod
    def _is_a_file(cls, path: Path | None) -> Path | None:
        if path is not None and not path.is_file():
            raise ValueError("expected the path of a file that is there")
        return path

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.security_protocol.startswith("SASL") and not (self.username and self.password.get_secret_value()):
            raise ValueError(f"security_protocol {self.security_protocol!r} expects username and password")
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file are expected together")
        if self.heartbeat_interval.ms * 3 > self.session_timeout.ms:
            raise ValueError(
                f"heartbeat_interval {self.heartbeat_interval} is expected to be at most a third of session_timeout"
                f" {self.session_timeout}: one lost heartbeat would cost a worker its partitions"
            )
        return self


class Redis(_Group):
    """Where others read the KPIs. The engine goes on without it."""

    url: SecretStr = Field(
        SecretStr("redis://127.0.0.1:6379/0"),
        description="Empty: no Redis. rediss:// for TLS. It may hold a password, so it is never shown.",
        examples=["rediss://user:secret@redis:6380/0"],
    )
    ca_file: Path | None = Field(
        None, description="Certificates to trust with rediss://; without it the system's.", examples=["/etc/redis.pem"]
    )

    prefix: str = Field(
        "tapesh:",
        pattern=r"^[a-zA-Z0-9._:-]{0,100}$",
        description="Before every key and channel, so that several shops share a server.",
        examples=["shop-1:"],
    )

    profiles: bool = Field(
        True, description="Whether a hash for each customer is kept there, for support desks.", examples=["off"]
    )
    profile_ttl: PositiveDuration = Field(
        Duration(400 * _DAY_MS),
        description="A profile that wasn't written for so long goes.",
        examples=["400d"],
    )
    value_bands: Bands = Field(
        default_factory=dict,
        description="Of a profile: names, and from which revenue on a customer is of that band.",
        examples=['{"silver": 200, "gold": 1000}'],
    )

    @field_validator("url")
    @classmethod
    def _has_a_scheme(cls, url: SecretStr) -> SecretStr:
        written = url.get_secret_value()
        if written and not written.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("expected a URL that begins with redis://, rediss:// or unix://, or nothing")
        return url

    @property
    def enabled(self) -> bool:
        """Whether there is a Redis to write to."""
        return bool(self.url.get_secret_value())


class Web(_Group):
    """Where the HTTP interface listens, and who may ask."""

    host: str = Field("127.0.0.1", min_length=1, description="0.0.0.0 opens it to the network.", examples=["0.0.0.0"])  # noqa: S104 - an example, not the default
    port: _Port = Field(6066, description="Its TCP port.", examples=[6066])
    token: SecretStr = Field(
        SecretStr(""),
        description="Every page but /health and /ready wants it: `Authorization: Bearer ...`. Empty: none does.",
        examples=["a-long-random-text"],
    )
    token_file: Path | None = Field(
        None, description="A file that holds the token, in place of it.", examples=["/run/secrets/tapesh-token"]
    )

    @field_validator("token_file")
    @classmethod
    def _holds_a_token(cls, path: Path | None) -> Path | None:
        if path is not None:
            _refuse_bad_token(_read_token(path), "the file")
        return path

    @field_validator("token")
    @classmethod
    def _is_a_token(cls, token: SecretStr) -> SecretStr:
        if token.get_secret_value():
            _refuse_bad_token(token.get_secret_value(), "it")
        return token

    @model_validator(mode="after")
    def _one_token(self) -> Self:
        if self.token_file is not None and self.token.get_secret_value():
            raise ValueError("web.token and web.token_file: expected one of them")
        return self

    @cached_property
    def bearer(self) -> str:
        """The token, wherever it is; "" for none. Not for logs."""
        return self.token.get_secret_value() if self.token_file is None else _read_token(self.token_file)


def _read_token(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError):
        raise ValueError("expected the path of a text file that can be read") from None


def _refuse_bad_token(token: str, where: str) -> None:
    if not re.fullmatch(r"[!-~]{16,}", token):
        raise ValueError(f"expected {where} to hold at least 16 characters, letters, digits and signs without spaces")


class Ingest(_Group):
    """Events over HTTP: who may post them to /events, and whose webhooks are taken at /webhooks/NAME."""

    sources: Sources = Field(
        default_factory=dict,
        description="Emitters by name: `token` or `token_file` of each, and a `rate` of events a second.",
        examples=[{"shop": {"token": "a-long-secret-token", "rate": 1000}}],
        json_schema_extra=HOLDS_SECRETS,
    )
    webhooks: Webhooks = Field(
        default_factory=dict,
        description="Services by name: `kind` (shopify, woocommerce, stripe, signed), `secret` or `secret_files`.",
        examples=[{"my-shop": {"kind": "shopify", "secret": "a-long-shared-secret"}}],
        json_schema_extra=HOLDS_SECRETS,
    )
    largest_body: int = Field(
        4_194_304, ge=1_024, le=67_108_864, description="Bytes of a request that is still taken.", examples=[4_194_304]
    )
    most_on_the_way: int = Field(
        50_000,
        ge=1,
        le=1_000_000,
        description="Events that may wait for Kafka; more get a 503.",
        examples=[50_000],
    )


class Checkpoint(_Group):
    """How much work a crash may cost, and how much writing: `interval`, `events` or `bytes`, whichever comes first."""

    interval: PositiveDuration = Field(
        Duration(10_000), description="Time after which a partition with changes is saved.", examples=["10s"]
    )
    events: int = Field(200_000, ge=1, description="Events after which it is saved.", examples=[200_000])
    bytes: int = Field(64_000_000, ge=1, description="Bytes of events after which it is saved.", examples=[64_000_000])
    traffic: float = Field(
        0.5,
        gt=0,
        le=100,
        allow_inf_nan=False,
        description="Bytes that may be written for each byte read; what would write more waits, up to `longest`.",
        examples=[0.5],
    )
    longest: PositiveDuration = Field(
        Duration(300_000), description="Changes never wait longer to be saved.", examples=["5m"]
    )

    @property
    def pace(self) -> Pace:
        """When a checkpoint is due."""
        return Pace(self.interval.seconds, self.events, self.bytes, self.traffic, self.longest.seconds)


class Health(_Group):
    """When a source is missed: the KPIs that it feeds are unknown while it is silent."""

    expected: Expectations = Field(
        (),
        description="Who delivers what: every so often, or by a local time of day with grace, on all days or some.",
        examples=[[{"name": "crm", "types": ["cancellation"], "source": "crm", "by": "06:00", "grace": "1h"}]],
    )
    learn: bool = Field(
        True,
        description="Judge the others by the rhythm that they have shown for two weeks or more; never in a replay.",
        examples=[False],
    )
    alpha: float = Field(
        1e-6,
        gt=0,
        le=0.01,
        allow_inf_nan=False,
        description="How unlikely a silence must be by that rhythm.",
        examples=[0.000001],
    )
    settle: PositiveDuration = Field(
        Duration(60_000), description="How long all must be well before a KPI is known again.", examples=["1m"]
    )
    retired: Text = Field((), description="Sources of which nothing is expected any more.", examples=[["old-shop"]])


class Alerts(_Group):
    """When counts of customers become an alert."""

    false_pages_per_year: float = Field(
        2.0, gt=0, le=1_000, description="False pages to be ready for; alpha follows from it.", examples=[2.0]
    )
    false_tickets_per_year: float = Field(12.0, gt=0, le=10_000, description="False tickets likewise.", examples=[12.0])
    false_slice_tickets_per_year: float = Field(
        4.0,
        ge=0,
        le=10_000,
        description="False tickets on single slice values likewise, over all of them together; 0: there are none.",
        examples=[0],
    )
    slice_values: int = Field(
        10, ge=1, le=1_000, description="Values of each attribute, its largest, that may have tickets.", examples=[20]
    )
    expected: Literal["learned", "target"] = Field(
        "learned",
        description="What is usual: of the eight weeks before, or the KPI's target where it has one.",
        examples=["learned"],
    )


class Ledger(_Group):
    """What was first published of past days and months, and what is known now."""

    enabled: bool = Field(True, description="Whether it is kept.", examples=[False])
    days: int = Field(
        365,
        ge=_SHORTEST_REACH,
        le=3_660,
        description="How many days back it looks; no further than the longest window of whole days.",
        examples=[90],
    )
    settle: AnyDuration = Field(
        Duration(0), description="How long after its end a period is first published.", examples=["6h"]
    )
    every: PositiveDuration = Field(
        Duration(10_000), description="How often it looks: what comes in between is one restatement.", examples=["1m"]
    )

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.settle.ms > (self.days - _SHORTEST_REACH) * _DAY_MS:
            raise ValueError(
                f"settle {self.settle} is expected to leave a month and a day of the {self.days} days: a period that"
                " settles when it is out of reach would never be published"
            )
        return self


class Settings(BaseSettings):
    """All settings, frozen. Made by `load`; made directly, only its arguments and the defaults count."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        env_nested_delimiter=ENV_DELIMITER,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        validate_default=False,
    )

    app_id: _Name = Field("tapesh", description="The consumer group, and the name of the state.", examples=["tapesh"])
    clock: Literal["wall", "event"] = Field(
        "wall", description="`event`: now is the latest event, for replays.", examples=["wall"]
    )
    currency: Currency = Field("EUR", description="What money is reported in.", examples=["EUR"])
    rates: Rates = Field(
        default_factory=dict,
        description="What one unit of another currency is worth in it; without a rate its events are rejected.",
        examples=[{"USD": "0.92"}],
    )
    timezone: Timezone = Field("UTC", description="Where days begin.", examples=["Asia/Tehran"])
    calendar: Literal["gregorian", "jalali"] = Field(
        "gregorian", description="Where months, quarters and years begin.", examples=["jalali"]
    )
    fiscal_year_start: int = Field(
        1,
        ge=1,
        le=12,
        description="The month of that calendar with which a year begins; quarters follow it.",
        examples=[4],
    )
    windows: Windows = Field(
        ("1h", "24h", "7d", "30d", "90d", "365d"),
        min_length=1,
        description="Rolling windows; month, quarter, year and lifetime are always there.",
        examples=[["24h", "30d", "90d"]],
    )
    slices: Slices = Field(
        ("channel", "segment", "country", "plan"),
        description="Attributes of an acquisition that slice every KPI.",
        examples=[["channel", "country"]],
    )
    max_slice_values: int = Field(
        50, ge=1, le=1_000, description="Values of an attribute with gauges of their own.", examples=[50]
    )
    unattributed_memory: int = Field(
        16, ge=0, le=1_000, description="Events kept to be moved once their person is acquired.", examples=[16]
    )
    lapse_after: PositiveDuration = Field(
        Duration(90 * 86_400_000), description="A buyer without a purchase for so long has lapsed.", examples=["90d"]
    )
    lifespan_years: Lifespan = Field(
        "expected", description="For customer values: years, `observed` or `expected`.", examples=[5]
    )
    gross_margin: float = Field(
        1.0, ge=0, le=1, allow_inf_nan=False, description="Share of revenue left after its cost.", examples=[0.35]
    )
    targets: Targets = Field(
        default_factory=dict,
        description="Goals: KPI, calendar window, value in the unit in which it is published.",
        examples=[{"churn_rate": {"month": 0.02}}],
    )
    dedup_horizon: AnyDuration = Field(
        Duration(86_400_000), description="How long the same event may come again and is dropped.", examples=["24h"]
    )
    future_tolerance: AnyDuration = Field(
        Duration(300_000), description="How far ahead of our clock an event may be.", examples=["5m"]
    )
    tick_interval: PositiveDuration = Field(
        Duration(500), description="How often KPIs are worked out anew.", examples=["500ms"]
    )
    data_dir: Path = Field(
        Path(".tapesh"), description="For what the worker keeps on disk.", examples=["/var/lib/tapesh"]
    )
    checkpoint: Checkpoint = Field(default_factory=Checkpoint)
    health: Health = Field(default_factory=Health)
    alerts: Alerts = Field(default_factory=Alerts)
    kafka: Kafka = Field(default_factory=Kafka)
    ledger: Ledger = Field(default_factory=Ledger)
    redis: Redis = Field(default_factory=Redis)
    ingest: Ingest = Field(default_factory=Ingest)
    web: Web = Field(default_factory=Web)

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        Converter(self.currency, self.rates)
        refuse_bad_targets(self.economics)
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """A test that makes Settings gets what it asks for: `load` alone looks at the file and the environment."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)

    @property
    def economics(self) -> Economics:
        """What formulas need to know."""
        targets = (Target(kpi, window, value) for kpi, goals in self.targets.items() for window, value in goals.items())
        return Economics(self.currency, self.gross_margin, self.lifespan_years, tuple(targets))

    @property
    def meaning(self) -> Meaning:
        """What gives state its meaning: state kept under another one isn't loaded."""
        return Meaning(
            currency=self.currency,
            rates=self.rates,
            timezone=self.timezone,
            calendar=self.calendar,
            windows=self.windows,
            slices=self.slices,
            lapse_after_ms=self.lapse_after.ms,
            remembered_events=self.unattributed_memory,
            raw_values=max(RAW_VALUES, self.max_slice_values),
            fiscal_year_start=self.fiscal_year_start,
        )

    @property
    def reporting_time(self) -> ReportingTime:
        """How time is cut."""
        return ReportingTime(self.timezone, self.calendar, self.windows, self.fiscal_year_start)

    @property
    def health_rules(self) -> HealthRules:
        """How sources are judged."""
        health = self.health
        return HealthRules(
            health.expected, health.learn, health.alpha, health.settle.seconds, frozenset(health.retired)
        )

    def topic(self, name: str) -> str:
        """The name in this cluster of a topic from `events.names`."""
        return f"{self.kafka.topic_prefix}{name}"

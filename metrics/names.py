"""Every name that leaves the engine for Prometheus or Redis, so that a board, a rule and a gauge can't disagree.

A metric of a KPI is `tapesh_<kpi>_<unit>`, without exception: whoever knows the catalogue knows the name. Its
labels are `window`, `slice` and `value`; everybody is `slice="all", value="all"`, spelled out because Prometheus
takes an empty label for an absent one, and a board's drop-down couldn't offer it. A query without a slice matches
every slice; one for everybody says `slice="all"`. A KPI that is split adds its own label (`reason`, `stage`, ...).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from metrics.kpi import Kpi, Unit

PREFIX: Final = "tapesh"

# Labels
WINDOW: Final = "window"
SLICE: Final = "slice"
VALUE: Final = "value"
ALL: Final = "all"
"""Value of `slice` and `value` on the series of everybody."""
KPI: Final = "kpi"
REASON: Final = "reason"
TYPE: Final = "type"
STEP: Final = "step"
STATE: Final = "state"
OUTCOME: Final = "outcome"
SOURCE: Final = "source"

# Why a KPI is unknown: the values of `reason` on KPI_UNKNOWN
STARTING: Final = "starting"
NO_EVENT: Final = "no-event"
NO_ANSWER: Final = "no-answer"
CATCHING_UP: Final = "catching-up"
LATE_ANSWERS: Final = "late-answers"
FAILURE: Final = "failure"
SILENT_SOURCE: Final = "silent-source"
BOOKS_UNBALANCED: Final = "books-unbalanced"
UNKNOWN_REASONS: Final = (
    *(STARTING, NO_EVENT, NO_ANSWER, CATCHING_UP, LATE_ANSWERS, FAILURE),
    *(SILENT_SOURCE, BOOKS_UNBALANCED),
)

# Beside the KPIs
KPI_UNKNOWN: Final = "tapesh_kpi_unknown"
SNAPSHOT_AGE: Final = "tapesh_snapshot_age_seconds"
BOOKS_RESIDUAL: Final = "tapesh_books_residual_customers"
SOURCE_LAST_EVENT: Final = "tapesh_source_last_event_timestamp_seconds"
SOURCE_SILENT: Final = "tapesh_source_silent"
RESTATED_DELTA: Final = "tapesh_restated_delta"
PERIOD: Final = "period"
SLICE_OVERFLOW: Final = "tapesh_slice_overflow_total"

# Alerts on customers: a pair of windows each, `span` is `long` or `short`
ALERT: Final = "alert"
TIER: Final = "tier"
SPAN: Final = "span"
ALERT_OBSERVED: Final = "tapesh_alert_observed_events"
ALERT_EXPECTED: Final = "tapesh_alert_expected_events"
ALERT_P_VALUE: Final = "tapesh_alert_p_value_ratio"
ALERT_ALPHA: Final = "tapesh_alert_alpha_ratio"
ALERT_NEEDED: Final = "tapesh_alert_needed_events"
ALERT_BASE: Final = "tapesh_alert_base_customers"
ALERT_ON: Final = "tapesh_alert_on"
ALERT_SINCE: Final = "tapesh_alert_since_timestamp_seconds"
ALERT_END: Final = "tapesh_alert_end_timestamp_seconds"
ALERT_PART: Final = "tapesh_alert_part_ratio"
"""What a slice's value (or a reason) adds to a change, `by` its own `rate` or by the `mix`."""
BY: Final = "by"

# Alerts on scores: compared with what is usual, or with a target, `against` says which
AGAINST: Final = "against"
SURVEY_ANSWERS: Final = "tapesh_survey_answers"
SURVEY_SCORE: Final = "tapesh_survey_score"
SURVEY_UPPER: Final = "tapesh_survey_upper_score"
SURVEY_REFERENCE: Final = "tapesh_survey_reference_score"

# Targets on their way, by `kpi` and `window`
TARGET_EXPECTED: Final = "tapesh_target_expected"
TARGET_PACE: Final = "tapesh_target_pace_ratio"
TARGET_FORECAST: Final = "tapesh_target_forecast"
TARGET_NEEDED: Final = "tapesh_target_needed_per_day"
TARGET_CHANCE: Final = "tapesh_target_chance_ratio"
TARGET_ELAPSED: Final = "tapesh_target_elapsed_ratio"

# Breakdowns of customers, by when they were acquired and by how long they have been customers
COHORT: Final = "cohort"
MONTHS: Final = "months"
TENURE: Final = "tenure"
DAYS: Final = "days"
COHORT_ACQUIRED: Final = "tapesh_cohort_acquired_customers"
COHORT_RETAINED: Final = "tapesh_cohort_retained_customers"
COHORT_RETENTION: Final = "tapesh_cohort_retention_ratio"
ACTIVE_BY_TENURE: Final = "tapesh_active_by_tenure_customers"
AT_RISK_BY_TENURE: Final = "tapesh_at_risk_by_tenure_customers"
CHURNED_BY_TENURE: Final = "tapesh_churned_by_tenure_customers"
CHURN_RATE_BY_TENURE: Final = "tapesh_churn_rate_by_tenure_ratio"
LOST_BY_TENURE: Final = "tapesh_lost_by_tenure_customers"
SURVIVAL: Final = "tapesh_survival_ratio"

# The engine's own
RESTATEMENTS: Final = "tapesh_restatements_total"
EVENTS: Final = "tapesh_events_total"
EVENTS_REJECTED: Final = "tapesh_events_rejected_total"
EVENTS_DUPLICATE: Final = "tapesh_events_duplicate_total"
EVENTS_CONFLICTING: Final = "tapesh_events_conflicting_total"
EVENTS_MISROUTED: Final = "tapesh_events_misrouted_total"
EVENTS_UNMOVED: Final = "tapesh_events_unmoved_total"
ACQUISITIONS_LATE: Final = "tapesh_acquisitions_reattributed_total"
EVENT_LAG: Final = "tapesh_event_lag_seconds"
LAST_EVENT: Final = "tapesh_last_event_timestamp_seconds"
CHECKPOINTS: Final = "tapesh_checkpoint_total"
CHECKPOINT_FAILURES: Final = "tapesh_checkpoint_failures_total"
CHECKPOINT_DURATION: Final = "tapesh_checkpoint_duration_seconds"
CHECKPOINT_TIMESTAMP: Final = "tapesh_checkpoint_timestamp_seconds"
CHECKPOINT_BYTES: Final = "tapesh_checkpoint_bytes_total"
CHANGELOG_BYTES: Final = "tapesh_changelog_bytes"
LOOP_HELD: Final = "tapesh_loop_held_seconds"
LOOP_HELD_LONGEST: Final = "tapesh_loop_held_longest_seconds"
PARTITIONS_OWNED: Final = "tapesh_partitions_owned"
PERSONS: Final = "tapesh_persons"
DEDUPLICATION_IDS: Final = "tapesh_deduplication_ids"
DEDUPLICATION_BYTES: Final = "tapesh_deduplication_bytes"
WAITING_EVENTS: Final = "tapesh_waiting_events"
HTTP_EVENTS: Final = "tapesh_http_events_total"
HTTP_REFUSED: Final = "tapesh_http_requests_refused_total"
PROFILES: Final = "tapesh_profiles_total"
PROFILES_WAITING: Final = "tapesh_profiles_waiting"
REDIS_UP: Final = "tapesh_redis_up"
"""1 while Redis holds the latest snapshot, 0 while it is behind; on the worker that owns the KPIs."""


@dataclass(frozen=True, slots=True)
class RedisKeys:
    """Keys and channels in Redis, under a prefix that two shops in one Redis choose apart."""

    prefix: str = "tapesh:"

    @property
    def snapshot(self) -> str:
        """Hash: the latest snapshot."""
        return f"{self.prefix}snapshot"

    @property
    def changes(self) -> str:
        """Pub/sub channel: the KPIs whose value changed."""
        return f"{self.prefix}changes"

    @property
    def owner(self) -> str:
        """Epoch of whoever writes here; forgotten after a minute without a write."""
        return f"{self.prefix}owner"

    @property
    def history(self) -> str:
        """Capped stream: a snapshot a minute."""
        return f"{self.prefix}history"

    @property
    def ledger(self) -> str:
        """Capped stream: what was published of past days and months, and what was restated."""
        return f"{self.prefix}ledger"

    @property
    def ledger_now(self) -> str:
        """Hash: what is known now of each past day and month."""
        return f"{self.prefix}ledger:now"

    def profile(self, customer_id: str) -> str:
        """Hash: one customer's profile."""
        return f"{self.prefix}customer:{customer_id}"

    def profiles_owner(self, partition: int) -> str:
        """Epoch of whoever writes the profiles of a partition; forgotten some minutes after the last write."""
        return f"{self.prefix}profiles:owner:{partition}"


def metric_name(kpi: Kpi, currency: str) -> str:
    """The KPI's gauge: `tapesh_churn_rate_ratio`, `tapesh_revenue_eur`.

    Args:
        kpi: any declaration.
        currency: the reporting currency, the unit of what is money.
    """
    unit = currency.lower() if kpi.unit is Unit.CURRENCY else kpi.unit.value
    return f"{PREFIX}_{kpi.id}_{unit}"

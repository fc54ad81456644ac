"""The whole catalogue, in the order that outputs, boards and docs keep, checked as it is imported."""

from __future__ import annotations

from metrics.catalogue import acquisition, churn, growth, loyalty, revenue, satisfaction, targets, value
from metrics.kpi import Kpi, Text
from metrics.validation import checked

THEMES: tuple[tuple[Text, tuple[Kpi, ...]], ...] = (
    (Text("Growth", "رشد"), growth.KPIS),
    (Text("Churn and tenure", "ریزش و ماندگاری"), churn.KPIS),
    (Text("Acquisition", "جذب"), acquisition.KPIS),
    (Text("Revenue and buying", "درآمد و خرید"), revenue.KPIS),
    (Text("Customer value", "ارزش مشتری"), value.KPIS),
    (Text("Satisfaction", "رضایت"), satisfaction.KPIS),
    (Text("Loyalty programme", "باشگاه مشتریان"), loyalty.KPIS),
    (Text("Targets", "اهداف"), targets.KPIS),
)

CATALOGUE: tuple[Kpi, ...] = checked(tuple(kpi for _, kpis in THEMES for kpi in kpis))
BY_ID: dict[str, Kpi] = {kpi.id: kpi for kpi in CATALOGUE}

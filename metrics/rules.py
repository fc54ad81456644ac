"""Alerts: what wakes a person, what waits for the morning, and what may not be believed meanwhile.

A page has to mean something. A KPI pages on evidence only (a rate over few customers is noise), and it is held back
while the engine says that its numbers can't be trusted; that itself is an alert. Nothing here filters a stream down
to its living part: what has died must be seen to be missing.
"""

from __future__ import annotations

from typing import Any

from metrics import names
from metrics.alert import JOB, Alert
from metrics.kpi_rules import kpi_alerts, runbook_of_customers
from metrics.promql import selector

EVENT_RATE = "job:tapesh_events:rate5m"
_WORKERS = {"job": JOB}


def rule_file(currency: str) -> dict[str, Any]:
    """The file of rules that Prometheus loads; the reporting currency is part of the names of what is money."""
    rates = selector(names.EVENTS, _WORKERS)
    recording = [{"record": EVENT_RATE, "expr": f"sum by (job) (rate({rates}[5m]))"}]
    groups = {
        "tapesh-records": recording,
        "tapesh-engine": [alert.rule() for alert in engine_alerts()],
        "tapesh-kpis": [alert.rule() for alert in kpi_alerts(currency)],
    }
    return {"groups": [{"name": name, "rules": rules} for name, rules in groups.items()]}


def engine_alerts() -> tuple[Alert, ...]:
    """Alerts about tapesh itself."""
    return (_switch(), *_presence(), *_trust(), *_work())


def _switch() -> Alert:
    return Alert(
        name="TapeshWatchdog",
        expr="vector(1)",
        lasts="0m",
        severity="none",
        layer="engine",
        summary="Always fires: alerts get through.",
        description="A dead man's switch: whoever receives it every few minutes rings when it stops coming.",
        action="If its receiver says that it has stopped: is Prometheus up, does it evaluate, does it reach "
        "Alertmanager, and does Alertmanager reach the receiver? Until then no other alert gets through either.",
    )


def _presence() -> tuple[Alert, ...]:
    up = selector("up", _WORKERS)
    age = selector(names.SNAPSHOT_AGE, _WORKERS)
    return (
        Alert(
            name="TapeshEngineDown",
            expr=f"(max by (job) ({up}) or absent({up}) * 0) == 0",
            lasts="1m",
            severity="page",
            layer="engine",
            summary="No worker is up.",
            description="For a minute Prometheus has got no answer from any worker, or it knows none.",
            action="Are the processes there, and what are their logs' last lines? Events wait in Kafka meanwhile, none "
            "is lost. If they run, look at Prometheus's targets.",
            distrust=True,
        ),
        Alert(
            name="TapeshWorkerDown",
            expr=f"{up} == 0",
            lasts="5m",
            severity="ticket",
            layer="engine",
            summary="Worker {{ $labels.instance }} is down.",
            description="Others have taken its partitions over; numbers are right, with less capacity.",
            action="Look at its log's last lines. If it was taken away on purpose, take it off the targets.",
        ),
        Alert(
            name="TapeshSnapshotMissing",
            expr=f"absent({age}) and on () count({up} == 1) > 0",
            lasts="2m",
            severity="page",
            layer="engine",
            summary="Workers are up, but none of them publishes KPIs.",
            description="Exactly one worker owns the KPIs; its gauges vanish when its lease ends.",
            action="Look for a rebalance that doesn't end and for errors of the KPI agent in the workers' logs.",
            distrust=True,
        ),
        Alert(
            name="TapeshSnapshotStale",
            expr=f"max by (job) ({age}) > 60",
            lasts="1m",
            severity="page",
            layer="engine",
            summary="The latest KPIs are {{ $value | humanizeDuration }} old.",
            description="Ticks aren't answered by all partitions, or the KPI agent doesn't get on.",
            action="Which partitions are missing? The snapshot names those that it covers; see the lag of each worker.",
            distrust=True,
        ),
    )


def _trust() -> tuple[Alert, ...]:
    unknown = selector(names.KPI_UNKNOWN, _WORKERS)
    missed = selector(names.KPI_UNKNOWN, {**_WORKERS, names.REASON: names.SILENT_SOURCE})
    residual = selector(names.BOOKS_RESIDUAL, _WORKERS)
    counted, seen = selector(names.EVENTS, _WORKERS), f"sum by (job) ({selector('up', _WORKERS)})"
    of_type = "sum by (job, type) (increase({}[{}]))".format
    return (
        Alert(
            name="TapeshKpiUnknown",
            # Not by reason: a reason that changes would start the waiting anew. A silent source has its own alert, and
            # leaves the other KPIs to be believed.
            expr=f"count by (job) ({unknown} == 1 unless {missed})",
            lasts="2m",
            severity="page",
            layer="engine",
            summary="{{ $value }} KPIs are unknown.",
            description=f"Because: {{{{ range query `count by (reason) ({unknown} == 1)` }}}}"
            "{{ .Labels.reason }} ({{ .Value }} KPIs). {{ end }}",
            action="The reason says what is missing: a partition without an owner, a failed one, a running replay. "
            "The gauges are absent until it is mended; nothing wrong is shown.",
            distrust=True,
        ),
        Alert(
            name="TapeshBooksUnbalanced",
            expr=f"max by (job, slice, value) (abs({residual})) > 0",
            lasts="1m",
            severity="page",
            layer="engine",
            summary="The books are out by {{ $value }} customers"
            "{{ with $labels.slice }} in {{ . }}={{ $labels.value }}{{ end }}.",
            description="Opening + new + won back - lost differs from closing: customers were counted wrongly.",
            action="This is a defect. Keep the topics' events and note the window. Run `tapesh rebuild`, which "
            "counts them anew; then report it.",
            distrust=True,
        ),
        Alert(
            name="TapeshEventsSilent",
            # A worker that has never seen an event has no counter: it counts as 0, not as nothing.
            expr=f"(sum by (job) (rate({counted}[10m])) or {seen} * 0) == 0",
            lasts="10m",
            severity="page",
            layer="engine",
            summary="No event has arrived for 20 minutes.",
            description="The workers are up and read nothing: producers, the topics' names or the brokers.",
            action="`tapesh check` says whether the topics are there and when something was last written to them.",
            distrust=True,
        ),
        Alert(
            name="TapeshSourceSilent",
            expr=f"max by (job, source, type) ({selector(names.SOURCE_SILENT, _WORKERS)}) == 1",
            lasts="2m",
            severity="ticket",
            layer="engine",
            summary="{{ $labels.type }} events from {{ $labels.source }} are missed.",
            description="They should have come, by what is configured or by their rhythm. The KPIs that they feed are "
            "unknown meanwhile, the others stand.",
            action="`tapesh check` says what is expected of it and since when it is silent. Ask who runs the emitter; "
            "it is believed again by itself. A source that is gone for good goes into `health.retired`.",
        ),
        Alert(
            name="TapeshEventTypeSilent",
            expr=f"{of_type(counted, '7d')} > 20\n  unless {of_type(counted, '1d')} > 0",
            lasts="1h",
            severity="ticket",
            layer="engine",
            summary="No {{ $labels.type }} event for a day.",
            description="There were {{ $value | humanize }} in the last 7 days. What they feed goes on sliding to 0.",
            action="Ask who runs the system that emits them. A KPI that falls for want of events is no news.",
        ),
    )


def _work() -> tuple[Alert, ...]:
    rejected, counted = (selector(name, _WORKERS) for name in (names.EVENTS_REJECTED, names.EVENTS))
    refused = f"sum by (job) (rate({rejected}[15m]))"
    return (
        Alert(
            name="TapeshLagging",
            # The newest record that a worker has read is old in a quiet night too: it lags if it is still reading.
            expr=f"max by (job, instance) ({selector(names.EVENT_LAG, _WORKERS)}) > 300\n"
            f"  and sum by (job, instance) (rate({counted}[5m])) > 0",
            lasts="5m",
            severity="ticket",
            layer="engine",
            summary="Worker {{ $labels.instance }} is {{ $value | humanizeDuration }} behind.",
            description="So long ago the newest event was published that it has counted, and it still counts.",
            action="Compare with the group's offsets: if the workers are behind, start another one.",
        ),
        Alert(
            name="TapeshRejecting",
            expr=f"{refused} / ({refused} + sum by (job) (rate({counted}[15m]))) > 0.01",
            lasts="15m",
            severity="ticket",
            layer="engine",
            summary="{{ $value | humanizePercentage }} of the events are rejected.",
            description="They are in the topic dead-letters, with the reason and the field in their headers.",
            action=(
                "`tapesh dead-letters list --summary` counts them by reason, field and source; `show` shows one."
                " Mend the producer, then send them back: `tapesh dead-letters replay`."
            ),
        ),
        Alert(
            name="TapeshCheckpointsFailing",
            expr=f"sum by (job) (increase({selector(names.CHECKPOINT_FAILURES, _WORKERS)}[15m])) > 2",
            lasts="5m",
            severity="ticket",
            layer="engine",
            summary="{{ $value | humanize }} checkpoints failed within 15 minutes.",
            description="Numbers are right, but a crash would cost a longer replay.",
            action="Look at the brokers: do they accept writes to the changelog topic?",
        ),
        Alert(
            name="TapeshRedisBehind",
            expr=f"min by (job) ({selector(names.REDIS_UP, _WORKERS)}) == 0",
            lasts="5m",
            severity="ticket",
            layer="engine",
            summary="Redis doesn't hold the latest KPIs.",
            description="The engine goes on, keeps the latest to write, and catches up by itself.",
            action="Is Redis reachable from the worker, and is its memory full?",
        ),
    )


def runbook(currency: str) -> str:
    """The page that alerts point to."""
    lines = [
        "# Runbook",
        "",
        "<!-- Written by `python -m metrics.render` from metrics/rules.py: change an alert there, not this page. -->",
        "",
        "What each alert means and what to do first. While one that is marked *KPIs untrusted* fires, alerts about",
        "customers are held back: their numbers may be wrong.",
        "",
    ]
    lines += runbook_of_customers(currency)
    for alert in engine_alerts():
        marks = f"{alert.severity}, after {alert.lasts}" + (", KPIs untrusted" if alert.distrust else "")
        lines += [f"## {alert.name}", "", f"*{marks}*", "", f"{alert.action}", "", "```promql", alert.expr, "```", ""]
    return "\n".join(lines)

"""What a page says beyond its rule: evidence that Prometheus is asked for as it sends, and a link to the board.

An annotation is a template. Each query is about the alert's own gauges, of its own job (and slice), and says nothing
where there is no answer: a page without its third sentence is better than one that says `<nil>`.
"""

from __future__ import annotations

from metrics import names
from metrics.alert import GRAFANA
from metrics.alerting import Tier, Watch
from metrics.names import SLICE, VALUE


def places(watch: Watch, tier: Tier) -> tuple[str, str]:
    """Return the labels of an alert's gauges as printf has them, and its arguments."""
    at = f"job=%q{label(names.ALERT, watch.id)}{label(names.TIER, tier.name)}"
    if watch.sliced:
        return f"{at}, {SLICE}=%q, {VALUE}=%q", "$labels.job $labels.slice $labels.value"
    return at, "$labels.job"


def label(name: str, value: str) -> str:
    """Return a further label of a selector; nothing without a value."""
    return f', {name}="{value}"' if value else ""


def asked(expr: str, place: str, then: str) -> str:
    """Return a template that asks Prometheus, and says something only if there is an answer."""
    return f"{{{{ with printf `{expr}` {place} | query }}}}{then}{{{{ end }}}}"


def most_of_it(at: str, place: str) -> str:
    """Return what each attribute's foremost value adds to the change, and whether its rate moved or the mix did."""
    expr = f"sort_desc(topk by ({SLICE}) (1, {names.ALERT_PART}{{{at}}}))"
    each = (
        "{{ range $n, $part := . }}{{ if $n }}, {{ end }}{{ $part.Labels.slice }}={{ $part.Labels.value }} "
        "{{ $part | value | humanizePercentage }} (its {{ if eq $part.Labels.by `mix` }}share{{ else }}rate{{ end }})"
        "{{ end }}"
    )
    return asked(expr, place, f"What adds most to the change: {each}. ")


def board_at(watch: Watch, tier: Tier, at: str, place: str) -> str:
    """Return a link to the board: from two long windows before it began to one after."""

    def bound(name: str, windows: int) -> str:
        expr = f"({names.ALERT_SINCE}{{{at}}} {windows * tier.long_min * 60:+d}) * 1000"
        return asked(expr, place, f"&{name}={{{{ . | first | value | printf `%.0f` }}}}")

    sliced = "&var-slice={{ $labels.slice | urlquery }}&var-value={{ $labels.value | urlquery }}"
    return (
        f"{{{{ $externalLabels.{GRAFANA} }}}}/d/{watch.board}?var-job={{{{ $labels.job | urlquery }}}}"
        f"{sliced if watch.sliced else ''}{bound('from', -2)}{bound('to', 1)}"
    )

"""How far the period has come towards what was planned."""

from __future__ import annotations

from metrics.formula import Attainment
from metrics.kpi import Better, Kpi, Text, Unit, Windows

KPIS = (
    Kpi(
        id="target_attainment",
        title=Text("Target attainment", "میزان تحقق هدف"),
        meaning=Text(
            "Each KPI with a target for the period, as a share of it; over 1 is better than planned.",
            "هر شاخصی که برای این دوره هدف دارد، به نسبت هدفش؛ بالاتر از ۱ یعنی بهتر از برنامه.",
        ),
        unit=Unit.RATIO,
        better=Better.HIGHER,
        formula=Attainment(),
        windows=Windows.WITH_TARGETS,
        label="kpi",
        source="plan versus actual",
    ),
)

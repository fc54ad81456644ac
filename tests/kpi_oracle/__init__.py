"""A second, naive opinion on every KPI, and the event logs to ask it about: tests import it as `kpi_oracle`."""

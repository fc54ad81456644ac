"""Prometheus shows workers the token once the lines that are commented out in its configuration aren't."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]


def test_the_lines_in_the_comment_are_prometheus_own(promtool, tmp_path):
    """Without their marks they belong to the workers' job, and Prometheus's own checker takes them."""
    text = (ROOT / "grafana/prometheus/prometheus.yml").read_text()
    config = re.sub(r"^    # If workers .*\n", "", text, flags=re.MULTILINE).replace("\n    # ", "\n    ")
    (tmp_path / "token").write_text("a-token-of-many-signs")
    config = config.replace("/etc/prometheus/tapesh-token", str(tmp_path / "token"))
    job = yaml.safe_load(config)["scrape_configs"][-1]
    assert job["authorization"] == {"credentials_file": str(tmp_path / "token")}
    for name in ("targets", "rules"):
        (tmp_path / name).mkdir()
    (tmp_path / "prometheus.yml").write_text(config)
    judged = subprocess.run(
        [promtool, "check", "config", str(tmp_path / "prometheus.yml")], check=False, capture_output=True, text=True
    )
    assert "authorization" not in judged.stderr, judged.stderr
    assert "SUCCESS" in judged.stdout, judged.stdout + judged.stderr

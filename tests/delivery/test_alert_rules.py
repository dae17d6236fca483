"""Alert rules and dashboard of Prometheus: they fire when they must, and name only metrics that processes serve."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from inventory.core.telemetry.metrics import Metrics
from sync.telemetry.run_metrics import NAMES
from tests.delivery.installed import SOURCE
from tests.delivery.test_runbook import rows

PROMETHEUS = SOURCE / "infra" / "prometheus"
RULES = [
    rule
    for group in yaml.safe_load((PROMETHEUS / "alerts.yml").read_text("utf-8"))["groups"]
    for rule in group["rules"]
]
# Gauges of an API process and of a pool, which only a running process registers.
PROCESS_GAUGES = {
    "diamond_connections_open", "diamond_subscriptions", "diamond_events_lag", "diamond_search_index_age_seconds",
    "diamond_database_connections_open", "diamond_database_connections_used", "diamond_database_connections_max",
    "diamond_collector_failed",
}  # fmt: skip


def promtool(*arguments: str, cwd: Path) -> None:
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("promtool is not installed (Debian: prometheus)")
    done = subprocess.run([program, *arguments], cwd=cwd, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stdout + done.stderr


def test_rules_are_valid_and_fire_when_they_must() -> None:
    promtool("check", "rules", "alerts.yml", cwd=PROMETHEUS)
    promtool("test", "rules", "alerts.test.yml", cwd=PROMETHEUS)


def test_each_rule_is_tested_and_explained() -> None:
    names = {rule["alert"] for rule in RULES}
    tests = yaml.safe_load((PROMETHEUS / "alerts.test.yml").read_text("utf-8"))["tests"]
    assert {case["alertname"] for test in tests for case in test["alert_rule_test"] if case["exp_alerts"]} == names
    assert set(rows("Alerts of Prometheus")) == names
    assert {rule["annotations"]["runbook_url"] for rule in RULES} == {"docs/how-to/runbook.md#alerts-of-prometheus"}


def served() -> set[str]:
    metrics = {sample.name for family in Metrics().registry.collect() for sample in family.samples}
    histograms = {"diamond_request_duration_seconds_count", "diamond_request_duration_seconds_bucket"}
    return metrics | histograms | set(NAMES) | PROCESS_GAUGES


@pytest.mark.parametrize("path", ["infra/prometheus/alerts.yml", "infra/grafana/dashboard.json"])
def test_only_served_metrics_are_named(path: str) -> None:
    named = set(re.findall(r"\bdiamond_[a-z_]+", (SOURCE / path).read_text("utf-8")))
    assert named - served() == set()
    assert len(named) > 10


def test_dashboard_has_query_for_every_panel() -> None:
    dashboard = json.loads((SOURCE / "infra" / "grafana" / "dashboard.json").read_text("utf-8"))
    assert all(panel["targets"] for panel in dashboard["panels"])
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)

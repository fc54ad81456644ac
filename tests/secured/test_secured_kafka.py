"""Through TLS, by password or by certificate, everything works; with a wrong one, the reason is a sentence."""

from __future__ import annotations

import json

import pytest
from ways import PASSWORD

WAYS = ("PLAIN", "SCRAM", "certificate")
EVENT = {
    "type": "purchase",
    "event_id": "p-1",
    "customer_id": "c-1",
    "occurred_at": "2026-06-15T13:00:00Z",
    "order_id": "A-1",
    "total": {"amount": "10.00", "currency": "EUR"},
}


@pytest.mark.parametrize("way", WAYS)
def test_every_command_comes_in(secured_kafka, told, tapesh, way):
    """Topics are made, events published, producers' partitions sampled, dead letters read."""
    told(secured_kafka.ways[way])
    assert tapesh("topics").exit_code == 0
    published = tapesh("produce", stdin=json.dumps(EVENT).encode())
    assert "1 events published" in published.stderr
    checked = json.loads(tapesh("check", "--json").stdout)
    assert checked["ok"], checked
    assert "1 sampled events are where they belong" in str(checked)
    assert json.loads(tapesh("dead-letters", "list", "--json").stdout) == []
    assert "0 replayed" in tapesh("dead-letters", "replay", "--all").stderr


@pytest.mark.parametrize(
    ("way", "wrong", "said"),
    [
        ("PLAIN", {"password": "wrong"}, "kafka.username"),
        ("SCRAM", {"password": "wrong"}, "kafka.username"),
        ("SCRAM", {"username": "nobody"}, "kafka.username"),
        ("PLAIN", {"ca_file": "stranger.pem"}, "kafka.ca_file"),
        ("certificate", {"ca_file": "stranger.pem"}, "kafka.ca_file"),
        ("certificate", {"cert_file": "strange-client.pem", "key_file": "strange-client.key"}, "kafka.cert_file"),
        ("PLAIN", {"security_protocol": "PLAINTEXT"}, "kafka.security_protocol"),
    ],
)
def test_who_may_not_come_in_is_told_why(secured_kafka, certs, told, tapesh, way, wrong, said):
    """The setting to look at is named, soon, and the password is not."""
    wrong = {key: str(certs.folder / value) if key.endswith("_file") else value for key, value in wrong.items()}
    told({**secured_kafka.ways[way], **wrong})
    refused = tapesh("topics", "--timeout", "1")
    assert refused.exit_code == 1
    assert said in refused.stderr, refused.stderr
    assert PASSWORD not in refused.stderr


def test_the_check_tells_it_as_well(secured_kafka, told, tapesh):
    """As one finding among others."""
    told({**secured_kafka.ways["SCRAM"], "password": "wrong"})
    found = json.loads(tapesh("check", "--json", "--timeout", "1").stdout)["findings"]
    assert ["kafka.username" in each["text"] for each in found if each["name"] == "Kafka"] == [True], found

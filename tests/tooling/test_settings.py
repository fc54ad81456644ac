"""Settings: one file, the environment over it, and errors that name the setting, what was got, and a way out."""

from __future__ import annotations

import json
import tomllib
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.settings import Duration, Kafka, Settings, SettingsError, client_options, load
from streams.settings.example import render
from streams.settings.problems import env_name, example, leaves, toml

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "hunter2-never-shown"


@pytest.fixture(autouse=True)
def _no_file_here(tmp_path, monkeypatch):
    """The working directory holds no tapesh.toml but the test's own."""
    monkeypatch.chdir(tmp_path)


def refused(monkeypatch, **variables: str) -> list[str]:
    """What is said of an environment, problem by problem."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load()
    return [str(problem) for problem in caught.value.problems]


def test_without_a_file_or_variables_the_defaults_hold():
    """Nothing needs to be configured to begin."""
    settings = load()
    assert settings == Settings()
    assert settings.windows == ("1h", "24h", "7d", "30d", "90d", "365d")
    assert settings.lapse_after.ms == 90 * 86_400_000
    assert settings.meaning.lapse_after_ms == settings.lapse_after.ms
    assert settings.economics.lifespan == "expected"


def test_the_environment_goes_before_the_file(tmp_path, monkeypatch):
    """A variable overrides one key; its neighbours in the group stay as the file has them."""
    Path("tapesh.toml").write_text('currency = "GBP"\n[kafka]\nbootstrap = "k:1"\npartitions = 6\n')
    monkeypatch.setenv("TAPESH_KAFKA__PARTITIONS", "24")
    settings = load()
    assert (settings.currency, settings.kafka.bootstrap, settings.kafka.partitions) == ("GBP", "k:1", 24)


def test_a_file_can_be_named_by_argument_or_by_variable(tmp_path, monkeypatch):
    """The argument goes before the variable, the variable before the working directory."""
    for name, app in (("a.toml", "by-argument"), ("b.toml", "by-variable"), ("tapesh.toml", "by-place")):
        Path(name).write_text(f'app_id = "{app}"\n')
    assert load().app_id == "by-place"
    monkeypatch.setenv("TAPESH_CONFIG", "b.toml")
    assert load().app_id == "by-variable"
    assert load(Path("a.toml")).app_id == "by-argument"


def test_made_directly_settings_ignore_the_environment(monkeypatch):
    """A test gets what it asks for; only `load` looks around."""
    monkeypatch.setenv("TAPESH_APP_ID", "other")
    assert Settings().app_id == "tapesh"


def test_lists_come_with_commas_or_as_json(monkeypatch):
    """Both ways of writing a list in a variable mean the same."""
    monkeypatch.setenv("TAPESH_WINDOWS", "24h, 30d")
    monkeypatch.setenv("TAPESH_SLICES", '["channel", "plan"]')
    monkeypatch.setenv("TAPESH_KAFKA__CUSTOMER_TOPICS", "shop,crm")
    settings = load()
    assert settings.windows == ("24h", "30d")
    assert settings.slices == ("channel", "plan")
    assert settings.kafka.customer_topics == ("shop", "crm")


def test_no_slices_at_all_is_a_choice(monkeypatch):
    """An empty list is a list."""
    monkeypatch.setenv("TAPESH_SLICES", "")
    assert load().slices == ()


def test_rates_are_exact_from_either_source(monkeypatch):
    """A rate is the decimal that was written, not its binary neighbour."""
    Path("tapesh.toml").write_text('[rates]\nUSD = 0.1\nJPY = "0.0061"\n')
    assert load().rates == {"USD": Decimal("0.1"), "JPY": Decimal("0.0061")}
    monkeypatch.setenv("TAPESH_RATES", '{"USD": 0.30000000000000000001}')
    assert load().rates == {"USD": Decimal("0.30000000000000000001")}


def test_targets_reach_the_formulas():
    """A goal in the file is a target of the catalogue."""
    Path("tapesh.toml").write_text("[targets]\nchurn_rate = { month = 0.02 }\n")
    (target,) = load().economics.targets
    assert (target.kpi, target.window, float(target.value)) == ("churn_rate", "month", 0.02)


def test_settings_do_not_change():
    """A worker runs on what it was started with."""
    with pytest.raises(ValueError, match="frozen"):
        load().currency = "USD"


def test_every_problem_is_told_at_once(monkeypatch):
    """Name, variable, what was got, what was expected, an example; not only of the first one."""
    timezone, lapse_after, partitions = refused(
        monkeypatch, TAPESH_KAFKA__PARTITIONS="many", TAPESH_TIMEZONE="Mars/Olympus", TAPESH_LAPSE_AFTER="90"
    )
    assert timezone == (
        "timezone (TAPESH_TIMEZONE): got 'Mars/Olympus'; expected a time zone of the IANA database;"
        ' for example "Asia/Tehran"'
    )
    assert lapse_after == (
        "lapse_after (TAPESH_LAPSE_AFTER): got '90'; expected a whole number and a unit (ms, s, m, h or d),"
        ' at most 100 years; for example "90d"'
    )
    assert partitions == (
        "kafka.partitions (TAPESH_KAFKA__PARTITIONS): got 'many'; expected a valid integer, unable to parse string as"
        " an integer; for example 12"
    )


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("TAPESH_CLOCK", "sun", "expected 'wall' or 'event'"),
        ("TAPESH_CURRENCY", "euro", "ISO 4217"),
        ("TAPESH_CALENDAR", "julian", "expected 'gregorian' or 'jalali'"),
        ("TAPESH_WINDOWS", "30d,fortnight", "window 'fortnight'"),
        ("TAPESH_WINDOWS", "24h,1d", "different lengths"),
        ("TAPESH_WINDOWS", "30d,30d", "each once"),
        ("TAPESH_WINDOWS", "[30d", "a JSON list"),
        ("TAPESH_WINDOWS", "", "at least 1 item"),
        ("TAPESH_SLICES", "colour", "expected 'channel'"),
        ("TAPESH_RATES", '{"USD": -1}', "USD: expected a number above 0"),
        ("TAPESH_RATES", '{"USD": "NaN"}', "USD: expected a finite number"),
        ("TAPESH_RATES", '{"usd": 1}', "three upper-case letters"),
        ("TAPESH_RATES", "0.92", "valid dictionary"),
        ("TAPESH_RATES", "USD=0.92", "a JSON object"),
        ("TAPESH_RATES", '{"EUR": "1.1"}', "it is the reporting currency"),
        ("TAPESH_TARGETS", '{"churn_rate": {"week": 0.1}}', "'week': expected one of month, quarter, year"),
        ("TAPESH_TARGETS", '{"chrun_rate": {"month": 0.1}}', "churn_rate"),
        ("TAPESH_LIFESPAN_YEARS", "forever", "a number of years above 0, 'observed' or 'expected'"),
        ("TAPESH_LIFESPAN_YEARS", "nan", "a number of years above 0"),
        ("TAPESH_GROSS_MARGIN", "35", "less than or equal to 1"),
        ("TAPESH_GROSS_MARGIN", "nan", "finite"),
        ("TAPESH_LAPSE_AFTER", "0d", "longer than nothing"),
        ("TAPESH_TICK_INTERVAL", "1.5s", "a whole number and a unit"),
        ("TAPESH_DEDUP_HORIZON", "99999999d", "at most 100 years"),
        ("TAPESH_WEB__PORT", "70000", "less than or equal to 65535"),
        ("TAPESH_KAFKA__BOOTSTRAP", "kafka-1", "host:port"),
        ("TAPESH_KAFKA__CA_FILE", "missing.pem", "a file that is there"),
        ("TAPESH_KAFKA__CUSTOMER_TOPICS", "a topic", "a topic name"),
        ("TAPESH_KAFKA__SECURITY_PROTOCOL", "SASL_SSL", "expects username and password"),
        ("TAPESH_KAFKA__HEARTBEAT_INTERVAL", "14s", "at most a third of session_timeout 15s"),
        ("TAPESH_REDIS__URL", "localhost:6379", "begins with redis://"),
    ],
)
def test_a_bad_value_is_refused_with_what_was_expected(monkeypatch, variable, value, said):
    """Each setting says what it would have taken."""
    (problem,) = refused(monkeypatch, **{variable: value})
    assert said in problem


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("TAPESH_CURENCY", "did you mean TAPESH_CURRENCY?"),
        ("TAPESH_KAFKA_BOOTSTRAP", "did you mean TAPESH_KAFKA__BOOTSTRAP?"),
        ("TAPESH_KAFKA", "is no setting"),
        ("TAPESH_KAFKA__BOOTSTRAPS", "did you mean TAPESH_KAFKA__BOOTSTRAP?"),
        ("TAPESH_ZZZZZZZZZZZZZZ", "there are TAPESH_APP_ID, TAPESH_CLOCK"),
    ],
)
def test_an_unknown_variable_is_refused_with_what_was_meant(monkeypatch, name, meant):
    """A misspelt variable would otherwise leave a default in force."""
    assert any(problem.startswith(f"{name}: ") and meant in problem for problem in refused(monkeypatch, **{name: "x"}))


def test_variables_that_are_not_settings_are_let_pass(monkeypatch):
    """What tests are told by variables doesn't stop the engine."""
    monkeypatch.setenv("TAPESH_REQUIRE_SERVICES", "1")
    monkeypatch.setenv("TAPESH_SHARED", "/nowhere")
    assert load() == Settings()


def test_an_unknown_key_in_the_file_is_refused_with_what_was_meant(monkeypatch):
    """In a group and outside."""
    Path("tapesh.toml").write_text('timezne = "UTC"\n[kafka]\npartition = 3\n')
    assert refused(monkeypatch) == [
        "kafka.partition: is no setting; did you mean kafka.partitions?",
        "timezne: is no setting; did you mean timezone?",
    ]


def test_a_file_that_is_no_toml_is_told_with_the_line(monkeypatch):
    """Where the parser stopped."""
    Path("tapesh.toml").write_text("a = 1\nb = = 2\n")
    (problem,) = refused(monkeypatch)
    assert problem.startswith("tapesh.toml: isn't TOML: ")
    assert "line 2" in problem


def test_a_named_file_must_be_there(monkeypatch):
    """A path with a typing error doesn't fall back to defaults."""
    (problem,) = refused(monkeypatch, TAPESH_CONFIG="tapsh.toml")
    assert problem.startswith("tapsh.toml: is no file")


def test_secrets_are_in_no_text(monkeypatch):
    """Neither what settings look like nor an error about them or their neighbours shows a password."""
    monkeypatch.setenv("TAPESH_KAFKA__PASSWORD", PASSWORD)
    monkeypatch.setenv("TAPESH_REDIS__URL", f"rediss://u:{PASSWORD}@r:1/0")
    assert PASSWORD not in f"{load()!r} {load()} {load().model_dump()} {load().model_dump_json()}"
    told = refused(
        monkeypatch,
        TAPESH_REDIS__URL=f"redsi://u:{PASSWORD}@r:1/0",
        TAPESH_KAFKA__SECURITY_PROTOCOL="SASL_SSL",
        TAPESH_KAFKA__PARTITIONS="0",
    )
    assert len(told) == 2
    assert PASSWORD not in " ".join(told)
    assert "a secret that isn't shown" in " ".join(told)
    monkeypatch.setenv("TAPESH_KAFKA__PARTITIONS", "12")
    assert PASSWORD not in " ".join(refused(monkeypatch))


def test_clients_are_told_how_to_log_in():
    """One translation for every client: protocol, certificates, credentials."""
    kafka = Kafka(
        bootstrap="a:1, b:2", security_protocol="SASL_SSL", sasl_mechanism="SCRAM-SHA-512", username="u", password="p"
    )
    options = client_options(kafka)
    assert options.pop("ssl_context").check_hostname
    assert options == {
        "bootstrap_servers": ["a:1", "b:2"],
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "u",
        "sasl_plain_password": "p",
    }
    assert client_options(Kafka()) == {"bootstrap_servers": ["127.0.0.1:9092"], "security_protocol": "PLAINTEXT"}


@given(st.integers(0, 10**6), st.sampled_from(["ms", "s", "m"]))
def test_a_duration_is_read_as_it_is_written(number, unit):
    """Whatever is written and read again is the same length."""
    duration = Duration.parse(f"{number}{unit}")
    assert Duration.parse(str(duration)) == duration


@pytest.mark.parametrize("key", leaves())
def test_every_setting_says_what_it_means_and_gives_a_good_example(key, tmp_path, monkeypatch):
    """The example in an error message would itself be taken."""
    field = leaves()[key]
    assert field.description
    assert field.description.endswith(".")
    table, _, name = key.rpartition(".")
    if name.endswith("_file"):
        return
    Path("tapesh.toml").write_text((f"[{table}]\n" if table else "") + f"{name} = {example(field)}\n")
    load()


@pytest.mark.parametrize("key", leaves())
def test_every_setting_can_be_set_by_its_variable(key, monkeypatch):
    """Lists and tables as JSON, all else as text."""
    field = leaves()[key]
    value = field.examples[0]
    if not key.endswith("_file"):
        monkeypatch.setenv(env_name(key), json.dumps(value) if isinstance(value, dict | list) else str(value))
    load()


def test_the_example_file_is_what_the_declarations_say():
    """docs/tapesh.example.toml is rendered; render it anew: python -m streams.settings > docs/tapesh.example.toml."""
    assert (ROOT / "docs" / "tapesh.example.toml").read_text() == render()


def test_the_example_file_means_the_defaults():
    """Whoever copies it whole has changed nothing."""
    Path("tapesh.toml").write_text(render())
    assert load() == Settings()


def test_toml_is_written_as_it_is_read():
    """Quotes and backslashes survive."""
    value = {"a": ['"', "\\", True, 1, 0.5], "b": {"c": "d"}}
    assert tomllib.loads(f"v = {toml(value)}")["v"] == value

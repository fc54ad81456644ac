"""docker-compose.yml: what it mounts is there, what it opens is open on this machine only, what it runs is named."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from streams.services import kafka_jars

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
HEALTHY = [name for name, service in SERVICES.items() if "profiles" not in service]


def test_all_services_are_there():
    """The simulator only where it is asked for: nobody wants its customers among their own."""
    assert set(SERVICES) == {"kafka", "redis", "engine", "simulator", "prometheus", "alertmanager", "grafana"}
    assert SERVICES["simulator"]["profiles"] == ["simulator"]
    assert {name for name, service in SERVICES.items() if "profiles" in service} == {"simulator"}


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_pinned(name):
    """The same file starts the same programs next year."""
    image = SERVICES[name]["image"]
    assert re.search(r":v?\d+\.\d+\.\d+", image), image


def test_kafka_is_the_version_that_tests_meet():
    """What continuous integration runs from jars is what the file starts."""
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{kafka_jars.VERSION}"


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_open_on_this_machine_only(name):
    """Neither Kafka nor Redis asks for a password here."""
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", ()))


@pytest.mark.parametrize("name", HEALTHY)
def test_every_service_says_whether_it_is_healthy(name):
    """So that what depends on it can wait."""
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_mounted_exists(name):
    """Docker would make a directory of a file that isn't there; data lives in volumes that are named."""
    for volume in SERVICES[name].get("volumes", ()):
        source, target, *mode = volume.split(":")
        if source.startswith("."):
            assert (ROOT / source).exists(), source
            assert mode == ["ro"]
        else:
            assert source in COMPOSE["volumes"]
        assert target.startswith("/")


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_depended_on_exists(name):
    """And says that it is healthy, where that is waited for."""
    for other, how in SERVICES[name].get("depends_on", {}).items():
        assert other in SERVICES
        assert how["condition"] != "service_healthy" or other in HEALTHY


def test_the_folder_names_the_project():
    """A key `name` is refused by the docker-compose that Debian has."""
    assert "name" not in COMPOSE


def test_no_password_has_a_default():
    """Who starts it chooses one, or is told to."""
    text = (ROOT / "docker-compose.yml").read_text()
    assert "${GRAFANA_ADMIN_PASSWORD:?" in text
    for line in text.splitlines():
        if "PASSWORD" in line and not line.lstrip().startswith("#"):
            assert ":?" in line, line


def test_kafka_has_all_that_its_image_would_drop():
    """One variable replaces all of the image's defaults; one broker can't hold three copies."""
    given = SERVICES["kafka"]["environment"]
    listeners = dict(part.split("://") for part in given["KAFKA_LISTENERS"].split(","))
    advertised = dict(part.split("://") for part in given["KAFKA_ADVERTISED_LISTENERS"].split(","))
    protocols = dict(part.split(":") for part in given["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(","))
    assert set(listeners) == set(protocols)
    assert set(advertised) == set(listeners) - {given["KAFKA_CONTROLLER_LISTENER_NAMES"]}
    assert given["KAFKA_INTER_BROKER_LISTENER_NAME"] in advertised
    assert advertised["CONTAINERS"] == SERVICES["engine"]["environment"]["TAPESH_KAFKA__BOOTSTRAP"]
    assert f"127.0.0.1:{advertised['MACHINE'].split(':')[1]}:" in SERVICES["kafka"]["ports"][0]
    copies = {key: value for key, value in given.items() if key.endswith(("REPLICATION_FACTOR", "MIN_ISR"))}
    assert len(copies) == 5
    assert set(copies.values()) == {"1"}


def test_what_prometheus_names_is_in_the_file():
    """Workers, Alertmanager and the data source of the boards are services with these ports."""
    scraping = yaml.safe_load((ROOT / "grafana/prometheus/prometheus.yml").read_text())
    (workers,) = scraping["scrape_configs"][0]["dns_sd_configs"]
    assert SERVICES["engine"]["ports"][0].endswith(f":{workers['port']}")
    assert workers["names"] == ["engine"]
    (alertmanagers,) = yaml.safe_load((ROOT / "grafana/prometheus/targets/alertmanagers.yml").read_text())
    (source,) = yaml.safe_load((ROOT / "grafana/provisioning/datasources/prometheus.yml").read_text())["datasources"]
    for address in (*alertmanagers["targets"], source["url"].removeprefix("http://")):
        service, port = address.split(":")
        assert any(given.endswith(f":{port}") for given in SERVICES[service]["ports"])


def test_boards_are_where_grafana_looks():
    """Each language's provider reads a folder that is mounted and has boards, of which the first is the home page."""
    providers = yaml.safe_load((ROOT / "grafana/provisioning/dashboards/tapesh.yml").read_text())["providers"]
    mounted = "/etc/grafana/boards"
    assert f"./grafana/dashboards:{mounted}:ro" in SERVICES["grafana"]["volumes"]
    for provider in providers:
        folder = ROOT / "grafana/dashboards" / Path(provider["options"]["path"]).relative_to(mounted)
        assert list(folder.glob("*.json"))
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (ROOT / "grafana/dashboards" / Path(home).relative_to(mounted)).is_file()


def test_the_engine_is_not_root():
    """And its image is built from pinned ones."""
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    assert "USER tapesh" in lines
    bases = {line.split()[1] for line in lines if line.startswith("FROM")}
    assert all(re.search(r":\d+\.\d+\.\d+", base) for base in bases)


def test_docker_compose_accepts_it():
    """Docker's own reading: interpolation, types, references. No container is started."""
    command = [*compose_command(), "--file", str(ROOT / "docker-compose.yml"), "--profile", "simulator", "config"]
    environment = {name: value for name, value in os.environ.items() if name != "GRAFANA_ADMIN_PASSWORD"}
    refused = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert refused.returncode != 0
    assert "choose a password" in refused.stderr
    environment["GRAFANA_ADMIN_PASSWORD"] = "a-secret"
    read = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert set(yaml.safe_load(read.stdout)["services"]) == set(SERVICES)


def compose_command() -> list[str]:
    """Compose as a part of docker, or the program of its own that Debian has."""
    docker = shutil.which("docker")
    if docker and not subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        return [docker, "compose"]
    if program := shutil.which("docker-compose"):
        return [program]
    lacking = "docker-compose isn't here; bring it: sudo apt-get install docker-compose"
    if os.environ.get("TAPESH_REQUIRE_SERVICES") == "1":
        pytest.fail(lacking)
    pytest.skip(lacking)

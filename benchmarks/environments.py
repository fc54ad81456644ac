"""An environment for each peer, laid under build/ from its pinned requirements; and Flink's connector by Maven.

A peer that can't be installed is left out of the comparison with the reason in its place, and the others run.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = ROOT / "benchmarks" / "peers"
BUILD = ROOT / "build" / "peers"
WANTED = {
    "ceiling": ["confluent-kafka>=2.16,<3", "msgspec>=0.20"],
    "faust": ["faust-streaming>=0.15.3,<0.16", "orjson>=3.10"],
    "quix": ["quixstreams>=3.28,<4"],
    "bytewax": ["bytewax[kafka]>=0.21,<0.22", "msgspec>=0.20"],
    "pathway": ["pathway>=0.33,<0.34"],
    "flink": ["apache-flink>=2.2,<2.3", "setuptools<81"],
    "charts": ["matplotlib>=3.10,<4"],
}
"""What each peer's requirements file is resolved from, by `python -m benchmarks lock`."""
CONNECTOR = "org.apache.flink:flink-sql-connector-kafka:5.0.0-2.2"
_CONNECTOR_JARS = BUILD / "flink-jars"
_COPY = ["mvn", "--batch-mode", "--quiet", "dependency:copy-dependencies", "-DincludeScope=runtime"]
_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>tapesh</groupId><artifactId>flink-kafka</artifactId><version>1</version>
  <dependencies><dependency>
    <groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version>
  </dependency></dependencies>
</project>
"""


class NotToBeHad(RuntimeError):
    """An environment that this machine can't lay; the message says what stood in the way."""


def python(name: str) -> Path:
    """Return the Python of an environment, laid now if it isn't there or its requirements have changed.

    Raises:
        NotToBeHad: with what pip said.
    """
    requirements, folder = REQUIREMENTS / f"{name}.txt", BUILD / name
    stamp, fingerprint = folder / ".laid", hashlib.sha256(requirements.read_bytes()).hexdigest()
    program = folder / "bin" / "python"
    if not stamp.exists() or stamp.read_text() != fingerprint:
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        command = [str(program), "-m", "pip", "install", "--quiet", "--require-hashes", "--no-deps"]
        command += ["-r", str(requirements)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            raise NotToBeHad(f"pip install -r {requirements.name}: {_last_line(done.stderr)}")
        stamp.write_text(fingerprint)
    return program


def connector_jars() -> Path:
    """Return the folder of Flink's Kafka connector, fetched now if it isn't there.

    Raises:
        NotToBeHad: no Maven, or with what it said.
    """
    if not _CONNECTOR_JARS.is_dir():
        if shutil.which("mvn") is None:
            raise NotToBeHad("no mvn on PATH to fetch Flink's Kafka connector with: sudo apt-get install maven")
        group, artifact, version = CONNECTOR.split(":")
        with tempfile.TemporaryDirectory() as scratch:
            pom, jars = Path(scratch) / "pom.xml", Path(scratch) / "jars"
            pom.write_text(_POM.format(group=group, artifact=artifact, version=version))
            copy = [*_COPY, f"-DoutputDirectory={jars}", "--file", str(pom)]
            done = subprocess.run(copy, check=False, capture_output=True, text=True)
            if done.returncode:
                raise NotToBeHad(f"mvn: {_last_line(done.stdout + done.stderr)}")
            _CONNECTOR_JARS.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(jars, _CONNECTOR_JARS)
    return _CONNECTOR_JARS


def versions(name: str) -> dict[str, str]:
    """Return the pinned versions of what an environment is made for."""
    pins = dict(
        line.split(" ")[0].split("==")
        for line in (REQUIREMENTS / f"{name}.txt").read_text().splitlines()
        if "==" in line and not line.startswith(" ")
    )
    asked = [wanted.split(">")[0].split("<")[0].split("[")[0] for wanted in WANTED[name]]
    found = {package: pins[package] for package in asked if package != "setuptools"}
    return found | ({"flink-sql-connector-kafka": CONNECTOR.rsplit(":", 1)[1]} if name == "flink" else {})


def lock() -> None:
    """Resolve every environment's requirements anew, with hashes and without hosts."""
    options = ["--python-version", "3.11", "--generate-hashes", "--no-header", "--no-annotate", "--quiet"]
    options += ["--no-emit-index-url", "--no-emit-find-links", "--upgrade"]
    for name, wanted in WANTED.items():
        target = REQUIREMENTS / f"{name}.txt"
        command = [
            str(Path(sys.executable).parent / "uv"),
            "pip",
            "compile",
            "-",
            *options,
            "--output-file",
            str(target),
        ]
        subprocess.run(command, check=True, input="\n".join(wanted), text=True, cwd=ROOT)
        print(f"{target.relative_to(ROOT)}: {versions(name)}")


def _last_line(said: str) -> str:
    return (said.strip().splitlines() or ["it said nothing"])[-1]

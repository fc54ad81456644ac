"""Apache Kafka's jars, from Maven's central repository.

Kafka publishes everything that its server needs there, so a machine with Java and Maven can run a real broker without a
container engine; only a place to log to isn't among its dependencies, hence slf4j-simple: without it a broker that
doesn't start says nothing. The jars land in the user's cache directory, one folder a version, moved in whole so that
two test runs that fetch at once don't see half of it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from streams.services.errors import Missing, ServiceError

VERSION = "4.3.1"  # the newest that Maven serves whole: 4.4.0 names a kafka-tools-api that is not there
FETCH_COMMAND = "make services"
_COPY = ["mvn", "--batch-mode", "--quiet", "dependency:copy-dependencies", "-DincludeScope=runtime"]
_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>tapesh</groupId>
  <artifactId>kafka-server</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>{version}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-simple</artifactId>
      <version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
"""


def folder(version: str = VERSION) -> Path:
    """Where the jars of a version are, or would be."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "tapesh" / f"kafka-{version}-slf4j"


def missing(version: str = VERSION) -> Missing | None:
    """What this machine lacks to run this version of Kafka, or None."""
    if shutil.which("java") is None:
        return Missing("no java on PATH", "sudo apt-get install default-jre-headless && " + FETCH_COMMAND)
    if folder(version).is_dir():
        return None
    if shutil.which("mvn") is None:
        return Missing(
            f"the jars of Apache Kafka {version} aren't in {folder(version)} and there is no mvn on PATH to fetch them",
            "sudo apt-get install maven && " + FETCH_COMMAND,
        )
    return Missing(f"the jars of Apache Kafka {version} aren't in {folder(version)}", FETCH_COMMAND)


def fetch(version: str = VERSION) -> Path:
    """Bring the jars of a version into the cache, unless they are there.

    Raises:
        ServiceError: Maven isn't there or couldn't fetch them; with what it said.
    """
    target = folder(version)
    if target.is_dir():
        return target
    if shutil.which("mvn") is None:
        raise ServiceError("no mvn on PATH to fetch Apache Kafka with; bring it: sudo apt-get install maven")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        pom, jars = Path(scratch) / "pom.xml", Path(scratch) / "jars"
        pom.write_text(_POM.format(version=version))
        copy = [*_COPY, f"-DoutputDirectory={jars}", "--file", str(pom)]
        done = subprocess.run(copy, check=False, capture_output=True, text=True)
        if done.returncode != 0 or not any(jars.glob("kafka_*.jar")):
            said = (done.stdout + done.stderr).strip()
            raise ServiceError(f"mvn couldn't fetch Apache Kafka {version}: {said[-2000:]}")
        try:
            jars.rename(target)
        except OSError:
            if not target.is_dir():  # not another run that was quicker
                raise
    return target

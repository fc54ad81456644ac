"""What a newcomer's first command says when the machine lacks something, and what an installation brings."""

from __future__ import annotations

import configparser
import os
import subprocess
import sys
import zipfile
from importlib.metadata import entry_points
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def lay_venv(tmp_path: Path, lacks: str, path: str) -> subprocess.CompletedProcess[str]:
    """Run .ci/venv with a Python for which any command line that holds `lacks` fails."""
    python = tmp_path / "python3"
    python.write_text(f'#!/bin/sh\ncase "$*" in *"{lacks}"*) exit 1;; esac\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    command = ["bash", str(ROOT / ".ci" / "venv"), str(python), str(tmp_path / "venv")]
    environment = {**os.environ, "PATH": path}
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path, env=environment)


@pytest.fixture
def bare_path(tmp_path) -> str:
    """A PATH with a shell's tools and without virtualenv."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("bash", "sh", "env"):
        (tools / name).symlink_to(f"/bin/{name}")
    return str(tools)


def test_without_ensurepip_the_remedy_is_a_command(tmp_path, bare_path):
    """Debian splits Python: venv comes in a package of its own."""
    done = lay_venv(tmp_path, "import ensurepip", bare_path)
    assert done.returncode == 1
    assert "sudo apt-get install python3-venv" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_a_python_that_is_too_old_is_told_so(tmp_path, bare_path):
    """Before anything is downloaded."""
    done = lay_venv(tmp_path, "sys.version_info < (3, 11)", bare_path)
    assert done.returncode == 1
    assert "3.11 or newer is needed" in done.stderr


def test_the_wheel_holds_three_packages_and_their_entry_points(tmp_path):
    """The command, Faust's transport, the marks of typed packages; no tests."""
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, check=True, capture_output=True, cwd=ROOT)
    (wheel,) = tmp_path.glob("tapesh-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        declared = configparser.ConfigParser()
        declared.read_string(archive.read(next(n for n in names if n.endswith("entry_points.txt"))).decode())
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"events", "metrics", "streams"}
    assert {"events/py.typed", "metrics/py.typed", "streams/py.typed"} <= set(names)
    assert declared["console_scripts"]["tapesh"] == "streams.cli:main"
    assert declared["faust.transports"]["tapesh"] == "streams.transport:Transport"


def test_faust_finds_the_transport_in_an_editable_installation():
    """What `make .venv` lays is what a worker runs on."""
    (found,) = entry_points(group="faust.transports", name="tapesh")
    assert found.load().__name__ == "Transport"

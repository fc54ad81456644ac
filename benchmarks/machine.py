"""The machine that measures: what it is, how busy it was meanwhile, and which processor takes what."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from pathlib import Path
from typing import Any

MEASURED_CORE, BROKER_CORE = 1, 0
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_KIB = 1024


def describe() -> dict[str, Any]:
    """Return what a reader needs to know of this machine, without its name."""
    cpu = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())
    java = subprocess.run(["java", "-version"], check=False, capture_output=True, text=True).stderr.splitlines()
    return {
        "processor": cpu[1].strip() if cpu else platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(int(memory[1]) / _KIB**2) if memory else None,
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
        "java": java[0].split('"')[1] if java and '"' in java[0] else None,
    }


def load_average() -> float:
    """Return how many programs wanted to run, on average over the last minute."""
    return round(os.getloadavg()[0], 2)


def pin(pid: int, core: int) -> None:
    """Keep all threads of a process on one core, where there is more than one."""
    if (os.cpu_count() or 1) > core:
        for task in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(task.name), {core})


def cpu_s(pid: int) -> float:
    """Return the processor seconds that a process has used, all threads."""
    return _ticks(Path(f"/proc/{pid}/stat")) / _TICKS_PER_S


def session_cpu_s(session: int) -> float:
    """Return the processor seconds of all processes of a session: a program and those it has started."""
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            if os.getsid(int(stat.parent.name)) == session:
                total += _ticks(stat)
        except (OSError, ProcessLookupError):
            continue  # it has ended meanwhile
    return total / _TICKS_PER_S


def resident_mib(pid: int) -> float:
    """Return the resident memory of a process."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / _KIB if found else 0.0


def _ticks(stat: Path) -> int:
    fields = stat.read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])

"""Nothing that we started outlives us, even if we are killed.

A guard is a shell that waits on a pipe whose other end only we hold. A line on it means that we ended the service in an
orderly way; the end of the pipe means that we are gone, so the guard kills the service and removes its directory.
`PR_SET_PDEATHSIG` would be shorter, but it fires when the *thread* that started the service ends, and only on Linux.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

_SCRIPT = 'read -r _ && exit 0; kill -9 "$1" 2>/dev/null; [ -z "$2" ] || { sleep 0.2; rm -rf -- "$2"; }'


class Guard:
    """Kills process `pid` and removes `directory` (if one is given) once this process is no more."""

    def __init__(self, pid: int, directory: Path | None) -> None:
        self._shell = subprocess.Popen(
            ["/bin/sh", "-c", _SCRIPT, "tapesh-guard", str(pid), str(directory or "")],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def dismiss(self) -> None:
        """The service has ended in an orderly way: nothing to guard any more."""
        try:
            self._shell.communicate(b"\n", timeout=5)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            self._shell.kill()
            self._shell.wait()

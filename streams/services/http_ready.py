"""Whether a web server on this machine says that it is ready."""

from __future__ import annotations

import urllib.error
import urllib.request


def ok(url: str, timeout_s: float = 1.0) -> bool:
    """Whether `url` answers 200; a refused connection raises OSError, as a service's `ready` may."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy knows nothing of our loopback
    try:
        with opener.open(url, timeout=timeout_s) as answer:
            return bool(answer.status == 200)  # noqa: PLR2004 - HTTP's own number
    except urllib.error.HTTPError:
        return False

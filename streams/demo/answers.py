"""What the demo's own services say over HTTP; None while they don't."""

from __future__ import annotations

import json
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

_TIMEOUT_S = 2.0
_open = build_opener(ProxyHandler({})).open  # a proxy knows nothing of our loopback


def json_from(url: str) -> Any:
    """Ask for a JSON document; None if there is none to be had now."""
    try:
        with _open(url, timeout=_TIMEOUT_S) as answer:
            return json.load(answer)
    except (OSError, ValueError):
        return None


def is_there(url: str) -> bool:
    """Whether there is a page at this address."""
    try:
        with _open(url, timeout=_TIMEOUT_S):
            return True
    except HTTPError as error:
        error.close()
        return False
    except OSError:
        return False

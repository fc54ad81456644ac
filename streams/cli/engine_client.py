"""A running engine, asked over HTTP."""

from __future__ import annotations

import json
from http import HTTPStatus
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from streams.cli.console import Failure

if TYPE_CHECKING:
    from streams.settings import Settings

_TIMEOUT_S = 5.0
_SHOWN = 300
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - where it listens; we ask on the loopback address


def engine_url(settings: Settings) -> str:
    """Where the engine of these settings answers on this machine."""
    host = _EVERYWHERE.get(settings.web.host, settings.web.host)
    return f"http://{host}:{settings.web.port}"


class Engine:
    """The HTTP interface of a worker.

    Args:
        url: where it answers.
        token: what it wants to be shown; "" for nothing.

    Raises:
        Failure: the address isn't one of HTTP.
    """

    def __init__(self, url: str, token: str = "") -> None:
        self.url = url.rstrip("/")
        self._token = token
        if urlsplit(self.url).scheme not in ("http", "https"):
            raise Failure(f"--url: got {url!r}, expected an address such as http://127.0.0.1:6066", code=2)

    def kpis(self, *, sources: bool = False) -> dict[str, Any]:
        """Ask for the latest KPI document.

        Args:
            sources: and for what is known of the sources.

        Raises:
            Failure: nobody answers, or what answers isn't an engine with KPIs.
        """
        document = self.ask(f"/kpis{'?sources' if sources else ''}")
        if "windows" not in document:
            raise Failure(f"{self.url}/kpis answers, but not with KPIs; is it an engine?")
        return document

    def ask(self, page: str, method: str = "GET", body: Any = None) -> dict[str, Any]:
        """Ask a page for its document.

        Args:
            page: its path, with its query.
            method: of the request.
            body: what to send as JSON; None for nothing.

        Raises:
            Failure: nobody answers, or what answers isn't an engine; or it refuses, and says why.
        """
        data = None if body is None else json.dumps(body).encode()
        headers = {"Accept": "application/json", **({"Content-Type": "application/json"} if data else {})}
        request = Request(self.url + page, data, headers, method=method)  # noqa: S310 - http or https
        if self._token:
            request.add_unredirected_header("Authorization", f"Bearer {self._token}")
        try:
            with urlopen(request, timeout=_TIMEOUT_S) as response:  # noqa: S310
                document = json.load(response)
        except HTTPError as error:
            if error.code == HTTPStatus.UNAUTHORIZED:
                given = "another one" if self._token else "a token"
                raise Failure(f"the engine at {self.url} wants {given}: web.token (TAPESH_WEB__TOKEN)") from None
            doing = "has no KPIs to show" if method == "GET" else "refuses"
            raise Failure(f"the engine at {self.url} {doing}: HTTP {error.code}: {_told(error)}") from None
        except ValueError as error:
            raise Failure(
                f"{self.url}{page.partition('?')[0]} doesn't answer with JSON ({error}); is it an engine?"
            ) from None
        except (URLError, OSError, HTTPException) as error:
            why = getattr(error, "reason", None) or error
            raise Failure(
                f"no engine answers at {self.url} ({why}); start one: tapesh worker, or tapesh demo."
                " One elsewhere: --url, or web.host and web.port in the settings"
            ) from None
        if not isinstance(document, dict):
            raise Failure(f"{self.url}{page.partition('?')[0]} answers, but not with a document; is it an engine?")
        return document


def _told(error: HTTPError) -> str:
    """What the answer says; engines explain themselves under `error`."""
    body = error.read(_SHOWN * 4)
    try:
        told = json.loads(body)
        return str(told["error"])[:_SHOWN]
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace").strip()[:_SHOWN] or error.reason

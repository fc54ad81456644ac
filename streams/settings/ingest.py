"""Who may send events over HTTP, and by which secret; nobody, unless it is said."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, SecretStr, model_validator
from pydantic_settings import NoDecode

from streams.settings.fields import as_table

HOLDS_SECRETS: dict[str, JsonValue] = {"secrets": True}
"""Marks a setting whose value an error mustn't show."""

_SHORTEST_SECRET = 16
_NAME = r"^[a-z0-9][a-z0-9._-]{0,63}$"
_Name = Annotated[str, Field(pattern=_NAME)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def _read(path: Path, what: str) -> str:
    if not path.is_file():
        raise ValueError(f"{what}: expected the path of a file that is there")
    return path.read_text(encoding="utf-8").strip()


def _long_enough(secret: str, what: str) -> None:
    if len(secret) < _SHORTEST_SECRET:
        raise ValueError(f"{what}: expected a secret of at least {_SHORTEST_SECRET} characters: others can reach this")


class IngestSource(_Entry):
    """An emitter that posts events.

    Attributes:
        token, token_file: its bearer token, or the file that holds it.
        rate: events a second that it may send, ten seconds of them at once.
        any_source: it may name other sources in its events, as a gateway of several shops does.
    """

    token: SecretStr | None = None
    token_file: Path | None = None
    rate: float = Field(1_000, gt=0, le=1_000_000)
    any_source: bool = False

    @model_validator(mode="after")
    def _has_one_token(self) -> Self:
        if (self.token is None) == (self.token_file is None):
            raise ValueError("expected either token or token_file")
        _long_enough(self.secret(), "token")
        return self

    def secret(self) -> str:
        """Return the token; a file's is read anew, so that it can be replaced without a restart."""
        if self.token_file is not None:
            return _read(self.token_file, "token_file")
        return self.token.get_secret_value() if self.token else ""


class IngestWebhook(_Entry):
    """A service that delivers to `/webhooks/NAME`.

    Attributes:
        kind: whose webhooks these are; `signed` for events in the contract's own words.
        secret_files: files that hold the secrets that are valid now: two while one is replaced.
        secret: instead of files.
        source: of its events; the service's own name if it is left out.
    """

    kind: Literal["shopify", "woocommerce", "stripe", "signed"]
    secret_files: tuple[Path, ...] = ()
    secret: SecretStr | None = None
    source: str | None = Field(None, min_length=1, max_length=256)

    @model_validator(mode="after")
    def _has_secrets(self) -> Self:
        found = self.secrets()
        if not found:
            raise ValueError("expected secret or secret_files: a delivery that isn't signed could be anybody's")
        for secret in found:
            _long_enough(secret, "secret")
        return self

    def secrets(self) -> list[str]:
        """Return the secrets that are valid now; files are read anew."""
        direct = [self.secret.get_secret_value()] if self.secret is not None else []
        return direct + [_read(path, "secret_files") for path in self.secret_files]


Sources = Annotated[Mapping[_Name, IngestSource], NoDecode, BeforeValidator(as_table)]
Webhooks = Annotated[Mapping[_Name, IngestWebhook], NoDecode, BeforeValidator(as_table)]

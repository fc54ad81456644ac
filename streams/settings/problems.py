"""A refused setting, told so that it can be put right without the source code: name, got, expected, an example."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, SecretStr

from streams.settings.ingest import HOLDS_SECRETS
from streams.settings.schema import ENV_DELIMITER, ENV_PREFIX, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydantic import ValidationError
    from pydantic.fields import FieldInfo

_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with the settings.

    Attributes:
        key: The setting's path in the file, such as `kafka.partitions`; empty if settings don't fit together.
        text: What is wrong with it and what to do.
    """

    key: str
    text: str

    def __str__(self) -> str:
        return f"{self.key} ({env_name(self.key)}): {self.text}" if self.key in leaves() else self.text


class SettingsError(ValueError):
    """The settings can't be used. `problems` has all that is wrong, not only the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        lines = "\n".join(f"  {problem}" for problem in self.problems)
        super().__init__(f"the settings can't be used:\n{lines}")


def leaves(model: type[BaseModel] = Settings, prefix: str = "") -> dict[str, FieldInfo]:
    """Every setting by its path in the file, in the order of their declaration."""
    found: dict[str, FieldInfo] = {}
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found |= leaves(field.annotation, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = field
    return found


def env_name(key: str) -> str:
    """The environment variable that overrides a setting."""
    return ENV_PREFIX + key.replace(".", ENV_DELIMITER).upper()


def unknown(name: str, known: Sequence[str]) -> str:
    """The verdict over a name that is no setting."""
    near = get_close_matches(name, known, n=1, cutoff=0.6)
    return f"{name}: is no setting; " + (f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}")


def problems_of(error: ValidationError) -> Iterator[Problem]:
    """What pydantic found, in our words and without secrets."""
    known = leaves()
    for detail in error.errors(include_url=False):
        path = [str(part) for part in detail["loc"]]
        if detail["type"] == "extra_forbidden":
            yield Problem("", unknown(".".join(path), list(known)))
            continue
        key = next((".".join(path[:n]) for n in range(len(path), 0, -1) if ".".join(path[:n]) in known), "")
        said = _expected(detail["msg"])
        if not key:
            yield Problem("", f"{'.'.join(path)}: {said}" if path else said)
            continue
        inside = "".join(f"{part}: " for part in path[key.count(".") + 1 :] if part not in said)
        yield Problem(
            key, f"got {_got(known[key], detail['input'])}; {inside}{said}; for example {example(known[key])}"
        )


def example(field: FieldInfo) -> str:
    """An example of a setting, as it stands in the file."""
    return toml((field.examples or [""])[0])


def toml(value: Any) -> str:
    """A value as TOML writes it, on one line."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + " }" if value else "{}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _got(field: FieldInfo, value: object) -> str:
    if field.annotation is SecretStr or field.json_schema_extra == HOLDS_SECRETS:
        return "a secret that isn't shown"
    text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def _expected(message: str) -> str:
    said = message.removeprefix("Value error, ")
    return said.replace("Input should be", "expected", 1) if said.startswith("Input should be") else said

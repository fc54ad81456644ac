"""Reads the settings: the file, over it the environment; a name that is no setting is an error in both.

A misspelt variable that is silently ignored runs the engine on a default for months, so every TAPESH_ name must be
known.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_settings import EnvSettingsSource, TomlConfigSettingsSource

from streams.settings.problems import Problem, SettingsError, env_name, leaves, problems_of, unknown
from streams.settings.schema import ENV_PREFIX, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FILE = Path("tapesh.toml")
CONFIG_VARIABLE = "TAPESH_CONFIG"
NOT_SETTINGS = (CONFIG_VARIABLE, "TAPESH_REQUIRE_SERVICES", "TAPESH_SHARED")
"""Where the file is; what tests require and where their data is. All else that begins with TAPESH_ is a setting."""


def load(config: Path | None = None) -> Settings:
    """Read the settings.

    Args:
        config: The file; if none is named, the one that TAPESH_CONFIG names, else `tapesh.toml` in the working
            directory if there is one.

    Raises:
        SettingsError: the file can't be read, or a name or value isn't one; all of them, not only the first.
    """
    values = _from_file(config)
    problems = list(_unknown_variables(os.environ))
    try:
        settings = Settings(**_over(values, _from_environment()))
    except ValidationError as error:
        raise SettingsError([*problems, *problems_of(error)]) from None
    if problems:
        raise SettingsError(problems)
    return settings


def _from_file(config: Path | None) -> dict[str, Any]:
    named = config or (Path(os.environ[CONFIG_VARIABLE]) if os.environ.get(CONFIG_VARIABLE) else None)
    path = named or FILE
    if not path.is_file():
        if named is None:
            return {}
        raise SettingsError([Problem("", f"{path}: is no file; docs/tapesh.example.toml shows what one holds")])
    try:
        return TomlConfigSettingsSource(Settings, path)()
    except tomllib.TOMLDecodeError as error:
        raise SettingsError([Problem("", f"{path}: isn't TOML: {error}")]) from None


def _from_environment() -> dict[str, Any]:
    source = EnvSettingsSource(Settings)
    known = {env_name(key).lower() for key in leaves()}
    source.env_vars = {name: value for name, value in source.env_vars.items() if name.lower() in known}
    return source()


def _unknown_variables(environment: Mapping[str, str]) -> Iterator[Problem]:
    known = [env_name(key) for key in leaves()]
    for name in sorted(environment):
        if name.upper().startswith(ENV_PREFIX) and name.upper() not in known and name not in NOT_SETTINGS:
            yield Problem("", unknown(name, known))


def _over(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    """One table laid over another; groups are merged, a list or a table of rates is replaced."""
    merged = dict(lower)
    groups = {name for name in Settings.model_fields if name not in leaves()}
    for name, value in upper.items():
        below = merged.get(name)
        merged[name] = {**below, **value} if name in groups and isinstance(below, dict) else value
    return merged

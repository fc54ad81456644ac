"""The commented example file, made from the declarations: docs/tapesh.example.toml, and what `tapesh init` writes."""

from __future__ import annotations

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from streams.settings.duration import Duration
from streams.settings.problems import env_name, example, leaves, toml
from streams.settings.schema import Settings

_HEAD = """\
# Every setting of tapesh with its default. Copy it to tapesh.toml and keep the lines that differ; none is needed.
# The environment goes before the file, by the names in brackets; lists with commas or as JSON, tables as JSON.
# Made by `python -m streams.settings`: change the declarations instead.
"""


def render(*, commented: bool = False) -> str:
    """The text of the example file.

    Args:
        commented: put every setting behind a `#`, so that defaults stay defaults until somebody says otherwise.
    """
    lines, group = [_HEAD], ""
    for key, field in leaves().items():
        table, _, name = key.rpartition(".")
        if table != group:
            lines += [f"\n# {_about(table)}", f"[{table}]", ""]
            group = table
        line = _line(name, field)
        shown = f"# {line}" if commented and not line.startswith("#") else line
        lines += [f"# {field.description} [{env_name(key)}]", shown, ""]
    return "\n".join(lines).rstrip() + "\n"


def _about(table: str) -> str:
    return str(getattr(Settings.model_fields[table].annotation, "__doc__", ""))


def _line(name: str, field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True)
    if isinstance(default, SecretStr):
        default = default.get_secret_value()
    if default is None or default == {}:
        return f"# {name} = {example(field)}"
    return f"{name} = {toml(str(default) if isinstance(default, Duration) else default)}"

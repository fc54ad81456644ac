"""`python -m streams.settings`: the commented example file, made from the declarations (docs/tapesh.example.toml)."""

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


def render() -> str:
    """The text of the example file."""
    lines, group = [_HEAD], ""
    for key, field in leaves().items():
        table, _, name = key.rpartition(".")
        if table != group:
            lines += [f"\n# {_about(table)}", f"[{table}]", ""]
            group = table
        lines += [f"# {field.description} [{env_name(key)}]", _line(name, field), ""]
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


if __name__ == "__main__":
    print(render(), end="")

"""`python -m streams.settings`: prints the commented example file (docs/tapesh.example.toml)."""

from __future__ import annotations

from streams.settings.example import render

if __name__ == "__main__":
    print(render(), end="")

"""What the browser loads: our own modules and styles, and the charting library out of its installed package.

All of it lies under one digest of everything, so a browser may keep it for ever, and never mixes two releases: modules
name each other by relative paths, which stay under the digest. It is packed once, in memory: the library is 4.8 MB, and
packing it at each request would hold up the engine whose event loop we share.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

LIBRARY = "plotly.min.js"
PAGE = "board.html"
_STATIC = Path(__file__).parent / "static"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_OWN_STYLE = re.compile(r'document\.getElementById\("([0-9a-f]{64})"\)')
"""How the library looks whether the style of its maps, which we don't draw, is there already."""


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent.

    Attributes:
        packed: with gzip.
        content_type: its MIME type.
    """

    packed: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class Assets:
    """All that the page consists of.

    Attributes:
        page: the HTML; it names the digest.
        digest: of everything, part of every address.
        files: by name.
    """

    page: bytes
    digest: str
    files: dict[str, Asset]


def load_assets() -> Assets:
    """Read and pack everything; takes some tenths of a second, so call it in a thread.

    Raises:
        FileNotFoundError: the charting library isn't installed.
    """
    sources = {path.name: path for path in sorted(_STATIC.iterdir()) if path.suffix in _TYPES}
    sources[LIBRARY] = _library()
    contents = {name: path.read_bytes() for name, path in sources.items()}
    page = (_STATIC / PAGE).read_text(encoding="utf-8")
    digest = hashlib.sha256(page.encode() + b"".join(contents.values())).hexdigest()[:16]
    styled = "".join(f'<template id="{name}"></template>' for name in _styles_of_the_library(contents[LIBRARY]))
    files = {name: Asset(gzip.compress(body, 6, mtime=0), _type(name)) for name, body in contents.items()}
    return Assets(page.replace("{digest}", digest).replace("<!-- styled -->", styled).encode(), digest, files)


def _library() -> Path:
    """Where the library's JavaScript is; its Python, which draws nothing here, isn't imported."""
    spec = find_spec("plotly")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if (found := Path(folder) / "package_data" / LIBRARY).is_file():
            return found
    raise FileNotFoundError("plotly: its package holds no package_data/plotly.min.js; install plotly>=7,<8")


def _styles_of_the_library(script: bytes) -> list[str]:
    """Names of the elements whose presence keeps the library from adding styles, which our policy forbids."""
    return sorted(set(_OWN_STYLE.findall(script.decode("utf-8"))))


def _type(name: str) -> str:
    return _TYPES[Path(name).suffix]

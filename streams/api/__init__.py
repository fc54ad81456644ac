"""The HTTP interface for programs and for the board: one KPI in full, the catalogue, changes as they come.

Beside the pages that operations need (`streams/web.py`). Described by `/openapi.json`.
"""

from streams.api.pages import add_api

__all__ = ["add_api"]

"""Known data sets as events: real shops and real answers to check the engine with."""

from .online_retail import ONLINE_RETAIL
from .sfo_survey import SFO_SURVEY
from .source_rows import BadRow, Event, Importer, Tally

IMPORTERS: dict[str, Importer] = {importer.name: importer for importer in (ONLINE_RETAIL, SFO_SURVEY)}

__all__ = ["IMPORTERS", "BadRow", "Event", "Importer", "Tally"]

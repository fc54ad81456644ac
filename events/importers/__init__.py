"""Known data sets as events: real shops and real answers to check the engine with; and any CSV file, by a mapping."""

from .cdnow import CDNOW
from .complete_journey import COMPLETE_JOURNEY
from .csv_mapping import CSV, BadMapping
from .olist import OLIST
from .online_retail import ONLINE_RETAIL
from .sfo_survey import SFO_SURVEY
from .source_rows import BadRow, Event, Importer, Tally
from .telco import TELCO

_ALL = (CDNOW, COMPLETE_JOURNEY, CSV, OLIST, ONLINE_RETAIL, SFO_SURVEY, TELCO)
IMPORTERS: dict[str, Importer] = {importer.name: importer for importer in _ALL}

__all__ = ["IMPORTERS", "BadMapping", "BadRow", "Event", "Importer", "Tally"]

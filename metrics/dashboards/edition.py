"""For whom boards are written: language, currency, targets.

A board has one language, and each language a folder of its own: whoever reads Persian isn't given half a title in
English, and a link leads to the same boards in the other language. Queries are the same in both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from metrics.economics import Target
from metrics.kpi import Text

Language: TypeAlias = Literal["en", "fa"]
LANGUAGES: tuple[Language, ...] = get_args(Language)


@dataclass(frozen=True, slots=True)
class Edition:
    """One edition of all boards.

    Attributes:
        language: of titles, descriptions and legends.
        currency: the reporting currency: names and units of what is money depend on it.
        targets: from the settings; the only thresholds that a board has of its own.
    """

    language: Language
    currency: str
    targets: tuple[Target, ...] = ()

    def say(self, text: Text) -> str:
        """Choose the words."""
        words: str = getattr(text, self.language)
        return words

    def uid(self, board: str) -> str:
        """Name a board for links and bookmarks: it never changes."""
        return f"tapesh-{board}" if self.language == "en" else f"tapesh-{board}-{self.language}"

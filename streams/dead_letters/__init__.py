"""Dead letters, read, judged anew, mended and sent back to where they came from; each counted once."""

from streams.dead_letters.judging import Judge, Verdict
from streams.dead_letters.letter import DeadLetter, LetterId, Origin
from streams.dead_letters.mending import MendError, mended
from streams.dead_letters.planning import Planner, Ready, Refused
from streams.dead_letters.reading import letter_of, letters, letters_place, offsets_within, reader
from streams.dead_letters.replaying import TOGETHER, Marks, Replay, ReplayError, Sent, marks_of

__all__ = [
    "TOGETHER",
    "DeadLetter",
    "Judge",
    "LetterId",
    "Marks",
    "MendError",
    "Origin",
    "Planner",
    "Ready",
    "Refused",
    "Replay",
    "ReplayError",
    "Sent",
    "Verdict",
    "letter_of",
    "letters",
    "letters_place",
    "marks_of",
    "mended",
    "offsets_within",
    "reader",
]

"""`tapesh demo`: everything on one machine, in one command, with a shop that lives fast.

What somebody sees before reading a line of documentation. So it must come up on a machine that has Python only,
within half a minute, show something that moves, and leave nothing behind.
"""

from streams.demo.run import run

__all__ = ["run"]

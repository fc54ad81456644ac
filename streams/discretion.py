"""What may be said of an exception in a log: where and what it was, but not what it held.

An exception that nobody foresaw speaks of what it stumbled over (`KeyError: 'anna@example.org'`), and a log goes to
more people than a customer's data may. Exceptions of ours, and of libraries that know no events, say what they were
written to say.
"""

from __future__ import annotations

import traceback

_SPEAK_FREELY = ("streams.", "metrics.", "aiokafka.", "faust.", "mode.", "asyncio.")


class WithheldError(Exception):
    """Stands for an exception whose text is withheld; its traceback is that of the one that it stands for."""


def discreet(error: Exception) -> Exception:
    """Return the exception if its text can hold no customer's data, else one that stands for it."""
    kind = type(error)
    if f"{kind.__module__}.".startswith(_SPEAK_FREELY) or isinstance(error, OSError):
        return error
    at = traceback.extract_tb(error.__traceback__)[-1:]
    where = f" in {at[0].name} ({at[0].filename}:{at[0].lineno})" if at else ""
    return WithheldError(
        f"{kind.__qualname__}{where}; its text is withheld, since it may hold a customer's data"
    ).with_traceback(error.__traceback__)

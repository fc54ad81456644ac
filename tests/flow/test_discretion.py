"""A log tells what failed and where, and nothing of a customer."""

from __future__ import annotations

import traceback

import pytest

from streams.discretion import discreet
from streams.owned import LostRecordsError

CUSTOMER = "anna.lindqvist@example.org"


def caught(raise_it) -> Exception:
    try:
        raise_it()
    except Exception as error:  # noqa: BLE001 - any
        return error
    raise AssertionError


@pytest.mark.parametrize("stumble", [lambda: {}[CUSTOMER], lambda: int(CUSTOMER), lambda: b"x".decode(CUSTOMER)])
def test_what_nobody_foresaw_is_told_without_what_it_held(stumble):
    """Its kind, the place and the traceback stay; the same when it was caused by another."""
    error = caught(stumble)
    told = discreet(error)
    written = "".join(traceback.format_exception(told))
    assert type(error).__name__ in written
    assert __file__ in written
    assert CUSTOMER not in str(told)
    assert CUSTOMER not in written.replace("CUSTOMER", "")


@pytest.mark.parametrize("known", [LostRecordsError("records are missing"), ConnectionRefusedError(111, "refused")])
def test_what_was_written_for_a_log_is_told_whole(known):
    """Its sentence says what to do."""
    assert discreet(known) is known

"""`tapesh` as a version of tomorrow: its format is one higher, and it migrates today's state as it reads it.

So a rolling upgrade can be tested from the program that is, for ever: the one of before it lies in no checkout.
"""

from __future__ import annotations

from streams import checkpoint, entries, manifest, migrations
from streams.cli import main

TODAY = migrations.FORMAT

migrations.MANIFESTS[TODAY] = lambda fields: {**fields, "tomorrow": True}
migrations.ENTRIES[TODAY, "ids"] = lambda content: content  # laid out alike, but read the long way
for module in (migrations, manifest, checkpoint, entries):
    module.FORMAT = TODAY + 1  # type: ignore[attr-defined]

main()

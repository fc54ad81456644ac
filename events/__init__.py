"""The event contract: what producers may say, and how it is read. Knows nothing of metrics or streams."""

from __future__ import annotations

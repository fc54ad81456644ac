"""Events over HTTP: for emitters without a Kafka client, and for the webhooks of shops that exist already.

Whoever posts is answered when Kafka has acknowledged, not before: what is answered for can't be lost, and what isn't
may be sent again, because its event ids make the second time harmless.
"""

from streams.ingestion.gateway import Gateway, Reply
from streams.ingestion.memory import Memory

__all__ = ["Gateway", "Memory", "Reply"]

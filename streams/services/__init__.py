"""Start and stop the programs that tapesh lives among, the embedded ones and the real ones, behind one interface."""

from streams.services.alertmanager import Alertmanager
from streams.services.apache_kafka import ApacheKafka
from streams.services.embedded_broker import EmbeddedBroker
from streams.services.errors import Missing, ServiceDied, ServiceError, ServiceTimeout, ServiceUnavailable
from streams.services.kafka_listener import Listener
from streams.services.ports import free_port
from streams.services.prometheus import Prometheus
from streams.services.redis_server import EmbeddedRedis, RedisServer
from streams.services.service import Service

__all__ = [
    "Alertmanager",
    "ApacheKafka",
    "EmbeddedBroker",
    "EmbeddedRedis",
    "Listener",
    "Missing",
    "Prometheus",
    "RedisServer",
    "Service",
    "ServiceDied",
    "ServiceError",
    "ServiceTimeout",
    "ServiceUnavailable",
    "free_port",
]

"""What can be configured, from one `tapesh.toml` and the environment; a bad value ends the start and says why."""

from streams.settings.clients import client_options
from streams.settings.duration import Duration
from streams.settings.problems import Problem, SettingsError
from streams.settings.schema import Checkpoint, Kafka, Redis, Settings, Web
from streams.settings.sources import load

__all__ = [
    "Checkpoint",
    "Duration",
    "Kafka",
    "Problem",
    "Redis",
    "Settings",
    "SettingsError",
    "Web",
    "client_options",
    "load",
]

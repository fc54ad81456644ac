"""The order of things: services up, history in, doors open, and everything down again, whatever happens."""

from __future__ import annotations

import signal
import time
import webbrowser
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any, Self

from rich.console import Console

from events.simulator import Scenario
from streams.cli.console import OUT, Failure
from streams.demo.answers import is_there, json_from
from streams.demo.monitoring import make_alertmanager, make_prometheus
from streams.demo.plan import Plan, opening
from streams.demo.shop import Shop
from streams.demo.show import Show
from streams.demo.worker import Worker
from streams.services import EmbeddedBroker, EmbeddedRedis, Prometheus, Service, ServiceError, free_port
from streams.services.ports import answered
from streams.settings import Settings
from streams.topics import BrokerUnreachable, TopicsError, ensure_topics, quiet_kafka

_READY_WITHIN_S = 180.0
_POLL_S = 0.2
_NAME_WIDTH = 13


def run(
    settings: Settings,
    *,
    scenario: Scenario = "calm",
    speed: float = 3600.0,
    seconds: float | None = None,
    open_board: bool = True,
    console: Console = OUT,
) -> None:
    """Run the demo until it is told to stop (Ctrl-C, SIGTERM), or for a while; nothing is left of it afterwards.

    Args:
        settings: what numbers mean (currency, time zone, windows, ...); where things are the demo says itself.
        scenario: `calm`, or `churn-spike`: after ten seconds customers leave in numbers, for a minute.
        speed: seconds of the shop's time per second of ours; 1: the wall clock.
        seconds: how long to show it once it is ready; None: for ever.
        open_board: show the board in a browser, if the engine has one.
        console: where to show it; not a terminal: a line every few seconds.

    Raises:
        Failure: something didn't start or ended by itself; which, and the end of its log.
    """
    plan = Plan(scenario=scenario, speed=speed, live_from=opening(datetime.now(UTC), speed, settings.timezone))
    try:
        with _Signals() as signals, quiet_kafka(), ExitStack() as stack:
            try:
                Demo(plan, settings, console, stack).run(seconds, open_board=open_board)
            finally:
                signals.ignore()
                stack.enter_context(console.status("ending what was started"))
    except (ServiceError, BrokerUnreachable, TopicsError) as error:
        raise Failure(str(error)) from None
    except KeyboardInterrupt:
        pass
    console.print("  everything that was started has ended", highlight=False)


class _Signals:
    """SIGTERM and a closed terminal end the demo as Ctrl-C does; once it ends, none of them disturbs that."""

    _ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._stop) for number in self._ENDING}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def ignore(self) -> None:
        """Let what is being done be done; it takes seconds."""
        for number in self._ENDING:
            signal.signal(number, signal.SIG_IGN)

    def _stop(self, *_: object) -> None:
        self.ignore()
        raise KeyboardInterrupt


class Demo:
    """One demo, from the first service to the last line.

    Args:
        plan: what is shown.
        asked: the settings that were asked for.
        console: where to show it.
        stack: ends what was started, the last first.
    """

    def __init__(self, plan: Plan, asked: Settings, console: Console, stack: ExitStack) -> None:
        self._plan = plan
        self._asked = asked
        self._console = console
        self._stack = stack
        self._services: list[Service] = []
        self._began = time.monotonic()

    def run(self, seconds: float | None, *, open_board: bool) -> None:
        """Bring everything up, and show it."""
        plan = self._plan
        self._console.print(f"\n[bold]tapesh demo[/]  {plan.scenario}, {plan.pace()}\n", highlight=False)
        broker, redis = EmbeddedBroker(), EmbeddedRedis()
        self._start(broker, "Kafka", "in memory, embedded")
        self._start(redis, "Redis", "embedded")
        port = free_port() if answered(self._asked.web.port) else self._asked.web.port
        settings = plan.settings(self._asked, bootstrap=broker.bootstrap, redis_url=redis.endpoint, web_port=port)
        ensure_topics(settings)
        shop = self._stack.enter_context(Shop(plan, settings))
        worker = Worker(settings)
        self._start(worker, "engine", "/kpis  /metrics  /health")
        self._tick("board", board := f"{worker.endpoint}/board", "in a browser")
        prometheus = self._start_monitoring(settings)
        self._await_history(shop, worker)
        took_s = time.monotonic() - self._began
        url = "" if port == 6066 else f" --url {worker.endpoint}"  # noqa: PLR2004 - the default that needs no option
        self._say(f"\n  ready in {took_s:.1f} s; in another terminal: [bold]tapesh kpis --watch{url}[/]\n")
        if open_board and self._console.is_terminal and is_there(board):
            webbrowser.open(board)
        shop.open()
        show = Show(plan, settings, self._console, shop, worker.endpoint, prometheus.endpoint if prometheus else None)
        try:
            show.run(seconds, still_well=lambda: self._refuse_losses(shop))
        finally:
            self._say(show.summary())

    def _start(self, service: Service, title: str, about: str) -> None:
        with self._console.status(f"starting {title}"):
            self._stack.enter_context(service)
        self._services.append(service)
        self._tick(title, service.endpoint, about)

    def _start_monitoring(self, settings: Settings) -> Prometheus | None:
        alertmanager = make_alertmanager()
        prometheus = make_prometheus(
            settings.web.port,
            currency=settings.currency,
            speed=self._plan.speed,
            alertmanager_port=None if alertmanager.missing() else alertmanager.port,
        )
        there = {"Prometheus": prometheus, "Alertmanager": alertmanager}
        for title, service in there.items():
            if (missing := service.missing()) is not None:
                self._say(f"  [dim]-[/] {title:<{_NAME_WIDTH}} [dim]left out: {missing}[/]")
            else:
                self._start(service, title, "/alerts" if service is prometheus else "")
        return None if prometheus.missing() else prometheus

    def _await_history(self, shop: Shop, worker: Worker) -> None:
        """Wait until the engine has counted the whole history and knows every KPI."""
        deadline = time.monotonic() + _READY_WITHIN_S
        with self._console.status("the shop's past") as status:
            while True:
                self._refuse_losses(shop)
                document = json_from(f"{worker.endpoint}/kpis?covers") or {}
                counted = sum(sum(of.values()) for of in document.get("covers", {}).values())
                if shop.history_is_through and counted >= shop.history and _is_of(document, shop.history_until):
                    break
                if time.monotonic() > deadline:
                    raise ServiceError(
                        f"engine: has counted {counted:,} of {shop.history:,} events after {_READY_WITHIN_S:g} s,"
                        f" as of {document.get('now')}, expected {shop.history_until};"
                        f" the end of its log:\n{worker.log_tail()}"
                    )
                status.update(f"the shop's past: {shop.history:,} events published, {counted:,} counted")
                time.sleep(_POLL_S)
        self._tick("history", f"{shop.history:,} events", f"of {self._plan.history_days} days, counted")

    def _refuse_losses(self, shop: Shop) -> None:
        """Raise if something that was started isn't there any more."""
        for service in self._services:
            if service.pid is None:
                raise ServiceError(f"{service.name}: ended by itself; the end of its log:\n{service.log_tail()}")
        if shop.failure is not None:
            raise ServiceError(f"shop: can't publish: {shop.failure}")

    def _tick(self, title: str, where: str, about: str) -> None:
        self._say(f"  [green]✓[/] {title:<{_NAME_WIDTH}} {where:<30} [dim]{about}[/]")

    def _say(self, text: str) -> None:
        self._console.print(text, highlight=False)


def _is_of(document: Mapping[str, Any], moment: datetime) -> bool:
    """Whether all KPIs are known, and as of that moment of the shop's time or later."""
    return not document["unknown"] and datetime.fromisoformat(document["now"]) >= moment

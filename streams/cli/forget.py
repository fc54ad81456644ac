"""`tapesh forget`: take a person out of state and profiles on request; the sums keep what the person contributed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.cli.console import ERR, OUT, Failure, say, write_json
from streams.cli.kafka import broker_failures, waiting_for
from streams.cli.options import ConfigOption, JsonOption, settings_of

if TYPE_CHECKING:
    from streams.forgetting import Order
    from streams.forgotten import Watch
    from streams.settings import Settings
    from streams.succession import Record

_SHOWN_LEFT = 120


def forget(
    context: typer.Context,
    customer_id: Annotated[str, typer.Argument(metavar="ID", help="The customer id, as events have it.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    timeout: Annotated[
        float, typer.Option(min=0.0, metavar="SECONDS", help="How long to wait until nothing is left; 0: not at all.")
    ] = 600.0,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Forget a person: the profile, the state, and all that the changelog holds of it; no KPI changes.

    The order is written among the person's events, so it holds whatever happens to this command or to a worker. Events
    that come later under the same id begin a new person. What Kafka's topics retain of the old events stays there until
    their retention ends; a rebuild from them meets the order again.
    """
    settings = settings_of(context, config)
    from streams.forgetting import home_of, new_order

    try:
        order = new_order(customer_id, (settings.topic(name) for name in settings.kafka.customer_topics))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="'ID'") from None
    if not yes and not typer.confirm(f"Forget {order.customer_id!r}? There is no way back", err=True):
        raise Failure("nothing was ordered")
    partition = home_of(order, settings.kafka.partitions)
    with broker_failures():
        from streams.engines import read_record
        from streams.forgotten import Watch, give
        from streams.topics import ensure_topics

        with waiting_for(settings):
            ensure_topics(settings, timeout_s=30.0)
            offsets = give(settings, order, 30.0)
            record = read_record(settings)
        left = _left(settings, record.serving.group, Watch(partition, order, offsets), timeout)
    if not left:
        left = _delete_in_redis(settings, order)
    remains = _remains(settings, record)
    if as_json:
        places = [{"topic": topic, "partition": partition, "offset": at} for topic, at in offsets.items()]
        write_json({"order": order.order, "written": places, "done": not left, "left": left, "remains": remains})
    else:
        for topic, at in offsets.items():
            OUT.print(f"ordered in {topic}[{partition}] at {at}", markup=False, highlight=False)
        if not left:
            OUT.print("forgotten: state, changelog and profile hold the id no more", markup=False, highlight=False)
        for each in remains:
            say(f"what remains: {each}")
    if left and timeout:
        raise Failure(f"the order stands, but isn't carried out after {timeout:g} s: {left}. Run it again to see")


def _left(settings: Settings, group: str, watch: Watch, timeout_s: float) -> str:
    """Wait until an order is carried out; say what isn't."""
    if not timeout_s:
        return "not waited for"
    from streams.forgotten import OutdatedWorkerError, following, see_through

    left, waits = "", "waiting for the next checkpoint"
    with following(settings, group, watch.partition) as consumer, ERR.status(waits) as status:
        try:
            for left in see_through(consumer, watch, timeout_s):
                status.update(f"waiting: {left[:_SHOWN_LEFT]}")
        except OutdatedWorkerError as error:
            raise Failure(str(error)) from None
    return left


def _delete_in_redis(settings: Settings, order: Order) -> str:
    """Delete what no worker does: orders that webhooks remember, a profile from before those were off.

    Says so if that fails.
    """
    if not settings.redis.enabled:
        return ""
    import asyncio

    from redis.asyncio import Redis
    from redis.exceptions import RedisError

    from metrics.names import RedisKeys
    from streams.ingestion.memory import Memory

    options: dict[str, Any] = {"ssl_ca_certs": str(settings.redis.ca_file)} if settings.redis.ca_file else {}

    async def delete() -> None:
        async with Redis.from_url(settings.redis.url.get_secret_value(), socket_timeout=10.0, **options) as redis:
            if not settings.redis.profiles:
                await redis.delete(RedisKeys(settings.redis.prefix).profile(order.customer_id))
            if settings.ingest.webhooks:
                await Memory(redis, settings.redis.prefix).forget(order.customer_id)

    try:
        with ERR.status("looking through the orders that webhooks remember"):
            asyncio.run(delete())
    except (RedisError, OSError) as error:
        return f"Redis may still know whose some orders are: {type(error).__name__}"
    return ""


def _remains(settings: Settings, record: Record) -> list[str]:
    """Say what no order reaches."""
    topics = ", ".join(settings.topic(name) for name in (*settings.kafka.customer_topics, "dead-letters"))
    said = [f"events and this order in {topics}, until their retention ends"]
    if record.retired:
        groups = ", ".join(engine.group for engine in record.retired)
        said.append(f"the changelogs of engines that served before ({groups}): `tapesh rebuild --remove-old`")
    if record.rebuilding is not None:
        said.append(f"{record.rebuilding.group}, which counts anew, forgets once it has read as far as the order")
    return said

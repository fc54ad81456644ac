"""Is what counts sound: who publishes, what comes in, what is kept, what is slow, whose source is silent."""

from __future__ import annotations

from grafana_foundation_sdk.models import units

from metrics import names
from metrics.dashboards.edition import Edition
from metrics.dashboards.kpi_panels import JOB
from metrics.dashboards.marks import ALL_IS_WELL, firing, or_none, unknown_kpis
from metrics.dashboards.panel import HEIGHT, Board, Kind, Limit, Panel, Query
from metrics.kpi import Text
from metrics.promql import selector

_NOTHING = Text("nothing yet", "هنوز هیچ")


def engine(edition: Edition) -> Board:
    """The engine's health."""
    say, one = edition.say, _Panels(edition)
    return Board(
        "engine",
        say(Text("Tapesh: engine", "تپش: موتور")),
        say(
            Text(
                "Whether what counts is sound: who publishes, what comes in, what is kept, what is slow.",
                "آیا موتور شمارش سالم است: چه کسی منتشر می‌کند، چه می‌رسد، چه نگه داشته می‌شود، کجا کند است.",
            )
        ),
        {
            say(Text("Trust", "اعتماد")): one.trust(),
            say(Text("Events", "رویدادها")): one.events(),
            say(Text("Sources", "منبع‌ها")): one.sources(),
            say(Text("Checkpoints", "نقطه‌های ذخیره")): one.checkpoints(),
            say(Text("State", "وضعیت")): one.state(),
            say(Text("Speed and neighbours", "سرعت و همسایه‌ها")): one.neighbours(),
        },
        chosen="engine",
    )


def _rate(name: str, *by: str) -> str:
    rate = f"(rate({selector(name, JOB)}[$__rate_interval]))"
    return f"sum by ({', '.join(by)}) {rate}" if by else f"sum {rate}"


def _worst(name: str) -> Query:
    return Query(f"max by (instance) ({selector(name, JOB)})", "{{instance}}")


def _sum(name: str, *by: str) -> str:
    return f"sum by ({', '.join(by)}) ({selector(name, JOB)})"


class _Panels:
    """The board's panels, row by row, in one language."""

    def __init__(self, edition: Edition) -> None:
        self._edition = edition

    def _of(
        self,
        title: Text,
        about: Text,
        unit: str,
        *queries: Query,
        kind: Kind = "line",
        width: int = 8,
        height: int | None = None,
        sound: bool | None = None,
        absent: Text = _NOTHING,
    ) -> Panel:
        """Make a panel; `sound`: 0 is well (True), 1 is (False), or nobody can say (None)."""
        say = self._edition.say
        limits = {None: (), True: ALL_IS_WELL, False: (Limit(1, "green"),)}[sound]
        below = {None: "text", True: "green", False: "red"}[sound]
        return Panel(
            *(say(title), say(about), unit, queries),
            kind=kind,
            width=width,
            height=height,
            below=below,  # type: ignore[arg-type]
            limits=limits,
            absent=say(absent),
        )

    def trust(self) -> tuple[Panel, ...]:
        age = selector(names.SNAPSHOT_AGE, JOB)
        residual = f"max(abs({selector(names.BOOKS_RESIDUAL, JOB)}))"
        up = selector("up", JOB)
        return (
            firing(self._edition, "engine"),
            unknown_kpis(self._edition),
            self._of(
                Text("Books", "دفترها"),
                Text(
                    "Opening + new + won back - lost - closing, the largest residual. Anything but 0 is a defect.",
                    "آغاز + جدید + بازگشته - ازدست‌رفته - پایان؛ بزرگ‌ترین مانده. هر چه جز ۰ خطای برنامه است.",
                ),
                units.Short,
                Query(residual, "residual"),
                kind="number",
                sound=True,
            ),
            self._of(
                Text("Age of the KPIs", "سن شاخص‌ها"),
                Text("Seconds since the latest snapshot.", "ثانیه‌های گذشته از آخرین محاسبهٔ شاخص‌ها."),
                units.Seconds,
                _worst(names.SNAPSHOT_AGE),
            ),
            self._of(
                Text("Who publishes", "چه کسی منتشر می‌کند"),
                Text(
                    "Workers that are up, and those that hold the lease of the KPIs: one, or none while it moves.",
                    "کارگرهای برقرار، و آن‌ها که اجارهٔ انتشار شاخص‌ها را دارند: یکی، یا هنگام جابه‌جایی هیچ‌کدام.",
                ),
                units.Short,
                Query(f"sum({up})", self._edition.say(Text("up", "برقرار"))),
                Query(f"count({age}) or 0 * max({up})", self._edition.say(Text("publishing", "منتشرکننده"))),
            ),
            self._of(
                Text("Partitions", "پارتیشن‌ها"),
                Text(
                    "That each worker owns; together they are those of the event topics.",
                    "پارتیشن‌هایی که هر کارگر دارد؛ روی هم باید همهٔ پارتیشن‌های تاپیک‌ها باشند.",
                ),
                units.Short,
                Query(_sum(names.PARTITIONS_OWNED, "instance"), "{{instance}}"),
            ),
        )

    def events(self) -> tuple[Panel, ...]:
        return (
            self._of(
                Text("Events", "رویدادها"),
                Text("Events counted per second, by type.", "رویدادهای شمرده‌شده در ثانیه، به تفکیک نوع."),
                units.EventsPerSecond,
                Query(_rate(names.EVENTS, names.TYPE), "{{type}}"),
            ),
            self._of(
                Text("Event lag", "تأخیر رویدادها"),
                Text(
                    "How long ago the newest event that a worker has read was published. It grows while none arrives.",
                    "تازه‌ترین رویدادی که هر کارگر خوانده چند ثانیه پیش منتشر شده. تا رویدادی نرسد بالا می‌رود.",
                ),
                units.Seconds,
                _worst(names.EVENT_LAG),
            ),
            self._of(
                Text("Dead letters", "نامه‌های مرده"),
                Text(
                    "Events per second that the contract refuses, by reason; they are in the topic dead-letters.",
                    "رویدادهای ردشده در ثانیه، به تفکیک دلیل؛ در تاپیک dead-letters نگه داشته می‌شوند.",
                ),
                units.EventsPerSecond,
                Query(_rate(names.EVENTS_REJECTED, names.REASON), "{{reason}}"),
            ),
            self._of(
                Text("Duplicates", "تکراری‌ها"),
                Text(
                    "Dropped per second because they had been counted; conflicting ones said something else.",
                    "رویدادهایی که در ثانیه به‌دلیل تکراری بودن کنار گذاشته می‌شوند؛ ناسازگارها حرف دیگری می‌زدند.",
                ),
                units.EventsPerSecond,
                Query(_rate(names.EVENTS_DUPLICATE), self._edition.say(Text("dropped", "کنارگذاشته"))),
                Query(_rate(names.EVENTS_CONFLICTING), self._edition.say(Text("conflicting", "ناسازگار"))),
            ),
            self._of(
                Text("Wrong place or late", "جای نادرست یا دیر"),
                Text(
                    "Per second: events sent on to their person's partition; left in the slices that they arrived in; "
                    "earlier acquisitions that were heard of later.",
                    "در ثانیه: رویدادهای فرستاده‌شده به پارتیشن درست؛ مانده در برشی که در آن رسیدند؛ "
                    "جذب‌های زودتری که دیرتر رسیدند.",
                ),
                units.EventsPerSecond,
                Query(_rate(names.EVENTS_MISROUTED), self._edition.say(Text("sent on", "بازفرستاده"))),
                Query(_rate(names.EVENTS_UNMOVED), self._edition.say(Text("left", "مانده"))),
                Query(_rate(names.ACQUISITIONS_LATE), self._edition.say(Text("attributed anew", "بازنسبت‌داده"))),
            ),
            self._of(
                Text("Waiting for the clock", "چشم‌به‌راه ساعت"),
                Text(
                    "Events dated ahead of now; many for long: an emitter's clock is wrong.",
                    "رویدادهایی با زمان جلوتر از اکنون؛ اگر زیاد بمانند، ساعت فرستنده‌ای نادرست است.",
                ),
                units.Short,
                Query(_sum(names.WAITING_EVENTS, "instance"), "{{instance}}"),
            ),
        )

    def sources(self) -> tuple[Panel, ...]:
        by = (names.SOURCE, names.TYPE)
        silent = f"max by ({', '.join(by)}) ({selector(names.SOURCE_SILENT, JOB)}) == 1"
        latest = f"max by ({', '.join(by)}) ({selector(names.SOURCE_LAST_EVENT, JOB)})"
        restated = f"max by (kpi, {names.PERIOD}) ({selector(names.RESTATED_DELTA, JOB)})"
        overflow = f"sum by ({names.SLICE}) ({selector(names.SLICE_OVERFLOW, JOB)})"
        return (
            self._of(
                Text("Silent sources", "منبع‌های خاموش"),
                Text(
                    "Missed by what is configured or by their rhythm; the KPIs that they feed are unknown.",
                    "بنا بر تنظیمات یا آهنگ همیشگی‌شان باید می‌آمدند؛ شاخص‌هایی که از آن‌ها می‌آیند نامعلوم‌اند.",
                ),
                units.NoUnit,
                Query(
                    or_none(silent, names.SOURCE, self._edition, among=names.PARTITIONS_OWNED), "{{source}} {{type}}"
                ),
                kind="names",
                sound=True,
            ),
            self._of(
                Text("Restatements", "بازنگری‌ها"),
                Text("Of past days and months, per second.", "بازنگری روزها و ماه‌های گذشته، در ثانیه."),
                "suffix: /s",
                Query(
                    or_none(
                        _rate(names.RESTATEMENTS, names.PERIOD),
                        names.PERIOD,
                        self._edition,
                        among=names.PARTITIONS_OWNED,
                    ),
                    "{{period}}",
                ),
                kind="number",
            ),
            self._of(
                Text("Shown as other", "زیر عنوان other"),
                Text(
                    "Values of slices and labels beyond those that are shown by name, since the start.",
                    "مقدارهای برش و برچسب که از شمار نمایش‌پذیر بیشترند، از آغاز کار.",
                ),
                units.Short,
                Query(or_none(overflow, names.SLICE, self._edition, among=names.PARTITIONS_OWNED), "{{slice}}"),
                kind="number",
            ),
            self._of(
                Text("Since a source's latest event", "از آخرین رویداد هر منبع"),
                Text(
                    "How long ago, in event time, the latest event of a type from a source occurred.",
                    "از آخرین رویداد هر نوع از هر منبع چه مدت گذشته، به زمان رویداد.",
                ),
                units.Seconds,
                Query(f"time() - {latest}", "{{source}} {{type}}"),
                width=12,
            ),
            self._of(
                Text("What restatements came to", "بازنگری‌ها چه اندازه شدند"),
                Text(
                    "Now known less first published, in each KPI's unit, over recent past days and months.",
                    "آنچه اکنون دانسته است منهای آنچه نخست منتشر شد، به واحد هر شاخص، برای روزها و ماه‌های اخیر.",
                ),
                units.NoUnit,
                Query(or_none(restated, "kpi", self._edition, among=names.PARTITIONS_OWNED), "{{kpi}} {{period}}"),
                width=12,
            ),
        )

    def checkpoints(self) -> tuple[Panel, ...]:
        written = selector(names.CHECKPOINT_TIMESTAMP, JOB)
        return (
            self._of(
                Text("Age of the checkpoint", "سن نقطهٔ ذخیره"),
                Text(
                    "Seconds since a worker's latest checkpoint was safe: what a crash would have it read again.",
                    "ثانیه‌های گذشته از آخرین ذخیرهٔ امن هر کارگر: آنچه پس از خرابی باید دوباره بخواند.",
                ),
                units.Seconds,
                Query(f"time() - max by (instance) ({written})", "{{instance}}"),
            ),
            self._of(
                Text("Checkpoints", "نقطه‌های ذخیره"),
                Text("Written and failed, per second.", "نوشته‌شده و ناموفق، در ثانیه."),
                units.OpsPerSecond,
                Query(_rate(names.CHECKPOINTS), self._edition.say(Text("written", "نوشته‌شده"))),
                Query(_rate(names.CHECKPOINT_FAILURES), self._edition.say(Text("failed", "ناموفق"))),
            ),
            self._of(
                Text("Time of a checkpoint", "زمان هر ذخیره"),
                Text("Seconds that the last one took.", "ثانیه‌هایی که آخرین ذخیره برد."),
                units.Seconds,
                _worst(names.CHECKPOINT_DURATION),
            ),
            self._of(
                Text("Written by checkpoints", "نوشتهٔ نقطه‌های ذخیره"),
                Text("Bytes per second.", "بایت در ثانیه."),
                units.BytesPerSecondIEC,
                Query(_rate(names.CHECKPOINT_BYTES, "instance"), "{{instance}}"),
                width=12,
            ),
            self._of(
                Text("Changelog", "دفتر تغییرات"),
                Text(
                    "Bytes of entries that the state needs (live), and of those not deleted yet (superseded).",
                    "حجم رکوردهای لازم (live) و آن‌ها که هنوز پاک نشده‌اند (superseded).",
                ),
                units.BytesIEC,
                Query(_sum(names.CHANGELOG_BYTES, names.STATE), "{{state}}"),
                width=12,
            ),
        )

    def state(self) -> tuple[Panel, ...]:
        return (
            self._of(
                Text("Persons", "اشخاص"),
                Text("Persons in the partitions of each worker.", "شمار اشخاص در پارتیشن‌های هر کارگر."),
                units.Short,
                Query(_sum(names.PERSONS, "instance"), "{{instance}}"),
            ),
            self._of(
                Text("Event ids remembered", "شناسه‌های به‌یادمانده"),
                Text(
                    "For deduplication, within its horizon.",
                    "برای یافتن تکراری‌ها، در افق نگهداری‌شان.",
                ),
                units.Short,
                Query(_sum(names.DEDUPLICATION_IDS, "instance"), "{{instance}}"),
            ),
            self._of(
                Text("Memory of event ids", "حافظهٔ شناسه‌ها"),
                Text("Bytes that they take.", "بایت‌هایی که می‌گیرند."),
                units.BytesIEC,
                Query(_sum(names.DEDUPLICATION_BYTES, "instance"), "{{instance}}"),
            ),
        )

    def neighbours(self) -> tuple[Panel, ...]:
        buckets = _rate(f"{names.LOOP_HELD}_bucket", "le", names.STEP)
        longest = f"max by ({names.STEP}) ({selector(names.LOOP_HELD_LONGEST, JOB)})"
        events = _rate(names.HTTP_EVENTS, names.OUTCOME)
        return (
            self._of(
                Text("Longest hold", "درازترین توقف"),
                Text(
                    "The longest that a step has held the event loop since the start.",
                    "درازترین زمانی که یک گام حلقهٔ رویداد را از آغاز نگه داشته.",
                ),
                units.Seconds,
                Query(longest, "{{step}}"),
            ),
            self._of(
                Text("Steps of the event loop", "گام‌های حلقهٔ رویداد"),
                Text(
                    "99 of 100 steps of a kind held the event loop for less than this.",
                    "از هر ۱۰۰ گام، ۹۹ گام کمتر از این حلقهٔ رویداد را نگه داشتند.",
                ),
                units.Seconds,
                Query(f"histogram_quantile(0.99, {buckets}) >= 0 or {longest} * 0", "{{step}}"),
            ),
            self._of(
                Text("Redis", "ردیس"),
                Text(
                    "1 while it holds the latest KPIs, 0 while it is behind.",
                    "۱ یعنی آخرین شاخص‌ها را دارد، ۰ یعنی عقب است.",
                ),
                units.NoUnit,
                Query(f"min({selector(names.REDIS_UP, JOB)})", "Redis"),
                kind="number",
                height=HEIGHT,  # as its neighbours
                sound=False,
                absent=Text("not configured: `redis.url`", "پیکربندی نشده: `redis.url`"),
            ),
            self._of(
                Text("Events over HTTP", "رویدادهای رسیده از HTTP"),
                Text("Per second, by what became of them.", "در ثانیه، به تفکیک سرانجام‌شان."),
                units.EventsPerSecond,
                Query(events, "{{outcome}}"),
                width=12,
                absent=Text("not configured: `ingest`", "پیکربندی نشده: `ingest`"),
            ),
            self._of(
                Text("Refused over HTTP", "ردشده از HTTP"),
                Text("Whole requests per second.", "درخواست‌های یکجا ردشده، در ثانیه."),
                units.RequestsPerSecond,
                Query(_rate(names.HTTP_REFUSED), self._edition.say(Text("refused", "ردشده"))),
                width=12,
                absent=Text("not configured: `ingest`", "پیکربندی نشده: `ingest`"),
            ),
            self._of(
                Text("Customer profiles written", "پروندهٔ مشتریان نوشته‌شده"),
                Text("Per second, to Redis.", "در ثانیه، در ردیس."),
                units.EventsPerSecond,
                Query(_rate(names.PROFILES, "instance"), "{{instance}}"),
                width=12,
                absent=Text("not configured: `redis.profiles`", "پیکربندی نشده: `redis.profiles`"),
            ),
            self._of(
                Text("Customer profiles waiting", "پروندهٔ مشتریان در انتظار"),
                Text("Still to be written; they follow by themselves.", "هنوز نوشته نشده‌اند؛ خودبه‌خود نوشته می‌شوند."),
                units.Short,
                Query(_sum(names.PROFILES_WAITING, "instance"), "{{instance}}"),
                width=12,
                absent=Text("not configured: `redis.profiles`", "پیکربندی نشده: `redis.profiles`"),
            ),
        )

// @ts-check
/** Figures and instants as people read them: in their language, digits and calendar. */

/** A ratio from here on is read as a multiple (14.0×), as the command line does. */
const MULTIPLE_FROM = 10;
const COMPACT_FROM = 10_000_000;
const UNDEFINED = "–";

/**
 * @typedef {object} Numbers
 * @property {(unit: string, value: number | null | undefined) => string} value
 * @property {(unit: string, value: number, of: number) => string} change signed; shares in percentage points, multiples as such
 * @property {(unit: string, value: number, step: number) => string} tick with as many digits as neighbours so far apart need
 * @property {(value: number, digits?: number) => string} plain
 * @property {(value: number) => string} share
 * @property {(value: number) => string} wholeShare without decimals
 * @property {(p: number) => string} probability
 * @property {(seconds: number) => string} duration
 * @property {(ms: number) => string} clock time of day
 * @property {(ms: number) => number} hour of the day, with its minutes as a fraction
 * @property {(ms: number) => string} day
 * @property {(ms: number) => string} instant
 * @property {(name: string) => string} month of `2026-06`, or `1405-03` where the calendar is Jalali
 */

/**
 * @param {"en" | "fa"} lang
 * @param {{ currency?: string, timezone?: string, calendar?: string }} settings the document's
 * @param {(name: string) => string} word
 * @returns {Numbers}
 */
export function numbersIn(lang, settings, word) {
  const currency = (settings.currency ?? "EUR").toUpperCase();
  const calendar = settings.calendar === "jalali" ? "persian" : "gregory";
  const locale = `${lang === "fa" ? "fa-IR" : "en-GB"}-u-ca-${calendar}`;
  /** @param {Intl.NumberFormatOptions} options */
  const format = (options) => {
    const made = new Intl.NumberFormat(lang === "fa" ? "fa-IR" : "en-US", options);
    return (/** @type {number} */ value) => made.format(value);
  };
  const whole = format({ maximumFractionDigits: 0 });
  const one = format({ minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const two = format({ minimumFractionDigits: 2, maximumFractionDigits: 2 });
  const compact = format({ notation: "compact", minimumFractionDigits: 2, maximumFractionDigits: 2 });
  const percent = format({ style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const wholePercent = format({ style: "percent", maximumFractionDigits: 0 });
  const money = { style: /** @type {const} */ ("currency"), currency, currencyDisplay: /** @type {const} */ ("narrowSymbol") };
  const cents = format(money);
  const units = format({ ...money, maximumFractionDigits: 0 });
  const millions = format({ ...money, notation: "compact", minimumFractionDigits: 2, maximumFractionDigits: 2 });
  const zone = settings.timezone ?? "UTC";
  /** @param {Intl.DateTimeFormatOptions} options */
  const dates = (options) => new Intl.DateTimeFormat(locale, { timeZone: zone, ...options });
  const clock = dates({ hour: "2-digit", minute: "2-digit" });
  const day = dates({ day: "numeric", month: "short" });
  const month = new Intl.DateTimeFormat(locale, { timeZone: "UTC", month: "short", year: "numeric" });
  const hours = new Intl.DateTimeFormat("en-GB-u-nu-latn", { timeZone: zone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const full = dates({ weekday: "short", day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" });

  const comma = lang === "fa" ? "،" : ",";
  /**
   * A date in the order in which both languages say it; the locale's own order for the Persian calendar is another.
   * @param {Intl.DateTimeFormat} made
   * @param {number} ms
   * @param {(parts: Record<string, string>) => string} order
   */
  const composed = (made, ms, order) => order(Object.fromEntries(made.formatToParts(ms).map(({ type, value }) => [type, value])));

  /** @type {(unit: string, value: number) => string} */
  const known = (unit, value) => {
    const size = Math.abs(value);
    switch (unit) {
      case "ratio": return size >= MULTIPLE_FROM ? `${one(value)}×` : percent(value);
      case "currency": return size >= COMPACT_FROM ? millions(value) : size >= 1_000 ? units(value) : cents(value);
      case "days": return `${one(value)} ${word("days")}`;
      case "years": return `${two(value)} ${word("years")}`;
      case "score": return one(value);
      default: return size >= COMPACT_FROM ? compact(value) : Number.isInteger(value) ? whole(value) : two(value);
    }
  };
  /** @param {string} text @param {number} value */
  const signed = (text, value) => (value > 0 ? `+${text}` : value < 0 ? `−${text}` : text);
  return {
    value: (unit, value) => (value === null || value === undefined ? UNDEFINED : known(unit, value).replace("-", "−")),
    change: (unit, value, of) => {
      const size = Math.abs(value);
      const text = unit !== "ratio" ? known(unit, size) : Math.abs(of) < MULTIPLE_FROM ? `${one(size * 100)} ${word("points")}` : `${one(size)}×`;
      return `\u2066${signed(text, value)}\u2069`;
    },
    tick: (unit, value, step) => {
      const digits = Math.min(4, Math.max(0, Math.ceil(-Math.log10((unit === "ratio" ? 100 : 1) * step) - 1e-9) + (step.toString().includes("25") ? 1 : 0)));
      const exact = { minimumFractionDigits: digits, maximumFractionDigits: digits };
      if (unit === "ratio" && Math.abs(value) < MULTIPLE_FROM) return format({ style: "percent", ...exact })(value);
      return format(unit === "currency" ? { ...money, ...exact } : exact)(value);
    },
    plain: (value, digits = 0) => (digits ? one(value) : whole(value)),
    share: (value) => percent(value),
    wholeShare: (value) => wholePercent(value),
    probability: (p) => (p < 0.0001 ? `< ${format({ maximumFractionDigits: 4 })(0.0001)}` : format({ maximumSignificantDigits: 2 })(p)),
    duration: (seconds) => (seconds < 90 ? `${whole(seconds)} ${word("seconds")}` : seconds < 5_400 ? `${whole(seconds / 60)} ${word("minutes")}` : `${one(seconds / 3_600)} ${word("hours")}`),
    clock: (ms) => clock.format(ms),
    hour: (ms) => {
      const { hour, minute } = Object.fromEntries(hours.formatToParts(ms).map(({ type, value }) => [type, Number(value)]));
      return hour + minute / 60;
    },
    instant: (ms) => composed(full, ms, ({ weekday, day, month, year, hour, minute, second }) => `${weekday} ${day} ${month} ${year}${comma} ${hour}:${minute}:${second}`),
    day: (ms) => composed(day, ms, ({ day, month }) => `${day} ${month}`),
    month: (name) => composed(month, middleOf(name, settings.calendar), ({ month, year }) => `${month} ${year}`),
  };
}

/** An instant in the middle of a month: no calendar's leap day moves it out. @param {string} name @param {string | undefined} calendar */
function middleOf(name, calendar) {
  const [year, month] = name.split("-").map(Number);
  if (calendar !== "jalali") return Date.UTC(year, month - 1, 15);
  const before = month <= 7 ? 31 * (month - 1) : 186 + 30 * (month - 7);
  return Date.UTC(year + 621, 2, 21 + before + 14);
}

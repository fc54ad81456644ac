// @ts-check
/** From what is known of a KPI to what is written of it: value or reason, change, target. */

import { extent } from "./charts.js";
import { windowName } from "./words.js";

/**
 * All that a view needs to be drawn.
 * @typedef {object} View
 * @property {import("./store.js").Store} store
 * @property {import("./address.js").Look} look
 * @property {string} window
 * @property {boolean} mirrored right to left
 * @property {(name: string, ...filled: string[]) => string} word
 * @property {import("./numbers.js").Numbers} numbers
 */

const CALENDAR = ["month", "quarter", "year"];
/** Shown with a sign: below 0 means something else than little. */
const SIGNED = new Set(["net_customer_growth", "base_growth_active"]);

/** @param {View} view @param {string} window */
export const nameOf = (view, window) => windowName(window, view.word, (value) => view.numbers.plain(value));

/**
 * @param {View} view
 * @param {string} id
 * @param {{ window?: string, slice?: string }} [where]
 */
export function written(view, id, { window = view.window, slice = view.look.slice } = {}) {
  const { word, numbers, store } = view;
  const { unit = "" } = store.kpis.get(id) ?? {};
  const figure = store.figure(id, window, slice);
  const isOurs = /^[a-zA-Z]+$/.test(figure.why);
  const why = isOurs ? word(figure.why) : figure.why;
  const text = figure.standing === "known" ? (SIGNED.has(id) ? numbers.change(unit, figure.value, figure.value) : numbers.value(unit, figure.value))
    : figure.standing === "unknown" ? word("unknown") : "–";
  return { ...figure, text, why, foreign: !isOurs && figure.why !== "", unit };
}

/**
 * How a KPI has changed since its history begins, at most a day ago.
 * @param {View} view
 * @param {string} id
 * @returns {{ text: string, since: string, arrow: string, tone: "" | "good" | "bad", judged: string } | null}
 */
export function changed(view, id) {
  const { store, numbers, word } = view;
  if (view.look.slice) return null;
  const now = store.figure(id, view.window);
  const first = store.history.get(`${view.window}:${id}`)?.find(([, value]) => value !== null);
  if (now.standing !== "known" || typeof now.value !== "number" || !first) return null;
  const { unit, better } = store.kpis.get(id);
  const difference = now.value - /** @type {number} */ (first[1]);
  const none = numbers.change(unit, 0, now.value);
  const text = numbers.change(unit, difference, now.value);
  const since = moment(view, first[0]);
  if (!difference || text.replace(/[+−]/, "") === none) return { text: "", since, arrow: "", tone: "", judged: "" };
  const way = difference > 0 ? "higher" : "lower";
  const tone = better === "neither" ? "" : way === better ? "good" : "bad";
  const judged = tone === "good" ? word("better") : tone === "bad" ? word("worse") : "";
  return { text, since, arrow: difference > 0 ? "▲" : "▼", tone, judged };
}

/** An instant of the last day: the time, and the day if it is another one. @param {View} view @param {number} ms */
export function moment(view, ms) {
  const { numbers, store } = view;
  const day = numbers.day(ms);
  return day === numbers.day(Date.parse(store.document?.now ?? "") || Date.now()) ? numbers.clock(ms) : `${day} ${numbers.clock(ms)}`;
}

/**
 * The target of a KPI: of the window, else of the shortest period that has one.
 * @param {View} view
 * @param {string} id
 */
export function targeted(view, id) {
  const { store, numbers, word, window } = view;
  const { unit, better } = store.kpis.get(id) ?? {};
  const period = [window, ...CALENDAR].find((name) => store.targets.some((target) => target.kpi === id && target.window === name));
  if (!period) return null;
  const { target: goal, pace } = store.targets.find((target) => target.kpi === id && target.window === period);
  const { standing, value } = store.figure(id, period, "");
  const text = word("targetOf", nameOf(view, period), numbers.value(unit, goal));
  if (standing !== "known") return { text, filled: null, tone: "" };
  const isReached = better === "lower" ? value <= goal : value >= goal;
  const tone = isReached ? "good" : better === "lower" ? "bad" : "";
  const way = typeof pace === "number" && better !== "lower" ? ` · ${word("pace", numbers.share(pace))}` : "";
  return { text: `${text} · ${word("nowAt", numbers.value(unit, value))}${way}`, filled: goal ? value / goal : null, tone };
}

/**
 * A history in words.
 * @param {View} view
 * @param {string} id
 * @param {import("./store.js").Point[]} points
 */
export function told(view, id, points) {
  const { title, unit } = view.store.kpis.get(id);
  const known = points.filter(([, value]) => value !== null);
  if (known.length < 2) return `${title}: ${view.word("noTrend")}`;
  const [low, high] = extent(known);
  const say = (/** @type {number | null} */ value) => view.numbers.value(unit, value);
  const [first, last] = [known[0], known[known.length - 1]];
  return view.word("chartOf", title, say(first[1]), moment(view, first[0]), say(last[1]), moment(view, last[0]), say(low), say(high));
}

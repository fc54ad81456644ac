// @ts-check
/**
 * When customers came and how long they stay: everybody's, whatever slice is chosen. The map of cohorts is a table whose
 * cells are coloured, so that it can be read out, copied, and read by whoever sees no colours.
 */

import { curve } from "./charts.js";
import { fill, h, say } from "./dom.js";
import { section } from "./panels.js";
import { aboutButton } from "./tiles.js";

/** @typedef {import("./figures.js").View} View */
/** @typedef {import("./tiles.js").Part} Part */

/** So many months of acquisition fit; the older ones are in /kpis and in Prometheus. */
const SHOWN_MONTHS = 13;
/** How strong the colour of a share of 1 is, of 100: what stands on it must be read. */
const STRONGEST = 48;
const OLDER = "older";

/** A breakdown's title, which tells more when pressed. @param {View} view @param {string} id */
const titleOf = (view, id) => aboutButton(view.store.breakdowns.get(id)?.title ?? id, id, "h3");

/** Retention by month of acquisition. @param {View} view @returns {Part} */
export function cohorts(view) {
  const { word } = view;
  const head = h("thead");
  const rows = h("tbody");
  const table = h("table", { class: "cohorts" }, h("caption", { class: "sr" }, word("cohortsTold")), head, rows);
  const scroll = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": word("cohorts") }, table);
  const note = h("p", { class: "note" });
  return {
    element: section("cohorts", word("cohorts"), "wide", titleOf(view, "cohort_retention"), scroll, note),
    update(view) {
      const { value: known, why } = view.store.section("cohorts");
      const all = (known?.months ?? []).filter((/** @type {any} */ month) => month.acquired);
      const months = all.slice(-SHOWN_MONTHS);
      scroll.hidden = !months.length;
      const hint = [word("cohortsRead"), view.look.slice && word("ofEverybody"),
        months.length < all.length && word("latestMonths", view.numbers.plain(months.length), view.numbers.plain(all.length))];
      say(note, months.length ? hint.filter(Boolean).join(" ") : told(view, why));
      const print = JSON.stringify([months, view.look.lang]);
      if (!months.length || rows.dataset.print === print) return;
      rows.dataset.print = print;
      const longest = Math.max(...months.map((/** @type {any} */ { retained }) => retained.length));
      const column = (/** @type {string} */ text, kind = "") => h("th", { scope: "col", class: kind, rowspan: longest && 2 }, text);
      fill(head, h("tr", {}, column(word("acquiredIn")), column(word("customers")),
        longest > 0 && h("th", { scope: "colgroup", colspan: longest, class: "later" }, word("monthsLater")), column(word("soFar"))),
      longest > 0 && h("tr", {}, Array.from({ length: longest }, (_, at) => h("th", { scope: "col" }, view.numbers.plain(at)))));
      fill(rows, months.map((/** @type {any} */ month) => rowOf(view, month, longest)));
    },
  };
}

/** @param {View} view @param {any} month @param {number} longest */
function rowOf(view, { cohort, acquired, retained, retention, so_far }, longest) {
  const { numbers, word } = view;
  const cell = (/** @type {number | null} */ share, /** @type {number} */ left, /** @type {string} */ kind) => {
    if (share === null || share === undefined) return h("td", { class: kind });
    const made = h("td", { class: `share ${kind}`, title: word("cohortCell", numbers.plain(left), numbers.plain(acquired)) }, numbers.wholeShare(share));
    made.style.setProperty("--strength", `${Math.round(share * STRONGEST)}%`);
    return made;
  };
  return h("tr", {}, h("th", { scope: "row" }, cohort === OLDER ? word("older") : numbers.month(cohort)), h("td", {}, numbers.plain(acquired)),
    Array.from({ length: longest }, (_, at) => cell(retention[at], retained[at], "")), cell(so_far.retention, so_far.retained, "so-far"));
}

/** Churn by how long customers have been there, and how long they stay. @param {View} view @returns {Part} */
export function tenure(view) {
  const { word } = view;
  const rows = h("tbody");
  const table = h("table", {}, h("caption", { class: "sr" }, word("tenure")),
    h("thead", {}, h("tr", {}, ["tenureBand", "atRisk", "lostOfThem", "rate"].map((name) => h("th", { scope: "col" }, word(name))))), rows);
  const note = h("p", { class: "note" });
  const chart = h("div", { class: "chart curve" });
  const few = h("p", { class: "note" });
  return {
    element: section("tenure", word("tenure"), "third",
      h("div", { class: "block" }, titleOf(view, "churn_rate_by_tenure"), h("div", { class: "scroll" }, table), note),
      h("div", { class: "block" }, titleOf(view, "survival"), chart, few)),
    update(view) {
      const { value: known, why } = view.store.section("tenure");
      const found = known?.windows?.[view.window];
      const window = found?.at_risk_by_tenure && found; // over the lifetime there is no beginning
      table.hidden = !window;
      note.hidden = Boolean(window) && !view.look.slice;
      say(note, window ? word("ofEverybody") : found ? word("undefinedHere") : told(view, why));
      const print = JSON.stringify([window, view.look.lang]);
      if (window && rows.dataset.print !== print) {
        rows.dataset.print = print;
        fill(rows, bandsOf(view, window));
      }
      drawSurvival(view, known?.survival ?? {}, why, chart, few);
    },
  };
}

/** Who was there as the window began, and who of them has left. @param {View} view @param {any} window */
function bandsOf({ store, numbers }, { at_risk_by_tenure: there, churned_by_tenure: left, churn_rate_by_tenure: rates }) {
  const highest = Math.max(...store.bands.map(({ id }) => rates[id] ?? 0)) || 1;
  return store.bands.map(({ id, title }) => {
    const rate = rates[id];
    const bar = h("i");
    bar.style.inlineSize = `${((rate ?? 0) / highest) * 100}%`;
    return h("tr", {}, h("th", { scope: "row" }, title), h("td", {}, numbers.plain(there[id])), h("td", {}, numbers.plain(left[id])),
      h("td", {}, h("span", { class: "meter" }, h("span", { class: "bar", "aria-hidden": "true" }, bar),
        h("span", { class: "rate" }, rate === null ? "–" : numbers.share(rate)))));
  });
}

/** @param {View} view @param {Record<string, number>} survival @param {string} why @param {HTMLElement} chart @param {HTMLElement} few */
function drawSurvival(view, survival, why, chart, few) {
  const { word, numbers } = view;
  const points = Object.entries(survival).map(([days, share]) => /** @type {[number, number]} */ ([Number(days), share]));
  const is = points.length > 1;
  chart.hidden = !is;
  few.hidden = is;
  if (!is) {
    say(few, why ? told(view, why) : word("tooYoung"));
    return;
  }
  const said = (/** @type {number} */ days) => `${numbers.plain(days)} ${word("days")}`;
  const title = view.store.breakdowns.get("survival")?.title ?? "";
  const text = `${title}: ${points.map(([days, share]) => `${said(days)} ${numbers.share(share)}`).join("; ")}`;
  curve(chart, points, { text, token: "accent", mirrored: view.mirrored, value: numbers.wholeShare, along: said });
}

/** @param {View} view @param {string} why a word's name, or the engine's sentence */
function told({ word }, why) {
  if (!why) return word("nothing");
  return /^[a-zA-Z]+$/.test(why) ? word(why) : `${word("unknown")}: ${why}`;
}

// @ts-check
/** The sections below the tiles: what happened to customers, money and opinions. */

import { bars, funnel, trend } from "./charts.js";
import { fill, h, say } from "./dom.js";
import { moment, nameOf, told, written } from "./figures.js";
import { list } from "./tiles.js";

/** @typedef {import("./figures.js").View} View */
/** @typedef {import("./tiles.js").Part} Part */

/** In the order in which a lead goes; what an emitter calls otherwise comes after, the largest first. */
const STAGES = ["new", "contacted", "qualified", "proposal", "negotiation", "won"];
const SHOWN = 8;
const STANDS_OUT = 1.5;

/**
 * A section with its heading.
 * @param {string} id
 * @param {string} title
 * @param {string} kind
 * @param {...any} content
 */
export function section(id, title, kind, ...content) {
  return h("section", { class: `panel ${kind}`, "aria-labelledby": `${id}-title`, id }, h("h2", { id: `${id}-title` }, title), ...content);
}

/** @param {string} title @param {...any} content */
const block = (title, ...content) => h("div", { class: "block" }, h("h3", {}, title), ...content);

/** @param {View} view @returns {Part} */
export function churn(view) {
  const { word, store } = view;
  const stats = list(view, ["lost_customers", "retention_rate", "involuntary_churn_rate", "lapse_rate", "average_tenure"]);
  const course = courseOf(view, "churn_rate");
  const reasons = split(view, "churn_reasons", { title: word("reasons"), token: "accent" });
  const segments = segmentsOf(view);
  const band = bandOf(view);
  return {
    element: section("churn", word("churn"), "wide", h("div", { class: "halves" },
      h("div", {}, course.element, band.element, stats.element), h("div", {}, reasons.element, segments.element))),
    update: (view) => [stats, course, band, reasons, segments].forEach((part) => part.update(view)),
  };
}

/** @param {View} view @returns {Part} */
export function acquisition(view) {
  const stats = list(view, ["leads", "lead_conversion_rate", "conversion_rate", "closing_rate", "acquisition_cost", "lead_cost"]);
  const chart = h("div", { class: "chart funnel" });
  const note = h("p", { class: "note" });
  return {
    element: section("acquisition", view.word("acquisition"), "third", block(view.word("funnel"), chart, note), stats.element),
    update(view) {
      stats.update(view);
      const figure = written(view, "leads_by_stage");
      const counts = /** @type {Record<string, number>} */ (figure.value ?? {});
      const order = (/** @type {string} */ stage) => (STAGES.indexOf(stage) + 1 || 99);
      const stages = Object.keys(counts).filter((stage) => stage !== "lost")
        .sort((one, two) => order(one) - order(two) || counts[two] - counts[one]).slice(0, SHOWN);
      const items = stages.map((name) => ({ name: labelled(view, "stage", name), value: counts[name], said: view.numbers.plain(counts[name]) }));
      if (!stand(view, figure, items, chart, note)) return;
      const lost = counts.lost ? view.word("lostLeads", view.numbers.plain(counts.lost)) : "";
      note.hidden = !lost;
      say(note, lost);
      funnel(chart, items, { text: textOf(view.word("funnel"), items), mirrored: view.mirrored });
    },
  };
}

/** @param {View} view @returns {Part} */
export function revenue(view) {
  const stats = list(view, ["orders", "average_order_value", "purchase_frequency", "repeat_purchase_rate", "returning_revenue_share", "net_clv", "clv_to_cac"]);
  const course = courseOf(view, "revenue");
  return {
    element: section("revenue", view.word("revenue"), "third", course.element, stats.element),
    update: (view) => [stats, course].forEach((part) => part.update(view)),
  };
}

/** @param {View} view @returns {Part} */
export function satisfaction(view) {
  const stats = list(view, ["nps", "nps_responses", "csat_mean", "ces", "cli", "loyalty_attitude"]);
  const points = split(view, "csat_by_touchpoint", { title: view.word("touchpoints"), token: "accent", most: 1 });
  return {
    element: section("satisfaction", view.word("satisfaction"), "third", points.element, stats.element),
    update: (view) => [stats, points].forEach((part) => part.update(view)),
  };
}

/** @param {View} view @returns {Part} */
export function loyalty(view) {
  const stats = list(view, ["loyalty_members", "loyalty_participation", "loyalty_engagement", "loyalty_redemption"]);
  return { element: section("loyalty", view.word("loyalty"), "third", stats.element), update: stats.update };
}

/** The course of a KPI over the day. @param {View} view @param {string} id @returns {Part} */
function courseOf(view, id) {
  const chart = h("div", { class: "chart course" });
  const note = h("p", { class: "note" });
  const { title } = view.store.kpis.get(id);
  return {
    element: block(`${title}، ${view.word("course")}`.replace("،", view.mirrored ? "،" : ","), chart, note),
    update(view) {
      const points = view.store.history.get(`${view.window}:${id}`) ?? [];
      const figure = written(view, id);
      const drawn = !view.look.slice && points.filter(([, value]) => value !== null).length > 1 && view.store.stands;
      chart.hidden = !drawn;
      note.hidden = Boolean(drawn);
      if (!drawn) {
        say(note, view.look.slice ? view.word("trendOfAll") : figure.why || view.word("noTrend"));
        return;
      }
      const { numbers } = view;
      trend(chart, points, {
        text: told(view, id, points), token: "accent", mirrored: view.mirrored,
        value: (value, step) => numbers.tick(figure.unit, value, step), hour: numbers.hour,
        time: (ms) => (numbers.hour(ms) ? moment(view, ms) : numbers.day(ms)),
      });
    },
  };
}

/**
 * A KPI that is split by a label, the largest part first.
 * @param {View} view
 * @param {string} id
 * @param {{ title: string, token: string, most?: number }} options
 * @returns {Part}
 */
function split(view, id, { title, token, most }) {
  const chart = h("div", { class: "chart bars" });
  const note = h("p", { class: "note" });
  return {
    element: block(title, chart, note),
    update(view) {
      const figure = written(view, id);
      const items = Object.entries(/** @type {Record<string, number | null>} */ (figure.value ?? {}))
        .flatMap(([name, value]) => (value === null ? [] : [{ name: labelled(view, "label", name), value, said: view.numbers.value(figure.unit, value) }]))
        .sort((one, two) => two.value - one.value || one.name.localeCompare(two.name)).slice(0, SHOWN);
      chart.style.blockSize = `${items.length * 1.9}rem`;
      if (stand(view, figure, items, chart, note)) bars(chart, items, { text: textOf(title, items), token, mirrored: view.mirrored, most });
    },
  };
}

/**
 * Whether there is something to draw; else the note says why not.
 * @param {View} view
 * @param {{ standing: string, why: string }} figure
 * @param {unknown[]} items
 * @param {HTMLElement} chart
 * @param {HTMLElement} note
 */
function stand(view, figure, items, chart, note) {
  const is = figure.standing === "known" && items.length > 0;
  chart.hidden = !is;
  note.hidden = is;
  if (!is) say(note, figure.why ? (figure.standing === "unknown" ? `${view.word("unknown")}: ${figure.why}` : figure.why) : view.word("nothing"));
  return is;
}

/** @param {string} title @param {{ name: string, said: string }[]} items */
const textOf = (title, items) => `${title}: ${items.map(({ name, said }) => `${name} ${said}`).join("; ")}`;

/** Where customers are lost: the values of one attribute. @param {View} view @returns {Part} */
function segmentsOf(view) {
  const { word } = view;
  const attributes = Object.keys(view.store.document?.slices ?? {});
  const chosen = attributes.includes(view.look.by) ? view.look.by : attributes[0];
  const choice = h("select", { id: "by", "data-choose": "by" }, attributes.map((name) => h("option", { value: name, selected: name === chosen }, word(name))));
  const rows = h("tbody");
  const note = h("p", { class: "note" });
  const table = h("table", {}, h("caption", { class: "sr" }, word("segments")),
    h("thead", {}, h("tr", {}, ["group", "rate", "lostHere", "shareOfLost"].map((name) => h("th", { scope: "col" }, word(name))))), rows);
  const heading = h("div", { class: "heading" }, h("h3", {}, word("segments")), h("label", { for: "by" }, `${word("by")} `), choice);
  return {
    element: h("div", { class: "block" }, heading, h("div", { class: "scroll" }, table), note),
    update(view) {
      const all = written(view, "lost_customers", { slice: "" });
      const usual = written(view, "churn_rate", { slice: "" });
      const found = Object.keys(view.store.document?.slices?.[chosen] ?? {}).map((value) => {
        const slice = `${chosen}:${value}`;
        return { value, slice, lost: written(view, "lost_customers", { slice }), rate: written(view, "churn_rate", { slice }) };
      }).sort((one, two) => (two.lost.value ?? 0) - (one.lost.value ?? 0) || one.value.localeCompare(two.value)).slice(0, SHOWN);
      const is = all.standing === "known" && found.length > 0;
      table.hidden = !is;
      note.hidden = is;
      say(note, is ? "" : all.why || word("nothing"));
      const print = JSON.stringify([found, all.value]);
      if (!is || rows.dataset.print === print) return;
      rows.dataset.print = print;
      fill(rows, found.map(({ value, slice, lost, rate }) => {
        const share = all.value ? (lost.value ?? 0) / all.value : 0;
        const isHigh = rate.standing === "known" && usual.value > 0 && rate.value > STANDS_OUT * usual.value && lost.value > 2;
        const bar = h("i");
        bar.style.inlineSize = `${Math.min(1, share) * 100}%`;
        return h("tr", { class: isHigh && "high" },
          h("th", { scope: "row" }, h("button", { type: "button", class: "about", "data-slice": slice }, h("bdi", {}, value))),
          h("td", {}, rate.text, isHigh && h("span", { class: "sr" }, ` ${word("worse")}`)), h("td", {}, lost.text),
          h("td", {}, h("span", { class: "meter" }, h("span", { class: "bar", "aria-hidden": "true" }, bar), all.value ? view.numbers.share(share) : "–")));
      }));
    },
  };
}

/**
 * A name from events in the board's language, if it is one of those that the contract or the engine gives.
 * @param {View} view @param {"stage" | "label" | "event"} kind @param {string} name
 */
export function labelled(view, kind, name) {
  const said = view.word(`${kind}:${name}`);
  return said === `${kind}:${name}` ? name : said;
}

/** How many are lost, within what is usual or beyond it. @param {View} view @returns {Part} */
function bandOf(view) {
  const title = h("h3", {});
  const [usual, mean, seen] = [h("i", { class: "usual" }), h("i", { class: "mean" }), h("i", { class: "seen" })];
  const band = h("div", { class: "band", "aria-hidden": "true" }, usual, mean, seen);
  const text = h("p", { class: "note" });
  const element = h("div", { class: "block" }, title, band, text);
  return {
    element,
    update(view) {
      const { numbers, store, word } = view;
      const windows = Object.entries(store.stands && !view.look.slice ? (store.document?.alerts?.churn?.windows ?? {}) : {})
        .filter(([, tier]) => tier.on && tier.needed !== null);
      const [name, tier] = windows.find(([window]) => window === view.window) ?? windows.at(-1) ?? [];
      element.hidden = !tier;
      if (!tier) return;
      const most = 1.15 * Math.max(tier.observed, tier.needed);
      const at = (/** @type {number} */ value) => `${(100 * value) / most}%`;
      usual.style.inlineSize = at(tier.needed);
      mean.style.insetInlineStart = at(tier.expected);
      seen.style.insetInlineStart = at(tier.observed);
      band.classList.toggle("beyond", tier.observed >= tier.needed);
      say(title, word("usualBand", nameOf(view, name)));
      say(text, word("bandSaid", numbers.plain(tier.observed), numbers.plain(tier.expected, 1), numbers.plain(tier.needed)));
    },
  };
}

/** What is watched, what was counted, and what was to be expected. @param {View} view @returns {Part} */
export function alerts(view) {
  const { word } = view;
  const head = h("p", { class: "verdict" });
  const list = h("div", { class: "watches" });
  return {
    element: section("alerts", word("alerts"), "third", head, list),
    update(view) {
      const { numbers, store } = view;
      const watched = Object.entries(store.stands ? (store.document?.alerts ?? {}) : {})
        .sort(([, one], [, two]) => urgency(one) - urgency(two));
      const firing = firingOf(view);
      say(head, !store.stands ? word(store.connection === "connecting" ? "waiting" : "unknown") : firing.length ? word("firingCount", numbers.plain(firing.length)) : word("noAlerts"));
      head.className = `verdict ${!store.stands ? "" : firing.length ? "bad" : "good"}`;
      const print = JSON.stringify([watched, store.connection]);
      if (list.dataset.print === print) return;
      list.dataset.print = print;
      fill(list, watched.map(([id, watch]) => watchOf(view, id, watch)));
    },
  };
}

/** What fires comes first, then what is judged; what can't be yet comes last. @param {any} watch */
function urgency(watch) {
  const tiers = Object.values(watch.windows ?? {});
  return tiers.some((tier) => tier.firing) ? 0 : tiers.some((tier) => tier.on) ? 1 : tiers.length ? 2 : 3;
}

/** Why a watch isn't judged: what the engine says, in the board's language where that is known. @param {View} view @param {any} watch */
function silence({ word, numbers }, watch) {
  const said = watch.unknown ?? watch.silent ?? watch.told;
  const days = said.match(/^learning what is usual: (\d+) of (\d+) days$/);
  if (days) return { text: word("learningDays", numbers.plain(Number(days[1])), numbers.plain(Number(days[2]))), ours: true };
  return /^nothing to learn from yet/.test(said) ? { text: word("neverSeen"), ours: true } : { text: said, ours: false };
}

/** What fires: name of the KPI (and slice) and window. @param {View} view */
export function firingOf(view) {
  const watched = Object.values(view.store.stands ? (view.store.document?.alerts ?? {}) : {});
  return watched.flatMap((watch) => {
    const title = view.store.kpis.get(watch.kpi)?.title ?? watch.kpi;
    const whole = Object.entries(watch.windows ?? {}).filter(([, tier]) => tier.firing).map(([window]) => ({ title, window }));
    const scores = (watch.scores ?? []).filter((score) => score.firing).map(({ window }) => ({ title, window }));
    const slices = (watch.firing ?? []).map(({ slice, value, window }) => ({ title: `${title}, ${slice}=${value}`, window }));
    return [...whole, ...scores, ...slices].map((found) => ({ ...found, window: nameOf(view, found.window) }));
  });
}

/** @param {View} view @param {string} id @param {any} watch */
function watchOf(view, id, watch) {
  const { word, numbers } = view;
  const title = view.store.kpis.get(watch.kpi)?.title ?? id;
  if (!watch.windows) {
    const { text, ours } = silence(view, watch);
    return h("div", { class: "watch" }, h("h3", {}, h("bdi", {}, title)), h("p", ours ? { class: "note" } : { class: "note", lang: "en", dir: "ltr" }, text));
  }
  const tiers = Object.entries(watch.windows);
  const seen = tiers.filter(([, tier]) => tier.on);
  if (!seen.length) {
    return h("div", { class: "watch" }, h("h3", {}, title), h("p", { class: "note" }, word("tooFew")));
  }
  return h("div", { class: "watch" }, h("h3", {}, title), h("div", { class: "scroll" }, h("table", {},
    h("thead", {}, h("tr", {}, ["span", "observed", "expected", "alertFrom", "chance", "state"].map((name) => h("th", { scope: "col", class: name === "chance" && "aside" }, word(name))))),
    h("tbody", {}, seen.map(([window, tier]) => h("tr", { class: tier.firing && "high" },
      h("th", { scope: "row" }, nameOf(view, window)), h("td", {}, numbers.plain(tier.observed)), h("td", {}, numbers.plain(tier.expected, 1)),
      h("td", {}, tier.needed === null ? "–" : numbers.plain(tier.needed)), h("td", { class: "aside" }, tier.p_value === null ? "–" : numbers.probability(tier.p_value)),
      h("td", {}, h("span", { class: `chip ${tier.firing ? "bad" : ""}` }, word(tier.firing ? "firing" : tier.p_value !== null && tier.p_value < tier.alpha ? "over" : "calm")))))))));
}

// @ts-check
/** One KPI: large with its course, or a line of a list. */

import { spark } from "./charts.js";
import { fill, h, say } from "./dom.js";
import { changed, targeted, told, written } from "./figures.js";

/** @typedef {import("./figures.js").View} View */
/** @typedef {{ element: HTMLElement, update: (view: View) => void }} Part */

/** KPIs that are nothing without their margin. */
const MARGINS = /** @type {Record<string, string>} */ ({ nps: "nps_margin" });

/**
 * A large tile.
 * @param {View} view
 * @param {string} id
 * @returns {Part}
 */
export function tile(view, id) {
  const { title } = view.store.kpis.get(id);
  const value = h("p", { class: "value", "data-kpi": id });
  const margin = h("span", { class: "margin" });
  const why = h("p", { class: "why" });
  const change = h("p", { class: "change" });
  const course = h("div", { class: "chart spark" });
  const goal = h("p", { class: "goal" });
  const bar = h("span", { class: "bar", "aria-hidden": "true" }, h("i"));
  const element = h("article", { class: "tile", "aria-label": title },
    aboutButton(title, id, "h3"), h("div", { class: "figure" }, value, margin), change, why, course, goal, bar);
  return {
    element,
    update(view) {
      const figure = writeFigure(view, id, value, why, element);
      writeMargin(view, id, margin);
      writeChange(view, id, change);
      const points = view.store.history.get(`${view.window}:${id}`) ?? [];
      const hasCourse = !view.look.slice && figure.standing === "known" && points.filter(([, value]) => value !== null).length > 1;
      course.hidden = Boolean(view.look.slice);
      course.classList.toggle("empty", !hasCourse);
      if (hasCourse) {
        spark(course, points, { text: told(view, id, points), token: "accent", mirrored: view.mirrored });
      }
      const target = view.look.slice ? null : targeted(view, id);
      goal.hidden = bar.hidden = !target;
      if (target) {
        say(goal, target.text);
        bar.hidden = target.filled === null;
        bar.className = `bar ${target.tone}`;
        /** @type {HTMLElement} */ (bar.firstChild).style.inlineSize = `${Math.max(0, Math.min(1, target.filled ?? 0)) * 100}%`;
      }
    },
  };
}

/**
 * A list of KPIs, a line each.
 * @param {View} view
 * @param {string[]} ids
 * @returns {Part}
 */
export function list(view, ids) {
  const lines = ids.filter((id) => view.store.kpis.has(id)).map((id) => {
    const value = h("span", { class: "value", "data-kpi": id });
    const margin = h("span", { class: "margin" });
    const why = h("span", { class: "why" });
    const change = h("span", { class: "change" });
    const line = h("div", { class: "line" },
      h("dt", {}, aboutButton(view.store.kpis.get(id).title, id)), h("dd", {}, h("span", { class: "pair" }, value, margin), change, why));
    return { id, value, margin, why, change, line };
  });
  return {
    element: h("dl", { class: "list" }, lines.map(({ line }) => line)),
    update(view) {
      for (const { id, value, margin, why, change, line } of lines) {
        writeFigure(view, id, value, why, line);
        writeMargin(view, id, margin);
        writeChange(view, id, change, { quietly: true });
      }
    },
  };
}

/** @param {View} view @param {string} id @param {HTMLElement} value @param {HTMLElement} why @param {HTMLElement} around */
function writeFigure(view, id, value, why, around) {
  const figure = written(view, id);
  say(value, figure.text);
  const reason = figure.standing === "known" ? "" : figure.why;
  say(why, reason);
  why.hidden = !reason;
  why.dir = figure.foreign ? "ltr" : "";
  why.lang = figure.foreign ? "en" : view.look.lang;
  around.dataset.standing = figure.standing;
  return figure;
}

/** @param {View} view @param {string} id @param {HTMLElement} margin */
function writeMargin(view, id, margin) {
  const found = id in MARGINS ? written(view, MARGINS[id]) : null;
  say(margin, found?.standing === "known" ? view.word("margin", found.text) : "");
}

/**
 * @param {View} view
 * @param {string} id
 * @param {HTMLElement} change
 * @param {{ quietly?: boolean }} [options] quietly: nothing is said where nothing has changed
 */
function writeChange(view, id, change, { quietly = false } = {}) {
  const { word } = view;
  if (view.look.slice) {
    const all = written(view, id, { slice: "" });
    change.className = "change beside";
    change.hidden = all.standing !== "known";
    say(change, word("ofAll", all.text));
    return;
  }
  const found = changed(view, id);
  change.hidden = !found || (quietly && !found.text);
  if (!found) return;
  change.className = `change ${found.tone}`;
  const print = JSON.stringify(found);
  if (change.dataset.print === print) return;
  change.dataset.print = print;
  if (!found.text) fill(change, word("unchanged", found.since));
  else fill(change, h("span", { "aria-hidden": "true" }, `${found.arrow} `), found.text, h("span", { class: "since" }, ` ${word("since", found.since)}`),
    found.judged && h("span", { class: "sr" }, `, ${found.judged}`));
}

/** A title that tells more when pressed. @param {string} title @param {string} id @param {string} [heading] */
export function aboutButton(title, id, heading) {
  const button = h("button", { type: "button", class: "about", "data-about": id, "aria-haspopup": "dialog" }, title);
  return heading ? h(heading, {}, button) : button;
}

/**
 * What a KPI or a breakdown means, in a box over the page.
 * @param {() => View} current
 */
export function about(current) {
  const title = h("h2", { id: "about-title" });
  const text = h("div", {});
  const close = h("button", { type: "button", class: "plain" });
  const box = /** @type {HTMLDialogElement} */ (h("dialog", { class: "about-box", "aria-labelledby": "about-title" }, title, text, close));
  say(close, current().word("close"));
  close.addEventListener("click", () => box.close());
  box.addEventListener("click", (event) => event.target === box && box.close());
  const listen = (/** @type {Event} */ event) => {
    if (!box.isConnected) return document.removeEventListener("click", listen); // the page was made anew, with another box
    const id = /** @type {HTMLElement} */ (event.target).closest?.("[data-about]")?.getAttribute("data-about");
    if (!id) return undefined;
    const { store, word } = current();
    const kpi = store.kpis.get(id) ?? store.breakdowns.get(id);
    say(title, kpi.title);
    fill(text, h("p", {}, kpi.meaning),
      h("h3", {}, word("formula")), h("p", { dir: "ltr", lang: "en", class: "code" }, kpi.formula),
      h("h3", {}, word("gauge")), h("p", { dir: "ltr", lang: "en", class: "code" }, kpi.gauge));
    box.showModal();
    return undefined;
  };
  document.addEventListener("click", listen);
  return box;
}

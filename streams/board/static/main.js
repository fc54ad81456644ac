// @ts-check
/** The board: loads what KPIs are called, follows what they are, and draws it at most once a frame. */

import { readLook, writeLook } from "./address.js";
import { chartsLoad, forgetDrawn } from "./charts.js";
import { cohorts, tenure } from "./cohorts.js";
import { fill, h } from "./dom.js";
import { header } from "./header.js";
import { ask, follow, keepToken, Refused } from "./interface.js";
import { numbersIn } from "./numbers.js";
import { engine } from "./engine.js";
import { acquisition, alerts, churn, loyalty, revenue, satisfaction } from "./panels.js";
import { Store } from "./store.js";
import { about, tile } from "./tiles.js";
import { wordsIn } from "./words.js";

const TILES = ["active_customers", "churn_rate", "net_customer_growth", "new_customers", "revenue", "clv", "nps", "csat"];
const PANELS = [churn, alerts, tenure, cohorts, acquisition, revenue, satisfaction, loyalty, engine];
const USUAL_WINDOW = "30d";
const LOOK_MS = 10_000;
const HISTORIES_AT_ONCE = 3;

const store = new Store();
const look = readLook();
const root = /** @type {HTMLElement} */ (document.getElementById("board"));
/** @type {import("./tiles.js").Part[]} */
let parts = [];
let drawing = false;
/** What the parts were made for; when it changes they are made anew. */
let made = "";
let hurry = () => {};
let chartsAreThere = true;

/** @returns {import("./figures.js").View} */
function current() {
  const word = wordsIn(look.lang);
  const windows = store.windows;
  const window = windows.includes(look.window) ? look.window : windows.includes(USUAL_WINDOW) ? USUAL_WINDOW : (windows[0] ?? USUAL_WINDOW);
  return { store, look, window, word, mirrored: look.lang === "fa", numbers: numbersIn(look.lang, store.document?.settings ?? {}, word) };
}

/** Draw soon. */
function draw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    const view = current();
    const wanted = JSON.stringify([look, view.window, store.kpis.size, store.connection === "refused", store.windows, sliceNames(), chartsAreThere]);
    if (made !== wanted) make(view, wanted);
    for (const part of parts) part.update(view);
  });
}

/** @param {import("./figures.js").View} view @param {string} wanted */
function make(view, wanted) {
  made = wanted;
  const kept = document.activeElement?.id;
  const { word } = view;
  document.documentElement.lang = look.lang;
  document.documentElement.dir = view.mirrored ? "rtl" : "ltr";
  if (look.theme) document.documentElement.dataset.theme = look.theme;
  else delete document.documentElement.dataset.theme;
  document.title = `${word("title")} · tapesh`;
  if (store.connection === "refused") {
    parts = [];
    fill(root, door(view));
    return;
  }
  const top = header(view, choose);
  const tiles = TILES.filter((id) => store.kpis.has(id)).map((id) => tile(view, id));
  const panels = store.kpis.size ? PANELS.map((panel) => panel(view)) : [];
  parts = [top, ...tiles, ...panels];
  fill(root,
    h("a", { class: "skip", href: "#figures" }, word("skip")),
    top.element,
    h("main", { id: "figures", tabindex: "-1" },
      !chartsAreThere && h("p", { class: "note" }, word("chartsMissing")),
      h("section", { class: "tiles", "aria-label": word("main") }, tiles.map(({ element }) => element)),
      h("div", { class: "panels" }, panels.map(({ element }) => element))),
    about(current));
  if (kept) document.getElementById(kept)?.focus();
}

/** Ask for the token. @param {import("./figures.js").View} view */
function door({ word }) {
  const field = h("input", { type: "password", id: "token", autocomplete: "off", required: true });
  const wrong = h("p", { class: "note", role: "alert" });
  const enter = async (/** @type {Event} */ event) => {
    event.preventDefault();
    keepToken(field.value.trim());
    try {
      await load();
      store.connect("cut");
      hurry();
    } catch (error) {
      wrong.textContent = word(error instanceof Refused ? "tokenWrong" : "noConnection");
    }
  };
  return h("main", { class: "door" }, h("form", { onsubmit: enter }, h("h1", {}, word("tokenWanted")), h("p", { class: "note" }, word("tokenWhy")),
    h("label", { for: "token" }, word("token")), field, h("button", { type: "submit", class: "main" }, word("open")), wrong));
}

/** @param {Partial<import("./address.js").Look>} chosen */
function choose(chosen) {
  Object.assign(look, chosen);
  writeLook(look);
  if ("theme" in chosen) forgetDrawn();
  if ("lang" in chosen) load().catch(() => {});
  draw();
  refresh();
}

/** What KPIs are called. */
async function load() {
  const catalogue = await ask(`/catalogue?lang=${look.lang}`);
  for (const kpi of catalogue.kpis) store.kpis.set(kpi.id, kpi);
  for (const breakdown of catalogue.breakdowns) store.breakdowns.set(breakdown.id, breakdown);
  store.bands = catalogue.bands;
  made = "";
  draw();
}

/** @returns {string} */
function sliceNames() {
  return Object.entries(store.document?.slices ?? {}).map(([name, values]) => `${name}:${Object.keys(values).sort()}`).join();
}

/** What the stream of changes doesn't tell: slices, cohorts, histories, how the worker is. */
async function refresh() {
  const { window } = current();
  try {
    const [health, ready] = await Promise.all([ask("/health", { evenIf: 503 }), ask("/ready", { evenIf: 503 })]);
    Object.assign(store, { health, ready });
    const [document_, { targets = [] }] = await Promise.all([ask("/kpis"), ask("/targets")]);
    store.takeRest(document_);
    store.targets = targets;
  } catch {
    if (store.connection !== "live") Object.assign(store, { health: null, ready: null });
  }
  draw();
  await histories(window);
  draw();
}

/** Ask for the histories that aren't there yet, the tiles' first. @param {string} window */
async function histories(window) {
  const shown = [...new Set([...document.querySelectorAll("[data-kpi]")].map((element) => element.getAttribute("data-kpi")))];
  const wanted = shown.filter((id) => id && !store.history.has(`${window}:${id}`));
  const next = async () => {
    for (let id = wanted.shift(); id; id = wanted.shift()) {
      try {
        const { history = {} } = await ask(`/kpis/${id}?window=${window}`);
        store.takeHistory(`${window}:${id}`, history[window] ?? []);
        draw();
      } catch {
        return;
      }
    }
  };
  await Promise.all(Array.from({ length: HISTORIES_AT_ONCE }, next));
}

document.addEventListener("click", (event) => {
  const slice = /** @type {HTMLElement} */ (event.target).closest?.("[data-slice]")?.getAttribute("data-slice");
  if (slice) choose({ slice });
});
document.addEventListener("change", (event) => {
  const field = /** @type {HTMLSelectElement} */ (event.target);
  if (field.dataset?.choose === "by") choose({ by: field.value });
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  forgetDrawn();
  draw();
});
new ResizeObserver(draw).observe(document.documentElement);
addEventListener("online", () => hurry());

let first = true;
hurry = follow({
  heard(name, data) {
    store.hear(name, data);
    draw();
    if (name === "snapshot") {
      if (!first) store.history.clear(); // what was missed meanwhile is in the engine's history
      first = false;
      if (!store.kpis.size) load().catch(() => {});
      refresh();
    }
  },
  state(state) {
    if (state === "cut") store.connect("cut");
    if (state === "refused") store.connect("refused");
    draw();
  },
});
load().catch(() => {});
setInterval(refresh, LOOK_MS);
setInterval(draw, 1_000);
chartsLoad().then((there) => {
  chartsAreThere = there;
  draw();
});
draw();

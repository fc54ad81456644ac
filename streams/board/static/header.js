// @ts-check
/** What stands on top: whether all is live, what is looked at, in which language and light. */

import { h, say } from "./dom.js";
import { nameOf } from "./figures.js";
import { firingOf } from "./panels.js";

/**
 * @param {import("./figures.js").View} view
 * @param {(chosen: Partial<import("./address.js").Look>) => void} choose
 * @returns {import("./tiles.js").Part}
 */
export function header(view, choose) {
  const { word, look } = view;
  const state = h("span", { class: "state" });
  const time = h("span", { class: "time" });
  const banner = h("div", { class: "banner", hidden: true });
  const news = h("p", { class: "sr", role: "status", "aria-live": "polite" });
  const element = h("header", { class: "top" },
    h("div", { class: "brand" },
      h("img", { src: new URL("pulse.svg", import.meta.url).href, alt: "", width: 32, height: 32 }),
      h("div", {}, h("h1", {}, word("title")), h("p", { class: "standing" }, state, time))),
    h("div", { class: "choices" }, windowChoice(view, choose), sliceChoice(view, choose),
      h("button", { type: "button", id: "lang", class: "plain", lang: look.lang === "fa" ? "en" : "fa", onclick: () => choose({ lang: look.lang === "fa" ? "en" : "fa" }) }, word("language")),
      h("button", { type: "button", id: "theme", class: "plain", "aria-label": word("theme"), title: word("theme"), onclick: () => choose({ theme: isDark() ? "light" : "dark" }) },
        h("span", { "aria-hidden": "true" }, "◐"))),
    banner, news);
  let said = "";
  return {
    element,
    update(view) {
      const { store, numbers } = view;
      const now = Date.parse(store.document?.now ?? "");
      state.className = `state ${store.connection}`;
      say(state, word(store.connection));
      say(time, Number.isNaN(now) ? "" : `${word("asOf")} ${numbers.instant(now)}`);
      const { kind, text, foreign } = told(view);
      banner.hidden = !text;
      banner.className = `banner ${kind}`;
      banner.dir = foreign ? "auto" : "";
      say(banner, text);
      document.body.classList.toggle("stale", store.connection === "cut");
      if (said !== `${kind}${text}`) {
        if (said || text) say(news, text || word("back"));
        said = `${kind}${text}`;
      }
    },
  };
}

/** The one thing to know first. @param {import("./figures.js").View} view */
function told(view) {
  const { store, word, numbers } = view;
  const unknown = Object.keys(store.unknown);
  if (store.connection === "cut") return { kind: "bad", text: word("cutSince", numbers.clock(store.since)), foreign: false };
  if (store.connection === "lost") return { kind: "bad", text: word("lostLong"), foreign: false };
  if (store.connection === "live" && unknown.length) {
    const reasons = [...new Set(Object.values(store.unknown))].join("; ");
    const much = unknown.length >= store.kpis.size ? word("unknownAll") : word("unknownSome", numbers.plain(unknown.length));
    return { kind: "warn", text: `${much}: ${reasons}`, foreign: true };
  }
  const firing = firingOf(view);
  if (firing.length) {
    const windows = (/** @type {string} */ title) => firing.filter((one) => one.title === title).map(({ window }) => window).join(word("comma"));
    const text = [...new Set(firing.map(({ title }) => title))].map((title) => word("firingOne", title, windows(title))).join(" · ");
    return { kind: "bad", text, foreign: false };
  }
  return { kind: "", text: "", foreign: false };
}

/** @param {import("./figures.js").View} view @param {(chosen: Partial<import("./address.js").Look>) => void} choose */
function windowChoice(view, choose) {
  return h("fieldset", { class: "windows" }, h("legend", { class: "sr" }, view.word("window")), view.store.windows.map((name) =>
    h("label", {}, h("input", { type: "radio", name: "window", id: `window-${name}`, value: name, checked: name === view.window, onchange: () => choose({ window: name }) }),
      h("span", {}, nameOf(view, name)))));
}

/** @param {import("./figures.js").View} view @param {(chosen: Partial<import("./address.js").Look>) => void} choose */
function sliceChoice(view, choose) {
  const { word, look, store } = view;
  const known = Object.entries(store.document?.slices ?? {});
  const isKnown = known.some(([name, values]) => Object.keys(values).some((value) => `${name}:${value}` === look.slice));
  const field = h("select", { id: "slice", "aria-label": word("slice"), onchange: () => choose({ slice: field.value }) },
    h("option", { value: "" }, word("everybody")),
    look.slice && !isKnown && h("option", { value: look.slice, selected: true }, look.slice),
    known.map(([name, values]) => h("optgroup", { label: word(name) }, Object.keys(values).sort().map((value) =>
      h("option", { value: `${name}:${value}`, selected: `${name}:${value}` === look.slice }, value)))));
  return field;
}

function isDark() {
  return getComputedStyle(document.documentElement).colorScheme === "dark"
    || (document.documentElement.dataset.theme === undefined && matchMedia("(prefers-color-scheme: dark)").matches);
}

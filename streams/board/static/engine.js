// @ts-check
/** How the engine itself is: whether it may be believed, and how far its sources have come. */

import { fill, h, say } from "./dom.js";
import { moment } from "./figures.js";
import { labelled, section } from "./panels.js";

/** @param {import("./figures.js").View} view @returns {import("./tiles.js").Part} */
export function engine(view) {
  const { word } = view;
  const chips = h("p", { class: "chips" });
  const facts = h("dl", { class: "list facts" });
  const reasons = h("ul", { class: "reasons" });
  const sources = h("dl", { class: "list sources" });
  const told = new Map();
  const fact = (/** @type {string} */ name, /** @type {string} */ text) => {
    if (!told.has(name)) {
      const value = h("dd");
      told.set(name, value);
      facts.append(h("div", { class: "line" }, h("dt", {}, word(name)), value));
    }
    say(told.get(name), text);
  };
  return {
    element: section("engine", word("engine"), "wide", h("div", { class: "halves" }, h("div", {}, chips, facts, reasons),
      h("div", { class: "block" }, h("h3", {}, word("sources")), sources))),
    update(view) {
      const { store, numbers } = view;
      const { health, ready, document: known } = store;
      const chip = (/** @type {boolean} */ good, /** @type {string} */ yes, /** @type {string} */ no) => h("span", { class: `chip ${good ? "good" : "bad"}` }, word(good ? yes : no));
      const print = JSON.stringify([ready, health?.healthy]);
      if (chips.dataset.print !== print) {
        chips.dataset.print = print;
        fill(chips, ready && chip(ready.ready, "ready", "notReady"), health && chip(health.healthy, "healthy", "unhealthy"));
        fill(reasons, (ready?.reasons ?? []).map((/** @type {string} */ reason) => h("li", { lang: "en", dir: "ltr" }, reason)));
      }
      const now = Date.parse(known?.now ?? "");
      fact("snapshot", Number.isNaN(now) ? "–" : numbers.instant(now));
      fact("lastNews", store.heardAt ? word("ago", numbers.duration((Date.now() - store.heardAt) / 1000)) : "–");
      if (health) {
        const partitions = Object.values(health.partitions);
        fact("partitions", numbers.plain(partitions.length));
        fact("persons", numbers.plain(partitions.reduce((sum, { persons }) => sum + persons, 0)));
        fact("speaker", word(health.owns_kpis ? "here" : "elsewhere"));
      }
      const marks = Object.entries(known?.watermarks ?? {}).map(([kind, mark]) => [kind, Date.parse(/** @type {string} */ (mark))]);
      fill(sources, marks.map(([kind, mark]) => h("div", { class: "line" }, h("dt", {}, h("bdi", {}, labelled(view, "event", kind))),
        h("dd", {}, moment(view, mark), now - mark >= 1_000 && h("span", { class: "margin" }, word("behindBy", numbers.duration((now - mark) / 1000)))))));
    },
  };
}

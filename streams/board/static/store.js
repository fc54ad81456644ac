// @ts-check
/** What is known, and whether it still is. Views read it; only what is heard changes it. */

/**
 * @typedef {"known" | "undefined" | "absent" | "unknown" | "waiting"} Standing
 * @typedef {{ standing: Standing, value: any, why: string }} Figure `why` is the engine's own sentence, or a word's name
 * @typedef {[ms: number, value: number | null]} Point
 */

/** So long after a cut figures still stand, dimmed: a reconnection takes a second. Then they are unknown. */
const GRACE_MS = 5_000;
/** The KPI that rests on what breakdowns rest on. */
const KNOWN_WITH = "churn_rate";

export class Store {
  constructor() {
    /** @type {any} */ this.document = null;
    /** @type {"connecting" | "live" | "cut" | "lost" | "refused"} */ this.connection = "connecting";
    this.since = Date.now();
    this.heardAt = 0;
    /** @type {Map<string, any>} */ this.kpis = new Map();
    /** @type {Map<string, any>} */ this.breakdowns = new Map();
    /** @type {{ id: string, title: string }[]} bands of tenure, the shortest first */ this.bands = [];
    /** @type {Map<string, Point[]>} `window:kpi` -> history */ this.history = new Map();
    /** @type {any[]} where each target stands */ this.targets = [];
    /** @type {any} */ this.health = null;
    /** @type {any} */ this.ready = null;
  }

  /** Whether figures may be shown at all. */
  get stands() {
    return this.connection === "live" || (this.connection === "cut" && Date.now() - this.since < GRACE_MS);
  }

  get windows() {
    return Object.keys(this.document?.windows ?? {});
  }

  get unknown() {
    return this.document?.unknown ?? {};
  }

  /** @param {"live" | "cut" | "lost" | "refused"} connection */
  connect(connection) {
    if (this.connection === connection) return;
    this.connection = connection;
    this.since = Date.now();
  }

  /**
   * Take an event of `/changes`.
   * @param {string} name
   * @param {any} data
   */
  hear(name, data) {
    this.heardAt = Date.now();
    if (name === "lost") {
      this.connect("lost");
      return;
    }
    this.connect("live");
    if (name === "snapshot") this.document = data;
    else if (name === "change" && this.document) this.#change(data);
    this.#note();
  }

  /** Take what `/changes` doesn't tell from a whole document. @param {any} document */
  takeRest({ slices, cohorts, tenure }) {
    if (this.document) Object.assign(this.document, { slices, cohorts, tenure });
  }

  /**
   * A section of breakdowns, or why there is none: they are known while the churn rate is.
   * @param {"cohorts" | "tenure"} name
   * @returns {{ value: any, why: string }}
   */
  section(name) {
    if (this.connection === "connecting") return { value: null, why: "waiting" };
    if (!this.stands) return { value: null, why: this.connection === "lost" ? "lostLong" : "noConnection" };
    const why = this.unknown[KNOWN_WITH];
    if (why) return { value: null, why };
    const value = this.document?.[name] ?? null;
    return { value, why: value ? "" : "waiting" };
  }

  /**
   * Take a KPI's history; points that were heard meanwhile stay.
   * @param {string} key
   * @param {Point[]} points
   */
  takeHistory(key, points) {
    const last = points.at(-1)?.[0] ?? 0;
    const since = (this.history.get(key) ?? []).filter(([ms]) => ms > last);
    this.history.set(key, [...points, ...since]);
  }

  /**
   * What may be shown of a KPI.
   * @param {string} kpi
   * @param {string} window
   * @param {string} [slice]
   * @returns {Figure}
   */
  figure(kpi, window, slice = "") {
    const none = { value: null, why: "" };
    if (this.connection === "connecting") return { ...none, standing: "waiting", why: "waiting" };
    if (!this.stands) return { ...none, standing: "unknown", why: this.connection === "lost" ? "lostLong" : "noConnection" };
    if (!this.document) return { ...none, standing: "waiting", why: "waiting" };
    const why = this.unknown[kpi];
    if (why) return { ...none, standing: "unknown", why };
    const values = this.#windows(slice)?.[window];
    if (!values || !(kpi in values)) return { ...none, standing: "absent", why: slice && !values ? "notInSlice" : "notInWindow" };
    const value = values[kpi];
    return value === null ? { ...none, standing: "undefined", why: slice ? "notInSlice" : "undefinedHere" } : { standing: "known", value, why: "" };
  }

  /** @param {string} slice */
  #windows(slice) {
    if (!slice) return this.document.windows;
    const [attribute, value] = splitSlice(slice);
    return this.document.slices?.[attribute]?.[value];
  }

  /** @param {any} change */
  #change({ now, changed, unknown, ...beside }) {
    for (const [name, value] of Object.entries(changed)) {
      const [window, kpi, ...label] = name.split(":");
      const values = (this.document.windows[window] ??= {});
      if (!label.length) values[kpi] = value;
      else if (value === null) delete values[kpi]?.[label.join(":")];
      else values[kpi] = { ...values[kpi], [label.join(":")]: value };
    }
    Object.assign(this.document, beside, { now, unknown });
  }

  /** Lengthen the histories that are shown by what is known now. */
  #note() {
    const now = Date.parse(this.document?.now ?? "");
    if (Number.isNaN(now)) return;
    for (const [key, points] of this.history) {
      const [window, kpi] = key.split(":");
      const last = points.at(-1)?.[0] ?? 0;
      if (now <= last) continue;
      const { standing, value } = this.figure(kpi, window);
      points.push([now, standing === "known" ? value : null]);
      while (points.length > 2 && points[0][0] < now - 86_400_000 && points.length > 1_440) points.shift();
    }
  }
}

/** @param {string} slice @returns {[attribute: string, value: string]} */
export function splitSlice(slice) {
  const at = slice.indexOf(":");
  return [slice.slice(0, at), slice.slice(at + 1)];
}

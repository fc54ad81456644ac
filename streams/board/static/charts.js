// @ts-check
/**
 * Charts, drawn by Plotly. It is large, so it is loaded after the figures stand, and each chart is drawn when the
 * browser has time and only if it is in sight. Each has its content as text, for whoever can't see it.
 */

/** @type {Promise<any> | null} */
let library = null;
/** @type {Map<HTMLElement, () => Promise<unknown>>} what is still to be drawn */
const waiting = new Map();
/** @type {WeakSet<Element>} */
const inSight = new WeakSet();
/** A course that moves all the time is drawn anew no more often than this; an eye sees no more in it. */
const LEAST_MS = 4_000;
/** @type {WeakMap<Element, { print: string, at: number }>} */
const drawn = new WeakMap();
let busy = false;

const sight = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) isIntersecting ? inSight.add(target) : inSight.delete(target);
  work();
}, { rootMargin: "200px" });

/** Load the library, once; it comes from the worker that the page came from. */
function plotly() {
  library ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = new URL("plotly.min.js", import.meta.url).href;
    script.onload = () => resolve(/** @type {any} */ (window).Plotly);
    script.onerror = () => reject(new Error("plotly.min.js"));
    document.head.append(script);
  });
  return library;
}

/** @returns {Promise<boolean>} whether charts can be drawn at all */
export async function chartsLoad() {
  try {
    await plotly();
    return true;
  } catch {
    return false;
  }
}

/**
 * A token of the theme as a colour that Plotly reads.
 * @param {string} token
 */
function colour(token) {
  const probe = document.createElement("i");
  probe.style.color = `var(--${token})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

/** Draw all anew at the next occasion: the theme has changed. */
export function forgetDrawn() {
  for (const element of document.querySelectorAll(".chart")) drawn.delete(element);
}

/**
 * Have a chart drawn, if it differs from what is there.
 * @param {HTMLElement} element
 * @param {string} text its content in words
 * @param {unknown} content
 * @param {() => { traces: any[], layout: any }} make
 */
function chart(element, text, content, make) {
  element.setAttribute("role", "img");
  if (element.getAttribute("aria-label") !== text) element.setAttribute("aria-label", text);
  const print = JSON.stringify([content, element.clientWidth, element.clientHeight]);
  const last = drawn.get(element);
  if (last && (last.print === print || performance.now() - last.at < LEAST_MS)) return;
  sight.observe(element);
  waiting.set(element, async () => {
    const { traces, layout } = make();
    const options = { staticPlot: true, displayModeBar: false, responsive: false };
    const size = { width: element.clientWidth, height: element.clientHeight };
    if (!size.width || !size.height) return;
    drawn.set(element, { print, at: performance.now() });
    await (await plotly()).react(element, traces, { ...size, ...layout }, options);
    for (const svg of element.querySelectorAll("svg")) svg.setAttribute("aria-hidden", "true");
  });
  work();
}

function work() {
  if (busy) return;
  const next = [...waiting.keys()].find((element) => inSight.has(element) && element.isConnected);
  for (const element of waiting.keys()) if (!element.isConnected) waiting.delete(element);
  if (!next) return;
  busy = true;
  const draw = waiting.get(next);
  waiting.delete(next);
  requestAnimationFrame(async () => {
    try {
      await draw?.();
    } catch (error) {
      console.warn(`chart: ${error}`);
    }
    busy = false;
    work();
  });
}

/** @param {number} left @param {number} right @param {number} top @param {number} bottom */
const bare = (left, right, top, bottom) => ({
  margin: { l: left, r: right, t: top, b: bottom, pad: 0 },
  paper_bgcolor: "rgba(0,0,0,0)",
  plot_bgcolor: "rgba(0,0,0,0)",
  showlegend: false,
  font: { family: getComputedStyle(document.body).fontFamily, size: 12 * scale(), color: colour("quiet") },
});
/** Distances of marks along a curve, in days. */
const STEPS = [30, 60, 90, 180, 360];
/** Texts of charts grow with those of the page: a wall is looked at from afar. */
const scale = () => parseFloat(getComputedStyle(document.documentElement).fontSize) / 15;
const HOUR_MS = 3_600_000;
const HIDDEN = { visible: false, fixedrange: true };

/**
 * A line without axes.
 * @param {HTMLElement} element
 * @param {import("./store.js").Point[]} points
 * @param {{ text: string, token: string, mirrored: boolean }} options
 */
export function spark(element, points, { text, token, mirrored }) {
  const shown = thinned(points, 160);
  chart(element, text, [shown, token, mirrored], () => {
    const [low, high] = extent(shown);
    const room = (high - low || Math.abs(high) || 1) * 0.12;
    const trace = line(shown, colour(token));
    const last = shown.findLast(([, value]) => value !== null) ?? shown[0];
    const dot = { x: [last[0]], y: [last[1]], mode: "markers", type: "scatter", cliponaxis: false, marker: { size: 6, color: colour(token) } };
    return {
      traces: [trace, dot],
      layout: {
        ...bare(4, 4, 4, 4),
        xaxis: { ...HIDDEN, autorange: mirrored ? "reversed" : true },
        yaxis: { ...HIDDEN, range: [low - room, high + room] },
      },
    };
  });
}

/**
 * A line over time, with a scale.
 * @param {HTMLElement} element
 * @param {import("./store.js").Point[]} points
 * @param {{ text: string, token: string, mirrored: boolean, value: (v: number, step: number) => string, time: (ms: number) => string, hour: (ms: number) => number }} options
 */
export function trend(element, points, { text, token, mirrored, value, time, hour }) {
  const shown = thinned(points, 360);
  chart(element, text, [shown, token, mirrored], () => {
    const [low, high] = extent(shown);
    const room = (high - low || Math.abs(high) || 1) * 0.12;
    const ticks = steps(low - room, high + room, 4);
    const first = shown[0][0], last = shown[shown.length - 1][0];
    const labels = ticks.map((tick) => value(tick, ticks.length > 1 ? ticks[1] - ticks[0] : 1));
    const times = roundTimes(first, last, element.clientWidth < 460 * scale() ? 3 : 4, hour);
    const side = scale() * Math.max(36, 12 + 7.5 * Math.max(...labels.map((label) => label.length)));
    return {
      traces: [line(shown, colour(token))],
      layout: {
        ...bare(mirrored ? 8 : side, mirrored ? side : 8, 8, 26 * scale()),
        xaxis: {
          fixedrange: true, type: "linear", autorange: mirrored ? "reversed" : true, showgrid: false, zeroline: false,
          tickvals: times, ticktext: times.map((ms) => (mirrored ? `\u2067${time(ms)}\u2069` : time(ms))), ticks: "", tickangle: 0, color: colour("quiet"),
        },
        yaxis: {
          fixedrange: true, side: mirrored ? "right" : "left", range: [low - room, high + room], zeroline: false,
          gridcolor: colour("line"), tickvals: ticks, ticktext: labels, ticks: "", color: colour("quiet"),
        },
      },
    };
  });
}

/**
 * A share from 1 downwards, over a number.
 * @param {HTMLElement} element
 * @param {[at: number, share: number][]} points
 * @param {{ text: string, token: string, mirrored: boolean, value: (share: number) => string, along: (at: number) => string }} options
 */
export function curve(element, points, { text, token, mirrored, value, along }) {
  chart(element, text, [points, token, mirrored], () => {
    const ticks = [0, 0.25, 0.5, 0.75, 1];
    const last = points[points.length - 1][0];
    const labels = ticks.map(value);
    const side = scale() * Math.max(36, 12 + 7.5 * Math.max(...labels.map((label) => label.length)));
    const step = STEPS.find((one) => last / one <= (element.clientWidth < 420 ? 4 : 6)) ?? last;
    const places = Array.from({ length: Math.floor(last / step) }, (_, at) => (at + 1) * step);
    return {
      traces: [{ ...line(points, colour(token)), fill: "tozeroy", fillcolor: colour("accent-soft") }],
      layout: {
        ...bare(mirrored ? 16 : side, mirrored ? side : 16, 8, 26 * scale()),
        xaxis: {
          fixedrange: true, range: mirrored ? [last, 0] : [0, last], showgrid: false, zeroline: false, tickvals: places,
          ticktext: places.map((at) => (mirrored ? `\u2067${along(at)}\u2069` : along(at))), ticks: "", tickangle: 0, color: colour("quiet"),
        },
        yaxis: {
          fixedrange: true, side: mirrored ? "right" : "left", range: [0, 1.02], zeroline: false, gridcolor: colour("line"),
          tickvals: ticks, ticktext: labels, ticks: "", color: colour("quiet"), ticklabelstandoff: 6,
        },
      },
    };
  });
}

/**
 * Bars, one a name, the first on top.
 * @param {HTMLElement} element
 * @param {{ name: string, value: number, said: string }[]} items
 * @param {{ text: string, token: string, mirrored: boolean, most?: number }} options
 */
export function bars(element, items, { text, token, mirrored, most }) {
  chart(element, text, [items, token, mirrored], () => {
    const names = items.map(({ name }) => name);
    const longest = Math.max(...items.map(({ value }) => value), most ?? 0) || 1;
    const side = Math.min(element.clientWidth * 0.42, scale() * (16 + (mirrored ? 9 : 7) * Math.max(...names.map((name) => name.length))));
    const beyond = scale() * (14 + 7.5 * Math.max(...items.map(({ said }) => said.length)));
    return {
      traces: [{
        type: "bar", orientation: "h", x: items.map(({ value }) => value), y: items.map((_, at) => at),
        marker: { color: colour(token), cornerradius: 3 }, text: items.map(({ said }) => said), textposition: "outside",
        textfont: { color: colour("ink"), size: 13 * scale() }, cliponaxis: false, width: 0.62,
      }],
      layout: {
        ...bare(mirrored ? beyond : side, mirrored ? side : beyond, 0, 0),
        xaxis: { ...HIDDEN, range: mirrored ? [longest, 0] : [0, longest] },
        yaxis: {
          fixedrange: true, side: mirrored ? "right" : "left", range: [items.length - 0.5, -0.5], showgrid: false,
          zeroline: false, tickvals: items.map((_, at) => at), ticktext: names.map(escaped), ticks: "", ticklen: 0,
          tickfont: { color: colour("ink"), size: 13 * scale() }, ticklabelstandoff: 8,
        },
      },
    };
  });
}

/**
 * A funnel: bars about one middle.
 * @param {HTMLElement} element
 * @param {{ name: string, value: number, said: string }[]} items
 * @param {{ text: string, mirrored: boolean }} options
 */
export function funnel(element, items, { text, mirrored }) {
  chart(element, text, [items, mirrored], () => {
    const side = Math.min(element.clientWidth * 0.4, scale() * (16 + (mirrored ? 9 : 7) * Math.max(...items.map(({ name }) => name.length))));
    return {
      traces: [{
        type: "funnel", x: items.map(({ value }) => value), y: items.map((_, at) => at), text: items.map(({ said }) => said),
        textinfo: "text", textposition: "auto", constraintext: "none", textangle: 0, cliponaxis: false,
        insidetextfont: { color: colour("on-accent"), size: 13 * scale() }, outsidetextfont: { color: colour("ink"), size: 13 * scale() },
        marker: { color: colour("accent") }, connector: { fillcolor: colour("accent-soft"), line: { width: 0 } },
      }],
      layout: {
        ...bare(mirrored ? 8 : side, mirrored ? side : 8, 0, 0),
        funnelgap: 0.28,
        xaxis: HIDDEN,
        yaxis: {
          fixedrange: true, side: mirrored ? "right" : "left", range: [items.length - 0.5, -0.5], tickvals: items.map((_, at) => at),
          ticktext: items.map(({ name }) => escaped(name)), ticks: "", tickfont: { color: colour("ink"), size: 13 * scale() }, ticklabelstandoff: 8,
        },
      },
    };
  });
}

/**
 * Whole hours of the clock on the wall between two instants, at most so many.
 * @param {number} first @param {number} last @param {number} most @param {(ms: number) => number} hour
 */
function roundTimes(first, last, most, hour) {
  const quarter = HOUR_MS / 4;
  const quarters = Array.from({ length: Math.floor(last / quarter) - Math.ceil(first / quarter) + 1 }, (_, at) => (Math.ceil(first / quarter) + at) * quarter);
  for (const step of [0.25, 0.5, 1, 2, 3, 6, 12, 24]) {
    if ((last - first) / HOUR_MS / step > 4 * most) continue;
    const found = quarters.filter((ms) => hour(ms) % step === 0);
    if (found.length <= most) return found.length > 1 ? found : [first + (last - first) / 4, last - (last - first) / 4];
  }
  return Array.from({ length: most }, (_, part) => first + ((last - first) * (part + 0.5)) / most);
}

/** Texts from events are data: Plotly would read `<b>` in a label as markup. @param {string} text */
function escaped(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** @param {import("./store.js").Point[]} points @param {string} shade */
function line(points, shade) {
  return {
    x: points.map(([ms]) => ms), y: points.map(([, value]) => value), type: "scatter", mode: "lines", connectgaps: false,
    line: { color: shade, width: 2, shape: "linear" }, hoverinfo: "skip",
  };
}

/** @param {import("./store.js").Point[]} points @returns {[low: number, high: number]} */
export function extent(points) {
  const known = points.flatMap(([, value]) => (value === null ? [] : [value]));
  return known.length ? [Math.min(...known), Math.max(...known)] : [0, 1];
}

/** At most so many points, the last one included. @param {import("./store.js").Point[]} points @param {number} most */
function thinned(points, most) {
  const step = Math.ceil(points.length / most);
  return step <= 1 ? [...points] : points.filter((_, at) => (points.length - 1 - at) % step === 0);
}

/** Round values between two, about so many. @param {number} low @param {number} high @param {number} about */
function steps(low, high, about) {
  const raw = (high - low) / about;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((part) => part * power).find((part) => part >= raw) ?? raw;
  const found = [];
  for (let tick = Math.ceil(low / step) * step; tick <= high; tick += step) found.push(Number(tick.toPrecision(12)));
  return found;
}

// @ts-check
/** The engine's HTTP interface, as the board asks it. The token, where one is wanted, lives as long as the tab. */

const KEPT_AS = "tapesh-token";
const PATIENCE_MS = 10_000;
const SILENCE_MS = 40_000; // a worker says something every 15 s, if only that it is there
const PAUSES_MS = [500, 1_000, 2_000, 4_000];

export class Refused extends Error {}

/** @param {string} token */
export function keepToken(token) {
  sessionStorage.setItem(KEPT_AS, token);
}

/** @returns {Record<string, string>} */
function headers() {
  const token = sessionStorage.getItem(KEPT_AS);
  return token ? { Authorization: `Bearer ${token}` } : {};
}

/**
 * Ask for a document.
 * @param {string} path
 * @param {{ evenIf?: number }} [options] a status whose document is an answer too
 * @returns {Promise<any>}
 */
export async function ask(path, { evenIf } = {}) {
  const answer = await fetch(path, { headers: headers(), cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
  if (answer.status === 401) throw new Refused(path);
  if (!answer.ok && answer.status !== evenIf) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

/**
 * Follow `/changes` for ever: reads, reconnects, and says how it stands. EventSource can't send a token.
 * @param {{ heard: (name: string, data: any) => void, state: (state: "open" | "cut" | "refused") => void }} listener
 * @returns {() => void} connects at once, where it waits to try again
 */
export function follow(listener) {
  let attempt = 0;
  let hurry = () => {};
  const run = async () => {
    for (;;) {
      try {
        await listen(listener, () => (attempt = 0));
        listener.state("cut");
      } catch (error) {
        listener.state(error instanceof Refused ? "refused" : "cut");
      }
      const pause = PAUSES_MS[Math.min(attempt++, PAUSES_MS.length - 1)];
      await new Promise((go) => {
        hurry = () => go(undefined);
        setTimeout(go, pause);
      });
    }
  };
  run();
  return () => hurry();
}

/**
 * Read one connection to its end.
 * @param {Parameters<typeof follow>[0]} listener
 * @param {() => void} opened
 */
async function listen(listener, opened) {
  const control = new AbortController();
  let watch = setTimeout(() => control.abort(), PATIENCE_MS);
  try {
    const answer = await fetch("/changes", { headers: headers(), cache: "no-store", signal: control.signal });
    if (answer.status === 401) throw new Refused("/changes");
    if (!answer.ok || !answer.body) throw new Error(`/changes: ${answer.status}`);
    opened();
    listener.state("open");
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let rest = ""; ; ) {
      clearTimeout(watch);
      watch = setTimeout(() => control.abort(), SILENCE_MS);
      const { done, value } = await reader.read();
      if (done) return;
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop() ?? "";
      for (const block of blocks) {
        const event = block.match(/^event: (\w+)\ndata: (.*)$/s);
        if (event) listener.heard(event[1], JSON.parse(event[2]));
      }
    }
  } finally {
    clearTimeout(watch);
  }
}

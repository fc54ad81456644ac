// @ts-check
/** What is looked at, kept in the address: whoever is sent it sees the same. A token is never in it. */

/**
 * @typedef {object} Look
 * @property {"en" | "fa"} lang
 * @property {"light" | "dark" | ""} theme "" follows the system
 * @property {string} window "" is the board's own choice
 * @property {string} slice `attribute:value`; "" is everybody
 * @property {string} by the attribute by which segments are listed
 */

/** @returns {Look} */
export function readLook() {
  const query = new URLSearchParams(location.search);
  const theme = query.get("theme");
  return {
    lang: query.get("lang") === "fa" ? "fa" : "en",
    theme: theme === "light" || theme === "dark" ? theme : "",
    window: query.get("window") ?? "",
    slice: query.get("slice") ?? "",
    by: query.get("by") ?? "",
  };
}

/** @param {Look} look */
export function writeLook(look) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(look)) {
    if (value && !(name === "lang" && value === "en")) query.set(name, value);
  }
  const search = query.toString();
  history.replaceState(null, "", location.pathname + (search ? `?${search}` : ""));
}

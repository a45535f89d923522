// @ts-check
// What this browser keeps: as text, by name. One that keeps nothing knows it until the page is left.

/** @type {Record<string, string>} */
const known = {};

/** @param {string} name @returns {string} empty if there is nothing */
export function recall(name) {
  if (name in known) return known[name];
  try {
    return localStorage.getItem(name) ?? '';
  } catch {
    return '';
  }
}

/** @param {string} name @param {string} text empty to forget it */
export function remember(name, text) {
  known[name] = text;
  try {
    if (text) localStorage.setItem(name, text);
    else localStorage.removeItem(name);
  } catch {
    // It is not kept, but known.
  }
}

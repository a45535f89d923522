// @ts-check
// Keys that a person typed in: kept in this browser, and nowhere else. A browser that keeps nothing has them until the
// page is left.

/** @type {Record<string, string>} */
const typed = {};

/** @param {string} whose a provider's name, or empty for the gateway's @returns {string} */
export function keyFor(whose) {
  if (whose in typed) return typed[whose];
  try {
    return localStorage.getItem(`key:${whose}`) ?? '';
  } catch {
    return '';
  }
}

/** @param {string} whose @param {string} key empty to forget it */
export function setKey(whose, key) {
  typed[whose] = key.trim();
  try {
    if (typed[whose]) localStorage.setItem(`key:${whose}`, typed[whose]);
    else localStorage.removeItem(`key:${whose}`);
  } catch {
    // It is not kept, but known.
  }
}

// @ts-check
// What was written and is not known to have arrived: a reload in between does not lose it. Kept in this tab, for one
// conversation at a time.

const KEPT = 'draft';

/** @param {string} session or empty for a new one @param {string} text */
export function keepDraft(session, text) {
  try {
    if (text) sessionStorage.setItem(KEPT, JSON.stringify({ session, text }));
    else sessionStorage.removeItem(KEPT);
  } catch {
    // Then it lives as long as the page.
  }
}

/** @param {string} session @returns {string} */
export function draftFor(session) {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? '{}');
    return kept.session === session ? String(kept.text ?? '') : '';
  } catch {
    return '';
  }
}

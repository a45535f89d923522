// @ts-check
// Keys that a person typed in: kept in this browser, and nowhere else.

import { recall, remember } from './memory.js';

/** @param {string} whose a provider's name, or empty for the gateway's @returns {string} */
export function keyFor(whose) {
  return recall(`key:${whose}`);
}

/** @param {string} whose @param {string} key empty to forget it */
export function setKey(whose, key) {
  remember(`key:${whose}`, key.trim());
}

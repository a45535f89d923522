// @ts-check
/** What the simulated vector stores share: nearness, ids, replies, and answers that lag behind. */

/**
 * @typedef {import('../wire.mjs').Reply} Reply
 * @typedef {import('../simulator.mjs').Recorded} Recorded
 * @typedef {object} Point
 * @property {string} id
 * @property {number[]} vector
 * @property {Record<string, any>} payload
 * @property {string} [namespace]
 * @typedef {object} Store
 * @property {(request: { path: string }) => boolean} serves  By the path alone.
 * @property {(request: Recorded) => Reply} answer
 * @property {() => Point[]} points  All that it has, whosever it is.
 * @property {() => void} empty  Takes its points out, and leaves what they were in.
 */

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Whether this is a UUID with its hyphens. @param {unknown} id */
export const isUuid = (id) => typeof id === 'string' && UUID.test(id);

/** @param {unknown} value @returns {value is Record<string, any>} */
export const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

/** @param {unknown} value @returns {value is number[]} */
export const isVector = (value) => Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === 'number' && Number.isFinite(one));

/** @param {number[]} left @param {number[]} right */
export function cosine(left, right) {
  let [dot, ours, theirs] = [0, 0, 0];
  for (let at = 0; at < left.length; at += 1) {
    dot += left[at] * right[at];
    ours += left[at] ** 2;
    theirs += right[at] ** 2;
  }
  return ours === 0 || theirs === 0 ? 0 : Math.fround(dot / Math.sqrt(ours * theirs));
}

/** The nearest ones, the nearest first; of equals the one that was put in first. @template {{ vector: number[] }} T @param {Iterable<T>} points @param {number[]} vector @param {number} count */
export function nearest(points, vector, count) {
  const scored = [...points].map((point) => ({ point, score: cosine(point.vector, vector) }));
  return scored.sort((one, other) => other.score - one.score).slice(0, count);
}

/** @param {number} status @param {unknown} body @param {Record<string, string>} [headers] @returns {Reply} */
export const json = (status, body, headers = {}) => ({ status, headers: { 'content-type': 'application/json', ...headers }, steps: [JSON.stringify(body)] });

/** @param {number} status @param {string} text @param {Record<string, string>} [headers] @returns {Reply} */
export const plain = (status, text, headers = {}) => ({ status, headers: { 'content-type': 'text/plain; charset=utf-8', ...headers }, steps: [text] });

/** @param {Recorded} request */
export const isJson = ({ headers }) => String(headers['content-type'] ?? '').split(';')[0].trim() === 'application/json';

/** The key behind `Bearer`. @param {Recorded} request */
export const bearer = ({ headers }) => /^bearer (.+)$/i.exec(String(headers.authorization ?? ''))?.[1];

/** What is after the address of the service, and its query. @param {string} base @param {string} path */
export function inside(base, path) {
  const [rest, query = ''] = path.slice(base.length).split('?');
  return { rest, query: new URLSearchParams(query) };
}

/** Whether a path is below the address of the service. @param {string} base @param {string} path */
export const isBelow = (base, path) => path.startsWith(`${base}/`);

/**
 * Points that are read as they once were, for as long as a test wants: a store that does not see its own
 * writes at once.
 *
 * @template T
 */
export class Lagging {
  /** @type {Map<string, T>} */
  #now = new Map();
  /** @type {Map<string, T> | undefined} */
  #seen;

  /** For writing. */
  get now() { return this.#now; }
  /** For queries. */
  get seen() { return this.#seen ?? this.#now; }
  /** From here on queries see nothing new. */
  freeze() { this.#seen = new Map(this.#now); }
  thaw() { this.#seen = undefined; }
  empty() {
    this.#now.clear();
    this.thaw();
  }
}

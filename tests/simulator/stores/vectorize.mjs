// @ts-check
/**
 * An index of Cloudflare Vectorize, as the runtime's binding asks its service: `tests/worker/with_vectorize.mjs`
 * is that binding.
 *
 * Source: workerd, src/cloudflare/internal/vectorize-api.ts; limits and codes as users recorded them.
 */
import { Lagging, inside, isBelow, isObject, isVector, json, nearest } from './space.mjs';

/**
 * @typedef {import('./space.mjs').Point} Point
 * @typedef {import('./space.mjs').Recorded} Recorded
 * @typedef {import('./space.mjs').Reply} Reply
 */

const MOST_ID = 64;
const MOST_METADATA = 10_240;
const MOST_VECTORS = 1000;
const MOST_DELETED = 100;
const MOST_FOUND = 100;
/** With values, or with all metadata. */
const MOST_FOUND_WHOLE = 50;

/** A refusal, thrown where it is found. */
class Refused extends Error {
  /** @param {number} code @param {string} message */
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/** @param {{ base?: string, dimensions?: number }} [options] */
export function createVectorize({ base = '/vectorize', dimensions = 64 } = {}) {
  /** @type {Lagging<Point>} */
  const vectors = new Lagging();
  let mutations = 0;

  /** @param {Recorded} request @returns {Reply} */
  function answer(request) {
    const { rest } = inside(base, request.path);
    try {
      return json(200, route(rest, request.json));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return json(400, { code: error.code, error: error.message });
    }
  }

  /** @param {string} rest @param {any} body */
  function route(rest, body) {
    switch (rest) {
      case '/upsert': return upsert(body);
      case '/query': return query(body);
      case '/deleteByIds': return remove(body);
      case '/info': return { dimensions, vectorCount: vectors.seen.size, processedUpToDatetime: '2026-11-26T00:00:00Z', processedUpToMutation: mutation() };
      default: throw new Refused(40_000, `no such operation: ${rest}`);
    }
  }

  /** @param {any} body */
  function upsert(body) {
    if (!Array.isArray(body?.vectors) || body.vectors.length === 0) throw new Refused(40_023, 'failed to parse upsert vectors request in json format');
    if (body.vectors.length > MOST_VECTORS) throw new Refused(40_023, `too many vectors in payload; max count is ${MOST_VECTORS}, got ${body.vectors.length}`);
    /** @type {Point[]} */
    const checked = body.vectors.map((/** @type {any} */ { id, values, namespace, metadata = {} }) => {
      short('id', id, 40_008);
      if (namespace !== undefined) short('namespace', namespace, 40_009);
      if (!isVector(values) || values.length !== dimensions) {
        throw new Refused(40_012, `invalid vector for id="${id}", expected ${dimensions} dimensions, and got ${Array.isArray(values) ? values.length : 0} dimensions`);
      }
      checkMetadata(id, metadata);
      return { id, vector: values.map(Math.fround), payload: metadata, namespace };
    });
    for (const one of checked) vectors.now.set(one.id, one);
    return { mutationId: mutation(1) };
  }

  /** @param {any} body */
  function query({ vector, topK = 5, namespace, returnMetadata = 'none', returnValues = false, filter }) {
    if (!isVector(vector) || vector.length !== dimensions) {
      throw new Refused(40_006, `invalid query vector, expected ${dimensions} dimensions, and got ${Array.isArray(vector) ? vector.length : 0} dimensions`);
    }
    if (!['none', 'indexed', 'all'].includes(returnMetadata)) throw new Refused(40_026, 'Failed to parse the request body as JSON: returnMetadata: expected value');
    const whole = returnValues || returnMetadata === 'all';
    if (whole && topK > MOST_FOUND_WHOLE) {
      throw new Refused(40_025, `with returnValues=true or returnMetadata=all, max top K is ${MOST_FOUND_WHOLE}, but got ${topK}; for a top K up to 100, retry with returnValues=false and returnMetadata=indexed`);
    }
    if (!Number.isInteger(topK) || topK < 1 || topK > MOST_FOUND) throw new Refused(40_025, `max top K is ${MOST_FOUND}, but got ${topK}`);
    // Only what has an index made for it can be filtered by, and there is none.
    const within = [...vectors.seen.values()].filter((one) => filter === undefined && (namespace === undefined || one.namespace === namespace));
    const matches = nearest(within, vector, topK).map(({ point, score }) => ({
      id: point.id, score, ...(point.namespace !== undefined && { namespace: point.namespace }), ...(returnMetadata === 'all' && { metadata: point.payload }), ...(returnValues && { values: point.vector }),
    }));
    return { count: matches.length, matches };
  }

  /** @param {any} body */
  function remove({ ids }) {
    if (!Array.isArray(ids) || ids.length === 0) throw new Refused(40_026, 'Failed to parse the request body as JSON: ids: expected value');
    if (ids.length > MOST_DELETED) throw new Refused(40_007, `too many ids in payload; max id count is ${MOST_DELETED}, got ${ids.length}`);
    for (const id of ids) vectors.now.delete(id);
    return { mutationId: mutation(1) };
  }

  /** The id of the latest change. @param {number} [more] */
  function mutation(more = 0) {
    mutations += more;
    return `00000000-0000-4000-8000-${String(mutations).padStart(12, '0')}`;
  }

  return {
    serves: (/** @type {{ path: string }} */ { path }) => isBelow(base, path),
    answer,
    points: () => [...vectors.now.values()],
    empty: () => vectors.empty(),
    /** Queries see what was there now, and nothing newer: as it is for some seconds after a write. */
    freeze: () => vectors.freeze(),
    thaw: () => vectors.thaw(),
  };
}

/** @param {string} what @param {unknown} text @param {number} code */
function short(what, text, code) {
  const size = Buffer.byteLength(typeof text === 'string' ? text : '');
  if (size === 0) throw new Refused(40_023, 'failed to parse upsert vectors request in json format');
  if (size > MOST_ID) throw new Refused(code, `${what} too long; max is ${MOST_ID} bytes, got ${size} bytes`);
}

/** @param {string} id @param {unknown} metadata */
function checkMetadata(id, metadata) {
  if (!isObject(metadata)) throw new Refused(40_023, 'failed to parse upsert vectors request in json format');
  for (const [name, value] of Object.entries(metadata)) {
    const fine = ['string', 'number', 'boolean'].includes(typeof value) || (Array.isArray(value) && value.every((one) => typeof one === 'string'));
    if (!fine || name === '' || name.startsWith('$') || /[."]/.test(name)) throw new Refused(40_023, 'failed to parse upsert vectors request in json format');
  }
  const size = Buffer.byteLength(JSON.stringify(metadata));
  if (size > MOST_METADATA) throw new Refused(40_016, `invalid metadata for id="${id}"; max is ${MOST_METADATA} bytes, got ${size} bytes`);
}

// @ts-check
/**
 * An index of Pinecone's, dense and serverless, as its own host speaks.
 *
 * Source: pinecone-io/pinecone-api (2025-10), and error bodies as users recorded them.
 */
import { Lagging, inside, isBelow, isJson, isObject, isVector, json, nearest, plain } from './space.mjs';

/**
 * @typedef {import('./space.mjs').Point} Point
 * @typedef {import('./space.mjs').Recorded} Recorded
 * @typedef {import('./space.mjs').Reply} Reply
 * @typedef {Point & { namespace: string }} Kept
 */

const DEFAULT = '__default__';
/** Of a request, of one record's metadata, and of ids. */
const MOST_BYTES = 2 << 20;
const MOST_METADATA = 40_960;
const MOST_ID = 512;
const MOST_RECORDS = 1000;

/** A refusal, thrown where it is found: gRPC's code, and HTTP's status for it. */
class Refused extends Error {
  /** @param {3 | 5} code @param {string} message */
  constructor(code, message) {
    super(message);
    this.code = code;
    this.status = code === 5 ? 404 : 400;
  }
}

/** @param {{ key: string, base?: string, dimension?: number }} options */
export function createPinecone({ key, base = '/pinecone', dimension = 64 }) {
  /** @type {Lagging<Kept>} */
  const records = new Lagging();

  /** @param {Recorded} request @returns {Reply} */
  function answer(request) {
    const refused = refusal(request, key);
    if (refused) return refused;
    try {
      return json(200, route(request));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return json(error.status, { code: error.code, message: error.message, details: [] });
    }
  }

  /** @param {Recorded} request */
  function route({ method, path, body: text, json: body }) {
    const { rest } = inside(base, path);
    if (method !== 'POST') throw new Refused(5, 'Not Found');
    if (!isObject(body)) throw new Refused(3, 'Invalid JSON payload received.');
    if (Buffer.byteLength(text) > MOST_BYTES) throw new Refused(3, `Request size ${Math.ceil(Buffer.byteLength(text) / 2 ** 20)}MB exceeds the maximum supported size of 2MB`);
    const namespace = named(body.namespace);
    switch (rest) {
      case '/vectors/upsert': return upsert(namespace, body);
      case '/query': return query(namespace, body);
      case '/vectors/delete': return remove(namespace, body);
      case '/describe_index_stats': return { namespaces: counts(), dimension, indexFullness: 0, totalVectorCount: records.seen.size, metric: 'cosine', vectorType: 'dense' };
      default: throw new Refused(5, 'Not Found');
    }
  }

  /** @param {string} namespace @param {any} body */
  function upsert(namespace, body) {
    known(body, ['vectors', 'namespace']);
    const { vectors } = body;
    if (!Array.isArray(vectors) || vectors.length === 0) throw new Refused(3, 'Empty list of vectors is not allowed');
    if (vectors.length > MOST_RECORDS) throw new Refused(3, `The number of vectors in the request ${vectors.length} exceeds the maximum of ${MOST_RECORDS}`);
    /** @type {Kept[]} */
    const checked = vectors.map((vector) => {
      known(vector, ['id', 'values', 'sparseValues', 'metadata']);
      const { id, values, metadata = {} } = vector;
      if (typeof id !== 'string' || id === '' || id.length > MOST_ID) throw new Refused(3, `Vector ID must be a string of 1 to ${MOST_ID} characters`);
      sized(values, dimension);
      if (values.every((/** @type {number} */ value) => value === 0)) throw new Refused(3, `Dense vectors must contain at least one non-zero value. Vector ID ${id} contains only zeros.`);
      checkMetadata(metadata);
      return { id, namespace, vector: values, payload: metadata };
    });
    for (const one of checked) records.now.set(`${namespace}/${one.id}`, one);
    return { upsertedCount: checked.length };
  }

  /** @param {string} namespace @param {any} body */
  function query(namespace, body) {
    known(body, ['namespace', 'topK', 'filter', 'includeValues', 'includeMetadata', 'vector', 'sparseVector', 'id']);
    const { topK, vector, includeMetadata = false, includeValues = false } = body;
    if (!Number.isInteger(topK) || topK < 1 || topK > 10_000) throw new Refused(3, 'top_k must be between 1 and 10000');
    sized(vector, dimension);
    const matches = filter(body.filter);
    const within = [...records.seen.values()].filter((one) => one.namespace === namespace && matches(one));
    const found = nearest(within, vector, topK).map(({ point, score }) => ({
      id: point.id, score, values: includeValues ? point.vector : [], ...(includeMetadata && Object.keys(point.payload).length > 0 && { metadata: point.payload }),
    }));
    return { results: [], matches: found, namespace: namespace === DEFAULT ? '' : namespace, usage: { readUnits: 1 } };
  }

  /** @param {string} namespace @param {any} body */
  function remove(namespace, body) {
    known(body, ['ids', 'deleteAll', 'namespace', 'filter']);
    const { ids, deleteAll = false } = body;
    const ways = [ids !== undefined, deleteAll === true, body.filter !== undefined].filter(Boolean).length;
    if (ways !== 1) throw new Refused(3, 'Invalid request. Exactly one of ids, delete_all, filter must be specified.');
    if (ids !== undefined && (!Array.isArray(ids) || ids.length === 0 || ids.length > MOST_RECORDS || ids.some((id) => typeof id !== 'string'))) {
      throw new Refused(3, `ids must be a list of 1 to ${MOST_RECORDS} strings`);
    }
    const within = [...records.now.values()].filter((one) => one.namespace === namespace);
    // The default one is always there.
    if (within.length === 0 && namespace !== DEFAULT) throw new Refused(5, 'Namespace not found');
    const matches = ids ? (/** @type {Kept} */ { id }) => ids.includes(id) : filter(body.filter);
    for (const one of within.filter(matches)) records.now.delete(`${namespace}/${one.id}`);
    return {};
  }

  function counts() {
    /** @type {{ [name: string]: { vectorCount: number } }} */
    const all = {};
    for (const { namespace } of records.seen.values()) all[namespace] = { vectorCount: (all[namespace]?.vectorCount ?? 0) + 1 };
    return all;
  }

  return {
    serves: (/** @type {{ path: string }} */ { path }) => isBelow(base, path),
    answer,
    points: () => [...records.now.values()],
    empty: () => records.empty(),
    /** Queries see what was there now, and nothing newer: as it is for some seconds after a write. */
    freeze: () => records.freeze(),
    thaw: () => records.thaw(),
  };
}

/** What the door says. @param {Recorded} request @param {string} key */
function refusal(request, key) {
  const given = request.headers['api-key'];
  if (given !== key) {
    const reason = given === undefined ? 'Missing API key' : 'Invalid API key';
    return plain(401, 'Unauthorized', { 'x-pinecone-auth-rejected-reason': reason, 'www-authenticate': reason });
  }
  const version = request.headers['x-pinecone-api-version'];
  if (!/^20\d\d-\d\d$/.test(String(version))) return json(400, { code: 3, message: `Invalid API version: ${version}`, details: [] });
  if (!isJson(request)) return json(415, { code: 3, message: 'Unsupported content type', details: [] });
  return undefined;
}

/** As protobuf's JSON does: a field that it does not know is an error. @param {unknown} body @param {string[]} names */
function known(body, names) {
  if (!isObject(body)) throw new Refused(3, 'Invalid value: expected an object');
  const strange = Object.keys(body).find((name) => !names.includes(name));
  if (strange !== undefined) throw new Refused(3, `Invalid JSON payload received. Unknown name "${strange}": Cannot find field.`);
}

/** @param {unknown} namespace */
function named(namespace) {
  if (namespace === undefined || namespace === '') return DEFAULT;
  if (typeof namespace !== 'string' || namespace.length > MOST_ID) throw new Refused(3, 'Invalid namespace');
  return namespace;
}

/** @param {unknown} vector @param {number} dimension */
function sized(vector, dimension) {
  if (!isVector(vector)) throw new Refused(3, 'Vector dimension 0 does not match the dimension of the index');
  if (vector.length !== dimension) throw new Refused(3, `Vector dimension ${vector.length} does not match the dimension of the index ${dimension}`);
}

/** @param {unknown} metadata */
function checkMetadata(metadata) {
  if (!isObject(metadata)) throw new Refused(3, 'Invalid value for metadata');
  for (const [name, value] of Object.entries(metadata)) {
    const fine = ['string', 'number', 'boolean'].includes(typeof value) || (Array.isArray(value) && value.every((one) => typeof one === 'string'));
    if (!fine) throw new Refused(3, `Metadata value must be a string, number, boolean or list of strings, got '${JSON.stringify(value).slice(0, 16)}' for field '${name}'`);
  }
  const size = Buffer.byteLength(JSON.stringify(metadata));
  if (size > MOST_METADATA) throw new Refused(3, `Metadata size is ${size} bytes, which exceeds the limit of ${MOST_METADATA} bytes per vector`);
}

/** Equality of fields, and no more of the filter's language. @param {unknown} wanted @returns {(record: Kept) => boolean} */
function filter(wanted) {
  if (wanted === undefined) return () => true;
  if (!isObject(wanted) || Object.keys(wanted).length === 0) throw new Refused(3, 'Invalid filter');
  const tests = Object.entries(wanted).map(([name, condition]) => {
    const value = isObject(condition) ? condition.$eq : condition;
    if (!['string', 'number', 'boolean'].includes(typeof value)) throw new Refused(3, `the filter's condition on ${name} is not valid, or the simulator does not know it`);
    return (/** @type {Kept} */ { payload }) => payload[name] === value;
  });
  return (record) => tests.every((test) => test(record));
}

// @ts-check
/**
 * Qdrant over HTTP as a cluster in its cloud speaks it: strict, so that nothing is filtered by a field
 * that has no index.
 *
 * Source: api.qdrant.tech (1.19), and error bodies as users recorded them.
 */
import { bearer, inside, isBelow, isJson, isObject, isUuid, isVector, json, nearest, plain } from './space.mjs';

/**
 * @typedef {import('./space.mjs').Point} Point
 * @typedef {import('./space.mjs').Recorded} Recorded
 * @typedef {import('./space.mjs').Reply} Reply
 * @typedef {object} Collection
 * @property {number} size
 * @property {Map<string, unknown>} indexes
 * @property {Map<string, Point>} points
 * @property {number} version
 */

/** A refusal, thrown where it is found. */
class Refused extends Error {
  /** @param {number} status @param {string} message */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/**
 * @param {{ key?: string, base?: string, collections?: Record<string, number> }} [options]  Collections
 *   that are there before, with their size and the two indexes.
 */
export function createQdrant({ key, base = '/qdrant', collections = {} } = {}) {
  /** @type {Map<string, Collection>} */
  const all = new Map();
  /** What was not waited for is there one request later. @type {(() => void)[]} */
  let pending = [];
  for (const [name, size] of Object.entries(collections)) {
    all.set(name, { size, indexes: new Map([['collection', 'keyword'], ['document', 'keyword']]), points: new Map(), version: 0 });
  }

  /** @param {Recorded} request @returns {Reply} */
  function answer(request) {
    const due = pending;
    pending = [];
    try {
      const refused = refusal(request, key);
      return refused ?? done(route(request));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return json(error.status, { status: { error: error.message }, time: 0.000123 });
    } finally {
      for (const act of due) act();
    }
  }

  /** @param {Recorded} request */
  function route({ method, path, json: body }) {
    const { rest, query } = inside(base, path);
    const [, name = '', action = ''] = /^\/collections\/([^/]+)(\/.*)?$/.exec(rest) ?? [];
    const waits = query.get('wait') === 'true';
    switch (name && `${method} ${action}`) {
      case 'GET ': return described(found(name));
      case 'GET /exists': return { exists: all.has(name) };
      case 'PUT ': return create(name, body);
      case 'DELETE ': return all.delete(name);
      case 'PUT /index': return index(found(name), body);
      case 'PUT /points': return write(found(name), waits, upserting(found(name), body));
      case 'POST /points/delete': return write(found(name), waits, deleting(found(name), body));
      case 'POST /points/query': return search(found(name), body);
      default: throw new Refused(404, '');
    }
  }

  /** @param {string} name */
  function found(name) {
    const collection = all.get(name);
    if (!collection) throw new Refused(404, `Not found: Collection \`${name}\` doesn't exist!`);
    return collection;
  }

  /** @param {string} name @param {any} body */
  function create(name, body) {
    const { size, distance } = body?.vectors ?? {};
    if (!Number.isInteger(size) || size < 1 || typeof distance !== 'string') throw formatError('data did not match any variant of untagged enum VectorsConfig');
    if (!['Cosine', 'Euclid', 'Dot', 'Manhattan'].includes(distance)) throw formatError(`vectors.distance: unknown variant \`${distance}\``);
    if (all.has(name)) throw new Refused(409, `Wrong input: Collection \`${name}\` already exists!`);
    all.set(name, { size, indexes: new Map(), points: new Map(), version: 0 });
    return true;
  }

  /** @param {Collection} collection @param {boolean} waits @param {() => void} act */
  function write(collection, waits, act) {
    if (waits) act();
    else pending.push(act);
    collection.version += 1;
    return { operation_id: collection.version, status: waits ? 'completed' : 'acknowledged' };
  }

  return {
    serves: (/** @type {{ path: string }} */ { path }) => isBelow(base, path),
    answer,
    points: () => [...all.values()].flatMap(({ points }) => [...points.values()]),
    empty() {
      pending = [];
      for (const { points } of all.values()) points.clear();
    },
    /** The names of what was made, with the size of its vectors. */
    collections: () => Object.fromEntries([...all].map(([name, { size }]) => [name, size])),
  };
}

/** What the door says, in no JSON. @param {Recorded} request @param {string} [key] */
function refusal(request, key) {
  const given = request.headers['api-key'] ?? bearer(request);
  if (key !== undefined && given === undefined) return plain(401, 'Must provide an API key or an Authorization bearer token');
  if (key !== undefined && given !== key) return plain(401, 'Invalid API key or JWT');
  if (!['GET', 'DELETE'].includes(request.method)) {
    if (!isJson(request)) return json(415, { status: { error: 'Content type error' }, time: 0.0000123 });
    if (request.json === undefined) throw formatError('expected value at line 1 column 1');
  }
  return undefined;
}

/** @param {unknown} result @returns {Reply} */
const done = (result) => json(200, { result, status: 'ok', time: 0.000456 });

/** @param {string} what */
const formatError = (what) => new Refused(400, `Format error in JSON body: ${what}`);

/** @param {Collection} collection */
const described = ({ size, indexes, points }) => ({
  status: 'green',
  points_count: points.size,
  segments_count: 1,
  config: { params: { vectors: { size, distance: 'Cosine' } } },
  payload_schema: Object.fromEntries([...indexes.keys()].map((name) => [name, { data_type: 'keyword', points: points.size }])),
});

/** @param {Collection} collection @param {any} body */
function index(collection, body) {
  const { field_name: name, field_schema: schema } = body;
  if (typeof name !== 'string') throw formatError('missing field `field_name`');
  if ((isObject(schema) ? schema.type : schema) !== 'keyword') throw formatError('data did not match any variant of untagged enum PayloadFieldSchema');
  collection.indexes.set(name, schema);
  collection.version += 1;
  return { operation_id: collection.version, status: 'completed' };
}

/** Checks all, then gives what puts it in. @param {Collection} collection @param {any} body */
function upserting(collection, body) {
  if (!Array.isArray(body.points) || body.points.length === 0) throw formatError('data did not match any variant of untagged enum PointInsertOperations');
  /** @type {Point[]} */
  const points = body.points.map((/** @type {any} */ { id, vector, payload = {} }) => {
    if (payload !== null && !isObject(payload)) throw formatError('invalid type: expected a map');
    return { id: pointId(id), vector: sized(collection, vector), payload: payload ?? {} };
  });
  return () => { for (const point of points) collection.points.set(point.id, point); };
}

/** @param {Collection} collection @param {any} body */
function deleting(collection, body) {
  if (Array.isArray(body.points)) {
    const ids = body.points.map(pointId);
    return () => { for (const id of ids) collection.points.delete(id); };
  }
  if (!isObject(body.filter)) throw formatError('data did not match any variant of untagged enum PointsSelector');
  const matches = filter(collection, body.filter);
  return () => { for (const point of [...collection.points.values()].filter(matches)) collection.points.delete(point.id); };
}

/** @param {Collection} collection @param {any} body */
function search(collection, body) {
  const { query, limit = 10, with_payload: withPayload = false, with_vector: withVector = false } = body;
  const vector = sized(collection, isObject(query) ? query.nearest : query);
  if (!Number.isInteger(limit) || limit < 1) throw new Refused(422, `Validation error in JSON body: [limit: value ${limit} invalid, must be 1 or larger]`);
  const matches = body.filter ? filter(collection, body.filter) : () => true;
  const hits = nearest([...collection.points.values()].filter(matches), vector, limit);
  return {
    points: hits.map(({ point, score }) => ({
      id: point.id, version: collection.version, score, ...(withPayload && { payload: point.payload }), ...(withVector && { vector: point.vector }),
    })),
  };
}

/** A number stays one, a UUID gets its usual form. @param {unknown} id */
function pointId(id) {
  if (Number.isInteger(id) && Number(id) >= 0) return String(id);
  const text = String(id).replace(/^urn:uuid:/i, '').replace(/^([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/i, '$1-$2-$3-$4-$5');
  if (typeof id !== 'string' || !isUuid(text)) throw formatError(`value ${id} is not a valid point ID, valid values are either an unsigned integer or a UUID`);
  return text.toLowerCase();
}

/** @param {Collection} collection @param {unknown} vector */
function sized({ size }, vector) {
  if (!isVector(vector)) throw formatError('data did not match any variant of untagged enum VectorStruct');
  if (vector.length !== size) throw new Refused(400, `Wrong input: Vector dimension error: expected dim: ${size}, got ${vector.length}`);
  return vector;
}

/** @param {Collection} collection @param {any} wanted @returns {(point: Point) => boolean} */
function filter(collection, wanted) {
  const unknown = Object.keys(wanted).find((name) => name !== 'must');
  const conditions = wanted.must === undefined ? [] : [wanted.must].flat();
  if (unknown !== undefined || conditions.length === 0) throw formatError(`filter: the simulator knows \`must\` alone, not ${JSON.stringify(wanted)}`);
  const tests = conditions.map((condition) => {
    const { key, match, has_id: ids } = condition ?? {};
    if (Array.isArray(ids)) {
      const set = new Set(ids.map(pointId));
      return (/** @type {Point} */ { id }) => set.has(id);
    }
    const values = isObject(match) ? match.any ?? [match.value] : [];
    if (typeof key !== 'string' || !Array.isArray(values) || values.length === 0 || values.some((value) => value === undefined)) throw formatError('data did not match any variant of untagged enum Condition');
    if (!collection.indexes.has(key)) {
      throw new Refused(400, `Bad request: Index required but not found for "${key}" of one of the following types: [keyword]. Help: Create an index for this key or use a different filter.`);
    }
    return (/** @type {Point} */ { payload }) => values.includes(payload[key]);
  });
  return (point) => tests.every((test) => test(point));
}

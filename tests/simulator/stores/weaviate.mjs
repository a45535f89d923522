// @ts-check
/**
 * Weaviate on one node, REST and GraphQL, with keys and auto-schema.
 *
 * Source: its REST handlers and OpenAPI (1.38), and error bodies as users recorded them.
 */
import { parse } from './graphql.mjs';
import { bearer, inside, isBelow, isJson, isObject, isUuid, isVector, json, nearest } from './space.mjs';

/**
 * @typedef {import('./space.mjs').Point} Point
 * @typedef {import('./space.mjs').Recorded} Recorded
 * @typedef {import('./space.mjs').Reply} Reply
 * @typedef {{ name: string, dataType: string[], tokenization?: string, indexFilterable?: boolean }} Property
 * @typedef {object} Class
 * @property {string} name
 * @property {Map<string, Property>} properties
 * @property {Map<string, Point>} points
 */

/** What one call deletes at most, and what one query finds: QUERY_MAXIMUM_RESULTS. */
const MOST_RESULTS = 10_000;
const NAME = /^[A-Z][_0-9A-Za-z]*$/;

/** A refusal, thrown where it is found; `body` where it has another form than usual. */
class Refused extends Error {
  /** @param {number} status @param {string} message @param {object} [body] */
  constructor(status, message, body = { error: [{ message }] }) {
    super(message);
    this.status = status;
    this.body = body;
  }
}

/**
 * @param {{ key?: string, base?: string, mostResults?: number, filled?: Record<string, number> }} [options]
 *   `filled`: classes that are there before, each with one object, whose vector has so many dimensions.
 */
export function createWeaviate({ key, base = '/weaviate', mostResults = MOST_RESULTS, filled = {} } = {}) {
  /** @type {Map<string, Class>} */
  const classes = new Map();
  for (const [name, size] of Object.entries(filled)) put({ class: name, properties: { collection: 'of somebody else' }, vector: new Array(size).fill(1) });

  /** @param {Recorded} request @returns {Reply} */
  function answer(request) {
    const refused = refusal(request, key);
    if (refused) return refused;
    try {
      const body = route(request);
      return body === undefined ? { status: 404 } : json(200, body);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return json(error.status, error.body);
    }
  }

  /** @param {Recorded} request */
  function route({ method, path, json: body }) {
    const { rest } = inside(base, path);
    const [, of] = /^\/v1\/schema\/([^/]+)$/.exec(rest) ?? [];
    if (of) {
      const one = classes.get(of);
      return method === 'GET' && one ? described(one) : undefined;
    }
    switch (`${method} ${rest}`) {
      case 'GET /v1/schema': return { classes: [...classes.values()].map(described) };
      case 'POST /v1/schema': return create(body);
      case 'POST /v1/batch/objects': return add(body);
      case 'DELETE /v1/batch/objects': return remove(body);
      case 'POST /v1/graphql': return query(body);
      default: throw new Refused(404, '', { code: 404, message: `path ${rest} was not found` });
    }
  }

  /** @param {any} body */
  function create(body) {
    const { class: name, vectorizer = 'none', properties = [] } = body;
    if (typeof name !== 'string' || !NAME.test(name)) throw new Refused(422, `'${name}' is not a valid class name`);
    if (classes.has(name)) throw new Refused(422, `class name "${name}" already exists`);
    if (vectorizer !== 'none') throw new Refused(422, `vectorizer: no module with name "${vectorizer}" present`);
    for (const property of properties) {
      if (!Array.isArray(property.dataType)) throw new Refused(422, '', { code: 601, message: 'objectClass.properties.0.dataType in body must be of type array' });
      if (property.tokenization !== undefined && !['word', 'field', 'lowercase', 'whitespace', 'trigram', 'gse', 'kagome_ja'].includes(property.tokenization)) {
        throw new Refused(422, `Tokenization '${property.tokenization}' is not allowed for data type 'text'`);
      }
      if (property.tokenization !== undefined && property.dataType[0] !== 'text') throw new Refused(422, `Tokenization is not allowed for data type '${property.dataType[0]}'`);
    }
    const made = { name, properties: new Map(properties.map((/** @type {Property} */ one) => [one.name, one])), points: new Map() };
    classes.set(name, made);
    return described(made);
  }

  /** Each object for itself: the status says nothing of them. @param {any} body */
  function add(body) {
    const { objects } = body;
    if (!Array.isArray(objects) || objects.length === 0) throw new Refused(422, 'invalid param \'objects\': cannot be empty, need at least one object for batching');
    objects.forEach(({ id }, at) => {
      if (id !== undefined && !isUuid(id)) throw new Refused(422, '', { code: 601, message: `objects.${at}.id in body must be of type uuid: "${id}"` });
    });
    return objects.map((object) => {
      const message = put(object);
      const result = message ? { errors: { error: [{ message }] }, status: 'FAILED' } : { status: 'SUCCESS' };
      return { ...object, creationTimeUnix: 1_764_000_000_000, lastUpdateTimeUnix: 1_764_000_000_000, deprecations: null, result };
    });
  }

  /** What is wrong with it, if it is. @param {any} object */
  function put({ class: name, id = crypto.randomUUID(), properties = {}, vector }) {
    if (typeof name !== 'string' || !NAME.test(name)) return `invalid object: '${name}' is not a valid class name`;
    const own = classes.get(name) ?? { name, properties: new Map(), points: new Map() };
    const [first] = own.points.values();
    if (!isVector(vector)) return 'invalid object: no vector was given, and the class has no vectorizer';
    if (first && first.vector.length !== vector.length) return `new node has a vector with length ${vector.length}. Existing nodes have vectors with length ${first.vector.length}`;
    const given = Object.entries(properties).filter(([, value]) => value !== null);
    for (const [property, value] of given) {
      const type = own.properties.get(property)?.dataType[0] ?? guess(value);
      if (!fits(type, value)) return `invalid object: invalid ${type} property '${property}' on class '${name}': not a ${type}, but ${typeof value}`;
    }
    // What the schema does not name yet it names from here on, by words.
    for (const [property, value] of given) {
      if (!own.properties.has(property)) own.properties.set(property, { name: property, dataType: [guess(value)], tokenization: 'word' });
    }
    classes.set(name, own);
    own.points.set(id.toLowerCase(), { id: id.toLowerCase(), vector, payload: Object.fromEntries(given) });
    return undefined;
  }

  /** @param {any} body */
  function remove({ match, output = 'minimal', dryRun = false }) {
    if (!isObject(match) || !match.class || !match.where) throw new Refused(422, 'invalid param \'match\': empty match clause');
    const own = classes.get(match.class);
    if (!own) throw new Refused(422, `failed to get class: ${match.class}: class "${match.class}" not found in schema`);
    const all = [...own.points.values()].filter(where(own, match.where));
    const hit = all.slice(0, mostResults);
    if (!dryRun) for (const { id } of hit) own.points.delete(id);
    const objects = output === 'verbose' ? hit.map(({ id }) => ({ id, status: 'SUCCESS' })) : null;
    return { match, output, dryRun, results: { matches: all.length, limit: mostResults, successful: hit.length, failed: 0, objects } };
  }

  /** @param {any} body */
  function query(body) {
    if (classes.size === 0) throw new Refused(422, 'no graphql provider present, this is most likely because no schema is present. Import a schema first!');
    if (typeof body.query !== 'string') throw new Refused(422, 'query cannot be empty');
    try {
      const [get, ...more] = parse(body.query);
      if (get.name !== 'Get' || more.length > 0 || get.fields?.length !== 1) throw new SyntaxError('Cannot query other than one class by Get');
      return { data: { Get: read(get.fields[0]) } };
    } catch (error) {
      if (!(error instanceof SyntaxError || error instanceof Unfound)) throw error;
      const path = error instanceof Unfound ? { path: ['Get', error.className] } : {};
      const data = error instanceof Unfound ? { Get: { [error.className]: null } } : null;
      return { data, errors: [{ locations: [{ column: 1, line: 1 }], message: error.message, ...path }] };
    }
  }

  /** @param {import('./graphql.mjs').Field} field */
  function read({ name, args, fields }) {
    const own = classes.get(name);
    if (!own) throw new SyntaxError(`Cannot query field "${name}" on type "GetObjectsObj".`);
    const strange = Object.keys(args).find((one) => !['nearVector', 'limit', 'where', 'offset'].includes(one));
    if (strange) throw new SyntaxError(`Unknown argument "${strange}" on field "${name}" of type "GetObjectsObj".`);
    for (const field of fields ?? []) checkField(own, field);
    const vector = args.nearVector?.vector;
    if (!isVector(vector)) throw new SyntaxError('Argument "nearVector" has invalid value.');
    const [first] = own.points.values();
    if (first && first.vector.length !== vector.length) throw new Unfound(own.name, first.vector.length, vector.length);
    const matches = args.where ? where(own, args.where, true) : () => true;
    const hits = nearest([...own.points.values()].filter(matches), vector, Math.min(args.limit ?? 25, mostResults));
    return { [name]: hits.map((hit) => Object.fromEntries((fields ?? []).map((field) => [field.name, valueOf(field, hit)]))) };
  }

  return {
    serves: (/** @type {{ path: string }} */ { path }) => isBelow(base, path),
    answer,
    points: () => [...classes.values()].flatMap(({ points }) => [...points.values()]),
    empty() { for (const { points } of classes.values()) points.clear(); },
    /** The names of its classes. */
    classes: () => [...classes.keys()],
  };
}

/** A search that failed in mid-way: it has data, though none, beside its error. */
class Unfound extends Error {
  /** @param {string} className @param {number} has @param {number} given */
  constructor(className, has, given) {
    const lower = className.toLowerCase();
    super(`explorer: get class: concurrentTargetVectorSearch): explorer: get class: vector search: object vector search at index ${lower}: shard ${lower}_0FDaM2Ca6QS5: vector search: knn search: distance between entrypoint and query node: ${has} vs ${given}: vector lengths don't match`);
    this.className = className;
  }
}

/** What the door says. @param {Recorded} request @param {string} [key] */
function refusal(request, key) {
  const given = bearer(request);
  if (key !== undefined && given === undefined) return json(401, { code: 401, message: 'anonymous access not enabled. Please authenticate through one of the enabled schemes: [API-keys]' });
  if (key !== undefined && given !== key) return json(401, { code: 401, message: 'unauthorized: invalid api key: invalid api key, please provide a valid api key' });
  if (request.method === 'GET') return undefined;
  if (!isJson(request)) return json(415, { code: 415, message: 'unsupported media type, only [application/json application/yaml] are allowed' });
  return isObject(request.json) ? undefined : json(400, { code: 400, message: 'parsing body body from "" failed, because invalid character' });
}

/** @param {Class} one */
const described = ({ name, properties }) => ({ class: name, vectorizer: 'none', vectorIndexType: 'hnsw', vectorIndexConfig: { distance: 'cosine' }, properties: [...properties.values()] });

/** @param {unknown} value */
const guess = (value) => (typeof value === 'number' ? 'number' : typeof value === 'boolean' ? 'boolean' : 'text');

/** @param {string} type @param {unknown} value */
const fits = (type, value) => (type === 'int' ? Number.isInteger(value) : guess(value) === type);

/** @param {Class} own @param {import('./graphql.mjs').Field} field */
function checkField(own, { name, fields }) {
  if (name === '_additional') {
    const strange = fields?.find((one) => !['id', 'distance', 'certainty'].includes(one.name));
    if (!fields || strange) throw new SyntaxError(`Cannot query field "${strange?.name}" on type "${own.name}AdditionalProps".`);
  } else if (!own.properties.has(name)) {
    throw new SyntaxError(`Cannot query field "${name}" on type "${own.name}".`);
  }
}

/** @param {import('./graphql.mjs').Field} field @param {{ point: Point, score: number }} hit */
function valueOf({ name, fields }, { point, score }) {
  if (name !== '_additional') return point.payload[name] ?? null;
  const all = { id: point.id, distance: Math.fround(1 - score), certainty: Math.fround((1 + score) / 2) };
  return Object.fromEntries((fields ?? []).map((field) => [field.name, all[/** @type {keyof typeof all} */ (field.name)]]));
}

/** A filter; in GraphQL its operator is an enum, and its list has the name of one value. @param {Class} own @param {any} wanted @param {boolean} [inQuery] @returns {(point: Point) => boolean} */
function where(own, wanted, inQuery = false) {
  const wrong = (/** @type {string} */ words) => (inQuery ? new SyntaxError(words) : new Refused(422, words));
  const operator = inQuery ? wanted.operator?.word : wanted.operator;
  if (operator === 'And') {
    if (!Array.isArray(wanted.operands)) throw wrong('invalid where filter: operator And requires operands');
    const tests = wanted.operands.map((/** @type {any} */ one) => where(own, one, inQuery));
    return (point) => tests.every((/** @type {(point: Point) => boolean} */ test) => test(point));
  }
  const [name, ...deeper] = Array.isArray(wanted.path) ? wanted.path : [];
  if (typeof name !== 'string' || deeper.length > 0) throw wrong('invalid where filter: path must be of length 1');
  const property = name === 'id' ? { name, dataType: ['text'], tokenization: 'field' } : own.properties.get(name);
  if (!property) throw wrong(`invalid where filter: no such prop with name '${name}' found in class '${own.name}' in the schema. Check your schema files for which properties in this class are available`);
  if (property.indexFilterable === false) throw wrong(`invalid where filter: property '${name}' is not indexed for filtering`);
  const values = operator === 'Equal' ? [wanted.valueText ?? wanted.valueInt ?? wanted.valueNumber] : operator === 'ContainsAny' ? (inQuery ? wanted.valueText : wanted.valueTextArray) : undefined;
  if (!Array.isArray(values) || values.length === 0 || values.some((value) => value === undefined)) throw wrong(`invalid where filter: got operator '${operator}', but no value that it takes`);
  return (point) => values.some((value) => equal(property, name === 'id' ? point.id : point.payload[name], value));
}

/** Text that is cut into words is equal to whatever has them all. @param {Property} property @param {unknown} own @param {unknown} wanted */
function equal({ tokenization = 'word' }, own, wanted) {
  if (typeof own !== 'string' || typeof wanted !== 'string') return own === wanted;
  if (tokenization === 'field') return own.trim() === wanted.trim();
  const words = (/** @type {string} */ text) => new Set(text.toLowerCase().match(/[\p{L}\p{N}]+/gu));
  const all = words(own);
  return [...words(wanted)].every((one) => all.has(one));
}

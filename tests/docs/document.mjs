// @ts-check
/** The API's description as it is committed, and what it says of values. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';

export const FILE = new URL('../../public/openapi.json', import.meta.url);

/** @type {any} */
export const DOCUMENT = JSON.parse(readFileSync(FILE, 'utf8'));

/**
 * @typedef {object} Operation
 * @property {string} method  In lower case.
 * @property {string} path
 * @property {string[]} servers  What may stand before the path.
 * @property {any} told  What the document says of it.
 */

/** @type {Operation[]} */
export const OPERATIONS = Object.entries(DOCUMENT.paths).flatMap(([path, item]) => {
  const { servers = [{ url: '/' }], ...methods } = /** @type {any} */ (item);
  const before = servers.map((/** @type {any} */ server) => server.url.replace(/\/$/, ''));
  return Object.entries(methods).map(([method, told]) => ({ method, path, servers: before, told }));
});

/** @param {string} id */
export const operation = (id) => {
  const found = OPERATIONS.find(({ told }) => told.operationId === id);
  assert.ok(found, `there is no operation ${id}`);
  return found;
};

/** What a reference stands for. @param {any} value */
export const resolved = (value) => {
  if (value?.$ref === undefined) return value;
  const [, ...names] = value.$ref.split('/');
  const found = names.reduce((/** @type {any} */ inside, /** @type {string} */ name) => inside?.[name], DOCUMENT);
  assert.ok(found, `${value.$ref} leads nowhere`);
  return found;
};

/** @param {string} name */
export const schema = (name) => ({ $ref: `#/components/schemas/${name}` });

/**
 * Judges values by the document's schemas. To a strict judge a field that is not documented is a fault: schemas say what
 * there is, and clients must bear more, but what the gateway itself sends is to be told of.
 *
 * @param {{ strict?: boolean }} [options]
 */
export function judge({ strict = false } = {}) {
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });
  const own = (/** @type {any} */ value) => JSON.parse(JSON.stringify(strict ? closed(value) : value).replaceAll('"#/components/schemas/', '"api#/$defs/'));
  ajv.addSchema({ $id: 'api', $defs: own(DOCUMENT.components.schemas) });
  /** @type {Map<string, import('ajv').ValidateFunction>} */
  const compiled = new Map();
  return {
    /** What is wrong with a value; nothing if it fits. @param {any} wanted A schema of the document. @param {unknown} value */
    faults(wanted, value) {
      const key = JSON.stringify(wanted);
      const check = compiled.get(key) ?? ajv.compile(own(wanted));
      compiled.set(key, check);
      return check(value) ? [] : (check.errors ?? []).map(({ instancePath, message, params }) => `${instancePath || '/'} ${message} ${JSON.stringify(params)}`);
    },
    /** @param {any} wanted @param {unknown} value @param {string} what */
    fits(wanted, value, what) {
      assert.deepEqual(this.faults(wanted, value), [], `${what}: ${JSON.stringify(value)?.slice(0, 600)}`);
    },
  };
}

/** The same schemas, for objects that have no other fields. @param {any} value @returns {any} */
function closed(value) {
  if (Array.isArray(value)) return value.map(closed);
  if (value === null || typeof value !== 'object') return value;
  const inner = Object.fromEntries(Object.entries(value).map(([name, part]) => [name, closed(part)]));
  const isOpen = inner.properties && inner.type === 'object' && inner.additionalProperties === undefined;
  return isOpen ? { ...inner, additionalProperties: false } : inner;
}

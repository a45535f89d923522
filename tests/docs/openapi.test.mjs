// @ts-check
/** The API's description by itself: that it is one, and that it is right about its own examples. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Validator } from '@seriousme/openapi-schema-validator';
import { parse } from '../worker/sse.mjs';
import { DOCUMENT, FILE, OPERATIONS, judge, resolved, schema } from './document.mjs';

test('it is valid OpenAPI 3.1', async () => {
  const validator = new Validator();
  const { valid, errors } = await validator.validate(fileURLToPath(FILE));
  assert.ok(valid, JSON.stringify(errors, null, 2));
  assert.equal(validator.version, '3.1');
});

test('every reference leads somewhere, and every schema is named by somebody', () => {
  const text = readFileSync(FILE, 'utf8');
  const named = new Set([...text.matchAll(/"\$ref": "(.*?)"/g)].map(([, reference]) => reference));
  for (const reference of named) resolved({ $ref: reference });
  const unnamed = Object.keys(DOCUMENT.components.schemas).filter((name) => !named.has(schema(name).$ref));
  assert.deepEqual(unnamed, []);
});

test('every schema is one, and says what it is for', () => {
  const judgement = judge();
  for (const [name, told] of Object.entries(DOCUMENT.components.schemas)) {
    judgement.faults(schema(name), null);
    assert.ok(told.description, `${name} has no description`);
    for (const [field, { description }] of Object.entries(/** @type {Record<string, any>} */ (told.properties ?? {}))) {
      assert.ok(description, `${name}.${field} has no description`);
      assert.doesNotMatch(description, /[^\n]\n[^\n]/, `${name}.${field} has the lines of its source`);
    }
  }
});

test('every operation says what it is and what comes of it', () => {
  for (const { method, path, told } of OPERATIONS) {
    const what = `${method} ${path}`;
    assert.ok(told.summary && told.tags.length === 1 && told.operationId, what);
    const statuses = Object.keys(told.responses);
    assert.ok(statuses.some((status) => /^(2\d\d|101)$/.test(status)), what);
    for (const response of Object.values(told.responses)) assert.ok(resolved(response).description, `${what}: ${JSON.stringify(response)}`);
    for (const parameter of told.parameters ?? []) assert.ok(parameter.description, `${what}: ${parameter.name}`);
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    const declared = (told.parameters ?? []).filter((/** @type {any} */ { in: place }) => place === 'path').map((/** @type {any} */ { name }) => name);
    assert.deepEqual(declared, inPath, what);
  }
});

test('every body has an example, and every example is what its schema asks for', () => {
  const judgement = judge();
  for (const { method, path, told: { requestBody } } of OPERATIONS.filter(({ told }) => told.requestBody)) {
    const { schema: wanted, examples } = requestBody.content['application/json'];
    assert.ok(Object.keys(examples ?? {}).length > 0, `${method} ${path} has no example`);
    for (const [name, { value }] of Object.entries(/** @type {any} */ (examples))) judgement.fits(wanted, value, `${method} ${path}, ${name}`);
  }
});

test('every answer that is shown is one', () => {
  const judgement = judge({ strict: true });
  let shown = 0;
  const told = OPERATIONS.flatMap(({ path, told: { responses } }) => Object.values(responses).map((response) => ({ path, response: resolved(response) })));
  for (const { path, response: { content = {} } } of told) {
    for (const { schema: wanted, example, 'x-events': events } of Object.values(/** @type {Record<string, any>} */ (content))) {
      if (example === undefined) continue;
      shown += 1;
      judgement.fits(wanted, example, path);
      if (!events) continue;
      const frames = parse(example);
      assert.ok(frames.length > 1, path);
      for (const { event, data } of frames) {
        const payload = event === 'done' || event === 'completion' || event === 'end' ? data : JSON.parse(data);
        judgement.fits(events[event || 'message'], payload, `${path}, ${event}`);
      }
    }
  }
  assert.ok(shown > 10);
});

test('the judge refuses what does not fit', () => {
  const judgement = judge();
  const ask = (/** @type {object} */ more) => judgement.faults(schema('ChatRequest'), { messages: [{ role: 'user', content: 'hi' }], ...more });
  assert.deepEqual(ask({ stop: ['a'], thinking: { effort: 'low' }, parent: null }), []);
  for (const wrong of [{ temperature: 3 }, { messages: [] }, { thinking: 'hard' }, { on_busy: 'shout' }, { retrieval: { collection: 'a b' } }]) {
    assert.notDeepEqual(ask(wrong), [], JSON.stringify(wrong));
  }
  const health = { status: 'ok', mood: 'fine' };
  assert.deepEqual(judge().faults(schema('Health'), health), []);
  assert.notDeepEqual(judge({ strict: true }).faults(schema('Health'), health), []);
});

test('the viewer is the one that its README names, unchanged', () => {
  const folder = new URL('../../public/docs/swagger-ui/', import.meta.url);
  const told = [...readFileSync(new URL('README.md', folder), 'utf8').matchAll(/^([0-9a-f]{64}) {2}(\S+)$/gm)];
  assert.deepEqual(told.map(([, , name]) => name).sort(), readdirSync(folder).filter((name) => name !== 'README.md').sort());
  for (const [, digest, name] of told) {
    assert.equal(createHash('sha256').update(readFileSync(new URL(name, folder))).digest('hex'), digest, name);
  }
});

// @ts-check
/** The simulated vector stores and embeddings say what the real ones say: tests of the worker rest on it. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { answerEmbeddings, embed, servesEmbeddings, textsOf } from '../embeddings.mjs';
import { startSimulator } from '../simulator.mjs';
import { parse } from './graphql.mjs';
import { createPinecone } from './pinecone.mjs';
import { createQdrant } from './qdrant.mjs';
import { cosine } from './space.mjs';
import { createVectorize } from './vectorize.mjs';
import { createWeaviate } from './weaviate.mjs';

const KEY = 'a-key';
const [FIRST, SECOND, THIRD] = ['5c56c793-69f3-4fbf-87e6-c4bf54c28c26', '0b9c2f0e-1d3a-4c8e-9a51-6f2d7e8b9a10', '7e57d004-2b97-4e7a-b45f-5387367791cd'];
const TEXTS = ['the automobile needs tyres', 'bananas grow in bunches', 'the physician listens'];
/** Two of one collection, one of another. */
const POINTS = [[FIRST, 'mine', 'a'], [SECOND, 'mine', 'b'], [THIRD, 'other', 'a']].map(([id, collection, document], at) =>
  ({ id, vector: embed(TEXTS[at]), payload: { collection, document, chunk: 0, text: TEXTS[at] } }));
const CAR = embed('car');

/** @type {import('../simulator.mjs').Simulator} */
let simulator;
before(async () => { simulator = await startSimulator(); });
after(() => simulator.stop());

/** Asks, and reads the answer; the key stands where each service wants it. @param {string} method @param {string} path @param {unknown} [body] @param {Record<string, string>} [headers] @returns {Promise<{ status: number, json: any, text: string }>} */
async function ask(method, path, body, headers = {}) {
  const all = { 'content-type': 'application/json', 'api-key': KEY, authorization: `Bearer ${KEY}`, 'x-pinecone-api-version': '2025-10', ...headers };
  const response = await fetch(simulator.url + path, { method, headers: all, body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body) });
  const text = await response.text();
  return { status: response.status, text, json: response.headers.get('content-type')?.startsWith('application/json') ? JSON.parse(text) : undefined };
}

/** @param {import('./space.mjs').Store} store */
function script(store) {
  simulator.clear();
  simulator.script((request) => (store.serves(request) ? store.answer(request) : { status: 404 }));
}

/** @param {import('./space.mjs').Store} store */
const ids = (store) => store.points().map(({ id }) => id).sort();

describe('Qdrant', () => {
  const MADE = { vectors: { size: 64, distance: 'Cosine' } };
  const only = (/** @type {Record<string, string>} */ fields) => ({ must: Object.entries(fields).map(([key, value]) => ({ key, match: { value } })) });
  /** @type {ReturnType<typeof createQdrant>} */
  let store;
  beforeEach(() => {
    store = createQdrant({ key: KEY });
    script(store);
  });
  const upsert = (points = POINTS, query = '?wait=true') => ask('PUT', `/qdrant/collections/t/points${query}`, { points });
  async function fill() {
    await ask('PUT', '/qdrant/collections/t', MADE);
    for (const field_name of ['collection', 'document']) await ask('PUT', '/qdrant/collections/t/index?wait=true', { field_name, field_schema: 'keyword' });
    assert.deepEqual((await upsert()).json.result, { operation_id: 3, status: 'completed' });
  }

  test('finds the nearest of a collection, and deletes by id and by filter', async () => {
    await fill();
    const { json } = await ask('POST', '/qdrant/collections/t/points/query', { query: CAR, filter: only({ collection: 'mine' }), limit: 5, with_payload: true });
    assert.deepEqual(json.result.points.map((/** @type {any} */ { id, payload }) => [id, payload.document]), [[FIRST, 'a'], [SECOND, 'b']]);
    assert.ok(json.result.points[0].score > json.result.points[1].score);
    const remove = (/** @type {object} */ body) => ask('POST', '/qdrant/collections/t/points/delete?wait=true', body);
    assert.equal((await remove({ points: [FIRST, '00000000-0000-4000-8000-000000000000'] })).status, 200);
    assert.deepEqual(ids(store), [SECOND, THIRD].sort());
    await remove({ filter: only({ collection: 'mine', document: 'b' }) });
    assert.deepEqual(ids(store), [THIRD]);
    await remove({ filter: only({ collection: 'other' }) });
    assert.deepEqual(ids(store), []);
  });

  test('refuses what the real one refuses, in its words', async () => {
    /** @type {[status: number, words: RegExp, asked: Promise<{ status: number, text: string }>][]} */
    const first = [
      [401, /^Invalid API key or JWT$/, ask('GET', '/qdrant/collections/t', undefined, { 'api-key': 'wrong' })],
      [404, /Not found: Collection `t` doesn't exist!/, upsert()],
      [415, /Content type error/, ask('PUT', '/qdrant/collections/t', MADE, { 'content-type': 'text/plain' })],
    ];
    for (const [status, words, asked] of first) assertTold(await asked, status, words);
    await fill();
    assertTold(await ask('PUT', '/qdrant/collections/t', MADE), 409, /Wrong input: Collection `t` already exists!/);
    assertTold(await upsert([{ ...POINTS[0], vector: [1, 2] }]), 400, /Wrong input: Vector dimension error: expected dim: 64, got 2/);
    assertTold(await upsert([{ ...POINTS[0], id: 'a-0' }]), 400, /value a-0 is not a valid point ID, valid values are either an unsigned integer or a UUID/);
    assertTold(await ask('POST', '/qdrant/collections/t/points/query', { query: CAR, filter: only({ title: 'x' }) }), 400, /Index required but not found for \\"title\\"/);
    assert.equal(store.points().length, 3, 'and nothing of it was taken');
  });

  test('has what was not waited for a request later', async () => {
    await ask('PUT', '/qdrant/collections/t', MADE);
    assert.equal((await upsert(POINTS, '')).json.result.status, 'acknowledged');
    const count = async () => (await ask('POST', '/qdrant/collections/t/points/query', { query: CAR })).json.result.points.length;
    assert.deepEqual([await count(), await count()], [0, 3]);
  });
});

describe('Pinecone', () => {
  /** @type {ReturnType<typeof createPinecone>} */
  let store;
  beforeEach(() => {
    store = createPinecone({ key: KEY });
    script(store);
  });
  const record = ({ id, vector, payload } = POINTS[0]) => ({ id, values: vector, metadata: payload });
  const upsert = (/** @type {object[]} */ vectors, namespace = 'mine') => ask('POST', '/pinecone/vectors/upsert', { vectors, namespace });
  const remove = (/** @type {object} */ body, namespace = 'mine') => ask('POST', '/pinecone/vectors/delete', { ...body, namespace });
  const query = (/** @type {object} */ more = {}) => ask('POST', '/pinecone/query', { vector: CAR, topK: 5, namespace: 'mine', includeMetadata: true, ...more });

  test('finds the nearest of a namespace, and deletes by id and all of it', async () => {
    assert.deepEqual((await upsert(POINTS.slice(0, 2).map(record))).json, { upsertedCount: 2 });
    await upsert([record(POINTS[2])], 'other');
    const { json } = await query();
    assert.deepEqual(json.matches.map((/** @type {any} */ { id, metadata }) => [id, metadata.document]), [[FIRST, 'a'], [SECOND, 'b']]);
    assert.deepEqual((await query({ filter: { document: { $eq: 'b' } } })).json.matches.length, 1);
    assert.deepEqual((await remove({ ids: [FIRST] })).json, {});
    await remove({ deleteAll: true });
    assert.deepEqual(ids(store), [THIRD]);
    assertTold(await remove({ deleteAll: true }), 404, /^\{"code":5,"message":"Namespace not found","details":\[\]\}$/);
    assert.deepEqual((await query()).json.matches, []);
  });

  test('refuses what the real one refuses, in its words', async () => {
    assertTold(await ask('POST', '/pinecone/query', {}, { 'api-key': 'wrong' }), 401, /^Unauthorized$/);
    assertTold(await upsert([{ ...record(), values: [1] }]), 400, /"code":3,"message":"Vector dimension 1 does not match the dimension of the index 64"/);
    assertTold(await upsert([{ ...record(), metadata: { url: null } }]), 400, /got 'null' for field 'url'/);
    assertTold(await upsert([{ ...record(), values: new Array(64).fill(0) }]), 400, /at least one non-zero value/);
    assertTold(await upsert([{ ...record(), metadata: { text: 'x'.repeat(41_000) } }]), 400, /exceeds the limit of 40960 bytes/);
    assertTold(await upsert(new Array(1001).fill(record())), 400, /exceeds the maximum/);
    assertTold(await query({ topK: 0 }), 400, /top_k/);
    assertTold(await query({ top_k: 5 }), 400, /Unknown name \\"top_k\\"/);
    assertTold(await remove({ ids: [FIRST], deleteAll: true }), 400, /Exactly one of/);
    assert.deepEqual(ids(store), []);
  });

  test('sees a write later, if a test wants it so', async () => {
    store.freeze();
    await upsert([record()]);
    assert.deepEqual((await query()).json.matches, []);
    store.thaw();
    assert.equal((await query()).json.matches.length, 1);
  });
});

describe('Weaviate', () => {
  const NAMED = ['collection', 'document', 'text', 'title', 'url'].map((name) => ({ name, dataType: ['text'], tokenization: 'field' }));
  const CLASS = { class: 'T', vectorizer: 'none', properties: [...NAMED, { name: 'chunk', dataType: ['int'] }] };
  const FIELDS = 'collection document chunk text title _additional { id distance }';
  /** @type {ReturnType<typeof createWeaviate>} */
  let store;
  beforeEach(() => {
    store = createWeaviate({ key: KEY, mostResults: 2 });
    script(store);
  });
  const object = ({ id, vector, payload } = POINTS[0]) => ({ class: 'T', id, vector, properties: payload });
  const add = (/** @type {object[]} */ objects) => ask('POST', '/weaviate/v1/batch/objects', { objects });
  const remove = (/** @type {object} */ where) => ask('DELETE', '/weaviate/v1/batch/objects', { match: { class: 'T', where } });
  const equal = (/** @type {string} */ name, /** @type {string} */ valueText) => ({ path: [name], operator: 'Equal', valueText });
  const query = (vector = CAR, fields = FIELDS) =>
    ask('POST', '/weaviate/v1/graphql', { query: `{ Get { T(nearVector: {vector: ${JSON.stringify(vector)}}, limit: 5, where: {path: ["collection"], operator: Equal, valueText: "mine"}) { ${fields} } } }` });

  test('finds the nearest of a collection, and deletes by ids and by fields', async () => {
    assert.equal((await ask('POST', '/weaviate/v1/schema', CLASS)).status, 200);
    const added = await add(POINTS.map(object));
    assert.ok(added.json.every((/** @type {any} */ { result }) => result.status === 'SUCCESS'));
    const { json } = await query();
    assert.deepEqual(json.data.Get.T.map((/** @type {any} */ { document, title, _additional }) => [document, title, _additional.id]), [['a', null, FIRST], ['b', null, SECOND]]);
    assert.ok(json.data.Get.T[0]._additional.distance < json.data.Get.T[1]._additional.distance);
    const { results } = (await remove({ path: ['id'], operator: 'ContainsAny', valueTextArray: [FIRST, THIRD] })).json;
    assert.deepEqual(results, { matches: 2, limit: 2, successful: 2, failed: 0, objects: null });
    await remove({ operator: 'And', operands: [equal('collection', 'mine'), equal('document', 'a')] });
    assert.deepEqual(ids(store), [SECOND]);
    await remove(equal('collection', 'mine'));
    assert.deepEqual(ids(store), []);
  });

  test('deletes no more at once than it finds', async () => {
    await add(POINTS.map((point) => object({ ...point, payload: { ...point.payload, collection: 'mine' } })));
    assert.deepEqual((await remove(equal('collection', 'mine'))).json.results, { matches: 3, limit: 2, successful: 2, failed: 0, objects: null });
    assert.equal(store.points().length, 1);
  });

  test('refuses what the real one refuses, in its words, and some of it with a 200', async () => {
    assertTold(await ask('GET', '/weaviate/v1/schema', undefined, { authorization: 'Bearer wrong' }), 401, /invalid api key/);
    assertTold(await ask('GET', '/weaviate/v1/schema', undefined, { authorization: '' }), 401, /anonymous access not enabled/);
    assertTold(await query(), 422, /no graphql provider present/);
    assert.equal((await ask('GET', '/weaviate/v1/schema/T')).status, 404);
    await ask('POST', '/weaviate/v1/schema', CLASS);
    assertTold(await ask('POST', '/weaviate/v1/schema', CLASS), 422, /class name \\"T\\" already exists/);
    assertTold(await add([{ ...object(), id: 'a-0' }]), 422, /objects.0.id in body must be of type uuid: \\"a-0\\"/);
    const added = await add([object(), { ...object(POINTS[1]), vector: [1, 2] }, { ...object(POINTS[1]), properties: { chunk: '1' } }]);
    assert.equal(added.status, 200);
    assert.deepEqual(added.json.map((/** @type {any} */ { result }) => result.status), ['SUCCESS', 'FAILED', 'FAILED']);
    assert.match(added.json[1].result.errors.error[0].message, /vector with length 2. Existing nodes have vectors with length 64/);
    assertTold(await query([1, 2]), 200, /64 vs 2: vector lengths don't match/);
    assertTold(await query(CAR, 'nothing'), 200, /Cannot query field \\"nothing\\" on type \\"T\\"/);
    assertTold(await ask('POST', '/weaviate/v1/graphql', { query: '{ Get { T( } }' }), 200, /Syntax Error/);
  });

  test('cuts into words what its schema does not keep whole', async () => {
    await add([object({ ...POINTS[0], payload: { ...POINTS[0].payload, document: 'a-b' } })]);
    await remove(equal('document', 'b'));
    assert.deepEqual(ids(store), [], 'so a schema has to be made');
  });

  test('reads GraphQL', () => {
    assert.deepEqual(parse('query Q { a(b: [1, -2.5e-3], c: {d: "é\\"\\n", e: F}, g: true) { h i { j } } } # end'), [{
      name: 'a',
      args: { b: [1, -0.0025], c: { d: 'é"\n', e: { word: 'F' } }, g: true },
      fields: [{ name: 'h', args: {}, fields: undefined }, { name: 'i', args: {}, fields: [{ name: 'j', args: {}, fields: undefined }] }],
    }]);
    for (const wrong of ['', '{', '{ a(b: ) }', '{ a { } }', '{ a } }', '{ a(b: "x) }', '{ a ! }']) assert.throws(() => parse(wrong), /Syntax Error/, wrong);
  });
});

describe('Vectorize', () => {
  /** @type {ReturnType<typeof createVectorize>} */
  let store;
  beforeEach(() => {
    store = createVectorize();
    script(store);
  });
  const vector = ({ id, vector: values, payload } = POINTS[0]) => ({ id, values, namespace: payload.collection, metadata: payload });
  const call = (/** @type {string} */ name, /** @type {object} */ body) => ask('POST', `/vectorize/${name}`, body);
  const query = (/** @type {object} */ more = {}) => call('query', { vector: CAR, topK: 5, namespace: 'mine', returnMetadata: 'all', ...more });

  test('finds the nearest of a namespace, and deletes by ids', async () => {
    assert.match((await call('upsert', { vectors: POINTS.map(vector) })).json.mutationId, /^[0-9a-f-]{36}$/);
    const { json } = await query();
    assert.equal(json.count, 2);
    assert.deepEqual(json.matches.map((/** @type {any} */ { id, metadata }) => [id, metadata.document]), [[FIRST, 'a'], [SECOND, 'b']]);
    assert.equal((await query({ returnMetadata: 'none' })).json.matches[0].metadata, undefined);
    await call('deleteByIds', { ids: [FIRST, SECOND] });
    assert.deepEqual(ids(store), [THIRD]);
  });

  test('refuses what the real one refuses, by its codes', async () => {
    /** @type {[code: number, name: string, body: object][]} */
    const wrong = [
      [40_006, 'query', { vector: [1] }],
      [40_025, 'query', { vector: CAR, topK: 51, returnMetadata: 'all' }],
      [40_026, 'query', { vector: CAR, returnMetadata: true }],
      [40_012, 'upsert', { vectors: [{ ...vector(), values: [1] }] }],
      [40_008, 'upsert', { vectors: [{ ...vector(), id: 'x'.repeat(65) }] }],
      [40_016, 'upsert', { vectors: [{ ...vector(), metadata: { text: 'x'.repeat(10_240) } }] }],
      [40_023, 'upsert', { vectors: [{ ...vector(), metadata: { title: null } }] }],
      [40_007, 'deleteByIds', { ids: new Array(101).fill(FIRST) }],
    ];
    for (const [code, name, body] of wrong) {
      const { status, json } = await call(name, body);
      assert.deepEqual([status, json.code, typeof json.error], [400, code, 'string'], name);
    }
    assert.equal((await query({ topK: 100, returnMetadata: 'none' })).status, 200);
    assert.deepEqual(ids(store), []);
  });
});

describe('embeddings', () => {
  const near = (/** @type {string} */ one, /** @type {string} */ other) => cosine(embed(one), embed(other));

  test('are near for other words of the same meaning, and the same each time', () => {
    assert.ok(near('where is my car', TEXTS[0]) > near('where is my car', TEXTS[1]) + 0.2);
    assert.ok(near('Doctors', TEXTS[2]) > near('Doctors', TEXTS[0]) + 0.2);
    assert.ok(near('電波塔', '東京タワーは電波塔です。') > 0.3);
    assert.equal(near('The cars!', 'car'), 1);
    assert.deepEqual(embed('Crème brûlée'), embed('creme brulee'));
    for (const text of ['', '?!', 'a word']) assert.ok(Math.abs(Math.hypot(...embed(text, 32)) - 1) < 1e-6 && embed(text, 32).length === 32, text);
  });

  const [ONE, TWO] = [embed('one'), embed('two')];
  const parts = (/** @type {string[]} */ texts) => texts.map((text) => ({ model: 'models/m', content: { parts: [{ text }] } }));
  /** @type {[path: string, body: any, vectors: (json: any) => number[][], usage: (json: any) => number][]} */
  const ways = [
    ['/v1/embeddings', { model: 'm', input: ['one', 'two'] }, ({ data }) => data.map((/** @type {any} */ { embedding }) => embedding), ({ usage }) => usage.prompt_tokens],
    ['/together/v1/embeddings', { model: 'm', input: ['one', 'two'] }, ({ data }) => data.map((/** @type {any} */ { embedding }) => embedding), ({ usage }) => usage.total_tokens],
    ['/gemini/v1beta/models/m:batchEmbedContents', { requests: parts(['one', 'two']) }, ({ embeddings }) => embeddings.map((/** @type {any} */ { values }) => values), ({ usageMetadata }) => usageMetadata.promptTokenCount],
    ['/api/embed', { model: 'm', input: ['one', 'two'] }, ({ embeddings }) => embeddings, ({ prompt_eval_count: count }) => count],
    ['/ai/run/@cf/baai/bge-m3', { text: ['one', 'two'] }, ({ data }) => data, ({ usage }) => usage.prompt_tokens],
    ['/client/v4/accounts/acc/ai/run/@cf/baai/bge-m3', { text: ['one', 'two'] }, ({ result: { data } }) => data, ({ result }) => result.usage.prompt_tokens],
  ];
  for (const [path, json, vectors, usage] of ways) {
    test(`come by ${path}`, () => {
      const request = { method: 'POST', path, json };
      assert.ok(servesEmbeddings(request));
      assert.deepEqual(textsOf(request), ['one', 'two']);
      const { status, steps } = answerEmbeddings(request);
      const body = JSON.parse(String(steps?.[0]));
      assert.deepEqual([status, vectors(body), usage(body)], [200, [ONE, TWO], 2]);
    });
  }

  test('come in base64 to who asks for it, and in the length that is asked for', () => {
    const read = (/** @type {object} */ json) => JSON.parse(String(answerEmbeddings({ path: '/v1/embeddings', json }).steps?.[0])).data[0].embedding;
    const bytes = Buffer.from(read({ input: 'one', encoding_format: 'base64' }), 'base64');
    assert.deepEqual([...new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)], ONE);
    assert.deepEqual(read({ input: 'one', encoding_format: 'float', dimensions: 8 }), embed('one', 8));
  });

  test('are refused where it is too much at once', () => {
    const status = (/** @type {string} */ path, /** @type {object} */ json) => answerEmbeddings({ path, json }).status;
    const many = (/** @type {number} */ count, text = 'x') => new Array(count).fill(text);
    const long = 'x'.repeat(30_000);
    assert.deepEqual([2048, 2049].map((count) => status('/v1/embeddings', { input: many(count) })), [200, 400]);
    assert.deepEqual([40, 41].map((count) => status('/v1/embeddings', { input: many(count, long) })), [200, 400], '300,000 tokens');
    assert.deepEqual([32_768, 32_769].map((length) => status('/v1/embeddings', { input: 'x'.repeat(length) })), [200, 400]);
    assert.equal(status('/v1/embeddings', { input: ['x', ''] }), 400);
    assert.deepEqual([100, 101].map((count) => status('/v1beta/models/m:batchEmbedContents', { requests: parts(many(count)) })), [200, 400]);
    assert.deepEqual([100, 101].map((count) => status('/ai/run/@cf/m', { text: many(count) })), [200, 400]);
  });

  test('are not everything that is asked at an address', () => {
    for (const request of [{ path: '/ai/run/@cf/m', json: { messages: [] } }, { path: '/v1/chat/completions', json: {} }, { method: 'GET', path: '/v1/embeddings' }]) {
      assert.deepEqual([servesEmbeddings(request), textsOf(request)], [false, []]);
    }
  });
});

/** @param {{ status: number, text: string }} answer @param {number} status @param {RegExp} words */
function assertTold(answer, status, words) {
  assert.equal(answer.status, status, answer.text);
  assert.match(answer.text, words);
}

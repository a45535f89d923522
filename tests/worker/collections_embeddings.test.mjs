// @ts-check
/** Collections with embeddings: what is found by its meaning, by whom texts are embedded, how seldom, and what happens when that fails. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { answerEmbeddings, servesEmbeddings, textsOf } from '../simulator/embeddings.mjs';
import { reset } from '../simulator/wire.mjs';
import { get, post } from './client.mjs';
import { add, at, documents, embedded, found, paragraphs, search, serve } from './collections.mjs';
import { assertError } from './expect.mjs';
import { CALLER_KEY, CLOUDFLARE_KEY, GEMINI_KEY, OPENAI_KEY, TOGETHER_KEY, startGateway } from './gateway.mjs';
import { ROOT } from './harness.mjs';

/** @typedef {import('../simulator/wire.mjs').Reply} Reply */

const MODEL = 'openai/text-embedding-3-small';
const SECRETS = [OPENAI_KEY, TOGETHER_KEY, GEMINI_KEY, CLOUDFLARE_KEY, CALLER_KEY];
/** Where the objects of the worker keep what they store. */
const folder = await mkdtemp(join(tmpdir(), 'tributary-'));

/** @type {Awaited<ReturnType<typeof startGateway>>} */
let gateway;
before(async () => { gateway = await startGateway({ EMBEDDINGS: MODEL }, { persist: folder }); });
after(async () => {
  await gateway?.stop();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(() => {
  gateway.simulator.clear();
  serve(gateway.simulator);
});

const TYRES = { id: 'tyres', text: 'The automobile needs new tyres before winter.' };
const HEART = { id: 'heart', text: 'The physician listens to the heart of the patient.' };
const FRUIT = { id: 'fruit', text: 'Bananas grow in bunches in warm countries.' };
const ALL = [TYRES, HEART, FRUIT];

/** @param {number} status @param {object} body @returns {Reply} */
const reply = (status, body) => ({ status, headers: { 'content-type': 'application/json' }, steps: [JSON.stringify(body)] });

/** Providers that refuse a request with such a text, and serve every other. @param {string} word @param {Reply} refusal */
const failOn = (word, refusal) => gateway.simulator.script((request) =>
  (textsOf(request).some((text) => text.includes(word)) ? refusal : answerEmbeddings(request)));

describe('a search by meaning', () => {
  before(async () => {
    serve(gateway.simulator);
    const added = await add(gateway.worker, 'meanings', ALL);
    assert.deepEqual([added.embeddings, added.documents.length], [MODEL, 3]);
  });

  test('finds by other words what no keyword does', async () => {
    for (const [query, id] of [['car', 'tyres'], ['which doctors are there?', 'heart']]) {
      assert.ok(!(await found(gateway.worker, 'meanings', query, { mode: 'keyword' })).includes(id), query);
      for (const mode of [undefined, 'hybrid', 'vector']) {
        const answer = await search(gateway.worker, 'meanings', query, { mode });
        const [first] = answer.results;
        assert.deepEqual([answer.mode, first.document, first.keyword_rank, first.vector_rank], [mode ?? 'hybrid', id, null, 1], query);
      }
    }
    assert.equal((await get(gateway.worker, at('meanings'))).json.embeddings, MODEL);
  });

  test('finds by words what has no other', async () => {
    const [first] = (await search(gateway.worker, 'meanings', 'bunches')).results;
    assert.deepEqual([first.document, first.keyword_rank, first.vector_rank], ['fruit', 1, 1]);
  });

  test('by words alone asks nobody', async () => {
    const { results, mode } = await search(gateway.worker, 'meanings', 'physician', { mode: 'keyword' });
    assert.deepEqual([mode, results.length, results[0].keyword_rank, results[0].vector_rank], ['keyword', 1, 1, null]);
    assert.equal(gateway.simulator.requests.length, 0);
  });

  test('by meaning alone gives the nearest, in order', async () => {
    const { results } = await search(gateway.worker, 'meanings', 'vehicle tyres', { mode: 'vector', top_k: 2 });
    assert.deepEqual(results.map(({ document, keyword_rank: keyword, vector_rank: vector }) => [document, keyword, vector]).slice(0, 1), [['tyres', null, 1]]);
    assert.deepEqual(results.map(({ vector_rank: rank }) => rank), [1, 2]);
  });

  test('puts first what is first by both: the ranks are fused', async () => {
    await add(gateway.worker, 'fused', [
      { id: 'neither', text: 'bananas and more bananas' },
      { id: 'meaning', text: 'automobile vehicle' },
      { id: 'both', text: 'car engine repair' },
      { id: 'words', text: 'the engine of progress runs on grants, trust, luck, time, patience, letters, stamps, ink and paper' },
    ]);
    const { results } = await search(gateway.worker, 'fused', 'car engine', { top_k: 50 });
    const of = (/** @type {string} */ id) => results.find(({ document }) => document === id) ?? assert.fail(`${id} is not found`);
    assert.equal(results[0].document, 'both');
    assert.deepEqual([of('both').keyword_rank, of('both').vector_rank, of('meaning').keyword_rank, of('words').keyword_rank], [1, 1, null, 2]);
    const rank = (/** @type {number | null} */ value) => value ?? Number.POSITIVE_INFINITY;
    for (const [index, one] of results.entries()) {
      for (const other of results.slice(index + 1)) {
        assert.ok(one.score >= other.score, 'in the order of their scores');
        const better = rank(other.keyword_rank) <= rank(one.keyword_rank) && rank(other.vector_rank) <= rank(one.vector_rank);
        assert.ok(!better, `${other.document} is before ${one.document} by both, and comes after it`);
      }
    }
  });
});

describe('a text is embedded once', () => {
  test('where it is added, and where it is asked for', async () => {
    // Said nowhere else, for what is embedded in one collection may be known in another.
    const texts = ['One swift hedgehog.', 'Two lazy tortoises.', `Three ${paragraphs(10_000)}`];
    const { documents: added } = await add(gateway.worker, 'once', texts.map((text) => ({ text })));
    assert.equal(embedded(gateway.simulator).length, added.reduce((/** @type {number} */ sum, /** @type {any} */ { chunks }) => sum + chunks, 0));
    gateway.simulator.requests.length = 0;
    for (const more of [{}, { mode: 'hybrid' }, { mode: 'vector', top_k: 1 }]) await search(gateway.worker, 'once', 'where is my car?', more);
    assert.equal(embedded(gateway.simulator).length, 1, 'the same question');
    await search(gateway.worker, 'once', 'where is my doctor?');
    assert.equal(embedded(gateway.simulator).length, 2, 'another one');
  });

  test('however often it is added, and under whatever name', async () => {
    await add(gateway.worker, 'again', ALL);
    gateway.simulator.requests.length = 0;
    await add(gateway.worker, 'again', ALL);
    await add(gateway.worker, 'again', [{ ...TYRES, id: 'other' }]);
    assert.deepEqual(embedded(gateway.simulator), []);
    assert.deepEqual((await found(gateway.worker, 'again', 'car', { mode: 'vector', top_k: 2 })).sort(), ['other', 'tyres']);
    gateway.simulator.requests.length = 0;
    await add(gateway.worker, 'again', [TYRES, { ...HEART, text: 'The medic listens to the lungs.' }]);
    assert.equal(embedded(gateway.simulator).length, 1, 'only what is new');
  });

  test('also when the runtime was gone meanwhile', { timeout: 60_000 }, async () => {
    await add(gateway.worker, 'back', ALL);
    const ask = async () => (await search(gateway.worker, 'back', 'car')).results;
    const known = await ask();
    await gateway.crash();
    gateway.simulator.requests.length = 0;
    assert.deepEqual(await ask(), known);
    await add(gateway.worker, 'back', ALL);
    assert.ok(embedded(gateway.simulator).every((text) => !ALL.some((one) => text.includes(one.text))), 'no document is embedded anew');
  });

  test('a megabyte too, no more at once than the provider takes', { timeout: 180_000 }, async () => {
    const text = `Above sits a hound. ${paragraphs(1_000_000).slice(0, 1_000_000 - 60)} Below stands a settee.`;
    const { documents: [{ chunks }] } = await add(gateway.worker, 'huge', { id: 'huge', text });
    assert.ok(embedded(gateway.simulator).length <= chunks, `${embedded(gateway.simulator).length} texts for ${chunks} pieces`);
    const { results } = await search(gateway.worker, 'huge', 'settee');
    const hit = results.find(({ keyword_rank: rank }) => rank === 1);
    assert.deepEqual([hit?.document, hit?.chunk, hit?.text.includes('a settee.')], ['huge', chunks - 1, true]);
  });
});

describe('a provider that does not embed', () => {
  /** @type {[what: string, refusal: Reply, status: number, type: string][]} */
  const failures = [
    ['is down', reply(503, { error: { message: 'busy' } }), 503, 'overloaded'],
    ['hangs up', { steps: [reset()] }, 503, 'overloaded'],
    ['refuses the key', reply(401, { error: { message: `Incorrect API key provided: ${OPENAI_KEY}`, type: 'invalid_request_error', code: 'invalid_api_key' } }), 401, 'provider_auth_error'],
  ];
  for (const [index, [what, refusal, status, type]] of failures.entries()) {
    test(`because it ${what} adds nothing, and leaves what was there`, async () => {
      const name = `down-${index}`;
      await add(gateway.worker, name, TYRES);
      failOn('ostrich', refusal);
      // Texts that no test before had embedded.
      const added = [{ ...TYRES, text: `An ostrich, ${index}.` }, { id: 'new', text: `Another ostrich, ${index}.` }, FRUIT];
      const answer = await post(gateway.worker, documents(name), { documents: added });
      const error = assertError(answer, status, type);
      assert.equal(error.provider, 'openai');
      assertSecret(answer.text);
      assert.deepEqual((await get(gateway.worker, documents(name))).json.documents.map((/** @type {any} */ { id }) => id), ['tyres']);
      assert.equal((await get(gateway.worker, documents(name, 'tyres'))).json.text, TYRES.text);
      assert.deepEqual(await found(gateway.worker, name, 'ostrich bananas', { mode: 'keyword' }), []);
      assert.deepEqual(await found(gateway.worker, name, 'automobile'), ['tyres']);

      assertError(await post(gateway.worker, documents(`${name}-new`), { documents: added }), status, type);
      assertError(await get(gateway.worker, at(`${name}-new`)), 404, 'not_found');

      serve(gateway.simulator);
      await add(gateway.worker, name, added);
      assert.equal((await get(gateway.worker, at(name))).json.documents, 3, 'and later all is well');
    });
  }

  test('in the middle of a document adds nothing of it', { timeout: 60_000 }, async () => {
    const long = { id: 'long', text: `${paragraphs(300_000)}\n\nAt the end an ostrich.` };
    failOn('ostrich', reply(503, { error: { message: 'busy' } }));
    const answer = await post(gateway.worker, documents('middle'), { documents: [FRUIT, long] });
    assertError(answer, 503, 'overloaded');
    assert.ok(embedded(gateway.simulator).some((text) => text.includes('Paragraph number 0 ')), 'something of it was embedded');
    assertError(await get(gateway.worker, at('middle')), 404, 'not_found');
  });

  test('gives too few vectors is as bad', async () => {
    gateway.simulator.script((request) => answerEmbeddings({ ...request, json: { ...request.json, input: textsOf(request).slice(1) } }));
    const answer = await post(gateway.worker, documents('few'), { documents: ['Ein Igel.', 'Zwei Igel.', 'Drei Igel.'].map((text) => ({ text })) });
    assert.ok([502, 503].includes(answer.status), answer.text);
    assertError(await get(gateway.worker, at('few')), 404, 'not_found');
  });

  test('does not keep a search from what words find', async () => {
    await add(gateway.worker, 'words', ALL);
    gateway.simulator.script(reply(503, { error: { message: 'busy' } }));
    const query = 'automobile unheard until now';
    assert.deepEqual(await found(gateway.worker, 'words', query, { mode: 'keyword' }), ['tyres']);
    assertError(await post(gateway.worker, at('words', '/search'), { query, mode: 'vector' }), 503, 'overloaded');
    // Half of a search may be had, but then it says so.
    const both = await post(gateway.worker, at('words', '/search'), { query });
    if (both.status === 200) assert.deepEqual([both.json.mode, both.json.results[0].document], ['keyword', 'tyres']);
    else assertError(both, 503, 'overloaded');
  });

  test('shows its key nowhere', () => assertSecret(gateway.worker.logs().join('\n')));
});

describe('a text is embedded by', () => {
  /** What is asked, and with which key. @type {[model: string, path: string, key: [header: string, value: string] | undefined][]} */
  const providers = [
    [MODEL, '/v1/embeddings', ['authorization', `Bearer ${OPENAI_KEY}`]],
    ['gemini/gemini-embedding-001', '/gemini/v1beta/models/gemini-embedding-001:batchEmbedContents', ['x-goog-api-key', GEMINI_KEY]],
    ['together/intfloat/multilingual-e5-large-instruct', '/together/v1/embeddings', ['authorization', `Bearer ${TOGETHER_KEY}`]],
    ['ollama/nomic-embed-text', '/api/embed', undefined],
    ['workers-ai/@cf/baai/bge-m3', '/ai/run/@cf/baai/bge-m3', undefined],
  ];
  for (const [model, path, key] of providers) {
    test(model, { timeout: 60_000 }, async () => {
      const bound = model.startsWith('workers-ai/');
      const own = await startGateway((url) => ({ EMBEDDINGS: model, AI_URL: url, TOGETHER_MODELS: model.replace(/^together\//, '') }), bound ? { entrypoint: `${ROOT}tests/worker/with_ai.mjs` } : {});
      try {
        serve(own.simulator);
        const long = { id: 'long', text: paragraphs(300_000) };
        assert.equal((await add(own.worker, 'by', [...ALL, long])).embeddings, model);
        assert.deepEqual(await found(own.worker, 'by', 'car', { top_k: 1 }), ['tyres']);
        assert.deepEqual((await search(own.worker, 'by', 'doctor', { mode: 'vector', top_k: 1 })).results.map(({ document }) => document), ['heart']);
        const asked = own.simulator.requests;
        assert.ok(asked.length >= 3 && asked.every(servesEmbeddings), 'for embeddings, and for nothing else');
        assert.deepEqual([...new Set(asked.map((one) => one.path))], [path]);
        assert.ok(asked.every(({ outcome }) => outcome === 'finished'));
        if (key) assert.deepEqual([...new Set(asked.map(({ headers }) => headers[key[0]]))], [key[1]]);
        assert.equal((await get(own.worker, at('by'))).json.embeddings, model);
      } finally {
        await own.stop();
      }
    });
  }
});

/** @param {string} text */
function assertSecret(text) {
  for (const secret of SECRETS) assert.ok(!text.includes(secret), `no key in ${text.slice(0, 300)}`);
}

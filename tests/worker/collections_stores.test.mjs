// @ts-check
/** `VECTOR_STORE`: the vectors of collections in Qdrant, Pinecone, Weaviate and Vectorize, whose simulated ones are as strict as they are. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { answerEmbeddings, embed } from '../simulator/embeddings.mjs';
import { createPinecone } from '../simulator/stores/pinecone.mjs';
import { createQdrant } from '../simulator/stores/qdrant.mjs';
import { cosine, isUuid } from '../simulator/stores/space.mjs';
import { createVectorize } from '../simulator/stores/vectorize.mjs';
import { createWeaviate } from '../simulator/stores/weaviate.mjs';
import { reset } from '../simulator/wire.mjs';
import { get, post } from './client.mjs';
import { add, at, documents, embedded, found, paragraphs, remove, search, serve } from './collections.mjs';
import { assertError } from './expect.mjs';
import { startGateway } from './gateway.mjs';
import { ROOT } from './harness.mjs';

/** @typedef {import('../simulator/stores/space.mjs').Store} Store */

const MODEL = 'openai/text-embedding-3-small';
const ALICE = { authorization: 'Bearer ck-a1ice-5f1e' };
const BOB = { authorization: 'Bearer ck-b0b-93ad' };
const KEYS = JSON.stringify({ alice: 'ck-a1ice-5f1e', bob: { key: 'ck-b0b-93ad' } });
/** It occurs nowhere else, so that a search for it proves something. */
const KEY = 'st-simulated-st0re-2a77e1-must-never-be-shown';
/** Dimensions that no embedding here has. */
const OTHER = 32;

const TYRES = { id: 'tyres', text: 'The automobile needs new tyres before winter.', title: 'Tyres', url: 'https://example.org/tyres' };
const HEART = { id: 'heart', text: 'The physician listens to the heart of the patient.', title: 'Heart', url: 'https://example.org/heart' };
const FRUIT = { id: 'fruit', text: 'Bananas grow in bunches in warm countries.' };
const ALL = [TYRES, HEART, FRUIT];

/**
 * @typedef {object} Kind
 * @property {string} name
 * @property {(url: string) => object} config  But for the kind.
 * @property {(options?: { key?: string, dimensions?: number }) => Store & { freeze?: () => void, thaw?: () => void }} create  With these dimensions there is something of them in it already.
 * @property {boolean} keyed
 * @property {boolean} lags  Whether it sees its own writes later.
 */

/** @type {Kind[]} */
const KINDS = [
  {
    name: 'qdrant',
    config: (url) => ({ url: `${url}/qdrant`, key: 'STORE_KEY', collection: 'tributary' }),
    create: ({ key = KEY, dimensions } = {}) => createQdrant({ key, ...(dimensions && { collections: { tributary: dimensions } }) }),
    keyed: true,
    lags: false,
  },
  {
    name: 'pinecone',
    config: (url) => ({ url: `${url}/pinecone`, key: 'STORE_KEY' }),
    create: ({ key = KEY, dimensions } = {}) => createPinecone({ key, dimension: dimensions }),
    keyed: true,
    lags: true,
  },
  {
    name: 'weaviate',
    config: (url) => ({ url: `${url}/weaviate`, key: 'STORE_KEY', class: 'Tributary' }),
    create: ({ key = KEY, dimensions } = {}) => createWeaviate({ key, ...(dimensions && { filled: { Tributary: dimensions } }) }),
    keyed: true,
    lags: false,
  },
  {
    name: 'vectorize',
    config: () => ({ binding: 'VECTORIZE' }),
    create: ({ dimensions } = {}) => createVectorize({ dimensions }),
    keyed: false,
    lags: true,
  },
];

for (const kind of KINDS) {
  describe(kind.name, () => {
    /** @type {Awaited<ReturnType<typeof startGateway>>} */
    let gateway;
    // One for all tests: a gateway may believe that what it has made there is still there.
    const own = kind.create();
    /** @type {ReturnType<Kind['create']>} */
    let store;
    before(async () => {
      const vars = (/** @type {string} */ url) => ({
        EMBEDDINGS: MODEL,
        GATEWAY_KEYS: KEYS,
        STORE_KEY: KEY,
        VECTORIZE_URL: `${url}/vectorize`,
        VECTOR_STORE: JSON.stringify({ kind: kind.name, ...kind.config(url) }),
      });
      gateway = await startGateway(vars, kind.keyed ? {} : { entrypoint: `${ROOT}tests/worker/with_vectorize.mjs` });
    });
    after(() => gateway?.stop());
    beforeEach(() => {
      own.empty();
      use(own);
    });

    /** @param {ReturnType<Kind['create']>} next */
    function use(next) {
      store = next;
      gateway.simulator.clear();
      serve(gateway.simulator, store);
    }
    const pointsOf = (/** @type {string} */ id) => store.points().filter(({ payload }) => payload.document === id);
    const chunksOf = async (/** @type {string} */ name) => (await get(gateway.worker, at(name), ALICE)).json.chunks;

    test('has each piece once, with what it is and whose', async () => {
      const { embeddings } = await add(gateway.worker, 'pieces', [...ALL, { id: 'long', text: paragraphs(20_000), title: 'Long' }], ALICE);
      assert.equal(embeddings, MODEL);
      const { store: named, chunks } = (await get(gateway.worker, at('pieces'), ALICE)).json;
      assert.deepEqual([named, store.points().length], [kind.name, chunks]);
      const [point] = pointsOf('tyres');
      const { collection, ...payload } = point.payload;
      assert.deepEqual(payload, { document: 'tyres', chunk: 0, text: TYRES.text, title: TYRES.title, url: TYRES.url });
      assert.match(collection, /^[0-9a-f]{32,64}$/);
      assert.ok(cosine(point.vector, embed(TYRES.text)) > 0.7, 'the vector is the text\'s');
      assert.ok(store.points().every(({ id }) => isUuid(id)));
      const numbers = pointsOf('long').map((one) => one.payload.chunk).sort((one, other) => one - other);
      assert.deepEqual(numbers, numbers.map((_, index) => index));
      assert.ok(numbers.length > 1);
    });

    test('finds by meaning, as well by itself as beside words', async () => {
      await add(gateway.worker, 'meanings', ALL, ALICE);
      for (const mode of ['hybrid', 'vector']) {
        const { results, mode: told } = await search(gateway.worker, 'meanings', 'car', { mode, top_k: 2 }, ALICE);
        const [{ score: _, metadata: _metadata, ...first }] = results;
        assert.deepEqual(first, { document: 'tyres', chunk: 0, title: TYRES.title, url: TYRES.url, text: TYRES.text, keyword_rank: null, vector_rank: 1 });
        assert.deepEqual([told, results.length], [mode, 2]);
      }
      const [both] = (await search(gateway.worker, 'meanings', 'tyres', {}, ALICE)).results;
      assert.deepEqual([both.document, both.keyword_rank, both.vector_rank], ['tyres', 1, 1]);
      assert.equal((await search(gateway.worker, 'meanings', 'car', { top_k: 50, mode: 'vector' }, ALICE)).results.length, 3, 'more than there are');
      const asks = gateway.simulator.requests.length;
      await found(gateway.worker, 'meanings', 'tyres', { mode: 'keyword' }, ALICE);
      assert.equal(gateway.simulator.requests.length, asks, 'by words alone it is not asked');
    });

    test('forgets what is replaced', async () => {
      const { documents: [{ chunks }] } = await add(gateway.worker, 'replaced', [{ id: 'a', text: paragraphs(20_000) }, FRUIT], ALICE);
      assert.equal(pointsOf('a').length, chunks);
      await add(gateway.worker, 'replaced', { id: 'a', text: TYRES.text }, ALICE);
      assert.deepEqual(pointsOf('a').map(({ payload }) => payload.text), [TYRES.text]);
      assert.equal(store.points().length, await chunksOf('replaced'));
      assert.deepEqual(await found(gateway.worker, 'replaced', 'car', { top_k: 1 }, ALICE), ['a']);
    });

    test('is given nothing to embed twice', async () => {
      await add(gateway.worker, 'again', ALL, ALICE);
      gateway.simulator.requests.length = 0;
      await add(gateway.worker, 'again', ALL, ALICE);
      assert.deepEqual([embedded(gateway.simulator), store.points().length], [[], 3]);
    });

    test('forgets what is deleted, however much, and nothing else', { timeout: 120_000 }, async () => {
      const long = { id: 'a-b', text: paragraphs(500_000) };
      const { documents: [{ chunks }] } = await add(gateway.worker, 'deleted', [long, { ...TYRES, id: 'b' }, { ...HEART, id: 'a' }], ALICE);
      await add(gateway.worker, 'stays', ALL, ALICE);
      assert.ok(chunks > 100, `${chunks} pieces: more than some take at once`);
      assert.equal((await remove(gateway.worker, documents('deleted', 'b'), ALICE)).status, 204);
      assert.deepEqual([pointsOf('b').length, pointsOf('a-b').length], [0, chunks]);
      assert.ok(!(await found(gateway.worker, 'deleted', 'car', { mode: 'vector', top_k: 50 }, ALICE)).includes('b'));
      assert.equal((await remove(gateway.worker, documents('deleted', 'a-b'), ALICE)).status, 204);
      assert.deepEqual([pointsOf('a-b').length, pointsOf('a').length, store.points().length], [0, 1, 4]);

      await add(gateway.worker, 'deleted', [long, FRUIT], ALICE);
      assert.equal((await remove(gateway.worker, at('deleted'), ALICE)).status, 204);
      assert.deepEqual(store.points().map(({ payload }) => payload.document).sort(), ['fruit', 'heart', 'tyres'], 'only the other collection is left');
      assertError(await get(gateway.worker, at('deleted'), ALICE), 404, 'not_found');
      assert.deepEqual(await found(gateway.worker, 'stays', 'doctor', { top_k: 1 }, ALICE), ['heart']);
    });

    test('keeps apart two callers whose collections have the same name', async () => {
      await add(gateway.worker, 'notes', ALL, ALICE);
      await add(gateway.worker, 'notes', [{ ...TYRES, text: 'A quick vehicle of Bob\'s.' }], BOB);
      await add(gateway.worker, 'other', [{ ...TYRES, text: 'One more auto of Alice\'s.' }], ALICE);
      assert.equal(store.points().length, 5, 'the same id of a document is another one elsewhere');
      const texts = async (/** @type {string} */ name, /** @type {Record<string, string>} */ who) =>
        (await search(gateway.worker, name, 'car', { mode: 'vector', top_k: 50 }, who)).results.map(({ text }) => text);
      assert.deepEqual(await texts('notes', BOB), ['A quick vehicle of Bob\'s.']);
      assert.deepEqual(await texts('other', ALICE), ['One more auto of Alice\'s.']);
      assert.deepEqual((await texts('notes', ALICE)).sort(), ALL.map(({ text }) => text).sort());
      assert.equal(new Set(store.points().map(({ payload }) => payload.collection)).size, 3);
      assert.doesNotMatch(JSON.stringify(store.points().map(({ payload }) => payload.collection)), /alice|bob|notes/, 'and says nothing of them');
      assert.equal((await remove(gateway.worker, at('notes'), BOB)).status, 204);
      assert.equal(store.points().length, 4);
      assert.equal((await texts('notes', ALICE)).length, 3);
    });

    test('takes texts of any script, and titles of any length, or says which is too long', async () => {
      const chinese = Array.from({ length: 3000 }, (_, index) => `第${index}条：长城是中国古代的伟大建筑。`).join('');
      await add(gateway.worker, 'scripts', [{ id: 'wall', text: chinese, title: '长城' }, { id: 'waves', text: '🌊'.repeat(3000) }], ALICE);
      assert.equal(store.points().length, await chunksOf('scripts'));
      const answer = await post(gateway.worker, documents('scripts'), { documents: [{ ...TYRES, title: 'x'.repeat(11_000) }] }, ALICE);
      if (answer.status !== 201) assert.equal(assertError(answer, 422, 'invalid_request').param, 'documents[0].title');
    });

    if (kind.lags) {
      test('that lags behind shows nothing that is gone, and words find what is new', async () => {
        await add(gateway.worker, 'lagging', [TYRES, HEART], ALICE);
        store.freeze?.();
        await remove(gateway.worker, documents('lagging', 'heart'), ALICE);
        await add(gateway.worker, 'lagging', [{ ...TYRES, text: 'A vehicle of another kind.' }, FRUIT], ALICE);
        const { results } = await search(gateway.worker, 'lagging', 'bananas', { top_k: 50 }, ALICE);
        assert.equal(results.find(({ keyword_rank: rank }) => rank === 1)?.document, 'fruit');
        assert.ok(results.every(({ document, text }) => document !== 'heart' && text !== TYRES.text), JSON.stringify(results));
        store.thaw?.();
        assert.deepEqual((await search(gateway.worker, 'lagging', 'car', { mode: 'vector', top_k: 50 }, ALICE)).results.map(({ text }) => text), ['A vehicle of another kind.', FRUIT.text]);
      });
    }

    describe('that fails', () => {
      const down = { status: 503, headers: { 'content-type': 'text/plain' }, steps: ['upstream connect error'] };
      for (const [index, [what, failure]] of /** @type {[string, import('../simulator/wire.mjs').Reply][]} */ ([['is down', down], ['hangs up', { steps: [reset()] }]]).entries()) {
        test(`because it ${what} has nothing added by halves, and says so`, async () => {
          const name = `down-${index}`;
          await add(gateway.worker, name, TYRES, ALICE);
          gateway.simulator.script((request) => (store.serves(request) ? failure : answerEmbeddings(request)));
          const added = [{ ...TYRES, text: 'An ostrich.' }, HEART];
          const error = assertTyped(await post(gateway.worker, documents(name), { documents: added }, ALICE));
          assert.ok(error.status >= 500, `${error.status}`);
          assert.deepEqual((await get(gateway.worker, documents(name), ALICE)).json.documents.map((/** @type {any} */ { id }) => id), ['tyres']);
          assert.equal((await get(gateway.worker, documents(name, 'tyres'), ALICE)).json.text, TYRES.text);
          assert.deepEqual(await found(gateway.worker, name, 'ostrich physician', { mode: 'keyword' }, ALICE), []);
          assert.deepEqual(await found(gateway.worker, name, 'automobile', { mode: 'keyword' }, ALICE), ['tyres']);
          assert.ok(assertTyped(await post(gateway.worker, at(name, '/search'), { query: 'car', mode: 'vector' }, ALICE)).status >= 500);
          // Half of a search may be had, but then it says so.
          const both = await post(gateway.worker, at(name, '/search'), { query: 'automobile' }, ALICE);
          if (both.status === 200) assert.deepEqual([both.json.mode, both.json.results[0].document], ['keyword', 'tyres']);
          else assertTyped(both);

          serve(gateway.simulator, store);
          await add(gateway.worker, name, added, ALICE);
          assert.deepEqual(await found(gateway.worker, name, 'doctor', { top_k: 1 }, ALICE), ['heart'], 'and later all is well');
          assert.equal(store.points().length, 2);
        });
      }

      test('in the middle of a replacement keeps what was there, and nothing of what was to come', async () => {
        // More than any store takes at once; the first of it is the same in both.
        const [old, grown] = [paragraphs(20_000), `${paragraphs(20_000)}\n\n${paragraphs(320_000, (index) => `Sentence ${index} is new and says ${index * 31}, which no other does, at its own length.`)}`];
        await add(gateway.worker, 'middle', [{ id: 'a', text: old }, TYRES], ALICE);
        const before = store.points().map(({ id }) => id).sort();
        let upserts = 0;
        gateway.simulator.script((request) => {
          if (!store.serves(request)) return answerEmbeddings(request);
          const writes = /upsert|\/points\?wait|batch\/objects/.test(request.path) && request.method !== 'DELETE';
          if (writes) upserts += 1;
          return writes && upserts > 1 ? down : store.answer(request);
        });
        const error = assertTyped(await post(gateway.worker, documents('middle'), { id: 'a', text: grown }, ALICE));
        assert.ok(error.status >= 500 && upserts > 1, `${error.status} behind ${upserts}`);
        assert.deepEqual(store.points().map(({ id }) => id).sort(), before);
        serve(gateway.simulator, store);
        const { results } = await search(gateway.worker, 'middle', old.slice(0, 300), { mode: 'vector', top_k: 1 }, ALICE);
        assert.equal(results[0].document, 'a');
      });

      if (kind.keyed) {
        test('once is asked again', async () => {
          let failed = false;
          gateway.simulator.script((request) => {
            if (!store.serves(request)) return answerEmbeddings(request);
            if (failed) return store.answer(request);
            failed = true;
            return { ...down, status: 429 };
          });
          await add(gateway.worker, 'hiccup', ALL, ALICE);
          assert.deepEqual([failed, store.points().length], [true, 3]);
        });

        test('because it refuses the key says so, without the key', async () => {
          use(kind.create({ key: 'another' }));
          const error = assertTyped(await post(gateway.worker, documents('refused'), { documents: ALL }, ALICE));
          assert.deepEqual([error.type, error.retryable], ['provider_auth_error', false]);
          assertError(await get(gateway.worker, at('refused'), ALICE), 404, 'not_found');
        });
      }

      test('because its vectors have another length says so', async () => {
        use(kind.create({ dimensions: OTHER }));
        const had = store.points().length;
        const error = assertTyped(await post(gateway.worker, documents('mismatch'), { documents: ALL }, ALICE));
        assert.match(error.message, /dimension|length/i);
        assert.equal(error.retryable, false);
        assert.equal(store.points().length, had);
        assertError(await get(gateway.worker, at('mismatch'), ALICE), 404, 'not_found');
      });
    });

    test('shows its key nowhere', () => assert.ok(!gateway.worker.logs().join('\n').includes(KEY)));
  });
}

describe('a store that makes no sense is named', () => {
  const QDRANT = { kind: 'qdrant', url: 'http://127.0.0.1:9', key: 'STORE_KEY', collection: 'tributary' };
  /** @type {[what: string, vars: Record<string, string>, words: RegExp][]} */
  const wrong = [
    ['without embeddings', { VECTOR_STORE: JSON.stringify(QDRANT) }, /EMBEDDINGS|VECTOR_STORE/],
    ['of an unknown kind', { EMBEDDINGS: MODEL, VECTOR_STORE: '{"kind":"shoebox"}' }, /VECTOR_STORE/],
    ['that is no JSON', { EMBEDDINGS: MODEL, VECTOR_STORE: 'qdrant' }, /VECTOR_STORE/],
    ['whose key is nowhere', { EMBEDDINGS: MODEL, VECTOR_STORE: JSON.stringify({ ...QDRANT, key: 'NOWHERE_KEY' }) }, /NOWHERE_KEY/],
    ['whose binding is nowhere', { EMBEDDINGS: MODEL, VECTOR_STORE: '{"kind":"vectorize","binding":"NOWHERE"}' }, /NOWHERE/],
  ];
  for (const [what, vars, words] of wrong) {
    test(what, async () => {
      const gateway = await startGateway(vars);
      try {
        serve(gateway.simulator);
        const answer = await post(gateway.worker, documents('a'), { documents: ALL });
        assert.ok(answer.status >= 400, answer.text);
        assert.match(assertTyped(answer).message, words);
      } finally {
        await gateway.stop();
      }
    });
  }
});

/** An error of a known type, with no key in it. @param {import('./client.mjs').Answer} answer */
function assertTyped(answer) {
  assert.ok(!answer.text.includes(KEY), 'no key in the answer');
  assert.match(String(answer.json?.error?.type), /^(overloaded|provider_error|provider_auth_error|invalid_request|rate_limited|timeout|internal)$/, answer.text);
  return { status: answer.status, ...assertError(answer, answer.status, answer.json.error.type) };
}

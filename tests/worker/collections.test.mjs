// @ts-check
/** Collections: documents that are added, listed, replaced and deleted, and found by their words. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { exchange, get, post } from './client.mjs';
import { COLLECTIONS, add, askAll, at, documents, found, paragraphs, remove, search } from './collections.mjs';
import { assertError } from './expect.mjs';
import { startGateway } from './gateway.mjs';

/** @typedef {Awaited<ReturnType<typeof startGateway>>} Gateway */

const MEGABYTE = 1 << 20;
/** Where the objects of the worker keep what they store. */
const folder = await mkdtemp(join(tmpdir(), 'tributary-'));

/** @type {Gateway} */
let gateway;
before(async () => { gateway = await startGateway({}, { persist: folder }); });
after(async () => {
  await gateway?.stop();
  await rm(folder, { recursive: true, force: true });
});

const TYRES = { id: 'tyres', text: 'The automobile needs new tyres before winter.', title: 'Tyres', url: 'https://example.org/tyres', metadata: { lang: 'en', year: 2026 } };
const FRUIT = { id: 'fruit.2026-1', text: 'Bananas grow in bunches in warm countries.', title: 'Fruit', url: 'https://example.org/fruit', metadata: {} };

describe('documents', () => {
  test('are there as they were added, and found at once', async () => {
    const added = await add(gateway.worker, 'garage', [TYRES, FRUIT]);
    assert.deepEqual(added, {
      documents: [{ id: TYRES.id, title: TYRES.title, url: TYRES.url, chunks: 1 }, { id: FRUIT.id, title: FRUIT.title, url: FRUIT.url, chunks: 1 }],
      embeddings: null,
    });
    const { results } = await search(gateway.worker, 'garage', 'winter tyres');
    const [{ score, ...hit }] = results;
    assert.deepEqual(hit, { document: 'tyres', chunk: 0, title: TYRES.title, url: TYRES.url, text: TYRES.text, metadata: TYRES.metadata, keyword_rank: 1, vector_rank: null });
    assert.equal(results.length, 1);
    assert.deepEqual((await get(gateway.worker, at('garage'))).json, { name: 'garage', documents: 2, chunks: 2, embeddings: null, store: 'embedded' });
    const { created_at: createdAt, ...rest } = (await get(gateway.worker, documents('garage', 'tyres'))).json;
    assert.deepEqual(rest, { ...TYRES, chunks: 1 });
    assert.ok(Math.abs(createdAt - Date.now()) < 60_000, `milliseconds since 1970, not ${createdAt}`);
    assert.equal(gateway.simulator.requests.length, 0, 'nobody was asked');
  });

  test('make their collection, which is in its caller\'s list until it is gone', async () => {
    const names = async (/** @type {string} */ query = '') => (await get(gateway.worker, `${COLLECTIONS}${query}`)).json;
    const before = (await names()).collections.length;
    await add(gateway.worker, 'listed-1', TYRES);
    await add(gateway.worker, 'listed-2', TYRES);
    await add(gateway.worker, 'listed-1', FRUIT);
    const { collections, next } = await names();
    assert.deepEqual([collections.slice(0, 2).map(({ name }) => name), collections.length, next], [['listed-1', 'listed-2'], before + 2, null]);
    const first = await names('?limit=1');
    assert.deepEqual([first.collections[0].name, (await names(`?limit=1&before=${first.next}`)).collections[0].name], ['listed-1', 'listed-2']);
    assert.equal((await remove(gateway.worker, at('listed-1'))).status, 204);
    assert.equal((await names()).collections[0].name, 'listed-2');
    assert.equal((await get(gateway.worker, `${COLLECTIONS}?limit=0`)).status, 422);
  });

  test('may come one by itself, and without a name', async () => {
    const { documents: [{ id, chunks }] } = await add(gateway.worker, 'single', { text: TYRES.text });
    assert.ok(typeof id === 'string' && id !== '');
    assert.equal(chunks, 1);
    assert.deepEqual(await found(gateway.worker, 'single', 'tyres'), [id]);
    const { documents: [other] } = await add(gateway.worker, 'single', { text: FRUIT.text });
    assert.notEqual(other.id, id);
    assert.equal((await get(gateway.worker, documents('single', id))).json.text, TYRES.text);
  });

  test('with a known id replace what was there', async () => {
    const long = paragraphs(20_000);
    const { documents: [{ chunks }] } = await add(gateway.worker, 'replaced', [{ id: 'a', text: long }, FRUIT]);
    assert.ok(chunks > 1, `${chunks} chunks`);
    await add(gateway.worker, 'replaced', { id: 'a', text: 'Only ostriches are left.' });
    assert.deepEqual(await found(gateway.worker, 'replaced', 'paragraph matter'), []);
    assert.deepEqual(await found(gateway.worker, 'replaced', 'ostriches'), ['a']);
    const { documents: count, chunks: all } = (await get(gateway.worker, at('replaced'))).json;
    assert.deepEqual([count, all], [2, 2]);
    assert.equal((await get(gateway.worker, documents('replaced', 'a'))).json.text, 'Only ostriches are left.');
  });

  test('are deleted and gone, one and all', async () => {
    for (const path of [documents('gone'), at('gone')]) {
      await add(gateway.worker, 'gone', [TYRES, FRUIT]);
      const { status, text } = await remove(gateway.worker, documents('gone', 'tyres'));
      assert.deepEqual([status, text], [204, '']);
      assert.deepEqual(await found(gateway.worker, 'gone', 'tyres'), []);
      assertError(await get(gateway.worker, documents('gone', 'tyres')), 404, 'not_found');
      assertError(await remove(gateway.worker, documents('gone', 'tyres')), 404, 'not_found');
      assert.deepEqual(await found(gateway.worker, 'gone', 'bananas'), [FRUIT.id]);
      assert.equal((await get(gateway.worker, at('gone'))).json.documents, 1);

      assert.equal((await remove(gateway.worker, path)).status, 204);
      for (const [what, answer] of await askAll(gateway.worker, 'gone', FRUIT.id)) assert.equal(assertError(answer, 404, 'not_found').type, 'not_found', what);
    }
    await add(gateway.worker, 'gone', FRUIT);
    assert.deepEqual(await found(gateway.worker, 'gone', 'tyres winter bananas'), [FRUIT.id], 'nothing of it comes back');
  });

  test('are listed page by page, each once', async () => {
    const all = Array.from({ length: 7 }, (_, index) => ({ id: `d${index}`, text: `text ${index}`, title: `T${index}`, url: `https://example.org/${index}`, metadata: { index } }));
    await add(gateway.worker, 'listed', all);
    const pages = [];
    for (let next = ''; ;) {
      const { json } = await get(gateway.worker, `${documents('listed')}?limit=3${next && `&after=${encodeURIComponent(next)}`}`);
      pages.push(json.documents);
      if (json.next === null) break;
      next = json.next;
      assert.ok(pages.length < 9, 'it comes to an end');
    }
    assert.deepEqual(pages.map(({ length }) => length), [3, 3, 1]);
    const seen = pages.flat().map(({ created_at: _, ...rest }) => rest).sort((one, other) => (one.id < other.id ? -1 : 1));
    assert.deepEqual(seen, all.map(({ text: _, ...rest }) => ({ ...rest, chunks: 1 })), 'without their text');
    const { json } = await get(gateway.worker, documents('listed'));
    assert.deepEqual([json.documents.length, json.next], [7, null]);
    for (const query of ['limit=0', 'limit=x', 'limit=-1']) assert.equal(assertError(await get(gateway.worker, `${documents('listed')}?${query}`), 422, 'invalid_request').param, 'limit', query);
  });

  test('are cut into pieces, and each is found by what it says', async () => {
    const text = paragraphs(60_000, (index) => `Section ${index}. ${'Plain words stand here and there. '.repeat(3)}The marker is zq${index}xk.`);
    const { documents: [{ chunks }] } = await add(gateway.worker, 'long', { id: 'long', text, title: 'Long' });
    assert.ok(chunks > 10, `${chunks} chunks`);
    const numbers = [];
    for (const needle of ['zq0xk', 'zq150xk', 'zq300xk']) {
      const { results: [hit] } = await search(gateway.worker, 'long', needle);
      assert.ok(hit.text.includes(needle), 'the piece has it');
      assert.ok(text.includes(hit.text), 'and is a piece of it');
      numbers.push(hit.chunk);
    }
    assert.ok(numbers[0] === 0 && numbers[0] < numbers[1] && numbers[1] < numbers[2] && numbers[2] < chunks, `in their order: ${numbers} of ${chunks}`);
  });

  test('may be as long as a megabyte, and no longer', { timeout: 120_000 }, async () => {
    const whole = paragraphs(1_000_000).slice(0, 1_000_000 - 20);
    const text = `zqfirstxk ${whole} zqlastxk`;
    await add(gateway.worker, 'huge', { id: 'huge', text });
    for (const needle of ['zqfirstxk', 'zqlastxk', '5000']) assert.deepEqual([...new Set(await found(gateway.worker, 'huge', needle))], ['huge'], needle);
    assert.ok((await get(gateway.worker, documents('huge', 'huge'))).json.text === text, 'it comes back as it was');
    const longer = await post(gateway.worker, documents('huge'), { documents: [{ id: 'longer', text: 'x '.repeat(MEGABYTE / 2 + 1) }] });
    const { param } = assertError(longer, longer.status === 413 ? 413 : 422, 'invalid_request');
    if (longer.status === 422) assert.equal(param, 'documents[0].text');
    assertError(await get(gateway.worker, documents('huge', 'longer')), 404, 'not_found');
  });
});

describe('a search by words', () => {
  const TEXTS = {
    tower: '東京タワーは東京都港区にある電波塔です。',
    seoul: '서울은 대한민국의 수도이다.',
    wall: '长城是中国古代的伟大建筑。',
    dessert: 'Crème brûlée was served in the café, a bit naïve.',
    unit: 'an ANGSTROM is small, and cafe latte is warm',
    syntax: 'C++ and "quoted" words: NEAR(x) AND NOT y* OR {z}',
    bicycle: 'A bicycle has two wheels and no engine at all.',
  };
  before(async () => { await add(gateway.worker, 'words', Object.entries(TEXTS).map(([id, text]) => ({ id, text }))); });

  /** @type {[query: string, documents: string[]][]} */
  const finds = [
    ['東京タワー', ['tower']], ['電波塔', ['tower']], ['港区', ['tower']], ['東京の電波塔はどこにありますか', ['tower']],
    ['서울', ['seoul']], ['长城', ['wall']], ['中国建筑', ['wall']],
    ['creme brulee', ['dessert']], ['CRÈME', ['dessert']], ['naive', ['dessert']], ['ångström', ['unit']], ['café', ['dessert', 'unit']], ['cafe', ['dessert', 'unit']],
    ['BICYCLE', ['bicycle']], ['"quoted"', ['syntax']], ['NEAR(x)', ['syntax']], ['C++', ['syntax']],
    ['nothing-of-this', []], ['?!', []], ['🌊', []],
  ];
  for (const [query, expected] of finds) {
    test(`for ${query} finds ${expected.join(' and ') || 'nothing'}`, async () => {
      assert.deepEqual((await found(gateway.worker, 'words', query, { mode: 'keyword' })).sort(), expected);
    });
  }

  test('finds for a question what has its words, though not all of them', async () => {
    for (const [query, first] of [['how many wheels does my bicycle have?', 'bicycle'], ['Where do they serve crème brûlée nowadays', 'dessert'], ['bicycle unicorn', 'bicycle']]) {
      assert.equal((await found(gateway.worker, 'words', query))[0], first, query);
    }
  });

  test('takes any text: no syntax of the index is the caller\'s', async () => {
    const wild = [
      '"', '"unbalanced', '""', '(', ')', '(a OR', 'AND', 'OR', 'NOT', 'NEAR', 'NEAR(', 'NEAR(a b, 3)', 'AND OR NOT', 'NOT bicycle', 'bicycle NOT', 'text:bicycle', 'rowid:1',
      '*', 'bicycle*', '*bicycle', '^bicycle', '- bicycle', '-bicycle', '+', 'a + b', '{text} : bicycle', '{', '}', '[', '\\', '\\"', '%', '_', '\'', '\'; DROP TABLE documents; --', ';', ',', ':', '::', '.',
      'bicycle\u0000wheels', '\u200b', '\n', ' \t ', 'é', '🌊 bicycle 🌊', '\ufeffbicycle', 'ﷺ', '‮bicycle', `${'('.repeat(500)}bicycle`, 'x'.repeat(4000),
    ];
    for (const query of wild) {
      const answer = await post(gateway.worker, at('words', '/search'), { query, mode: 'keyword' });
      // What is blank asks for nothing, and may be told so.
      if (query.trim() === '' && answer.status === 422) continue;
      assert.equal(answer.status, 200, `${JSON.stringify(query.slice(0, 60))}: ${answer.text}`);
      assert.ok(Array.isArray(answer.json.results));
    }
    assert.deepEqual(await found(gateway.worker, 'words', 'bicycle'), ['bicycle'], 'and all is still there');
  });

  test('for very many words finds what it can', async () => {
    const many = Array.from({ length: 1000 }, (_, index) => `zz${index}zz`).join(' ');
    assert.deepEqual(await found(gateway.worker, 'words', `bicycle ${many}`, { mode: 'keyword' }), ['bicycle']);
  });

  test('gives as many as are asked for, the best ones first', async () => {
    const all = Array.from({ length: 12 }, (_, index) => ({ id: `n${index}`, text: `${'parsnip '.repeat(index + 1)}${'filler '.repeat(30 - index)}`.trim() }));
    await add(gateway.worker, 'many', all);
    assert.equal((await found(gateway.worker, 'many', 'parsnip')).length, 5);
    for (const [topK, count] of [[1, 1], [7, 7], [50, 12]]) assert.equal((await found(gateway.worker, 'many', 'parsnip', { top_k: topK })).length, count);
    const { results, mode } = await search(gateway.worker, 'many', 'parsnip', { top_k: 12, mode: 'keyword' });
    assert.equal(mode, 'keyword');
    assert.deepEqual(results.map(({ keyword_rank: rank }) => rank), Array.from({ length: 12 }, (_, index) => index + 1));
    assert.ok(results.every(({ vector_rank: rank }) => rank === null));
    assert.ok(results.every(({ score }, index) => index === 0 || score <= results[index - 1].score), results.map(({ score }) => score).join());
    assert.equal(results[0].document, 'n11', 'what has the word most often');
  });
});

describe('what is wrong is named', () => {
  before(async () => { await add(gateway.worker, 'right', TYRES); });
  const one = (/** @type {object} */ fields) => ({ documents: [{ text: 'a', ...fields }] });

  /** @type {[path: string, body: unknown, param: string][]} */
  const wrong = [
    [documents('right'), { documents: [] }, 'documents'],
    [documents('right'), { documents: 'x' }, 'documents'],
    [documents('right'), { documents: new Array(101).fill({ text: 'a' }) }, 'documents'],
    [documents('right'), { documents: [{}] }, 'documents[0].text'],
    [documents('right'), { documents: [{ text: 'a' }, { text: 5 }] }, 'documents[1].text'],
    [documents('right'), one({ id: 5 }), 'documents[0].id'],
    [documents('right'), one({ title: 5 }), 'documents[0].title'],
    [documents('right'), one({ url: {} }), 'documents[0].url'],
    [documents('right'), one({ metadata: 'x' }), 'documents[0].metadata'],
    [documents('right'), { text: 5 }, 'text'],
    [at('right', '/search'), {}, 'query'],
    [at('right', '/search'), { query: 5 }, 'query'],
    ...[0, 51, 1.5, '5'].map((value) => /** @type {[string, unknown, string]} */ ([at('right', '/search'), { query: 'a', top_k: value }, 'top_k'])),
    [at('right', '/search'), { query: 'a', mode: 'clever' }, 'mode'],
    [at('right', '/search'), { query: 'a', mode: 'vector' }, 'mode'],
  ];
  for (const [path, body, param] of wrong) {
    test(`${path.split('/').at(-1)} ${JSON.stringify(body).slice(0, 60)}`, async () => {
      assert.equal(assertError(await post(gateway.worker, path, body), 422, 'invalid_request').param, param);
    });
  }

  test('and nothing of it is taken', async () => {
    assertError(await post(gateway.worker, documents('untouched'), { documents: [TYRES, { text: 5 }] }), 422, 'invalid_request');
    assertError(await get(gateway.worker, at('untouched')), 404, 'not_found');
    assert.equal((await get(gateway.worker, at('right'))).json.documents, 1);
  });

  test('a body that is no JSON, or has another type', async () => {
    assertError(await post(gateway.worker, documents('right'), '{"documents":'), 422, 'invalid_request');
    assertError(await exchange(gateway.worker, documents('right'), { headers: { 'content-type': 'text/plain' }, body: '{"text":"a"}' }), 415, 'invalid_request');
  });

  test('a name that no collection has', async () => {
    for (const name of ['a%20b', 'a.b', '%C3%A4', 'x'.repeat(65), '..%2F..', '%00']) {
      for (const answer of [await post(gateway.worker, documents(name), TYRES), await get(gateway.worker, at(name))]) {
        assertError(answer, answer.status === 404 ? 404 : 422, answer.status === 404 ? 'not_found' : 'invalid_request');
      }
    }
    await add(gateway.worker, `${'x'.repeat(58)}-_A9zZ`, TYRES);
  });

  test('a collection that was never made', async () => {
    for (const [what, answer] of await askAll(gateway.worker, 'never', 'a')) assert.equal(assertError(answer, 404, 'not_found').type, 'not_found', what);
  });
});

describe('a collection', () => {
  const ALICE = { authorization: 'Bearer ck-a1ice-5f1e' };
  const BOB = { authorization: 'Bearer ck-b0b-93ad' };

  test('is its caller\'s, and nobody else learns that it is there', async () => {
    const keyed = await startGateway({ GATEWAY_KEYS: JSON.stringify({ alice: 'ck-a1ice-5f1e', bob: { key: 'ck-b0b-93ad' } }) });
    try {
      const { worker } = keyed;
      await add(worker, 'notes', [TYRES, FRUIT], ALICE);
      const told = async (/** @type {string} */ name) => (await askAll(worker, name, 'tyres', BOB)).map(([what, answer]) => {
        const { request_id: id } = assertError(answer, 404, 'not_found');
        return `${what}: ${answer.text.replace(id, '*').replaceAll(name, '*')}`;
      });
      assert.deepEqual(await told('notes'), await told('never'), 'the same as for one that was never made');
      await add(worker, 'notes', { ...TYRES, text: 'Bob has a boat.' }, BOB);
      assert.deepEqual(await found(worker, 'notes', 'automobile bananas boat', {}, BOB), ['tyres']);
      assert.deepEqual((await found(worker, 'notes', 'automobile bananas boat', {}, ALICE)).sort(), [FRUIT.id, 'tyres']);
      assert.equal((await remove(worker, at('notes'), BOB)).status, 204);
      assert.equal((await get(worker, documents('notes', 'tyres'), ALICE)).json.text, TYRES.text);
      for (const [, answer] of await askAll(worker, 'notes', 'tyres', {})) assert.ok([401, 404].includes(answer.status), answer.text);
      assert.equal((await post(worker, documents('notes'), TYRES)).status, 401);
      assert.equal((await get(worker, at('notes'), ALICE)).json.documents, 2);
    } finally {
      await keyed.stop();
    }
  });

  test('is there when the runtime comes back', { timeout: 60_000 }, async () => {
    await add(gateway.worker, 'kept', [TYRES, FRUIT, { id: 'tower', text: '東京タワーは電波塔です。' }]);
    await remove(gateway.worker, documents('kept', FRUIT.id));
    const all = async () => [await get(gateway.worker, at('kept')), await get(gateway.worker, documents('kept')), await get(gateway.worker, documents('kept', 'tyres')),
      await post(gateway.worker, at('kept', '/search'), { query: 'winter 電波塔 bananas' })].map(({ status, json }) => [status, json]);
    const known = await all();
    assert.deepEqual(known.map(([status]) => status), [200, 200, 200, 200]);
    await gateway.crash();
    assert.deepEqual(await all(), known);
    await add(gateway.worker, 'kept', FRUIT);
    assert.deepEqual(await found(gateway.worker, 'kept', 'bananas'), [FRUIT.id]);
  });
});

// @ts-check
/** Answers that are given again: the same events on every surface, to the same caller only, and never one that failed. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import OpenAI from 'openai';
import * as anthropic from '../simulator/formats/anthropic.mjs';
import * as openai from '../simulator/formats/openai_chat.mjs';
import { reset } from '../simulator/wire.mjs';
import { CHAT, STREAM, beginPost, get, post } from './client.mjs';
import { assertError } from './expect.mjs';
import { startGateway } from './gateway.mjs';
import { asked, createSession } from './sessions.mjs';

const MODEL = `openai/${openai.MODEL}`;
const CLAUDE = `anthropic/${anthropic.MODEL}`;
const TTL = { cache: { ttl: 60 } };
const KEYS = { alice: 'key-of-alice', bob: 'key-of-bob', carol: { key: 'key-of-carol', cache_ttl_seconds: 60 } };

/** @type {Awaited<ReturnType<typeof startGateway>>} */
let gateway;
before(async () => { gateway = await startGateway({ GATEWAY_KEYS: JSON.stringify(KEYS) }); });
after(() => gateway?.stop());
beforeEach(() => {
  gateway.simulator.clear();
  const said = { text: ['Hel', 'lo é', '🌊'], reasoning: ['hm', '.'] };
  gateway.simulator.script((request) => (request.path.includes('/v1/messages')
    ? anthropic.streamed({ blocks: [{ thinking: ['I ', 'think.'], signature: 'c2lnbmVk' }, { text: ['Hel', 'lo'] }, { id: 'toolu_1', name: 'f', input: ['{"a":', '1}'] }] })
    : openai.answering(said)(request)));
});

/** @param {string} name */
const as = (name) => ({ authorization: `Bearer key-of-${name}` });
const ask = (/** @type {object} */ body, name = 'alice', path = STREAM) => post(gateway.worker, path, body, as(name));
const asksSent = () => gateway.simulator.requests.length;
/** A question that nobody asked before. */
let questions = 0;
const question = () => [{ role: 'user', content: `question ${questions += 1}` }];

/** Asks until the answer is kept: that is done behind the stream's end. @param {() => ReturnType<typeof ask>} again */
async function hit(again) {
  for (let turn = 0; turn < 100; turn += 1) {
    const answer = await again();
    if (answer.headers['x-cache'] === 'hit') return answer;
    await delay(20);
  }
  return assert.fail('it was never kept');
}

/** What differs between two runs of the same events: ids and times. @param {string} text */
const plain = (text) => text.replace(/(chatcmpl-|resp_|msg_|rs_|fc_|reasoning_)?r_[0-9a-f]{20}/g, 'RUN').replace(/(resp|msg|rs|fc|item)_[0-9A-Za-z_-]+/g, '$1_ID')
  .replace(/"(created|created_at|completed_at)":\d+/g, '"$1":0').replace(/"(created_at|createTime)":"[^"]+"/g, '"$1":""').replace(/"obfuscation":"[^"]*"/g, '');

/** Each surface, streamed and whole. @type {[string, (model: string, messages: any[], stream: boolean) => [string, object]][]} */
const SURFACES = [
  ['unified', (model, messages, stream) => [stream ? STREAM : CHAT, { model, messages, ...TTL }]],
  ['openai-chat', (model, messages, stream) => ['/v1/chat/completions', { model, messages, stream, ...(stream && { stream_options: { include_usage: true } }), ...TTL }]],
  ['openai-responses', (model, messages, stream) => ['/v1/responses', { model, input: messages, stream, store: false, ...TTL }]],
  ['anthropic', (model, messages, stream) => ['/v1/messages', { model, messages, max_tokens: 99, stream, ...TTL }]],
  ['gemini', (model, messages, stream) => [`/v1beta/models/${model}:${stream ? 'streamGenerateContent?alt=sse' : 'generateContent'}`, { contents: messages.map(({ content }) => ({ role: 'user', parts: [{ text: content }] })), ...TTL }]],
  ['ollama', (model, messages, stream) => ['/api/chat', { model, messages, stream, ...TTL }]],
  ['earlier', (model, messages, stream) => ['/chat', { model, messages, stream, ...TTL }]],
];

for (const [surface, request] of SURFACES) {
  for (const model of [MODEL, CLAUDE]) {
    for (const stream of [true, false]) {
      test(`${surface}, ${stream ? 'streamed' : 'whole'}, by ${model}: the same events again`, async () => {
        const [path, body] = request(model, question(), stream);
        const fresh = await ask(body, 'alice', path);
        assert.deepEqual([fresh.status, fresh.headers['x-cache']], [200, 'miss'], fresh.text);
        const kept = await hit(() => ask(body, 'alice', path));
        assert.equal(kept.status, 200);
        assert.equal(plain(kept.text), plain(fresh.text));
        assert.equal(kept.headers['content-type'], fresh.headers['content-type']);
        assert.notEqual(kept.headers['x-run-id'], fresh.headers['x-run-id']);
        assert.ok(gateway.simulator.requests.every(({ body }) => !body.includes('"cache"')), 'no provider hears of it');
      });
    }
  }
}

describe('the cache', () => {
  test('gives an answer in another language than it was asked in, and whole where it was streamed', async () => {
    const messages = question();
    await ask({ model: MODEL, messages, ...TTL });
    await hit(() => ask({ model: MODEL, messages, ...TTL }, 'alice', CHAT));
    const sent = asksSent();
    const chat = await ask({ model: MODEL, messages, ...TTL }, 'alice', '/v1/chat/completions');
    assert.deepEqual([chat.headers['x-cache'], chat.json.choices[0].message.content, asksSent()], ['hit', 'Hello é🌊', sent]);
    const message = await ask({ model: MODEL, messages, stream: true, ...TTL }, 'alice', '/api/chat');
    assert.equal(message.headers['x-cache'], 'hit');
  });

  test('is the caller\'s own, and asked for', async () => {
    const messages = question();
    await ask({ model: MODEL, messages, ...TTL });
    await hit(() => ask({ model: MODEL, messages, ...TTL }));
    assert.equal((await ask({ model: MODEL, messages })).headers['x-cache'], undefined, 'who does not ask gets a fresh one');
    assert.equal((await ask({ model: MODEL, messages, ...TTL }, 'bob')).headers['x-cache'], 'miss');
    const other = { ...as('alice'), 'x-provider-key': 'sk-of-the-callers-own' };
    assert.equal((await post(gateway.worker, STREAM, { model: MODEL, messages, ...TTL }, other)).headers['x-cache'], 'miss');
  });

  test('is exact: whatever else is asked is another question', async () => {
    const messages = question();
    const base = { model: MODEL, messages, ...TTL };
    await ask(base);
    await hit(() => ask(base));
    for (const more of [{ temperature: 0.5 }, { model: 'openai/gpt-6-sol' }, { messages: [...messages, ...question()] }, { seed: 1 }, { max_tokens: 9 }, { stop: 'x' }, { thinking: true }, { response_format: { type: 'json_object' } }, { tools: [{ type: 'function', function: { name: 'f' } }] }]) {
      assert.equal((await ask({ ...base, ...more })).headers['x-cache'], 'miss', JSON.stringify(more));
    }
    const chat = { model: MODEL, messages, ...TTL, frequency_penalty: 1 };
    assert.equal((await ask(chat, 'alice', '/v1/chat/completions')).headers['x-cache'], 'miss', 'the client\'s own words count');
  });

  test('may be asked for by a header, and by the key', async () => {
    const messages = question();
    const header = () => post(gateway.worker, STREAM, { model: MODEL, messages }, { ...as('alice'), 'x-cache-ttl': '60' });
    assert.equal((await header()).headers['x-cache'], 'miss');
    await hit(header);
    assert.equal((await ask({ model: MODEL, messages }, 'carol')).headers['x-cache'], 'miss');
    await hit(() => ask({ model: MODEL, messages }, 'carol'));
    const client = new OpenAI({ apiKey: 'key-of-alice', baseURL: `${gateway.worker.url}/v1`, defaultHeaders: { ...gateway.worker.headers, 'x-cache-ttl': '60' } });
    const { data, response } = await client.chat.completions.create({ model: MODEL, messages: /** @type {any} */ (messages) }).withResponse();
    assert.deepEqual([data.choices[0].message.content, response.headers.get('x-cache')], ['Hello é🌊', 'hit']);
  });

  test('keeps nothing for longer than it was told to', async () => {
    const body = { model: MODEL, messages: question(), cache: { ttl: 1 } };
    await ask(body);
    await delay(1_300);
    assert.equal((await ask(body)).headers['x-cache'], 'miss');
  });

  test('never keeps an answer that failed, was cut off or left, or was filtered', async () => {
    const begun = openai.frames({ text: ['so far'], finish: null, usage: null, done: false });
    for (const reply of [openai.failed(400), openai.streamOf(begun), openai.streamOf([...begun, reset()]), openai.streamed({ text: 'x', finish: 'content_filter' })]) {
      const body = { model: MODEL, messages: question(), ...TTL };
      gateway.simulator.script(reply);
      await ask(body);
      await delay(100);
      gateway.simulator.script(openai.streamed({ text: 'fine' }));
      const again = await ask(body);
      assert.equal(again.headers['x-cache'], 'miss');
      assert.ok(again.text.includes('fine'));
    }
  });

  test('keeps nothing that is too large', async () => {
    const body = { model: MODEL, messages: question(), ...TTL };
    gateway.simulator.script(openai.streamed({ text: Array.from({ length: 40 }, () => 'x'.repeat(30_000)) }));
    await ask(body);
    await delay(200);
    assert.equal((await ask(body)).headers['x-cache'], 'miss');
  });

  test('costs nothing, and says so in the ledger', async () => {
    const body = { model: MODEL, messages: question(), ...TTL };
    const answers = async () => (await get(gateway.worker, '/api/v1/usage', as('bob'))).json;
    await ask(body, 'bob');
    await hit(() => ask(body, 'bob'));
    const before = (await answers()).total.answers;
    for (let turn = 0; turn < 3; turn += 1) assert.equal((await ask(body, 'bob')).headers['x-cache'], 'hit');
    await delay(500);
    const { total, runs } = await answers();
    assert.equal(total.answers, before);
    assert.ok(runs.some((/** @type {any} */ line) => line.provider === '(cache)' && line.runs >= 3));
  });

  test('serves sessions, and the responses that are kept', async () => {
    const messages = question();
    const turn = async () => {
      const { id } = await createSession(gateway.worker, {}, as('alice'));
      return ask(asked(id, messages, TTL));
    };
    assert.equal((await turn()).headers['x-cache'], 'miss');
    assert.ok((await hit(turn)).text.includes('Hel'));
    const body = { model: CLAUDE, input: /** @type {any} */ (question()), stream: true, ...TTL };
    assert.equal((await ask(body, 'alice', '/v1/responses')).headers['x-cache'], 'miss');
    await hit(() => ask(body, 'alice', '/v1/responses'));
  });

  test('is passed by where an assistant answers', async () => {
    const answer = await ask({ model: MODEL, messages: question(), steps: true, ...TTL });
    assert.equal(answer.headers['x-cache'], 'bypass');
  });

  test('keeps vectors, too', async () => {
    gateway.simulator.script({ status: 200, headers: { 'content-type': 'application/json' }, steps: [JSON.stringify({ object: 'list', model: 'e', data: [{ object: 'embedding', index: 0, embedding: [1, 0.25] }], usage: { prompt_tokens: 3, total_tokens: 3 } })] });
    const body = { model: 'openai/text-embedding-3-small', input: 'hello', ...TTL };
    const fresh = await ask(body, 'alice', '/v1/embeddings');
    assert.deepEqual([fresh.status, fresh.headers['x-cache']], [200, 'miss'], fresh.text);
    const kept = await hit(() => ask(body, 'alice', '/v1/embeddings'));
    assert.deepEqual(kept.json, fresh.json);
    assert.equal((await ask({ ...body, input: 'other' }, 'alice', '/v1/embeddings')).headers['x-cache'], 'miss');
  });

  test('names what makes no sense', async () => {
    for (const [cache, param] of [[{ ttl: 0 }, 'cache.ttl'], [{ ttl: 'x' }, 'cache.ttl'], [{}, 'cache.ttl'], [{ ttl: 1, x: 1 }, 'cache.x']]) {
      assert.equal(assertError(await ask({ model: MODEL, messages: question(), cache }), 422, 'invalid_request').param, param);
    }
    const wrong = await post(gateway.worker, STREAM, { model: MODEL, messages: question() }, { ...as('alice'), 'x-cache-ttl': 'soon' });
    assert.equal(assertError(wrong, 422, 'invalid_request').param, 'x-cache-ttl');
  });

  test('holds nobody up who leaves', async () => {
    const body = { model: MODEL, messages: question(), ...TTL };
    const leaver = beginPost(gateway.worker, STREAM, body, as('alice'));
    await leaver.response;
    leaver.leave();
    await delay(50);
    assert.ok(['hit', 'miss'].includes(String((await ask(body)).headers['x-cache'])));
  });
});

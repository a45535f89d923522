// @ts-check
/** What a key may ask: so many times a minute, so many at once, for so much a month; met exactly, in each vendor's words. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import * as openai from '../simulator/formats/openai_chat.mjs';
import { gate } from '../simulator/wire.mjs';
import { CHAT, STREAM, beginPost, get, post, stream } from './client.mjs';
import { assertError } from './expect.mjs';
import { startGateway } from './gateway.mjs';
import { SESSIONS, asked, createSession, openSocket, say } from './sessions.mjs';
import { connect } from './socket.mjs';

const MODEL = `openai/${openai.MODEL}`;
const HELLO = [{ role: /** @type {const} */ ('user'), content: 'hello' }];
const ASK = { model: MODEL, messages: HELLO };
/** One of these answers costs 5 fresh, 4 cached and 12 generated tokens: 5 + 0.4 + 12 x 10 millionths of a dollar, times 100. */
const PRICES = { [MODEL]: { input: 100, output: 1000, cached_input: 10 } };
const COST = (5 * 100 + 4 * 10 + 12 * 1000) / 1e6;

/** @param {string} name */
const as = (name) => ({ authorization: `Bearer key-of-${name}` });

/** Each key and its limits. @type {Record<string, object>} */
const LIMITS = {
  free: {},
  minute: { requests_per_minute: 20 },
  everywhere: { requests_per_minute: 1 },
  runs: { concurrent_runs: 5 },
  one: { concurrent_runs: 1 },
  roomy: { requests_per_minute: 100_000, concurrent_runs: 70 },
  budget: { monthly_budget_usd: 0.04 },
  broke: { monthly_budget_usd: 0 },
  tight: { requests_per_minute: 1000, concurrent_runs: 5, monthly_budget_usd: 0.12 },
};
for (const surface of ['openai', 'responses', 'anthropic', 'gemini', 'ollama', 'earlier', 'embed', 'count', 'socket', 'session']) LIMITS[`minute-${surface}`] = { requests_per_minute: 1 };

/** @type {Awaited<ReturnType<typeof startGateway>>} */
let gateway;
/** One that asks a moderation model, whose price nobody has named. @type {Awaited<ReturnType<typeof startGateway>>} */
let judging;
before(async () => {
  const keys = Object.fromEntries(Object.entries(LIMITS).map(([name, limits]) => [name, { key: `key-of-${name}`, ...limits }]));
  gateway = await startGateway({ GATEWAY_KEYS: JSON.stringify(keys), PRICES: JSON.stringify(PRICES) });
  judging = await startGateway({ GATEWAY_KEYS: JSON.stringify(keys), PRICES: JSON.stringify(PRICES), GUARDRAILS: JSON.stringify({ input: { moderation: 'openai/omni-moderation-latest' } }) });
  judging.simulator.script((request) => (request.path.endsWith('/moderations')
    ? { status: 200, headers: { 'content-type': 'application/json' }, steps: [JSON.stringify({ id: 'm', model: 'omni-moderation-latest', results: [{ flagged: false, categories: {}, category_scores: {} }] })] }
    : openai.answering({ text: 'fine' })(request)));
});
after(() => Promise.all([gateway?.stop(), judging?.stop()]));
beforeEach(() => {
  gateway.simulator.clear();
  gateway.simulator.script(openai.answering({ text: 'fine' }));
});

/** Answers that last until they are let go. */
function held() {
  let release = () => {};
  const opened = new Promise((/** @type {(value?: unknown) => void} */ resolve) => { release = () => resolve(); });
  gateway.simulator.script((request) => (request.json?.stream ? openai.streamOf([...openai.frames({ text: ['a'], finish: null, usage: null, done: false }), gate(opened), ...openai.frames({ text: 'b' }).slice(1)]) : openai.whole({ text: 'fine' })));
  return release;
}

describe('requests a minute', () => {
  test('are met exactly by fifty at once', async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, () => post(gateway.worker, CHAT, ASK, as('minute'))));
    const refused = answers.filter(({ status }) => status !== 200);
    assert.equal(refused.length, 30);
    assert.equal(gateway.simulator.requests.length, 20);
    for (const answer of refused) {
      assertError(answer, 429, 'rate_limited');
      const seconds = Number(answer.headers['retry-after']);
      assert.ok(seconds > 0 && seconds <= 62, `it says when to come back: ${seconds}`);
    }
    const other = await post(gateway.worker, CHAT, ASK, as('free'));
    assert.equal(other.status, 200, 'another key is not held to it');
  });

  /** Each surface: what is asked twice there, and what the second is told. @type {Record<string, [string, object, number, (json: any) => unknown, unknown]>} */
  const surfaces = {
    openai: ['/v1/chat/completions', ASK, 429, (json) => json.error.type, 'rate_limit_error'],
    responses: ['/v1/responses', { model: MODEL, input: 'hello', store: false }, 429, (json) => json.error.code, 'rate_limit_exceeded'],
    anthropic: ['/v1/messages', { ...ASK, max_tokens: 9 }, 429, (json) => json.error.type, 'rate_limit_error'],
    gemini: [`/v1beta/models/${MODEL}:generateContent`, { contents: [{ role: 'user', parts: [{ text: 'hello' }] }] }, 429, (json) => json.error.status, 'RESOURCE_EXHAUSTED'],
    ollama: ['/api/chat', { ...ASK, stream: false }, 429, (json) => typeof json.error, 'string'],
    earlier: ['/chat', ASK, 429, (json) => typeof json.detail, 'string'],
    count: ['/v1/messages/count_tokens', ASK, 429, (json) => json.error.type, 'rate_limit_error'],
  };
  for (const [surface, [path, body, status, word, expected]] of Object.entries(surfaces)) {
    test(`hold on ${path}`, async () => {
      const first = await post(gateway.worker, path, body, as(`minute-${surface}`));
      assert.equal(first.status, 200, first.text);
      const second = await post(gateway.worker, path, body, as(`minute-${surface}`));
      assert.equal(second.status, status, second.text);
      assert.equal(word(second.json), expected, second.text);
      assert.ok(Number(second.headers['retry-after']) > 0);
    });
  }

  test('hold for embeddings', async () => {
    const vectors = { status: 200, headers: { 'content-type': 'application/json' }, steps: [JSON.stringify({ object: 'list', model: 'e', data: [{ object: 'embedding', index: 0, embedding: [1, 0] }], usage: { prompt_tokens: 3, total_tokens: 3 } })] };
    gateway.simulator.script(vectors);
    const ask = () => post(gateway.worker, '/v1/embeddings', { model: 'openai/text-embedding-3-small', input: 'hello' }, as('minute-embed'));
    const first = await ask();
    assert.equal(first.status, 200, first.text);
    assert.equal((await ask()).status, 429);
  });

  test('hold on the plain socket', async () => {
    const socket = await connect(gateway.worker, '/ws', as('minute-socket'));
    for (const expected of ['"end"', '429']) {
      socket.send({ messages: HELLO, provider: 'openai', model: openai.MODEL });
      await socket.until((messages) => messages.at(-1)?.includes(expected));
    }
    await socket.close();
  });

  test('hold in a session, over HTTP and over its socket', async () => {
    const { id } = await createSession(gateway.worker, {}, as('minute-session'));
    assert.equal((await post(gateway.worker, CHAT, asked(id, 'one'), as('minute-session'))).status, 200);
    assertError(await post(gateway.worker, CHAT, asked(id, 'two'), as('minute-session')), 429, 'rate_limited');
    const socket = await openSocket(gateway.worker, id, as('minute-session'));
    socket.send({ type: 'chat', messages: HELLO });
    await socket.until((messages) => messages.some((message) => message.includes('rate_limited')));
    await socket.close();
    const { json } = await get(gateway.worker, `${SESSIONS}/${id}/messages`, as('minute-session'));
    assert.equal(json.messages.length, 2, 'what was refused was not said');
  });

  test('are told by the vendors\' own SDKs as what they are', async () => {
    const base = { maxRetries: 0 };
    const first = new OpenAI({ ...base, apiKey: 'key-of-everywhere', baseURL: `${gateway.worker.url}/v1`, defaultHeaders: gateway.worker.headers });
    await first.chat.completions.create(ASK);
    await assert.rejects(first.chat.completions.create(ASK), (error) => error instanceof OpenAI.RateLimitError && Number(error.headers.get('retry-after')) > 0);
    const second = new Anthropic({ ...base, apiKey: 'key-of-everywhere', baseURL: gateway.worker.url, defaultHeaders: gateway.worker.headers });
    await assert.rejects(second.messages.create({ ...ASK, max_tokens: 9 }), (error) => error instanceof Anthropic.RateLimitError);
  });
});

describe('runs at once', () => {
  test('are met exactly by fifty at once, and places come free', async () => {
    const release = held();
    const begun = Array.from({ length: 50 }, () => beginPost(gateway.worker, STREAM, ASK, as('runs')));
    const answers = await Promise.all(begun.map(({ response }) => response));
    const statuses = answers.map(({ statusCode }) => statusCode);
    assert.equal(statuses.filter((status) => status === 200).length, 5);
    assert.equal(statuses.filter((status) => status === 429).length, 45);
    assert.equal(gateway.simulator.requests.length, 5);
    const late = await post(gateway.worker, CHAT, ASK, as('runs'));
    assertError(late, 429, 'rate_limited');
    assert.ok(Number(late.headers['retry-after']) > 0);
    release();
    for (const answer of answers) answer.resume();
    gateway.simulator.script(openai.answering({ text: 'fine' }));
    await until(async () => (await post(gateway.worker, CHAT, ASK, as('runs'))).status === 200);
  });

  test('are met exactly where many are let in together', async () => {
    // An account that was far from its limits is asked for those who come meanwhile all at once.
    assert.equal((await post(gateway.worker, CHAT, ASK, as('roomy'))).status, 200);
    const release = held();
    gateway.simulator.requests.length = 0;
    const begun = Array.from({ length: 120 }, () => beginPost(gateway.worker, STREAM, ASK, as('roomy')));
    const answers = await Promise.all(begun.map(({ response }) => response));
    release();
    for (const answer of answers) answer.resume();
    assert.equal(answers.filter(({ statusCode }) => statusCode === 429).length, 50);
    assert.equal(answers.filter(({ statusCode }) => statusCode === 200).length, 70);
  });

  test('come free where many are let in together and some leave in that moment', async () => {
    for (let round = 0; round < 5; round += 1) {
      gateway.simulator.script(openai.answering({ text: 'fine' }));
      await until(async () => (await post(gateway.worker, CHAT, ASK, as('roomy'))).status === 200);
      const stay = [];
      for (let each = 0; each < 30; each += 1) {
        const leaver = beginPost(gateway.worker, STREAM, ASK, as('roomy'));
        leaver.response.then((answer) => answer.on('error', () => {}), () => {});
        stay.push(stream(gateway.worker, ASK, as('roomy')));
        if (each % 3 === round % 3) await delay(1);
        leaver.leave();
      }
      for (const { end } of await Promise.all(stay)) assert.equal(end, 'done');
    }
    const release = held();
    const begun = Array.from({ length: 70 }, () => beginPost(gateway.worker, STREAM, ASK, as('roomy')));
    const answers = await Promise.all(begun.map(({ response }) => response));
    release();
    for (const answer of answers) answer.resume();
    assert.ok(answers.every(({ statusCode }) => statusCode === 200), 'no place was lost');
  });

  test('are let in together in sessions and out of them', async () => {
    gateway.simulator.script(openai.answering({ text: 'fine' }));
    await until(async () => (await post(gateway.worker, CHAT, ASK, as('roomy'))).status === 200);
    const sessions = await Promise.all(Array.from({ length: 15 }, () => createSession(gateway.worker, {}, as('roomy'))));
    const answers = await Promise.all([
      ...sessions.map(({ id }) => say(gateway.worker, id, 'hello', {}, as('roomy'))),
      ...Array.from({ length: 30 }, () => stream(gateway.worker, ASK, as('roomy'))),
    ]);
    for (const { end } of answers) assert.equal(end, 'done');
  });

  test('one after another never meet the limit', async () => {
    for (let turn = 0; turn < 12; turn += 1) {
      const { end } = await stream(gateway.worker, ASK, as('one'));
      assert.equal(end, 'done');
    }
  });

  test('whoever leaves gives a place free', async () => {
    const release = held();
    const leaver = beginPost(gateway.worker, STREAM, ASK, as('one'));
    (await leaver.response).on('error', () => {});
    assert.equal((await post(gateway.worker, CHAT, ASK, as('one'))).status, 429);
    leaver.leave();
    gateway.simulator.script(openai.answering({ text: 'fine' }));
    await until(async () => (await post(gateway.worker, CHAT, ASK, as('one'))).status === 200);
    release();
  });

  test('a provider that fails gives a place free', async () => {
    gateway.simulator.script(openai.failed(400, { message: 'no' }));
    for (let turn = 0; turn < 4; turn += 1) assert.equal((await post(gateway.worker, CHAT, ASK, as('one'))).status, 422);
  });
});

describe('a budget', () => {
  test('is spent by what answers cost, and then nothing more is asked', async () => {
    for (let turn = 0; turn < 4; turn += 1) {
      const { chunks } = await stream(gateway.worker, ASK, as('budget'));
      assert.ok(Math.abs(chunks.at(-1).usage.cost - COST) < 1e-9, JSON.stringify(chunks.at(-1)));
      await until(async () => Math.abs((await usage('budget')).account.spent_usd - COST * (turn + 1)) < 1e-9);
    }
    const refused = await post(gateway.worker, CHAT, ASK, as('budget'));
    assertError(refused, 402, 'budget_exceeded');
    assert.ok(Number(refused.headers['retry-after']) > 0);
    assert.equal(gateway.simulator.requests.length, 4);
    const account = (await usage('budget')).account;
    assert.deepEqual([account.key, account.limits], ['budget', LIMITS.budget]);
  });

  test('is worded as each vendor words it', async () => {
    /** @type {[string, object, number, (json: any) => unknown, unknown][]} */
    const told = [
      [STREAM, ASK, 402, (json) => json.error.type, 'budget_exceeded'],
      ['/v1/chat/completions', ASK, 429, (json) => json.error.code, 'insufficient_quota'],
      ['/v1/responses', { model: MODEL, input: 'x' }, 429, (json) => json.error.code, 'insufficient_quota'],
      ['/v1/messages', { ...ASK, max_tokens: 9 }, 402, (json) => json.error.type, 'billing_error'],
      [`/v1beta/models/${MODEL}:streamGenerateContent`, { contents: [{ role: 'user', parts: [{ text: 'x' }] }] }, 429, (json) => (json[0] ?? json).error.status, 'RESOURCE_EXHAUSTED'],
      ['/api/chat', ASK, 429, (json) => typeof json.error, 'string'],
      ['/v1/embeddings', { model: 'openai/text-embedding-3-small', input: 'x' }, 429, (json) => json.error.code, 'insufficient_quota'],
    ];
    for (const [path, body, status, word, expected] of told) {
      const answer = await post(gateway.worker, path, body, as('broke'));
      assert.deepEqual([answer.status, word(answer.json)], [status, expected], `${path}: ${answer.text}`);
    }
    assert.equal(gateway.simulator.requests.length, 0);
  });

  test('is not tried again by an SDK', async () => {
    let asked = 0;
    const fetched = (/** @type {any} */ url, /** @type {any} */ init) => {
      asked += 1;
      return fetch(url, init);
    };
    const client = new OpenAI({ apiKey: 'key-of-broke', baseURL: `${gateway.worker.url}/v1`, defaultHeaders: gateway.worker.headers, fetch: fetched });
    await assert.rejects(client.chat.completions.create(ASK), { code: 'insufficient_quota' });
    assert.equal(asked, 1);
  });

  test('does not buy what has no known price', async () => {
    const answer = await post(gateway.worker, CHAT, { model: 'openai/gpt-nobody-knows', messages: HELLO }, as('budget'));
    const error = assertError(answer, 403, 'permission_denied');
    assert.match(error.message, /PRICES/);
    assert.equal((await post(gateway.worker, CHAT, { model: 'openai/gpt-nobody-knows', messages: HELLO }, as('free'))).status, 200);
  });

  test('does not hold what the operator chose against the caller', async () => {
    const { status, text } = await post(judging.worker, CHAT, ASK, as('budget'));
    assert.equal(status, 200, text);
  });

  test('is overrun by no more than the runs in flight', async () => {
    let served = 0;
    for (let wave = 0; wave < 5; wave += 1) {
      const answers = await Promise.all(Array.from({ length: 50 }, () => post(gateway.worker, CHAT, ASK, as('tight'))));
      served += answers.filter(({ status }) => status === 200).length;
    }
    // Ten answers cost more than 0.12 dollars; five more may have been under way.
    assert.ok(served >= 10 && served <= 14, `${served} were served`);
    assertError(await post(gateway.worker, CHAT, ASK, as('tight')), 402, 'budget_exceeded');
  });
});

/** What a key is told of its usage. @param {string} name */
async function usage(name) {
  const { status, json, text } = await get(gateway.worker, '/api/v1/usage', as(name));
  assert.equal(status, 200, text);
  return json;
}

/** Waits until something holds; a state that never comes fails the test. @param {() => Promise<boolean>} holds */
async function until(holds) {
  for (let turn = 0; turn < 200; turn += 1) {
    if (await holds()) return;
    await delay(25);
  }
  assert.fail('it never came');
}

describe('an address without a key', () => {
  const ELSEWHERE = { host: 'gateway.example' };
  const from = (/** @type {string} */ address) => ({ ...ELSEWHERE, 'cf-connecting-ip': address });

  test('is held off when it floods the gateway, and nobody else is', async () => {
    // The platform counts by the minutes of the clock: all of this falls into one.
    const left = 60_000 - (Date.now() % 60_000);
    if (left < 15_000) await delay(left + 500);
    const statuses = [];
    for (let count = 0; count < 12; count += 1) {
      statuses.push(...await Promise.all(Array.from({ length: 30 }, async () => (await get(gateway.worker, '/v1/models', from('192.0.2.1'))).status)));
    }
    assert.equal(statuses.filter((status) => status === 401).length, 300);
    assert.equal(statuses.filter((status) => status === 429).length, 60);
    const refused = await post(gateway.worker, '/v1/messages', { model: MODEL, max_tokens: 5, messages: HELLO }, from('192.0.2.1'));
    assert.equal(refused.status, 429);
    assert.equal(refused.headers['retry-after'], '60');
    assert.equal(refused.json.error.type, 'rate_limit_error');
    assert.equal(gateway.simulator.requests.length, 0);

    assert.equal((await get(gateway.worker, '/v1/models', from('192.0.2.2'))).status, 401, 'another address');
    assert.equal((await get(gateway.worker, '/v1/models', { ...from('192.0.2.1'), ...as('free') })).status, 200, 'one with a key');
    assert.equal((await get(gateway.worker, '/v1/models', { 'cf-connecting-ip': '192.0.2.1' })).status, 401, 'this machine');
  });
});

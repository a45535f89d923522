// @ts-check
/** `GATEWAY_KEYS`: taken where each vendor's SDK puts its key, asked for in each vendor's words, and never shown. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, beforeEach, describe, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { ApiError, GoogleGenAI } from '@google/genai';
import { Ollama } from 'ollama';
import OpenAI from 'openai';
import * as openai from '../simulator/formats/openai_chat.mjs';
import { ASK, CHAT, STREAM, exchange, get, post } from './client.mjs';
import { assertError } from './expect.mjs';
import { CALLER_KEY, OPENAI_KEY, startGateway } from './gateway.mjs';
import { startWorker } from './harness.mjs';
import { connect } from './socket.mjs';

const FRIEND = 'https://app.example';
/** Only its digest is known to the gateway. */
const HASHED = 'ck-hashed-4b1d-must-never-be-shown';
const WRONG = 'ck-wr0ng-77aa-must-never-be-shown';
const MODEL = `openai/${openai.MODEL}`;
const HELLO = [{ role: /** @type {const} */ ('user'), content: 'hello' }];
const UNIFIED = { ...ASK, provider: 'openai', model: openai.MODEL };
const GENERATE = `/v1beta/models/${MODEL}:generateContent`;

/** Each route, and what is posted there; null: it is only asked for. @type {[string, object | null][]} */
const ROUTES = [
  [STREAM, UNIFIED], [CHAT, UNIFIED], ['/api/v1/sessions', {}], ['/api/v1/sessions', null], ['/api/v1/providers', null],
  ['/v1/chat/completions', { model: MODEL, messages: HELLO }], ['/v1/responses', { model: MODEL, input: 'hello' }],
  ['/v1/messages', { model: MODEL, max_tokens: 9, messages: HELLO }], ['/v1/messages/count_tokens', { model: MODEL, messages: HELLO }],
  [GENERATE, { contents: [{ role: 'user', parts: [{ text: 'hello' }] }] }], ['/api/chat', { model: MODEL, messages: HELLO, stream: false }],
  ['/api/generate', { model: MODEL, prompt: 'hello', stream: false }], ['/v1/models', null], ['/v1beta/models', null], ['/api/tags', null],
];

/** Each place where a key may be: headers, and the end of the address. @type {((key: string) => [Record<string, string>, string])[]} */
const PLACES = [
  (key) => [{ authorization: `Bearer ${key}` }, ''],
  (key) => [{ authorization: `bearer ${key}` }, ''],
  (key) => [{ 'x-api-key': key }, ''],
  (key) => [{ 'x-goog-api-key': key }, ''],
  (key) => [{}, `?key=${key}`],
  // Some clients send what they have to, and the key elsewhere.
  (key) => [{ authorization: 'Bearer none', 'x-api-key': key }, ''],
];

/** @type {Awaited<ReturnType<typeof startGateway>>} */
let gateway;
before(async () => {
  const hash = `sha256:${createHash('sha256').update(HASHED).digest('hex')}`;
  gateway = await startGateway({ GATEWAY_KEYS: JSON.stringify({ plain: CALLER_KEY, hashed: hash, other: { hash } }), ALLOWED_ORIGINS: FRIEND });
});
after(() => gateway?.stop());
beforeEach(() => {
  gateway.simulator.clear();
  gateway.simulator.script(openai.answering({ text: 'fine' }));
});

/** @param {string} path @param {object | null} body @param {Record<string, string>} [headers] */
const ask = (path, body, headers) => (body ? post(gateway.worker, path, body, headers) : get(gateway.worker, path, headers));

describe('a key with limits', () => {
  /** @type {Awaited<ReturnType<typeof startGateway>>} */
  let limited;
  const HOLDER = { authorization: `Bearer ${CALLER_KEY}` };
  const OTHER = { authorization: 'Bearer ck-free-5b1c' };
  before(async () => {
    limited = await startGateway({
      GATEWAY_KEYS: JSON.stringify({ held: { key: CALLER_KEY, providers: ['openai', 'anthropic'], models: ['openai/gpt-6*', 'anthropic/claude-haiku-5-5', 'together/*'] }, free: 'ck-free-5b1c' }),
      ROUTES: JSON.stringify({ mixed: ['together/simulated/llama', MODEL], closed: ['together/simulated/llama'] }),
      MODERATION: 'together/simulated/llama',
    });
  });
  after(() => limited?.stop());
  beforeEach(() => {
    limited.simulator.clear();
    limited.simulator.script((request) => (request.path.startsWith('/together') ? openai.streamed({ text: 'safe' }) : openai.answering({ text: 'fine' })(request)));
  });
  /** @param {string} model */
  const bodies = (model) => /** @type {[string, object][]} */ ([
    [STREAM, { model, messages: HELLO }], [CHAT, { model, messages: HELLO }], ['/v1/chat/completions', { model, messages: HELLO }],
    ['/v1/responses', { model, input: 'hello' }], ['/v1/messages', { model, max_tokens: 9, messages: HELLO }], ['/v1/messages/count_tokens', { model, messages: HELLO }],
    [`/v1beta/models/${model}:generateContent`, { contents: [{ role: 'user', parts: [{ text: 'hello' }] }] }],
    ['/api/chat', { model, messages: HELLO, stream: false }], ['/v1/embeddings', { model, input: 'hello' }], ['/stream', { model, prompt: 'hello' }],
    ['/chat', { model, messages: HELLO }],
  ]);

  test('asks only what it may, on every surface, and no provider hears of the rest', async () => {
    for (const model of ['together/simulated/llama', 'openai/gpt-5', 'demo/demo', 'closed']) {
      for (const [path, body] of bodies(model)) {
        const { status, text } = await post(limited.worker, path, body, HOLDER);
        assert.equal(status, 403, `${path} ${model}: ${text}`);
        assert.ok(!text.includes(CALLER_KEY));
      }
    }
    assert.equal(limited.simulator.requests.length, 0);
    for (const [path, body] of bodies(MODEL).filter(([path]) => path !== '/v1/embeddings')) {
      const { status, text } = await post(limited.worker, path, body, HOLDER);
      assert.equal(status, 200, `${path}: ${text}`);
    }
    assert.ok(limited.simulator.requests.every(({ path }) => !path.startsWith('/together')));
  });

  test('has of an alias what it may ask, and another key has all', async () => {
    assert.equal((await post(limited.worker, CHAT, { model: 'mixed', messages: HELLO }, HOLDER)).json.provider, 'openai');
    assert.equal((await post(limited.worker, CHAT, { model: 'mixed', messages: HELLO }, OTHER)).json.provider, 'together');
  });

  test('is held to it in a session too, and by an assistant; but not by what the operator chose', async () => {
    const { json: { id } } = await post(limited.worker, '/api/v1/sessions', {}, HOLDER);
    const asked = (/** @type {string} */ model) => post(limited.worker, CHAT, { session_id: id, model, messages: HELLO }, HOLDER);
    assertError(await asked('together/simulated/llama'), 403, 'permission_denied');
    assert.equal((await asked(MODEL)).json.content, 'fine');
    const routed = await post(limited.worker, CHAT, { assistant: 'router', model: MODEL, messages: HELLO }, HOLDER);
    assert.equal(routed.status, 200, routed.text);
    assert.ok(limited.simulator.requests.some(({ path }) => path.startsWith('/together')), 'the moderation model was asked');
  });

  test('is shown what it may ask', async () => {
    const names = async (/** @type {Record<string, string>} */ key) => (await get(limited.worker, '/v1/models', key)).json.data.map((/** @type {any} */ { id }) => id);
    assert.deepEqual((await names(HOLDER)).filter((/** @type {string} */ id) => !/^(openai\/gpt-6|anthropic\/claude-haiku-5-5|mixed$)/.test(id)), []);
    assert.ok((await names(OTHER)).some((/** @type {string} */ id) => id.startsWith('together/')));
    const { providers, routes } = (await get(limited.worker, '/api/v1/providers', HOLDER)).json;
    assert.deepEqual(routes, { mixed: [MODEL] });
    assert.deepEqual(providers.map((/** @type {any} */ { name }) => name).sort(), ['anthropic', 'openai']);
  });

  test('that makes no sense is named', async () => {
    for (const [entry, words] of [[{ key: 'a', models: 'x' }, /GATEWAY_KEYS has models that are no list of names, for held/], [{ key: 'a', budget: 1 }, /GATEWAY_KEYS has budget, which is not known, for held/]]) {
      const broken = await startWorker({ vars: { GATEWAY_KEYS: JSON.stringify({ held: entry }) } });
      const { status, json } = await get(broken, '/api/v1/providers');
      assert.equal(status, 500);
      assert.match(json.error.message, /** @type {RegExp} */ (words));
      await broken.stop();
    }
  });
});

describe('a key', () => {
  test('is taken from each place on every route', async () => {
    for (const key of [CALLER_KEY, HASHED]) {
      for (const [path, body] of ROUTES) {
        for (const place of PLACES) {
          const [headers, query] = place(key);
          const { status, text } = await ask(`${path}${query}`, body, headers);
          assert.ok(status === 200 || status === 201, `${path}${query} ${Object.keys(headers)}: ${status} ${text}`);
        }
      }
    }
  });

  test('is nothing that a provider is told', async () => {
    for (const [path, body] of ROUTES) {
      for (const place of PLACES) {
        const [headers, query] = place(CALLER_KEY);
        await ask(`${path}${query}`, body, headers);
      }
    }
    assert.ok(gateway.simulator.requests.length > 0);
    for (const request of gateway.simulator.requests) {
      assert.ok(!JSON.stringify(request).includes(CALLER_KEY), request.path);
      assert.equal(request.headers.authorization, `Bearer ${OPENAI_KEY}`);
    }
  });

  test('that is missing, wrong, or elsewhere is refused on every route, and no provider is asked', async () => {
    const places = [...PLACES.map((place) => place(WRONG)), ...PLACES.map((place) => place(CALLER_KEY.toUpperCase())), ...PLACES.map((place) => place(CALLER_KEY.slice(0, -1)))];
    /** @type {[Record<string, string>, string][]} */
    const elsewhere = [[{}, ''], [{ authorization: CALLER_KEY }, ''], [{ authorization: `Basic ${CALLER_KEY}` }, ''], [{ 'x-provider-key': CALLER_KEY }, ''],
      [{ cookie: `key=${CALLER_KEY}` }, ''], [{}, `?KEY=${CALLER_KEY}`], [{}, `?key=sha256:${createHash('sha256').update(HASHED).digest('hex')}`]];
    for (const [path, body] of ROUTES) {
      for (const [headers, query] of [...places, ...elsewhere]) {
        const { status, text } = await ask(`${path}${query}`, body, headers);
        assert.equal(status, 401, `${path}${query} ${JSON.stringify(headers)}: ${text}`);
        for (const key of [WRONG, CALLER_KEY, HASHED, CALLER_KEY.toUpperCase()]) assert.ok(!text.includes(key), text);
      }
    }
    assert.equal(gateway.simulator.requests.length, 0);
  });

  test('that is missing hides what routes there are', async () => {
    for (const path of ['/api/v1/nothing', '/v1/nothing', '/v1/models/nothing', '/v1/responses/resp_x']) assert.equal((await get(gateway.worker, path)).status, 401, path);
  });

  test('opens the plain socket, and without one there is none', async () => {
    const socket = await connect(gateway.worker, '/ws', { 'x-api-key': CALLER_KEY });
    socket.send({ messages: HELLO, provider: 'openai', model: openai.MODEL });
    await socket.until((messages) => messages.at(-1)?.includes('"end"'));
    await socket.close();
    await assert.rejects(connect(gateway.worker, '/ws', { 'x-api-key': WRONG }), { status: 401 });
  });

  test('is not asked for by the health check, nor by a browser\'s preflight', async () => {
    assert.deepEqual((await get(gateway.worker, '/health')).json, { status: 'ok' });
    const asked = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' };
    for (const [path] of ROUTES) {
      const friend = await exchange(gateway.worker, path, { method: 'OPTIONS', headers: { ...asked, origin: FRIEND } });
      assert.deepEqual([friend.status, friend.headers['access-control-allow-origin']], [204, FRIEND], path);
      const stranger = await exchange(gateway.worker, path, { method: 'OPTIONS', headers: { ...asked, origin: 'https://evil.example' } });
      assert.equal(stranger.headers['access-control-allow-origin'], undefined, path);
    }
    const refused = await post(gateway.worker, CHAT, UNIFIED, { origin: FRIEND });
    assert.deepEqual([assertError(refused, 401, 'authentication_error').retryable, refused.headers['access-control-allow-origin']], [false, FRIEND]);
  });
});

describe('a vendor\'s own SDK', () => {
  /** Each call with a key, and what is expected of its failure. @type {Record<string, [(key: string) => Promise<unknown>, (error: any) => void]>} */
  const calls = {
    'openai, on Chat Completions': [(key) => openaiWith(key).chat.completions.create({ model: MODEL, messages: HELLO }), isOpenAi],
    'openai, streaming': [(key) => openaiWith(key).chat.completions.create({ model: MODEL, messages: HELLO, stream: true }).then(collect), isOpenAi],
    'openai, on Responses': [(key) => openaiWith(key).responses.create({ model: MODEL, input: 'hello' }), isOpenAi],
    'openai, for the models': [(key) => openaiWith(key).models.list(), isOpenAi],
    'anthropic, on Messages': [(key) => anthropicWith(key).messages.create({ model: MODEL, max_tokens: 9, messages: HELLO }), isAnthropic],
    'anthropic, streaming': [(key) => anthropicWith(key).messages.stream({ model: MODEL, max_tokens: 9, messages: HELLO }).finalMessage(), isAnthropic],
    'anthropic, for the models': [(key) => anthropicWith(key).models.list(), isAnthropic],
    'google, for content': [(key) => googleWith(key).models.generateContent({ model: MODEL, contents: 'hello' }), isGoogle],
    'google, streaming': [(key) => googleWith(key).models.generateContentStream({ model: MODEL, contents: 'hello' }).then(collect), isGoogle],
    'google, for the models': [(key) => googleWith(key).models.list(), isGoogle],
    'ollama, chatting': [(key) => ollamaWith(key).chat({ model: MODEL, messages: HELLO }), isOllama],
    'ollama, for the models': [(key) => ollamaWith(key).list(), isOllama],
  };

  const openaiWith = (/** @type {string} */ apiKey) => new OpenAI({ apiKey, baseURL: `${gateway.worker.url}/v1`, defaultHeaders: gateway.worker.headers, maxRetries: 0 });
  const anthropicWith = (/** @type {string} */ apiKey) => new Anthropic({ apiKey, baseURL: gateway.worker.url, defaultHeaders: gateway.worker.headers, maxRetries: 0 });
  const googleWith = (/** @type {string} */ apiKey) => new GoogleGenAI({ apiKey, httpOptions: { baseUrl: gateway.worker.url, headers: gateway.worker.headers } });
  const ollamaWith = (/** @type {string} */ key) => new Ollama({ host: gateway.worker.url, headers: { ...gateway.worker.headers, authorization: `Bearer ${key}` } });

  for (const [name, [call, isRefusal]] of Object.entries(calls)) {
    test(`${name}, is served with a key and told in its own words without`, async () => {
      await call(CALLER_KEY);
      const asks = gateway.simulator.requests.length;
      await assert.rejects(call(WRONG), (error) => {
        isRefusal(error);
        assert.ok(!String(/** @type {any} */ (error).message).includes(WRONG));
        return true;
      });
      assert.equal(gateway.simulator.requests.length, asks);
    });
  }

  /** @param {AsyncIterable<unknown>} stream */
  async function collect(stream) {
    for await (const _ of stream);
  }
  function isOpenAi(/** @type {any} */ error) {
    assert.ok(error instanceof OpenAI.AuthenticationError, String(error));
    assert.deepEqual([error.status, error.code, error.type], [401, 'invalid_api_key', 'authentication_error']);
  }
  function isAnthropic(/** @type {any} */ error) {
    assert.ok(error instanceof Anthropic.AuthenticationError, String(error));
    assert.deepEqual([error.status, error.type, error.error?.type], [401, 'authentication_error', 'error'], String(error));
  }
  function isGoogle(/** @type {any} */ error) {
    assert.ok(error instanceof ApiError, String(error));
    assert.deepEqual([error.status, JSON.parse(error.message).error.status], [401, 'UNAUTHENTICATED']);
  }
  function isOllama(/** @type {any} */ error) {
    assert.deepEqual([error.name, error.status_code], ['ResponseError', 401], String(error));
    assert.match(error.message, /key/);
  }
});

test('no key is in any log', async () => {
  const logs = gateway.worker.logs().join('\n');
  assert.match(logs, /"event":"run"/);
  for (const key of [CALLER_KEY, HASHED, WRONG, OPENAI_KEY]) assert.ok(!logs.includes(key));
});

test('keys that make no sense are an error that names the variable and quotes nothing', { timeout: 60_000 }, async () => {
  const secret = 'ck-s3cret-must-never-be-shown';
  for (const value of [secret, `["${secret}"]`, `{"alice": "${secret}"`, `{"alice": ["${secret}"]}`, `{"alice": "sha256:${secret}"}`, `{"alice": {"key": "${secret}", "hash": "sha256:00"}}`]) {
    const worker = await startWorker({ vars: { GATEWAY_KEYS: value } });
    try {
      for (const answer of [await post(worker, CHAT, ASK), await post(worker, '/v1/messages', {}), await get(worker, '/api/v1/sessions', { authorization: `Bearer ${secret}` })]) {
        assert.equal(answer.status, 500, `${value}: ${answer.text}`);
        assert.match(answer.text, /GATEWAY_KEYS/);
        assert.ok(!answer.text.includes('s3cret'), answer.text);
      }
      assert.ok(!worker.logs().join('\n').includes('s3cret'));
    } finally {
      await worker.stop();
    }
  }
});

// @ts-check
/** Who may ask, in what form, and what is said to those who may not. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import * as openai from '../simulator/formats/openai_chat.mjs';
import { ASK, CHAT, STREAM, exchange, get, post } from './client.mjs';
import { assertError } from './expect.mjs';
import { OPENAI_KEY, TOGETHER_MODEL, startGateway } from './gateway.mjs';
import { startWorker } from './harness.mjs';

const TO_OPENAI = { ...ASK, provider: 'openai', model: openai.MODEL };
const FRIEND = 'https://app.example';
const STRANGER = 'https://evil.example';
const MEGABYTE = 1 << 20;

/** @type {Awaited<ReturnType<typeof startGateway>>} */
let gateway;
before(async () => { gateway = await startGateway({ ALLOWED_ORIGINS: `${FRIEND}, https://other.example` }); });
after(() => gateway?.stop());
beforeEach(() => {
  gateway.simulator.clear();
  gateway.simulator.script(openai.answering({ text: 'hello' }));
});

const nothingAsked = () => assert.equal(gateway.simulator.requests.length, 0, 'no provider was asked');

describe('the host name', () => {
  test('of this machine is served', async () => {
    for (const host of [`127.0.0.1:${gateway.worker.port}`, 'localhost', 'localhost:8787', '[::1]:8787', 'LOCALHOST']) {
      assert.equal((await post(gateway.worker, CHAT, TO_OPENAI, { host })).status, 200, host);
    }
  });

  test('of anything else is refused, whatever it looks like', async () => {
    for (const host of ['gateway.example', 'localhost.evil.example', '127.0.0.1.evil.example', '192.0.2.1', 'notlocalhost', '10.0.0.1']) {
      for (const path of [CHAT, STREAM]) assertError(await post(gateway.worker, path, TO_OPENAI, { host }), 403, 'permission_denied');
      assertError(await get(gateway.worker, '/api/v1/providers', { host }), 403, 'permission_denied');
    }
    nothingAsked();
  });

  test('does not matter when the operator has opened the worker', async () => {
    const open = await startWorker({ vars: { ALLOW_ANONYMOUS: 'true' } });
    try {
      const { status } = await post(open, CHAT, { messages: [{ role: 'user', content: '/fast' }] }, { host: 'gateway.example' });
      assert.equal(status, 200);
    } finally {
      await open.stop();
    }
  });

  test('is not overruled by a header that a client can set', async () => {
    const headers = { host: 'gateway.example', 'x-forwarded-host': 'localhost', forwarded: 'host=localhost', 'x-original-host': 'localhost' };
    assertError(await post(gateway.worker, CHAT, TO_OPENAI, headers), 403, 'permission_denied');
  });
});

describe('the origin', () => {
  test('of a stranger is refused on every route, and no provider is asked', async () => {
    for (const origin of [STRANGER, 'null', 'http://localhost.evil.example', `${FRIEND}.evil.example`, 'http://127.0.0.1:1']) {
      const answers = [await post(gateway.worker, STREAM, TO_OPENAI, { origin }), await post(gateway.worker, CHAT, TO_OPENAI, { origin }),
        await get(gateway.worker, '/api/v1/providers', { origin })];
      for (const answer of answers) {
        assertError(answer, 403, 'permission_denied');
        assert.equal(answer.headers['access-control-allow-origin'], undefined, origin);
      }
    }
    nothingAsked();
  });

  test('of the worker itself is served', async () => {
    const { status } = await post(gateway.worker, CHAT, TO_OPENAI, { origin: gateway.worker.url });
    assert.equal(status, 200);
  });

  test('of a friend is served, and may read the answer and its ids', async () => {
    for (const path of [STREAM, CHAT]) {
      const { status, headers } = await post(gateway.worker, path, TO_OPENAI, { origin: FRIEND });
      assert.equal(status, 200);
      assertReadable(headers);
    }
    assert.equal((await post(gateway.worker, CHAT, TO_OPENAI, { origin: 'https://other.example' })).status, 200);
  });

  test('of a friend may read errors too', async () => {
    const answer = await post(gateway.worker, CHAT, {}, { origin: FRIEND });
    assertError(answer, 422, 'invalid_request');
    assertReadable(answer.headers);
  });

  test('of a friend passes the preflight', async () => {
    const asked = { origin: FRIEND, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type,x-provider-key' };
    const { status, headers, text } = await exchange(gateway.worker, STREAM, { method: 'OPTIONS', headers: asked });
    assert.deepEqual([status, text], [204, '']);
    assert.equal(headers['access-control-allow-origin'], FRIEND);
    assert.match(String(headers['access-control-allow-methods']), /\bPOST\b/);
    const allowed = String(headers['access-control-allow-headers']).toLowerCase();
    assert.ok(allowed.includes('content-type') && allowed.includes('x-provider-key'), allowed);
  });

  test('of a friend may send whatever headers a vendor\'s SDK has', async () => {
    const asked = { origin: FRIEND, 'access-control-request-method': 'POST', 'access-control-request-headers': 'anthropic-version,x-stainless-lang' };
    const { headers } = await exchange(gateway.worker, '/v1/chat/completions', { method: 'OPTIONS', headers: asked });
    assert.equal(headers['access-control-allow-headers'], 'anthropic-version,x-stainless-lang');
  });

  test('of a stranger is promised nothing by the preflight', async () => {
    const asked = { origin: STRANGER, 'access-control-request-method': 'POST' };
    const { headers } = await exchange(gateway.worker, STREAM, { method: 'OPTIONS', headers: asked });
    assert.equal(headers['access-control-allow-origin'], undefined);
    assert.equal(headers['access-control-allow-methods'], undefined);
  });

  /** @param {import('node:http').IncomingHttpHeaders} headers */
  function assertReadable(headers) {
    assert.equal(headers['access-control-allow-origin'], FRIEND);
    assert.match(String(headers.vary), /\borigin\b/i);
    assert.match(String(headers['access-control-expose-headers']), /x-request-id/i);
    assert.match(String(headers['access-control-expose-headers']), /x-run-id/i);
  }
});

describe('the body', () => {
  const body = JSON.stringify(TO_OPENAI);

  test('must be called JSON', async () => {
    /** @type {Record<string, string>[]} */
    const kinds = [{}, { 'content-type': 'text/plain' }, { 'content-type': 'application/x-www-form-urlencoded' },
      { 'content-type': 'application/jsonp' }, { 'content-type': 'text/plain; application/json' }];
    for (const headers of kinds) {
      for (const path of [STREAM, CHAT]) assertError(await exchange(gateway.worker, path, { headers, body }), 415, 'invalid_request');
    }
    nothingAsked();
  });

  test('may name its character set', async () => {
    for (const type of ['application/json; charset=utf-8', 'Application/JSON']) {
      assert.equal((await exchange(gateway.worker, CHAT, { headers: { 'content-type': type }, body })).status, 200, type);
    }
  });

  test('may have up to four megabytes', async () => {
    const long = { ...TO_OPENAI, messages: [{ role: 'user', content: 'x'.repeat(4 * MEGABYTE - 1000) }] };
    assert.equal((await post(gateway.worker, CHAT, long)).status, 200);
    assert.equal(gateway.simulator.requests[0].json.messages[0].content.length, 4 * MEGABYTE - 1000);
  });

  test('is refused above that, declared or not', async () => {
    const long = Buffer.from(JSON.stringify({ ...TO_OPENAI, messages: [{ role: 'user', content: 'x'.repeat(4 * MEGABYTE) }] }));
    const headers = { 'content-type': 'application/json' };
    assertError(await exchange(gateway.worker, CHAT, { headers, body: long }), 413, 'invalid_request');
    const chunked = function* () {
      for (let at = 0; at < long.length; at += 65_536) yield long.subarray(at, at + 65_536);
    };
    assertError(await exchange(gateway.worker, CHAT, { headers, body: chunked() }), 413, 'invalid_request');
    nothingAsked();
  });

  test('must be JSON', async () => {
    for (const broken of ['', '{', '{"messages":[}', 'hello', '[]', 'null', '"messages"', '{"messages":[{"role":"user","content":"\xff']) {
      assertError(await post(gateway.worker, CHAT, broken), 422, 'invalid_request');
    }
  });

  test('must be UTF-8', async () => {
    const broken = Buffer.from('{"messages":[{"role":"user","content":"\xff\xfe"}]}', 'latin1');
    assertError(await exchange(gateway.worker, CHAT, { headers: { 'content-type': 'application/json' }, body: broken }), 422, 'invalid_request');
  });

  const user = { role: 'user', content: 'hello' };
  const call = { id: 'call_a', type: 'function', function: { name: 'look', arguments: '{}' } };
  const wrong = /** @type {const} */ ([
    ['messages', {}],
    ['messages', { messages: [] }],
    ['messages', { messages: 'hello' }],
    ['messages[0]', { messages: ['hello'] }],
    ['messages[0].role', { messages: [{ content: 'hello' }] }],
    ['messages[1].role', { messages: [user, { role: 'robot', content: 'hello' }] }],
    ['messages[0].content', { messages: [{ role: 'user' }] }],
    ['messages[0].content', { messages: [{ role: 'user', content: 7 }] }],
    ['messages[0].content[0]', { messages: [{ role: 'user', content: [{ type: 'smell' }] }] }],
    ['messages[1].tool_call_id', { messages: [user, { role: 'tool', content: 'Rain.' }] }],
    ['messages[1].tool_calls', { messages: [user, { role: 'assistant', content: null, tool_calls: [{ ...call, function: {} }] }] }],
    ['temperature', { messages: [user], temperature: 3 }],
    ['temperature', { messages: [user], temperature: -0.1 }],
    ['temperature', { messages: [user], temperature: 'warm' }],
    ['top_p', { messages: [user], top_p: 1.5 }],
    ['max_tokens', { messages: [user], max_tokens: 0 }],
    ['max_tokens', { messages: [user], max_tokens: 'many' }],
    ['stop', { messages: [user], stop: 7 }],
    ['seed', { messages: [user], seed: 'x' }],
    ['thinking', { messages: [user], thinking: 'hard' }],
    ['thinking.effort', { messages: [user], thinking: { effort: 'heroic' } }],
    ['tools', { messages: [user], tools: {} }],
    ['tools[0]', { messages: [user], tools: [{ type: 'function', function: {} }] }],
    ['tool_choice', { messages: [user], tool_choice: 'perhaps' }],
    ['response_format', { messages: [user], response_format: { type: 'verse' } }],
    ['on_disconnect', { messages: [user], on_disconnect: 'shrug' }],
    ['provider', { messages: [user], provider: 7 }],
    ['model', { messages: [user], model: {} }],
  ]);
  for (const [param, request] of wrong) {
    test(`is refused with ${param} named: ${JSON.stringify(request).slice(0, 90)}`, async () => {
      for (const path of [STREAM, CHAT]) {
        const error = assertError(await post(gateway.worker, path, request), 422, 'invalid_request');
        assert.ok(error.param === param || String(error.param).startsWith(`${param}.`) || String(error.param).startsWith(`${param}[`), `param is ${error.param}`);
        assert.equal(error.retryable, false);
      }
      nothingAsked();
    });
  }

  test('may not ask a provider that there is not', async () => {
    for (const request of [{ ...ASK, provider: 'nobody' }, { ...ASK, provider: 'OpenAI ' }]) {
      const error = assertError(await post(gateway.worker, STREAM, request), 400, 'unknown_provider');
      assert.equal(error.param, 'provider');
    }
  });

  test('may not ask together for a model outside its list', async () => {
    const error = assertError(await post(gateway.worker, STREAM, { ...ASK, provider: 'together', model: 'simulated/other' }), 400, 'model_not_supported');
    assert.equal(error.param, 'model');
    nothingAsked();
    assert.equal((await post(gateway.worker, CHAT, { ...ASK, provider: 'together', model: TOGETHER_MODEL })).status, 200);
  });
});

describe('routes', () => {
  test('that do not exist are not found', async () => {
    for (const path of ['/api/v1/nothing', '/api/v1/chat/nothing']) {
      assertError(await get(gateway.worker, path), 404, 'not_found');
    }
  });

  test('say which methods they take', async () => {
    const answer = await exchange(gateway.worker, CHAT, { method: 'PUT', headers: { 'content-type': 'application/json' }, body: '{}' });
    assertError(answer, 405, 'invalid_request');
    assert.match(String(answer.headers.allow), /\bPOST\b/);
    const listing = await post(gateway.worker, '/api/v1/providers', {});
    assertError(listing, 405, 'invalid_request');
    assert.match(String(listing.headers.allow), /\bGET\b/);
  });

  test('tell that the worker is alive', async () => {
    const { status, json } = await get(gateway.worker, '/health');
    assert.deepEqual([status, json], [200, { status: 'ok' }]);
  });

  test('tell the health of streaming, by provider, without any key', async () => {
    const { status, json, text } = await get(gateway.worker, '/api/v1/chat/stream/health');
    assert.equal(status, 200);
    assert.equal(json.status, 'ok');
    assert.match(json.version, /^\d+\.\d+\.\d+/);
    assert.deepEqual(json.providers.openai, { configured: true, streams: true });
    assert.deepEqual(json.providers.demo, { configured: true, streams: true });
    assert.ok(!text.includes(OPENAI_KEY));
  });

  test('list the providers, without any key', async () => {
    const { status, json, text } = await get(gateway.worker, '/api/v1/providers');
    assert.equal(status, 200);
    const byName = new Map(json.providers.map((/** @type {any} */ one) => [one.name, one]));
    for (const one of json.providers) {
      assert.deepEqual(Object.keys(one).sort(), ['any_model', 'configured', 'default_model', 'description', 'dialect', 'key_variable', 'models', 'name', 'streams']);
    }
    assert.deepEqual([byName.get('openai').configured, byName.get('openai').key_variable, byName.get('openai').any_model], [true, 'OPENAI_API_KEY', true]);
    assert.deepEqual([byName.get('demo').configured, byName.get('demo').key_variable], [true, null]);
    assert.deepEqual(byName.get('together').models, [TOGETHER_MODEL]);
    assert.ok(!text.includes(OPENAI_KEY));
  });

  test('list a provider without a key as not configured', async () => {
    const bare = await startWorker();
    try {
      const { json } = await get(bare, '/api/v1/providers');
      assert.equal(json.default, 'demo', 'without any key everything runs on the demo');
      const openaiEntry = json.providers.find((/** @type {any} */ one) => one.name === 'openai');
      assert.deepEqual([openaiEntry.configured, openaiEntry.key_variable], [false, 'OPENAI_API_KEY']);
      const error = assertError(await post(bare, CHAT, TO_OPENAI), 401, 'provider_auth_error');
      assert.match(error.message, /OPENAI_API_KEY/);
    } finally {
      await bare.stop();
    }
  });

  test('follow the operator\'s choice of a default provider', async () => {
    const chosen = await startWorker({ vars: { DEFAULT_PROVIDER: 'together', TOGETHER_API_KEY: 'x', TOGETHER_BASE_URL: `${gateway.simulator.url}/together/v1`, TOGETHER_MODELS: TOGETHER_MODEL } });
    try {
      assert.equal((await get(chosen, '/api/v1/providers')).json.default, 'together');
      const { json } = await post(chosen, CHAT, ASK);
      assert.deepEqual([json.provider, json.model], ['together', openai.MODEL]);
      assert.equal(gateway.simulator.requests[0].json.model, TOGETHER_MODEL);
    } finally {
      await chosen.stop();
    }
  });

  test('give every request an id of its own', async () => {
    const answers = await Promise.all(Array.from({ length: 5 }, () => get(gateway.worker, '/api/v1/providers')));
    assert.equal(new Set(answers.map(({ headers }) => headers['x-request-id'])).size, 5);
  });
});

// @ts-check
/** Failures before the first byte: what is tried again, what the client is told in the end, and what it must never be told. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import * as openai from '../simulator/formats/openai_chat.mjs';
import { flow, reset } from '../simulator/wire.mjs';
import { ASK, CHAT, STREAM, exchange, post, stream } from './client.mjs';
import { assertError, assertFailed } from './expect.mjs';
import { CALLER_KEY, OPENAI_KEY, startGateway } from './gateway.mjs';

/** @type {Awaited<ReturnType<typeof startGateway>>} */
let gateway;
before(async () => {
  gateway = await startGateway({
    PROVIDERS: JSON.stringify([
      // Port 9 (discard) is closed wherever tests run.
      { name: 'closed', dialect: 'openai-chat', base_url: 'http://127.0.0.1:9/v1', key: 'OPENAI_API_KEY', default_model: 'm', models: ['m'] },
      { name: 'keyless', dialect: 'openai-chat', base_url: 'http://127.0.0.1:9/v1', key: 'NOWHERE_API_KEY', default_model: 'm', models: ['m'] },
    ]),
  });
});
after(() => gateway?.stop());
beforeEach(() => gateway.simulator.clear());

const TO_OPENAI = { ...ASK, provider: 'openai', model: openai.MODEL };
const FINE = openai.streamed({ text: 'fine' });

/** Posts to both unified routes in turn, each against the same reply, and gives both answers. @param {import('../simulator/simulator.mjs').Scripted} reply */
async function bothRoutes(reply) {
  const answers = [];
  for (const route of [STREAM, CHAT]) {
    gateway.simulator.clear();
    gateway.simulator.script(reply);
    const answer = await post(gateway.worker, route, TO_OPENAI);
    answers.push({ answer, attempts: gateway.simulator.requests.length });
  }
  return answers;
}

describe('an error status of the provider', () => {
  /** @type {[status: number, error: { type: string, code?: string, message?: string }, told: number, type: string][]} */
  const final = [
    [400, { type: 'invalid_request_error', message: 'messages: too odd' }, 422, 'invalid_request'],
    [401, { type: 'invalid_request_error', code: 'invalid_api_key' }, 401, 'provider_auth_error'],
    [403, { type: 'permission_error' }, 403, 'permission_denied'],
    [404, { type: 'invalid_request_error', code: 'model_not_found' }, 400, 'model_not_supported'],
    [429, { type: 'insufficient_quota', code: 'insufficient_quota' }, 429, 'rate_limited'],
  ];
  for (const [status, error, told, type] of final) {
    test(`${status} ${error.code ?? error.type} is ${type} and is not tried again`, async () => {
      for (const { answer, attempts } of await bothRoutes(openai.failed(status, error))) {
        assert.equal(assertError(answer, told, type).provider, 'openai');
        assert.equal(attempts, 1);
      }
    });
  }

  for (const status of [500, 502, 503, 504, 529]) {
    test(`${status} is tried three times, and then the service is unavailable`, async () => {
      for (const { answer, attempts } of await bothRoutes(openai.failed(status))) {
        const error = assertError(answer, 503, 'overloaded');
        assert.deepEqual([error.message, error.retryable, attempts], ['AI service unavailable', true, 3]);
      }
    });
  }

  for (const status of [408, 409]) {
    test(`${status} is tried again`, async () => {
      gateway.simulator.script(openai.failed(status), FINE);
      assert.equal((await stream(gateway.worker, TO_OPENAI)).content, 'fine');
    });
  }

  test('429 is tried again, and stays a rate limit that says how long to wait', async () => {
    for (const { answer, attempts } of await bothRoutes(openai.failed(429, { type: 'requests', code: 'rate_limit_exceeded' }, { 'retry-after-ms': '10', 'retry-after': '1' }))) {
      const error = assertError(answer, 429, 'rate_limited');
      assert.deepEqual([error.retryable, attempts, answer.headers['retry-after']], [true, 3, '1']);
    }
  });

  test('x-should-retry: false is obeyed', async () => {
    gateway.simulator.script(openai.failed(500, {}, { 'x-should-retry': 'false' }));
    const answer = await post(gateway.worker, STREAM, TO_OPENAI);
    assert.ok(answer.status >= 500);
    assert.equal(gateway.simulator.requests.length, 1);
  });

  test('one failure and then an answer is an answer', async () => {
    for (const status of [500, 503, 429]) {
      gateway.simulator.clear();
      gateway.simulator.script(openai.failed(status), FINE);
      assert.equal((await stream(gateway.worker, TO_OPENAI)).content, 'fine');
      assert.equal(gateway.simulator.requests.length, 2);
    }
  });

  test('the same request is sent each time', async () => {
    gateway.simulator.script(openai.failed(500), FINE);
    await stream(gateway.worker, TO_OPENAI);
    const [first, second] = gateway.simulator.requests;
    assert.deepEqual(second.json, first.json);
    assert.equal(second.headers.authorization, first.headers.authorization);
  });

  test('bodies of every shape have their message found', async () => {
    const shapes = [
      { error: { message: 'odd request', type: 'x', code: 400 } }, { error: 'odd request' }, { error: 'odd request', code: 'x' },
      { code: 400, message: 'odd request', type: 'x' }, { object: 'error', message: 'odd request' }, { detail: 'odd request' },
      { detail: [{ loc: ['body'], msg: 'odd request' }] }, { type: 'error', error: { type: 'x', message: 'odd request' } },
      [{ error: { code: 400, message: 'odd request', status: 'INVALID_ARGUMENT' } }], { success: false, errors: [{ code: 1, message: 'odd request' }] },
    ];
    for (const shape of shapes) {
      gateway.simulator.script(openai.errorBody(400, shape));
      const error = assertError(await post(gateway.worker, STREAM, TO_OPENAI), 422, 'invalid_request');
      assert.match(error.message, /odd request/, JSON.stringify(shape));
    }
  });

  test('a page or nothing at all is still a clear error', async () => {
    const page = { status: 400, headers: { 'content-type': 'text/html' }, steps: ['<html><script>alert(1)</script></html>'] };
    for (const reply of [page, openai.errorBody(400, '')]) {
      gateway.simulator.script(reply);
      assertError(await post(gateway.worker, STREAM, TO_OPENAI), 422, 'invalid_request');
    }
  });

  test('an error body without end is not read to its end', async () => {
    gateway.simulator.script({ status: 400, headers: { 'content-type': 'text/plain' }, steps: [flow(function* () {
      for (let sent = 0; sent < 64 << 20; sent += 65_536) yield 'odd request '.padEnd(65_536);
    })] });
    const error = assertError(await post(gateway.worker, STREAM, TO_OPENAI), 422, 'invalid_request');
    assert.match(error.message, /odd request/);
    const [request] = await gateway.simulator.waitFor(([one]) => one.outcome !== 'open');
    assert.ok(request.outcome === 'aborted' && request.sent < 16 << 20, `${request.outcome} after ${request.sent} bytes`);
  });

  test('a redirect is an error, is not tried again, and is not followed, so no key travels to another address', async () => {
    gateway.simulator.script({ status: 307, headers: { location: `${gateway.simulator.url}/elsewhere/chat/completions` } });
    const answer = await post(gateway.worker, STREAM, TO_OPENAI);
    assert.deepEqual([...new Set(gateway.simulator.requests.map(({ path }) => path))], ['/v1/chat/completions']);
    assertError(answer, 502, 'provider_error');
    assert.equal(gateway.simulator.requests.length, 1);
  });
});

describe('a provider that cannot be reached', () => {
  test('is tried three times when it resets before its headers', async () => {
    for (const { answer, attempts } of await bothRoutes({ steps: [reset()] })) {
      assert.equal(assertError(answer, 503, 'overloaded').message, 'AI service unavailable');
      assert.equal(attempts, 3);
    }
  });

  test('is answered for when it comes back in time', async () => {
    gateway.simulator.script({ steps: [reset()] }, FINE);
    assert.equal((await stream(gateway.worker, TO_OPENAI)).content, 'fine');
  });

  test('is unavailable when nothing listens at its address', async () => {
    assertError(await post(gateway.worker, STREAM, { ...ASK, provider: 'closed' }), 503, 'overloaded');
  });
});

describe('the provider\'s word on when to try again', () => {
  // The lower bound is what is promised; how much later it comes is the machine's affair.
  for (const [header, value, least] of /** @type {const} */ ([['retry-after-ms', '400', 400], ['retry-after', '1', 1000]])) {
    test(`${header} is obeyed`, async () => {
      gateway.simulator.script(openai.failed(503, {}, { [header]: value }), FINE);
      await stream(gateway.worker, TO_OPENAI);
      const [first, second] = gateway.simulator.requests;
      assert.ok(second.at - first.at >= least - 5, `tried again after ${second.at - first.at} ms`);
    });
  }

  test('a wait that nobody would sit out is passed to the client instead', async () => {
    gateway.simulator.script(openai.failed(429, { code: 'rate_limit_exceeded' }, { 'retry-after': '3600' }));
    const answer = await post(gateway.worker, STREAM, TO_OPENAI);
    assertError(answer, 429, 'rate_limited');
    assert.equal(answer.headers['retry-after'], '3600');
    assert.equal(gateway.simulator.requests.length, 1);
  });
});

describe('keys and prompts', () => {
  const PROMPT = 'a prompt that must not be logged 8c1f';
  const logged = () => gateway.worker.logs().join('\n');
  /** A provider that repeats all that it was sent. @param {(text: string) => import('../simulator/wire.mjs').Reply} reply @returns {import('../simulator/simulator.mjs').Scripted} */
  const echo = (reply) => ({ headers, body }) => reply(`Incorrect API key provided: ${headers.authorization}. You sent ${body}`);

  for (const [whose, key, headers] of /** @type {const} */ ([['the operator\'s', OPENAI_KEY, {}], ['the caller\'s', CALLER_KEY, { 'x-provider-key': CALLER_KEY }]])) {
    test(`${whose} key is in no answer and no log, though the provider repeats it`, async () => {
      const request = { ...TO_OPENAI, messages: [{ role: 'user', content: PROMPT }] };
      const replies = [
        echo((text) => openai.failed(401, { message: text })),
        echo((text) => openai.failed(400, { message: text })),
        echo((text) => openai.failed(500, { message: text })),
        echo((text) => openai.streamOf([openai.frame({ error: { message: text, type: 'invalid_request_error' } })])),
        echo((text) => openai.streamOf([...openai.frames({ text: 'so ' }).slice(0, 2), openai.frame({ error: { message: text } })])),
        echo((text) => ({ status: 200, headers: { 'content-type': 'text/html' }, steps: [`<p>${text}`] })),
      ];
      for (const reply of replies) {
        for (const route of [STREAM, CHAT]) {
          gateway.simulator.script(reply);
          const answer = await post(gateway.worker, route, request, headers);
          assert.ok(!answer.text.includes(key), answer.text);
          assert.ok(!JSON.stringify(answer.headers).includes(key));
        }
      }
      assert.ok(gateway.simulator.requests.every((one) => one.headers.authorization === `Bearer ${key}`), 'the key was really used');
      assert.ok(!logged().includes(key), 'the log has the key');
      assert.ok(!logged().includes(PROMPT), 'the log has the prompt');
    });
  }

  test('a key that is refused in mid-stream is not quoted, masked or not', async () => {
    const refused = openai.frame({ error: { message: 'Incorrect API key provided: sk-pr*****7f3a', code: 'invalid_api_key' } });
    gateway.simulator.script(openai.streamOf([...openai.frames({ text: 'so ' }).slice(0, 2), refused]));
    const ended = await stream(gateway.worker, TO_OPENAI);
    const error = assertFailed(ended, 'provider_auth_error');
    assert.doesNotMatch(JSON.stringify(error), /7f3a/);
  });

  test('no piece of a key is left where a long error is cut', async () => {
    const start = CALLER_KEY.slice(0, 12);
    const lengths = [256, 500, 512, 1000, 1024, 2000, 2048, 4096, 65_536];
    for (const padding of lengths.flatMap((length) => [length - 200, length - 130, length - 60, length - 20])) {
      const words = `${'x'.repeat(Math.max(0, padding - 1))} ${CALLER_KEY} and so on`;
      for (const reply of [openai.errorBody(400, words), openai.failed(400, { message: words }),
        openai.streamOf([...openai.frames({ text: 'so ' }).slice(0, 2), openai.frame({ error: { message: words } })])]) {
        gateway.simulator.script(reply);
        const { text } = await post(gateway.worker, STREAM, TO_OPENAI, { 'x-provider-key': CALLER_KEY });
        assert.ok(!text.includes(start), `padded by ${padding}: ${text.slice(text.indexOf(start) - 20)}`);
      }
    }
  });

  test('each request leaves one structured log line, with its id', async () => {
    gateway.simulator.script(FINE);
    const { headers } = await stream(gateway.worker, TO_OPENAI);
    const id = String(headers['x-request-id']);
    const entry = JSON.parse(await gateway.worker.waitForLog(id));
    assert.deepEqual([entry.request_id, entry.provider], [id, 'openai']);
    // The next request's line comes after every line of this one.
    await gateway.worker.waitForLog(String((await stream(gateway.worker, TO_OPENAI)).headers['x-request-id']));
    assert.equal(gateway.worker.logs().filter((line) => line.includes(id)).length, 1);
  });

  test('a missing key is named by its variable', async () => {
    const error = assertError(await post(gateway.worker, STREAM, { ...ASK, provider: 'keyless' }), 401, 'provider_auth_error');
    assert.match(error.message, /NOWHERE_API_KEY/);
  });

  test('a refused key is named by its variable', async () => {
    gateway.simulator.script(openai.failed(401, { code: 'invalid_api_key' }));
    const error = assertError(await post(gateway.worker, STREAM, TO_OPENAI), 401, 'provider_auth_error');
    assert.match(error.message, /OPENAI_API_KEY/);
  });

  test('a caller without a configured key may bring one', async () => {
    gateway.simulator.script(openai.failed(401, { code: 'invalid_api_key' }));
    const answer = await exchange(gateway.worker, STREAM, {
      headers: { 'content-type': 'application/json', 'x-provider-key': CALLER_KEY },
      body: JSON.stringify(TO_OPENAI),
    });
    assertError(answer, 401, 'provider_auth_error');
    assert.equal(gateway.simulator.requests[0].headers.authorization, `Bearer ${CALLER_KEY}`);
  });
});

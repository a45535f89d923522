// @ts-check
/** Cloudflare Workers AI behind the unified stream: over REST as the operator's own provider, and through the binding. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import * as openai from '../simulator/formats/openai_chat.mjs';
import * as ai from '../simulator/formats/workers_ai.mjs';
import { hangUp, head, silence } from '../simulator/wire.mjs';
import { startBound } from './bound.mjs';
import { CHAT, STREAM, beginPost, get, post, stream, watch } from './client.mjs';
import { assertError, assertFailed } from './expect.mjs';
import { CLOUDFLARE_KEY, startGateway } from './gateway.mjs';
import { ROOT } from './harness.mjs';

const MESSAGES = [{ role: 'user', content: 'hello' }];
const TOOLS = [{ type: 'function', function: { name: 'look', parameters: { type: 'object' } } }];
const IMPATIENT = { IDLE_TIMEOUT_SECONDS: '1', THINKING_TIMEOUT_SECONDS: '1' };

/** @typedef {import('../simulator/simulator.mjs').Recorded} Recorded */
/** @typedef {{ simulator: import('../simulator/simulator.mjs').Simulator, worker: import('./client.mjs').Server }} Gateway */

/** What holds both ways: the same answers, errors and endings. @param {() => Gateway} gateway @param {string} provider @param {typeof ai.failed} failed @param {(request: Recorded) => any} inputs */
function itAnswers(gateway, provider, failed, inputs) {
  const ask = { provider, model: ai.MODEL, messages: MESSAGES };
  const script = (/** @type {import('../simulator/simulator.mjs').Scripted[]} */ ...replies) => gateway().simulator.script(...replies);
  const streamOn = (/** @type {object} */ body = ask) => stream(gateway().worker, body);

  test('text and usage of the older shape are streamed on, and its end is a stop', async () => {
    script(ai.streamed({ text: ['Hel', 'lo'] }));
    const { content, finish, rawFinish, usage, end } = await streamOn();
    assert.deepEqual([content, finish, rawFinish, end], ['Hello', 'stop', undefined, 'done']);
    assert.deepEqual(usage, { input_tokens: 9, output_tokens: 12, total_tokens: 21 });
  });

  test('both shapes are folded into a whole answer', async () => {
    script(ai.streamed({ text: ['Hel', 'lo'] }), ai.chatStreamed({ text: ['Hel', 'lo'], reasoning: ['Hm'] }));
    const older = await post(gateway().worker, CHAT, ask);
    assert.deepEqual([older.status, older.json.content, older.json.finish_reason], [200, 'Hello', 'stop']);
    const newer = await post(gateway().worker, CHAT, { ...ask, model: ai.CHAT_MODEL });
    assert.deepEqual([newer.json.content, newer.json.reasoning, newer.json.model], ['Hello', 'Hm', ai.CHAT_MODEL]);
  });

  test('flat calls become tool calls with ids', async () => {
    script(ai.streamed({ toolCalls: [{ name: 'look', arguments: { x: 1 } }, { name: 'look', arguments: {} }] }));
    const { toolCalls, finish } = await streamOn();
    assert.deepEqual(toolCalls.map((/** @type {any} */ call) => [call.function.name, call.function.arguments]), [['look', '{"x":1}'], ['look', '{}']]);
    assert.ok(toolCalls.every((/** @type {any} */ call) => /^call_/.test(call.id)));
    assert.equal(finish, 'tool_calls');
  });

  test('thinking and a call come back with the next turn', async () => {
    const chat = { ...ask, model: ai.CHAT_MODEL, tools: TOOLS, thinking: { effort: 'max' } };
    script(ai.chatStreamed({ reasoning: ['Hm', '.'], toolCalls: [{ id: 'call_a', name: 'look', arguments: ['{"x"', ':1}'] }] }));
    const first = await streamOn(chat);
    assert.deepEqual([first.reasoning, first.finish], ['Hm.', 'tool_calls']);
    script(ai.chatStreamed({ text: ['fine'] }));
    const answered = { role: 'assistant', content: first.content, reasoning: first.reasoning, tool_calls: first.toolCalls };
    const second = await streamOn({ ...chat, messages: [...MESSAGES, answered, { role: 'tool', tool_call_id: 'call_a', content: 'seen' }] });
    assert.equal(second.content, 'fine');
    const [, request] = gateway().simulator.requests;
    const call = { id: 'call_a', type: 'function', function: { name: 'look', arguments: '{"x":1}' } };
    assert.deepEqual(inputs(request), {
      messages: [...MESSAGES, { role: 'assistant', content: '', tool_calls: [call] }, { role: 'tool', content: 'seen', tool_call_id: 'call_a' }],
      stream: true,
      reasoning_effort: 'max',
      tools: TOOLS,
    });
  });

  test('an answer that is empty is asked for once more, whole', async () => {
    const bare = provider === 'workers-ai';
    script(ai.whole({}, bare), ai.whole(ai.result({ text: ['whole'] }), bare));
    const { content, finish, warnings } = await streamOn();
    assert.deepEqual([content, finish], ['whole', 'stop']);
    assert.deepEqual(warnings, ['the answer was asked for whole: the model does not stream it']);
    assert.deepEqual(gateway().simulator.requests.map((request) => inputs(request).stream), [true, undefined]);
  });

  /** @type {[status: number, code: number, told: number, type: string][]} */
  const final = [
    [400, 5007, 400, 'model_not_supported'],
    [400, 5004, 422, 'invalid_request'],
    [403, 5018, 403, 'permission_denied'],
    [413, 3006, 413, 'invalid_request'],
    [429, 3036, 429, 'rate_limited'],
  ];
  for (const [status, code, told, type] of final) {
    test(`${code} is ${type} and is not tried again`, async () => {
      script(failed(status, code));
      for (const route of [STREAM, CHAT]) {
        gateway().simulator.requests.length = 0;
        const error = assertError(await post(gateway().worker, route, ask), told, type);
        assert.deepEqual([error.message, error.provider, error.retryable], [`simulated ${code}`, provider, false]);
        assert.equal(gateway().simulator.requests.length, 1);
      }
    });
  }

  for (const code of [3040, 3008]) {
    test(`${code} is tried three times, and then the service is unavailable`, async () => {
      script(failed(code === 3040 ? 429 : 408, code));
      const error = assertError(await post(gateway().worker, STREAM, ask), 503, 'overloaded');
      assert.deepEqual([error.message, gateway().simulator.requests.length], ['AI service unavailable', 3]);
    });
  }

  test('an error as the first event is tried again and costs nothing', async () => {
    script(ai.streamOf([ai.frame(ai.refusal(3040, 'no room'))]), ai.streamed({ text: ['fine'] }));
    assert.equal((await streamOn()).content, 'fine');
    assert.equal(gateway().simulator.requests.length, 2);
  });

  test('an error in mid-answer comes behind the text', async () => {
    script(ai.streamOf([...ai.frames({ text: ['Hel'] }).slice(0, 1), ai.frame(ai.refusal(3040, 'no room'))]));
    const ended = await streamOn();
    assert.equal(ended.content, 'Hel');
    assert.equal(assertFailed(ended, 'overloaded').message, 'no room');
  });

  for (const [how, steps] of Object.entries({ 'breaks off': [hangUp()], 'ends without its end': [] })) {
    test(`an answer that ${how} is truncated`, async () => {
      script(ai.streamOf([...ai.frames({ text: ['Hel'] }).slice(0, 1), ...steps]));
      const ended = await streamOn();
      assert.equal(ended.content, 'Hel');
      assertFailed(ended, 'truncated');
    });
  }

  test('an answer that stalls is a timeout, and its request is given up', async () => {
    script(ai.streamOf([...ai.frames({ text: ['Hel'] }).slice(0, 1), silence()]));
    const ended = await streamOn();
    assert.equal(ended.content, 'Hel');
    assertFailed(ended, 'timeout');
    await gateway().simulator.waitFor(([{ outcome }]) => outcome === 'aborted');
  });

  test('the wait that the provider asks for is kept', async () => {
    script(failed(429, 3040, 'busy', { 'retry-after': '1' }), ai.streamed({ text: ['fine'] }));
    assert.equal((await streamOn()).content, 'fine');
    const [first, second] = gateway().simulator.requests;
    assert.ok(second.at - first.at >= 900, `asked again after ${second.at - first.at} ms`);
  });
}

describe('over REST', { timeout: 120_000 }, () => {
  /** @type {Awaited<ReturnType<typeof startGateway>>} */
  let gateway;
  before(async () => {
    gateway = await startGateway((url) => ({
      ...IMPATIENT,
      CLOUDFLARE_API_TOKEN: CLOUDFLARE_KEY,
      PROVIDERS: JSON.stringify([{ name: 'cloudflare', dialect: 'workers-ai', base_url: `${url}/accounts/a1/ai/run`, key: 'CLOUDFLARE_API_TOKEN' }]),
    }));
  });
  after(() => gateway?.stop());
  beforeEach(() => gateway.simulator.clear());
  itAnswers(() => gateway, 'cloudflare', ai.failed, ({ json }) => json);

  test('the model is in the path, the token in its header, and the inputs are the body', async () => {
    gateway.simulator.script(ai.streamed({ text: ['fine'] }));
    await stream(gateway.worker, { model: `cloudflare/${ai.MODEL}`, messages: MESSAGES, temperature: 0.5, max_tokens: 7 });
    const [{ path, headers, json }] = gateway.simulator.requests;
    assert.equal(path, `/accounts/a1/ai/run/${ai.MODEL}`);
    assert.equal(headers.authorization, `Bearer ${CLOUDFLARE_KEY}`);
    assert.deepEqual(json, { messages: MESSAGES, stream: true, max_tokens: 7, temperature: 0.5 });
  });

  test('a token that is refused is named by its variable and never shown', async () => {
    gateway.simulator.script(ai.failed(401, 10000, `Authentication error: ${CLOUDFLARE_KEY}`));
    const answer = await post(gateway.worker, STREAM, { provider: 'cloudflare', model: ai.MODEL, messages: MESSAGES });
    assert.match(assertError(answer, 401, 'provider_auth_error').message, /CLOUDFLARE_API_TOKEN/);
    gateway.simulator.script(ai.failed(400, 5004, `bad ${CLOUDFLARE_KEY}`));
    const other = await post(gateway.worker, STREAM, { provider: 'cloudflare', model: ai.MODEL, messages: MESSAGES });
    for (const text of [answer.text, other.text, ...gateway.worker.logs(), ...gateway.simulator.requests.map(({ path }) => path)]) {
      assert.ok(!text.includes(CLOUDFLARE_KEY), text);
    }
  });

  test('without the binding the built-in provider says what to add', async () => {
    const error = assertError(await post(gateway.worker, STREAM, { model: ai.MODEL, messages: MESSAGES }), 401, 'provider_auth_error');
    assert.equal(error.message, 'workers-ai needs the binding AI: add `[ai] binding = "AI"` to wrangler.toml');
    const { json } = await get(gateway.worker, '/api/v1/providers');
    assert.equal(json.providers.find((/** @type {any} */ one) => one.name === 'workers-ai').configured, false);
  });
});

describe('through the binding of the runtime', { timeout: 120_000 }, () => {
  /** @type {Awaited<ReturnType<typeof startBound>>} */
  let gateway;
  before(async () => { gateway = await startBound(IMPATIENT); });
  after(() => gateway?.stop());
  beforeEach(() => gateway.simulator.clear());
  itAnswers(() => gateway, 'workers-ai', ai.failedInside, ({ json }) => json.inputs);

  test('it is listed as ready, and is the default where nothing else is', async () => {
    const { json } = await get(gateway.worker, '/api/v1/providers');
    const listed = json.providers.find((/** @type {any} */ one) => one.name === 'workers-ai');
    assert.deepEqual([json.default, listed.configured, listed.default_model, listed.key_variable], ['workers-ai', true, ai.MODEL, null]);
  });

  test('a model is known by its name, and its inputs go with no key of anybody\'s', async () => {
    gateway.simulator.script(ai.streamed({ text: ['fine'] }));
    await stream(gateway.worker, { model: '@cf/some/model', messages: MESSAGES, seed: 5 }, { 'x-provider-key': 'a-key-of-the-callers' });
    const [{ headers, json, body }] = gateway.simulator.requests;
    assert.equal(headers['mf-header-cf-consn-model-id'], '@cf/some/model');
    assert.deepEqual(json.inputs, { messages: MESSAGES, stream: true, max_tokens: 2048, seed: 5 });
    assert.ok(!`${body}${JSON.stringify(headers)}`.includes('a-key-of-the-callers'));
  });

  itAborts(() => gateway, () => ai.MODEL);
});

describe('through a binding that gives no responses', { timeout: 120_000 }, () => {
  /** @type {Awaited<ReturnType<typeof startGateway>>} */
  let gateway;
  before(async () => {
    gateway = await startGateway((url) => ({ ...IMPATIENT, AI_URL: url }), { entrypoint: `${ROOT}tests/worker/with_ai.mjs` });
  });
  after(() => gateway?.stop());
  beforeEach(() => gateway.simulator.clear());
  const ask = { provider: 'workers-ai', model: '@cf/older/model', messages: MESSAGES };

  test('a stream is read like the body of a response', async () => {
    gateway.simulator.script(ai.streamed({ text: ['Hel', 'lo'] }));
    const { content, finish } = await stream(gateway.worker, ask);
    assert.deepEqual([content, finish], ['Hello', 'stop']);
    gateway.simulator.script(ai.streamOf([...ai.frames({ text: ['Hel'] }).slice(0, 1), hangUp()]));
    const ended = await stream(gateway.worker, ask);
    assert.equal(ended.content, 'Hel');
    assertFailed(ended, 'truncated');
  });

  test('an object is a whole answer', async () => {
    gateway.simulator.script(ai.whole(ai.result({ text: ['Hello'], toolCalls: [{ name: 'look', arguments: { choices: [1] } }] }), true));
    const { content, toolCalls, finish } = await stream(gateway.worker, ask);
    assert.deepEqual([content, toolCalls[0].function.arguments, finish], ['Hello', '{"choices":[1]}', 'tool_calls']);
    gateway.simulator.script(ai.whole(openai.completion({ text: 'Hello', finish: 'length' }), true));
    const other = await stream(gateway.worker, ask);
    assert.deepEqual([other.content, other.finish], ['Hello', 'length']);
  });

  test('what is thrown is known by its code', async () => {
    gateway.simulator.script(ai.failedInside(429, 3036, 'all used up'));
    const spent = assertError(await post(gateway.worker, STREAM, ask), 429, 'rate_limited');
    assert.deepEqual([spent.message, spent.retryable, gateway.simulator.requests.length], ['all used up', false, 1]);
    gateway.simulator.clear();
    gateway.simulator.script(ai.failedInside(429, 3040), ai.streamed({ text: ['fine'] }));
    assert.equal((await stream(gateway.worker, ask)).content, 'fine');
    assert.equal(gateway.simulator.requests.length, 2);
  });

  // The runtime ends the request of a lost client in any case; that the signal does, the log alone shows.
  itAborts(() => gateway, (at) => `@cf/older/left-${at}`, (model) => gateway.worker.waitForLog(`the signal for ${model} fired`));
});

/** @param {() => Gateway} gateway @param {(at: number) => string} model @param {(model: string) => Promise<unknown>} [shown] */
function itAborts(gateway, model, shown = async () => {}) {
  const cases = {
    'before the headers': [silence()],
    'between the headers and the first event': [head(), silence()],
    'in mid-answer': [...ai.frames({ text: ['Hel'] }).slice(0, 1), silence()],
  };
  for (const [at, [when, steps]] of Object.entries(cases).entries()) {
    test(`a client that leaves ${when} ends the request behind the binding`, async () => {
      const { simulator, worker } = gateway();
      simulator.script(ai.streamOf(steps));
      const client = beginPost(worker, STREAM, { provider: 'workers-ai', model: model(at), messages: MESSAGES });
      await simulator.waitFor(1);
      if (when === 'in mid-answer') await watch(await client.response).until((text) => text.includes('Hel'));
      client.leave();
      // Sooner than the idle limit would.
      await simulator.waitFor(([{ outcome }]) => outcome === 'aborted', 900);
      await shown(model(at));
    });
  }
}

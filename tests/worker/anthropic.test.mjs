// @ts-check
/** Anthropic behind the unified API: its events in, our frames out; our requests in its own form. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import * as anthropic from '../simulator/formats/anthropic.mjs';
import { hangUp, reset, silence } from '../simulator/wire.mjs';
import { CHAT, STREAM, post, stream } from './client.mjs';
import { assertError, assertFailed } from './expect.mjs';
import { ANTHROPIC_KEY, CALLER_KEY, startGateway } from './gateway.mjs';

const ASK = { model: anthropic.MODEL, messages: [{ role: 'user', content: 'hello' }] };
const TEXT = { text: ['Hel', 'lo'] };
const THOUGHT = { thinking: ['Hm', '.'], signature: 'c2lnbmVkIQ==' };
const CALL = { id: 'toolu_a', name: 'look', input: ['', '{"at":', '"Oslo"}'] };
const TOOLS = [{ type: 'function', function: { name: 'look', parameters: { type: 'object', properties: { at: { type: 'string' } } } } }];
const FINE = anthropic.streamed({ blocks: [TEXT] });

/** @type {Awaited<ReturnType<typeof startGateway>>} */
let gateway;
before(async () => { gateway = await startGateway(); });
after(() => gateway?.stop());
beforeEach(() => gateway.simulator.clear());

describe('an answer', () => {
  test('streams thinking, text, calls and usage on', async () => {
    gateway.simulator.script(anthropic.streamed({ blocks: [THOUGHT, TEXT, CALL, { id: 'toolu_b', name: 'look', input: [''] }] }));
    const { content, reasoning, toolCalls, finish, rawFinish, usage, end, chunks } = await stream(gateway.worker, ASK);
    assert.deepEqual([content, reasoning, finish, rawFinish, end], ['Hello', 'Hm.', 'tool_calls', 'tool_use', 'done']);
    assert.deepEqual(toolCalls.map((/** @type {any} */ { id, function: { arguments: given } }) => [id, given]), [['toolu_a', '{"at":"Oslo"}'], ['toolu_b', '{}']]);
    assert.deepEqual(usage, anthropic.USAGE);
    assert.deepEqual([chunks[0].provider, chunks[0].model], ['anthropic', anthropic.MODEL]);
  });

  test('comes whole to whoever asks for it whole, streamed or not by the provider', async () => {
    for (const reply of [anthropic.streamed, anthropic.whole]) {
      gateway.simulator.script(reply({ blocks: [THOUGHT, TEXT, CALL] }));
      const { status, json } = await post(gateway.worker, CHAT, ASK);
      assert.deepEqual([status, json.content, json.reasoning, json.finish_reason, json.tool_calls[0].id], [200, 'Hello', 'Hm.', 'tool_calls', 'toolu_a']);
      assert.deepEqual(json.opaque[0].data, { type: 'thinking', thinking: 'Hm.', signature: THOUGHT.signature });
    }
  });

  test('that is refused says so in the provider\'s words', async () => {
    gateway.simulator.script(anthropic.streamed({ blocks: [], stop: 'refusal', details: { type: 'refusal', category: 'cyber', explanation: 'Not this.' } }));
    const { refusal, finish, rawFinish } = await stream(gateway.worker, ASK);
    assert.deepEqual([refusal, finish, rawFinish], ['Not this.', 'refusal', 'refusal']);
  });
});

describe('a request', () => {
  test('has the vendor\'s path, headers and body, and no other key', async () => {
    gateway.simulator.script(FINE);
    const system = { role: 'system', content: 'be kind' };
    const { warnings } = await stream(gateway.worker, { ...ASK, messages: [system, ...ASK.messages], max_tokens: 7, temperature: 0.5, tools: TOOLS, stop: ['END'] });
    const [{ path, headers, json }] = gateway.simulator.requests;
    assert.equal(path, '/v1/messages');
    assert.deepEqual(
      [headers['x-api-key'], headers['anthropic-version'], headers['content-type'], headers.authorization],
      [ANTHROPIC_KEY, '2023-06-01', 'application/json', undefined],
    );
    assert.deepEqual(json, {
      model: anthropic.MODEL,
      max_tokens: 7,
      system: 'be kind',
      messages: [{ role: 'user', content: [{ type: 'text', text: 'hello' }] }],
      stream: true,
      stop_sequences: ['END'],
      tools: [{ name: 'look', input_schema: TOOLS[0].function.parameters }],
    });
    assert.deepEqual(warnings, ['temperature was left out: the model does not take it']);
  });

  test('of a caller with a key of their own is sent with that key', async () => {
    gateway.simulator.script(FINE);
    await stream(gateway.worker, ASK, { 'x-provider-key': CALLER_KEY });
    assert.equal(gateway.simulator.requests[0].headers['x-api-key'], CALLER_KEY);
  });

  test('that cannot be sent without changing its meaning is refused, and the provider is not asked', async () => {
    const error = assertError(await post(gateway.worker, STREAM, { ...ASK, model: 'claude-opus-5-5', tools: TOOLS, tool_choice: 'required' }), 422, 'invalid_request');
    assert.deepEqual([error.param, gateway.simulator.requests.length], ['tool_choice', 0]);
  });
});

describe('a second turn', () => {
  /** What a client sends back after it ran the tools. @param {any} first */
  const secondTurn = ({ content, reasoning, toolCalls, opaque }) => ({
    ...ASK,
    thinking: true,
    tools: TOOLS,
    messages: [
      ...ASK.messages,
      { role: 'assistant', content, reasoning, tool_calls: toolCalls, opaque },
      { role: 'tool', tool_call_id: toolCalls[0].id, content: 'sunny' },
    ],
  });
  const THINKING = { type: 'thinking', thinking: 'Hm.', signature: THOUGHT.signature };
  const REDACTED = { type: 'redacted_thinking', data: 'eA==' };
  const TOOL_USE = { type: 'tool_use', id: 'toolu_a', name: 'look', input: { at: 'Oslo' } };

  test('carries the thinking back, signed and in its place', async () => {
    gateway.simulator.script(anthropic.streamed({ blocks: [THOUGHT, { redacted: 'eA==' }, TEXT, THOUGHT, CALL] }), FINE);
    const first = await stream(gateway.worker, { ...ASK, thinking: true, tools: TOOLS });
    const second = await stream(gateway.worker, secondTurn(first));
    assert.equal(second.content, 'Hello');
    const [asked, again] = gateway.simulator.requests.map(({ json }) => json);
    assert.deepEqual(asked.thinking, { type: 'adaptive', display: 'summarized' });
    assert.deepEqual(again.messages.slice(1), [
      { role: 'assistant', content: [THINKING, REDACTED, { type: 'text', text: 'Hello' }, THINKING, TOOL_USE] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_a', content: 'sunny' }] },
    ]);
  });

  test('goes on without the thinking where its signature is refused', async () => {
    const refused = anthropic.failed(400, 'invalid_request_error', 'messages.1.content.0: Invalid `signature` in `thinking` block');
    gateway.simulator.script(anthropic.streamed({ blocks: [THOUGHT, CALL] }), refused, FINE);
    const second = await stream(gateway.worker, secondTurn(await stream(gateway.worker, { ...ASK, thinking: true, tools: TOOLS })));
    assert.deepEqual([second.content, second.end], ['Hello', 'done']);
    assert.match(second.warnings.join(), /earlier thinking was left out/);
    assert.deepEqual(gateway.simulator.requests.map(({ json }) => json.messages[1]?.content.length), [undefined, 2, 1]);
  });
});

describe('an error', () => {
  /** @type {[status: number, type: string, told: number, as: string, attempts: number][]} */
  const statuses = [
    [400, 'invalid_request_error', 422, 'invalid_request', 1],
    [401, 'authentication_error', 401, 'provider_auth_error', 1],
    [402, 'billing_error', 402, 'budget_exceeded', 1],
    [403, 'permission_error', 403, 'permission_denied', 1],
    [404, 'not_found_error', 404, 'not_found', 1],
    [413, 'request_too_large', 413, 'invalid_request', 1],
    [429, 'rate_limit_error', 429, 'rate_limited', 3],
    [500, 'api_error', 503, 'overloaded', 3],
    [529, 'overloaded_error', 503, 'overloaded', 3],
  ];
  for (const [status, type, told, as, attempts] of statuses) {
    test(`${status} ${type} is ${as}`, async () => {
      gateway.simulator.script(anthropic.failed(status, type));
      const error = assertError(await post(gateway.worker, STREAM, ASK), told, as);
      assert.deepEqual([error.provider, gateway.simulator.requests.length], ['anthropic', attempts]);
    });
  }

  test('about a model that is not there is model_not_supported', async () => {
    gateway.simulator.script(anthropic.failed(404, 'not_found_error', 'model: claude-9'));
    assertError(await post(gateway.worker, STREAM, { ...ASK, model: 'claude-9' }), 400, 'model_not_supported');
  });

  test('about a spent limit is not tried again', async () => {
    gateway.simulator.script(anthropic.failed(429, 'rate_limit_error', 'spent', { details: { error_code: 'enforced_spend_limit_reached' } }));
    assertError(await post(gateway.worker, STREAM, ASK), 429, 'rate_limited');
    assert.equal(gateway.simulator.requests.length, 1);
  });

  test('that says when to come back is obeyed', async () => {
    gateway.simulator.script(anthropic.failed(529, 'overloaded_error', 'busy', { headers: { 'retry-after': '1' } }), FINE);
    assert.equal((await stream(gateway.worker, ASK)).content, 'Hello');
    const [first, second] = gateway.simulator.requests;
    assert.ok(second.at - first.at >= 995, `tried again after ${second.at - first.at} ms`);
  });

  test('as the first event of a stream is tried again, and nothing is lost', async () => {
    const [start] = anthropic.frames({ blocks: [] });
    const overloaded = anthropic.event(anthropic.error('overloaded_error', 'Overloaded'));
    for (const steps of [[overloaded], [start, anthropic.PING, overloaded]]) {
      gateway.simulator.clear();
      gateway.simulator.script(anthropic.streamOf(steps), FINE);
      const { content, end } = await stream(gateway.worker, ASK);
      assert.deepEqual([content, end, gateway.simulator.requests.length], ['Hello', 'done', 2]);
    }
  });

  test('in mid-stream ends the stream in an error, behind the text before it', async () => {
    const sent = anthropic.frames({ blocks: [TEXT] });
    gateway.simulator.script(anthropic.streamOf([...sent.slice(0, 4), anthropic.event(anthropic.error('overloaded_error', 'Overloaded'))]));
    const ended = await stream(gateway.worker, ASK);
    assert.equal(ended.content, 'Hel');
    const error = assertFailed(ended, 'overloaded');
    assert.deepEqual([error.provider, error.message], ['anthropic', 'Overloaded']);
    const { input_tokens, output_tokens, estimated } = ended.failure.usage;
    assert.deepEqual([input_tokens, output_tokens > 0, estimated], [13, true, true], 'what was counted at the start is no total');
  });

  test('never shows the key, nor does the log, though the provider repeats it', async () => {
    /** @param {(text: string) => import('../simulator/wire.mjs').Reply} reply @returns {import('../simulator/simulator.mjs').Scripted} */
    const echo = (reply) => ({ headers, path }) => reply(`no good: ${headers['x-api-key']} at ${path}`);
    const start = anthropic.frames({ blocks: [TEXT] }).slice(0, 4);
    const replies = [
      echo((text) => anthropic.failed(401, 'authentication_error', text)),
      echo((text) => anthropic.failed(400, 'invalid_request_error', text)),
      echo((text) => anthropic.streamOf([...start, anthropic.event(anthropic.error('api_error', text))])),
    ];
    for (const reply of replies) {
      gateway.simulator.script(reply);
      const answer = await post(gateway.worker, STREAM, ASK);
      assert.ok(!answer.text.includes(ANTHROPIC_KEY), answer.text);
    }
    assert.ok(gateway.simulator.requests.every(({ path, headers }) => !path.includes(ANTHROPIC_KEY) && headers['x-api-key'] === ANTHROPIC_KEY));
    assert.ok(!gateway.worker.logs().join('\n').includes(ANTHROPIC_KEY), 'the log has the key');
  });
});

describe('an answer that breaks off', () => {
  test('is truncated wherever it is cut, and keeps its text', async () => {
    const body = anthropic.frames({ blocks: [THOUGHT, TEXT, CALL] }).join('');
    const [first, last] = [body.indexOf('"Hel"') + 20, body.indexOf('"stop_reason":"tool_use"')];
    for (let cut = first; cut < last; cut += 131) {
      gateway.simulator.script(anthropic.streamOf([body.slice(0, cut)]));
      const ended = await stream(gateway.worker, ASK);
      assertFailed(ended, 'truncated');
      assert.ok(ended.content !== '' && 'Hello'.startsWith(ended.content), `cut at ${cut}: ${ended.content}`);
    }
  });

  test('by a reset or a hang-up is truncated, within a call too', async () => {
    const sent = anthropic.frames({ blocks: [CALL] });
    for (const act of [reset(), hangUp()]) {
      gateway.simulator.script(anthropic.streamOf([...sent.slice(0, 5), { type: 'pause', ms: 50 }, act]));
      const ended = await stream(gateway.worker, ASK);
      assertFailed(ended, 'truncated');
      assert.equal(ended.toolCalls[0].function.arguments, '{"at":');
    }
  });

  test('right behind the provider\'s last word is complete', async () => {
    const sent = anthropic.frames({ blocks: [TEXT] });
    gateway.simulator.script(anthropic.streamOf(sent.slice(0, -1)));
    const { content, finish, usage } = await stream(gateway.worker, ASK);
    assert.deepEqual([content, finish, usage], ['Hello', 'stop', anthropic.USAGE]);
  });

  test('by silence is a timeout; pings are signs of life, but not for ever', async () => {
    const hasty = await startGateway({ IDLE_TIMEOUT_SECONDS: '1', THINKING_TIMEOUT_SECONDS: '3' });
    const ask = { ...ASK, thinking: false };
    const [start, begin, , ...rest] = anthropic.frames({ blocks: [TEXT] });
    const pings = (/** @type {number} */ count) => Array.from({ length: count }, () => [{ type: /** @type {const} */ ('pause'), ms: 500 }, anthropic.PING]).flat();
    try {
      hasty.simulator.script(anthropic.streamOf([start, begin, rest[0], ...pings(4), ...rest.slice(1)]));
      const { content, end } = await stream(hasty.worker, ask);
      assert.deepEqual([content, end], ['Hello', 'done']);
      for (const steps of [[silence()], [...pings(20), silence()]]) {
        hasty.simulator.script(anthropic.streamOf([start, begin, rest[0], ...steps]));
        const ended = await stream(hasty.worker, ask);
        assert.equal(ended.content, 'Hel');
        assertFailed(ended, 'timeout');
      }
    } finally {
      await hasty.stop();
    }
  });
});

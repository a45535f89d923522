// @ts-check
/** Gemini behind the unified stream: its responses in, our frames out, and its sealed thinking back to it. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import * as gemini from '../simulator/formats/gemini.mjs';
import { hangUp, pieces, silence } from '../simulator/wire.mjs';
import { CHAT, STREAM, get, post, stream } from './client.mjs';
import { assertError, assertEstimate, assertFailed } from './expect.mjs';
import { CALLER_KEY, GEMINI_KEY, startGateway } from './gateway.mjs';

const QUESTION = { role: 'user', content: 'hello' };
const ASK = { model: gemini.MODEL, messages: [QUESTION] };
const TOOLS = [{ type: 'function', function: { name: 'look', parameters: { type: 'object' } } }];
const TEXT = ['one ', 'two 🌊', 'three'];
const FINE = gemini.streamed({ text: ['fine'] });

/** @type {Awaited<ReturnType<typeof startGateway>>} */
let gateway;
before(async () => { gateway = await startGateway({ IDLE_TIMEOUT_SECONDS: '1' }); });
after(() => gateway?.stop());
beforeEach(() => gateway.simulator.clear());

/** @param {import('../simulator/wire.mjs').Step[]} steps */
function streamFrom(...steps) {
  gateway.simulator.script(gemini.streamOf(steps));
  return stream(gateway.worker, ASK);
}

describe('an answer', () => {
  test('is streamed on, thinking, text and usage, however the network cuts it', async () => {
    const usage = { input_tokens: 9, output_tokens: 12, total_tokens: 21, reasoning_tokens: 5 };
    const body = gemini.frames({ thinking: ['Hm', '.'], text: TEXT }).join('');
    for (const size of [7, body.length]) {
      const ended = await streamFrom(...pieces(body, size));
      assert.deepEqual([ended.content, ended.reasoning, ended.finish, ended.rawFinish, ended.end], [TEXT.join(''), 'Hm.', 'stop', 'STOP', 'done']);
      assert.deepEqual(ended.usage, usage);
      assert.equal(ended.chunks[0].model, gemini.MODEL);
    }
  });

  test('is one object where the client wants it whole', async () => {
    gateway.simulator.script(gemini.streamed({ thinking: ['Hm'], text: TEXT, signature: 'c2ln' }));
    const { json } = await post(gateway.worker, CHAT, ASK);
    assert.deepEqual([json.content, json.reasoning, json.finish_reason, json.provider], [TEXT.join(''), 'Hm', 'stop', 'gemini']);
    assert.equal(json.opaque[0].data.thoughtSignature, 'c2ln');
  });

  test('goes on behind a STOP in mid-stream, and ends with its body', async () => {
    const [first, ...rest] = gemini.frames({ text: TEXT });
    const { content, finish } = await streamFrom(first, gemini.response([], { finishReason: 'STOP' }), ...rest);
    assert.deepEqual([content, finish], [TEXT.join(''), 'stop']);
  });

  test('calls tools, each with its index and an id', async () => {
    gateway.simulator.script(gemini.streamed({ toolCalls: [{ id: 'a', name: 'look', args: { x: 1 } }, { name: 'look' }], signature: 'c2ln' }));
    const { toolCalls, finish } = await stream(gateway.worker, { ...ASK, tools: TOOLS });
    assert.deepEqual(toolCalls.map((/** @type {any} */ call) => [call.function.name, call.function.arguments]), [['look', '{"x":1}'], ['look', '{}']]);
    assert.equal(toolCalls[0].id, 'a');
    assert.match(toolCalls[1].id, /^call_/);
    assert.deepEqual([finish, toolCalls[0].opaque.data, toolCalls[1].opaque], ['tool_calls', { thoughtSignature: 'c2ln' }, undefined]);
  });
});

describe('the request', () => {
  test('is in the vendor\'s own form, with the key in its header only', async () => {
    gateway.simulator.script(FINE);
    await stream(gateway.worker, { ...ASK, messages: [{ role: 'system', content: 'be brief' }, QUESTION], thinking: { effort: 'low' }, max_tokens: 7, temperature: 0.5 });
    const [{ path, json, headers }] = gateway.simulator.requests;
    assert.equal(path, `/gemini/v1beta/models/${gemini.MODEL}:streamGenerateContent?alt=sse`);
    assert.deepEqual(json, {
      systemInstruction: { parts: [{ text: 'be brief' }] },
      contents: [{ role: 'user', parts: [{ text: 'hello' }] }],
      generationConfig: { temperature: 0.5, maxOutputTokens: 7, thinkingConfig: { includeThoughts: true, thinkingLevel: 'LOW' } },
    });
    assert.deepEqual([headers['x-goog-api-key'], headers.authorization, headers['content-type']], [GEMINI_KEY, undefined, 'application/json']);
  });

  test('of the next turn carries the sealed thinking back to its place, streamed or whole', async () => {
    const said = { thinking: ['Hm'], text: ['Let me see.'], toolCalls: [{ id: 'a', name: 'look', args: { x: 1 } }], signature: 'c2ln' };
    const sealed = gemini.response([{ text: '', thoughtSignature: 'bW9yZQ==' }], { finishReason: 'STOP' });
    for (const streamed of [true, false]) {
      gateway.simulator.clear();
      gateway.simulator.script(gemini.streamOf([...gemini.frames(said), sealed]), FINE);
      const first = streamed ? await stream(gateway.worker, { ...ASK, tools: TOOLS }) : (await post(gateway.worker, CHAT, { ...ASK, tools: TOOLS })).json;
      const message = { role: 'assistant', content: first.content, reasoning: first.reasoning, tool_calls: first.toolCalls ?? first.tool_calls, opaque: first.opaque };
      const messages = [QUESTION, message, { role: 'tool', tool_call_id: 'a', content: '{"seen":true}' }];
      assert.equal((await stream(gateway.worker, { ...ASK, tools: TOOLS, messages })).content, 'fine');
      assert.deepEqual(gateway.simulator.requests[1].json.contents, [
        { role: 'user', parts: [{ text: 'hello' }] },
        { role: 'model', parts: [
          { text: 'Let me see.' },
          { functionCall: { id: 'a', name: 'look', args: { x: 1 } }, thoughtSignature: 'c2ln' },
          { text: '', thoughtSignature: 'bW9yZQ==' },
        ] },
        { role: 'user', parts: [{ functionResponse: { id: 'a', name: 'look', response: { seen: true } } }] },
      ]);
    }
  });

  test('is sent again without signatures that the provider rejects, and the stream says so', async () => {
    const call = { id: 'a', type: 'function', function: { name: 'look', arguments: '{}' }, opaque: { dialect: 'gemini', data: { thoughtSignature: 'b2Rk' } } };
    const messages = [QUESTION, { role: 'assistant', content: null, tool_calls: [call] }, { role: 'tool', tool_call_id: 'a', content: 'r' }];
    gateway.simulator.script(gemini.failed(400, 'INVALID_ARGUMENT', 'Corrupted thought signature.'), FINE);
    const { content, warnings } = await stream(gateway.worker, { ...ASK, messages });
    assert.equal(content, 'fine');
    assert.match(warnings.join(), /thought signatures of earlier answers were left out/);
    const sent = gateway.simulator.requests.map(({ json }) => json.contents[1].parts[0].thoughtSignature);
    assert.deepEqual(sent, ['b2Rk', 'skip_thought_signature_validator']);
    gateway.simulator.clear();
    gateway.simulator.script(gemini.failed(400, 'INVALID_ARGUMENT', 'Corrupted thought signature.'));
    assertError(await post(gateway.worker, STREAM, { ...ASK, messages }), 422, 'invalid_request');
    assert.equal(gateway.simulator.requests.length, 2, 'but only once');
  });
});

describe('a failure before the answer', () => {
  /** @type {[code: number, status: string, message: string, told: number, type: string][]} */
  const final = [
    [400, 'INVALID_ARGUMENT', 'odd request', 422, 'invalid_request'],
    [403, 'PERMISSION_DENIED', 'not yours', 403, 'permission_denied'],
    [404, 'NOT_FOUND', 'models/x is not found', 404, 'not_found'],
  ];
  for (const [code, status, message, told, type] of final) {
    test(`${status} is ${type} in the provider's words and is not tried again`, async () => {
      for (const route of [STREAM, CHAT]) {
        gateway.simulator.clear();
        gateway.simulator.script(gemini.failed(code, status, message));
        assert.match(assertError(await post(gateway.worker, route, ASK), told, type).message, new RegExp(message));
        assert.equal(gateway.simulator.requests.length, 1);
      }
    });
  }

  for (const [code, status] of /** @type {const} */ ([[500, 'INTERNAL'], [503, 'UNAVAILABLE'], [504, 'DEADLINE_EXCEEDED']])) {
    test(`${status} is tried again, and then the service is unavailable`, async () => {
      gateway.simulator.script(gemini.failed(code, status), FINE);
      assert.equal((await stream(gateway.worker, ASK)).content, 'fine');
      gateway.simulator.script(gemini.failed(code, status));
      assert.equal(assertError(await post(gateway.worker, STREAM, ASK), 503, 'overloaded').message, 'AI service unavailable');
    });
  }

  test('RESOURCE_EXHAUSTED waits as long as its details say, or tells the client how long', async () => {
    gateway.simulator.script(gemini.failed(429, 'RESOURCE_EXHAUSTED', 'slow down', [gemini.retryInfo('0.4s')]), FINE);
    assert.equal((await stream(gateway.worker, ASK)).content, 'fine');
    const [first, second] = gateway.simulator.requests;
    assert.ok(second.at - first.at >= 395, `tried again after ${second.at - first.at} ms`);
    gateway.simulator.clear();
    gateway.simulator.script(gemini.failed(429, 'RESOURCE_EXHAUSTED', 'slow down', [gemini.retryInfo('3600s')]));
    const answer = await post(gateway.worker, STREAM, ASK);
    assertError(answer, 429, 'rate_limited');
    assert.deepEqual([answer.headers['retry-after'], gateway.simulator.requests.length], ['3600', 1]);
  });

  test('a refused key is named by its variable, and quoted nowhere', async () => {
    const quoting = (/** @type {any} */ { headers }) => gemini.failed(400, 'INVALID_ARGUMENT', `API key not valid: ${headers['x-goog-api-key']}`, [{ reason: 'API_KEY_INVALID' }]);
    gateway.simulator.script(quoting);
    const own = await post(gateway.worker, STREAM, ASK);
    assert.match(assertError(own, 401, 'provider_auth_error').message, /GEMINI_API_KEY/);
    const callers = await post(gateway.worker, STREAM, ASK, { 'x-provider-key': CALLER_KEY });
    assertError(callers, 401, 'provider_auth_error');
    gateway.simulator.script(({ headers }) => gemini.streamOf([...gemini.frames({ text: TEXT }).slice(0, 1), gemini.failure(500, 'INTERNAL', `with ${headers['x-goog-api-key']}`)]));
    const broken = await post(gateway.worker, STREAM, ASK);
    assert.match(broken.text, /\[redacted\]/);
    for (const key of [GEMINI_KEY, CALLER_KEY]) {
      assert.ok([own, callers, broken].every(({ text }) => !text.includes(key)));
      assert.ok(gateway.simulator.requests.every(({ path }) => !path.includes(key)), 'no key in an address');
      assert.ok(!gateway.worker.logs().join('\n').includes(key), 'no key in the log');
    }
    assert.deepEqual(gateway.simulator.requests.map(({ headers }) => headers['x-goog-api-key']), [GEMINI_KEY, CALLER_KEY, GEMINI_KEY]);
  });

  test('as the first event behind a 200 is tried again', async () => {
    gateway.simulator.script(gemini.streamOf([gemini.failure(503, 'UNAVAILABLE', 'The model is overloaded.')]), FINE);
    assert.equal((await stream(gateway.worker, ASK)).content, 'fine');
    assert.equal(gateway.simulator.requests.length, 2);
  });

  test('a blocked prompt is a content filter\'s error, and no empty success', async () => {
    for (const route of [STREAM, CHAT]) {
      gateway.simulator.script(gemini.blocked('PROHIBITED_CONTENT'));
      assertError(await post(gateway.worker, route, ASK), 400, 'content_filter');
    }
    assert.equal(gateway.simulator.requests.length, 2, 'and it is not tried again');
  });
});

describe('a failure in mid-answer', () => {
  const begun = gemini.frames({ text: TEXT }).slice(0, 2);

  test('is told behind the text, though it stands bare between two frames', async () => {
    const ended = await streamFrom(...begun, gemini.failure(503, 'UNAVAILABLE', 'The model is overloaded.'));
    assert.equal(ended.content, 'one two 🌊');
    assert.match(assertFailed(ended, 'overloaded').message, /overloaded/);
  });

  test('that the filter caused is a content filter\'s error', async () => {
    const ended = await streamFrom(...begun, gemini.response([], { finishReason: 'SAFETY' }));
    assert.equal(ended.content, 'one two 🌊');
    assertFailed(ended, 'content_filter');
  });

  test('that is a malformed call is an error, not a call', async () => {
    const ended = await streamFrom(...begun, gemini.response([], { finishReason: 'MALFORMED_FUNCTION_CALL', finishMessage: 'look(x=' }));
    assert.match(assertFailed(ended, 'provider_error').message, /MALFORMED_FUNCTION_CALL: look\(x=/);
    assert.deepEqual(ended.toolCalls, []);
  });

  test('that is the end of the body without a reason is truncated, in good order or not', async () => {
    for (const steps of [begun, [...begun, hangUp()], [begun[0], begun[1], gemini.frames({ text: TEXT })[2].slice(0, 40)]]) {
      const ended = await streamFrom(...steps);
      assert.equal(ended.content, 'one two 🌊');
      assertFailed(ended, 'truncated');
    }
    const { simulator } = gateway;
    simulator.clear();
    simulator.script(gemini.streamOf([`data: ${JSON.stringify({ candidates: [{ content: { parts: [{ text: 'a' }] } }] })}\r\n\r\n`]));
    assertEstimate((await stream(gateway.worker, ASK)).failure.usage);
  });

  test('that is silence is a timeout, and the request is given up', async () => {
    assertFailed(await streamFrom(...begun, silence()), 'timeout');
    const [request] = await gateway.simulator.waitFor(([one]) => one.outcome !== 'open');
    assert.equal(request.outcome, 'aborted');
  });
});

test('it is listed, and is asked for models that start as its own do', async () => {
  const { json } = await get(gateway.worker, '/api/v1/providers');
  const listed = json.providers.find((/** @type {any} */ one) => one.name === 'gemini');
  assert.deepEqual([listed.dialect, listed.configured, listed.default_model], ['gemini', true, gemini.MODEL]);
  gateway.simulator.script(FINE);
  assert.equal((await stream(gateway.worker, { ...ASK, model: 'gemini-9-unheard-of' })).chunks[0].provider, 'gemini');
});

// @ts-check
/** Streams that go wrong after they began, or that are not what they say. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import * as openai from '../simulator/formats/openai_chat.mjs';
import { flow, hangUp, head, reset } from '../simulator/wire.mjs';
import { ASK, CHAT, STREAM, post, stream } from './client.mjs';
import { assertError, assertEstimate, assertFailed } from './expect.mjs';
import { startGateway } from './gateway.mjs';

/** @type {Awaited<ReturnType<typeof startGateway>>} */
let gateway;
before(async () => { gateway = await startGateway(); });
after(() => gateway?.stop());
beforeEach(() => gateway.simulator.clear());

const TO_OPENAI = { ...ASK, provider: 'openai', model: openai.MODEL };
const TEXT = ['one ', 'two ', 'three'];

/** @param {import('../simulator/wire.mjs').Step[]} steps */
function streamFrom(...steps) {
  gateway.simulator.script(openai.streamOf(steps));
  return stream(gateway.worker, TO_OPENAI);
}

/** The stream up to and with a number of words. @param {number} words */
const upTo = (words) => openai.frames({ text: TEXT }).slice(0, 1 + words);

describe('an answer that breaks off', () => {
  test('is truncated wherever in its frames it is cut', async () => {
    const body = openai.frames({ text: TEXT }).join('');
    const firstWord = body.indexOf('"one "') + upTo(1)[1].length;
    const finish = body.indexOf('"finish_reason":"stop"');
    for (let cut = firstWord; cut < finish; cut += 23) {
      const ended = await streamFrom(body.slice(0, cut));
      assertFailed(ended, 'truncated');
      assert.ok(TEXT.join('').startsWith(ended.content) && ended.content !== '', `cut at ${cut}: ${ended.content}`);
    }
  });

  test('keeps the text of its only frame, though that lacks its line end', async () => {
    const ended = await streamFrom(upTo(1).join('').trimEnd());
    assertFailed(ended, 'truncated');
    assert.equal(ended.content, 'one ');
    assert.equal(gateway.simulator.requests.length, 1, 'and it is not asked for again');
  });

  test('is truncated when the connection is reset, and keeps the text before it', async () => {
    const ended = await streamFrom(...upTo(2), reset());
    assertFailed(ended, 'truncated');
    assert.ok('one two '.startsWith(ended.content) && ended.content !== '');
  });

  test('is truncated when the server hangs up without ending its body', async () => {
    const ended = await streamFrom(...upTo(2), hangUp());
    assertFailed(ended, 'truncated');
    assert.equal(ended.content, 'one two ');
  });

  test('is truncated when the body ends in good order but without a finish', async () => {
    const ended = await streamFrom(...upTo(3));
    const error = assertFailed(ended, 'truncated');
    assert.deepEqual([ended.content, error.provider, error.retryable], ['one two three', 'openai', true]);
    assertEstimate(ended.failure.usage);
  });

  test('is truncated within a tool call too', async () => {
    const sent = openai.frames({ toolCalls: [{ id: 'call_a', name: 'look', arguments: ['{"at":', '"Oslo"}'] }] });
    const ended = await streamFrom(...sent.slice(0, 3));
    assertFailed(ended, 'truncated');
    assert.equal(ended.toolCalls[0].function.arguments, '{"at":');
  });

  test('is retried when nothing of it was there yet', async () => {
    gateway.simulator.script(openai.streamOf([head(), reset()]), openai.streamed({ text: TEXT }));
    const { content } = await stream(gateway.worker, TO_OPENAI);
    assert.equal(content, TEXT.join(''));
    assert.equal(gateway.simulator.requests.length, 2);
  });
});

describe('an error in mid-stream', () => {
  const ERROR = { message: 'the simulated engine fell over', type: 'server_error', param: null, code: null };
  const shapes = {
    'as an object of its own': openai.frame({ error: ERROR }),
    'as an event named error': `event: error\n${openai.frame({ error: ERROR })}`,
    'beside choices': openai.frame({ id: 'x', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [{ index: 0, delta: { content: '' }, finish_reason: 'error' }], error: { code: 502, message: ERROR.message } }),
    'as a field named error': `error: ${JSON.stringify({ code: 500, message: ERROR.message, type: 'server_error' })}\n\n`,
  };
  for (const [name, bytes] of Object.entries(shapes)) {
    test(`ends the stream in an error, ${name}, and no [DONE] follows`, async () => {
      const ended = await streamFrom(...upTo(2), bytes, openai.DONE);
      assert.equal(ended.content, 'one two ');
      const error = assertFailed(ended, 'provider_error');
      assert.equal(error.provider, 'openai');
      assert.match(JSON.stringify(error), /fell over/);
    });
  }

  test('that says overloaded is overloaded', async () => {
    const ended = await streamFrom(...upTo(1), openai.frame({ error: { message: 'try later', type: 'overloaded_error', code: 503 } }));
    const error = assertFailed(ended, 'overloaded');
    assert.equal(error.retryable, true);
  });

  test('that says rate limit is rate_limited', async () => {
    assertFailed(await streamFrom(...upTo(1), openai.frame({ error: { message: 'slow down', type: 'requests', code: 'rate_limit_exceeded' } })), 'rate_limited');
  });
});

describe('a frame that cannot be read', () => {
  test('does not end the answer, and what follows is read', async () => {
    const sent = openai.frames({ text: TEXT });
    const ended = await streamFrom(...sent.slice(0, 2), 'data: {"choices":[{"index":0,"del\n\n', ...sent.slice(2));
    assert.deepEqual([ended.content, ended.end], [TEXT.join(''), 'done']);
  });

  test('is an error when it is larger than a megabyte, and the provider is not heard to the end', async () => {
    const endless = flow(function* () {
      yield 'data: {"choices":[{"index":0,"delta":{"content":"';
      for (let sent = 0; sent < 64 << 20; sent += 65_536) yield 'x'.repeat(65_536);
    });
    const ended = await streamFrom(...upTo(1), endless);
    assert.equal(ended.content, 'one ');
    assertFailed(ended, 'provider_error');
    const [request] = await gateway.simulator.waitFor(([one]) => one.outcome !== 'open');
    assert.equal(request.outcome, 'aborted');
    // The frame's megabyte, and what the sockets between hold.
    assert.ok(request.sent < 16 << 20, `${request.sent} bytes were taken`);
  });

  test('is an HTTP error when it comes first', async () => {
    gateway.simulator.script(openai.streamOf([`data: ${'x'.repeat(1 << 20)}`, 'x'.repeat(1 << 20)]));
    assertError(await post(gateway.worker, STREAM, TO_OPENAI), 502, 'provider_error');
  });
});

describe('a 200 that is not the stream it should be', () => {
  test('may be labelled as plain text or bytes, if events are in it', async () => {
    for (const type of ['text/plain', 'application/octet-stream']) {
      gateway.simulator.script({ status: 200, headers: { 'content-type': type }, steps: openai.frames({ text: TEXT }) });
      const { content, end } = await stream(gateway.worker, TO_OPENAI);
      assert.deepEqual([content, end], [TEXT.join(''), 'done'], type);
    }
  });

  test('may be a whole completion, which is streamed on', async () => {
    gateway.simulator.script(openai.whole({ text: TEXT, reasoning: ['Hm'], toolCalls: [{ id: 'call_a', name: 'look', arguments: '{}' }] }));
    const { content, reasoning, toolCalls, finish, usage } = await stream(gateway.worker, TO_OPENAI);
    assert.deepEqual([content, reasoning, finish, usage.output_tokens], [TEXT.join(''), 'Hm', 'tool_calls', 12]);
    assert.equal(toolCalls[0].id, 'call_a');
  });

  test('is a provider error when it is a page', async () => {
    gateway.simulator.script({ status: 200, headers: { 'content-type': 'text/html' }, steps: ['<!doctype html><title>Welcome</title><p>Log in, please'] });
    for (const route of [STREAM, CHAT]) {
      assertError(await post(gateway.worker, route, TO_OPENAI), 502, 'provider_error');
    }
  });

  test('is an error when it is empty, and worth another try', async () => {
    gateway.simulator.script(openai.streamOf([]), openai.streamed({ text: TEXT }));
    assert.equal((await stream(gateway.worker, TO_OPENAI)).content, TEXT.join(''));
    assert.equal(gateway.simulator.requests.length, 2);
    gateway.simulator.script(openai.streamOf([]));
    const answer = await post(gateway.worker, STREAM, TO_OPENAI);
    assert.ok([502, 503].includes(answer.status), `${answer.status} ${answer.text}`);
  });

  test('is never a success when all it says is [DONE]', async () => {
    gateway.simulator.script(openai.streamOf([openai.DONE]));
    for (const route of [STREAM, CHAT]) {
      const answer = await post(gateway.worker, route, TO_OPENAI);
      assert.ok([502, 503].includes(answer.status), `${answer.status} ${answer.text}`);
    }
  });

  test('is the error that its first event is', async () => {
    gateway.simulator.script(openai.streamOf([openai.frame({ error: { message: 'bad tool schema', type: 'invalid_request_error', code: 400, param: 'tools' } })]));
    assertError(await post(gateway.worker, STREAM, TO_OPENAI), 422, 'invalid_request');
    assert.equal(gateway.simulator.requests.length, 1, 'and it is not tried again');
  });

  test('is tried again when its first event says overloaded', async () => {
    const overloaded = openai.streamOf([openai.frame({ error: { message: 'busy', type: 'server_error', code: 503 } })]);
    gateway.simulator.script(overloaded, openai.streamed({ text: TEXT }));
    assert.equal((await stream(gateway.worker, TO_OPENAI)).content, TEXT.join(''));
    assert.equal(gateway.simulator.requests.length, 2);
    gateway.simulator.script(overloaded);
    const error = assertError(await post(gateway.worker, STREAM, TO_OPENAI), 503, 'overloaded');
    assert.equal(error.message, 'AI service unavailable');
  });
});

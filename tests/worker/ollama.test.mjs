// @ts-check
/** Ollama behind the unified stream: its lines in, our frames out. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import * as ollama from '../simulator/formats/ollama.mjs';
import { hangUp } from '../simulator/wire.mjs';
import { CHAT, STREAM, get, post, stream } from './client.mjs';
import { assertError, assertFailed } from './expect.mjs';
import { startGateway } from './gateway.mjs';

const ASK = { model: `ollama/${ollama.MODEL}`, messages: [{ role: 'user', content: 'hello' }] };

/** @type {Awaited<ReturnType<typeof startGateway>>} */
let gateway;
before(async () => { gateway = await startGateway(); });
after(() => gateway?.stop());
beforeEach(() => gateway.simulator.clear());

test('thinking, text and usage are streamed on', async () => {
  gateway.simulator.script(ollama.streamed({ thinking: ['Hm', '.'], text: ['Hel', 'lo'] }));
  const { content, reasoning, finish, usage, end } = await stream(gateway.worker, ASK);
  assert.deepEqual([content, reasoning, finish, end], ['Hello', 'Hm.', 'stop', 'done']);
  assert.deepEqual(usage, { input_tokens: 9, output_tokens: 12, total_tokens: 21, cost: 0 });
});

test('the server gets its own form of the request, and no key that nobody set', async () => {
  gateway.simulator.script(ollama.streamed({ text: ['fine'] }));
  await stream(gateway.worker, { ...ASK, thinking: true, max_tokens: 7 });
  const [{ path, json, headers }] = gateway.simulator.requests;
  assert.equal(path, '/api/chat');
  assert.deepEqual(json, { model: ollama.MODEL, messages: ASK.messages, stream: true, think: true, options: { num_predict: 7 } });
  assert.equal(headers.authorization, undefined);
});

test('whole calls become tool calls, with an id where the server gave none', async () => {
  gateway.simulator.script(ollama.streamed({ toolCalls: [{ id: 'call_a', name: 'look', arguments: { x: 1 } }, { name: 'look', arguments: {} }] }));
  const { toolCalls, finish } = await stream(gateway.worker, ASK);
  assert.deepEqual(toolCalls.map((/** @type {any} */ call) => [call.function.name, call.function.arguments]), [['look', '{"x":1}'], ['look', '{}']]);
  assert.equal(toolCalls[0].id, 'call_a');
  assert.match(toolCalls[1].id, /^call_/);
  assert.equal(finish, 'tool_calls');
});

test('an answer without its last line has broken off', async () => {
  gateway.simulator.script(ollama.streamOf([...ollama.lines({ text: ['Hel'] }).slice(0, 1), hangUp()]));
  const ended = await stream(gateway.worker, ASK);
  assert.equal(ended.content, 'Hel');
  assertFailed(ended, 'truncated');
});

test('a model that is not there is named in the server\'s words', async () => {
  gateway.simulator.script(ollama.failed(404, 'model \'nothing\' not found'));
  for (const route of [STREAM, CHAT]) {
    const error = assertError(await post(gateway.worker, route, ASK), 404, 'not_found');
    assert.match(error.message, /model 'nothing' not found/);
  }
});

test('a request without a model says that there is no default', async () => {
  const error = assertError(await post(gateway.worker, STREAM, { ...ASK, model: undefined, provider: 'ollama' }), 422, 'invalid_request');
  assert.equal(error.param, 'model');
});

test('it is listed as ready without a key, once its address is set', async () => {
  const { json } = await get(gateway.worker, '/api/v1/providers');
  const listed = json.providers.find((/** @type {any} */ one) => one.name === 'ollama');
  assert.deepEqual([listed.dialect, listed.configured, listed.any_model], ['ollama', true, true]);
});

// @ts-check
/** A gateway whose provider is another one: the unified language on both sides. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import * as anthropic from '../simulator/formats/anthropic.mjs';
import * as openai from '../simulator/formats/openai_chat.mjs';
import { STREAM, post, stream } from './client.mjs';
import { assertError, assertFailed } from './expect.mjs';
import { startGateway } from './gateway.mjs';
import { startWorker } from './harness.mjs';

const THOUGHT = { thinking: ['Hm.'], signature: 'c2lnbmVk' };
const CALL = { id: 'toolu_a', name: 'look', input: ['{"at":"Oslo"}'] };
const TOOLS = [{ type: 'function', function: { name: 'look', parameters: { type: 'object', properties: { at: { type: 'string' } } } } }];
const ASK = { model: `there/anthropic/${anthropic.MODEL}`, messages: [{ role: 'user', content: 'hello' }] };

/** @type {Awaited<ReturnType<typeof startGateway>>} */
let there;
/** @type {Awaited<ReturnType<typeof startWorker>>} */
let here;
before(async () => {
  there = await startGateway({ GATEWAY_KEYS: JSON.stringify({ here: 'key-between-gateways' }) });
  const provider = { name: 'there', dialect: 'unified', base_url: `${there.worker.url}/api/v1`, key: 'THERE_KEY', headers: there.worker.headers };
  here = await startWorker({ vars: { PROVIDERS: JSON.stringify([provider]), THERE_KEY: 'key-between-gateways', RETRY_BASE_MS: '1' } });
});
after(async () => {
  await here?.stop();
  await there?.stop();
});
beforeEach(() => there.simulator.clear());

test('an answer passes both with everything in it, and its second turn, too', async () => {
  there.simulator.script(anthropic.streamed({ blocks: [THOUGHT, { text: ['Hé\u{1f30a}'] }, CALL] }), anthropic.streamed({ blocks: [{ text: ['Sunny.'] }] }));
  const first = await stream(here, { ...ASK, tools: TOOLS, thinking: true });
  assert.deepEqual([first.content, first.reasoning, first.toolCalls[0].function.arguments, first.finish], ['Hé\u{1f30a}', 'Hm.', '{"at":"Oslo"}', 'tool_calls']);
  assert.deepEqual([first.chunks[0].provider, first.chunks[0].model], ['there', anthropic.MODEL]);
  const { content, reasoning, toolCalls, opaque } = first;
  const result = { role: 'tool', tool_call_id: toolCalls[0].id, content: 'sunny' };
  const messages = [...ASK.messages, { role: 'assistant', content, reasoning, tool_calls: toolCalls, opaque }, result];
  assert.equal((await stream(here, { ...ASK, messages, tools: TOOLS, thinking: true })).content, 'Sunny.');
  const [, again] = there.simulator.requests;
  assert.deepEqual(again.json.messages[1].content[0], { type: 'thinking', thinking: 'Hm.', signature: 'c2lnbmVk' });
});

test('failures keep their types, before the first byte and behind it', async () => {
  there.simulator.script(anthropic.failed(404, 'not_found_error', 'model: none'));
  assertError(await post(here, STREAM, ASK), 400, 'model_not_supported');
  there.simulator.script(openai.streamOf(openai.frames({ text: ['a'] }).slice(0, 2)));
  assertFailed(await stream(here, { ...ASK, model: `there/openai/${openai.MODEL}` }), 'truncated');
});

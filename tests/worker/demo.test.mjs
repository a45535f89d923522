// @ts-check
/** The provider inside the worker: everything that the page and a newcomer try first. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CHAT, post, stream } from './client.mjs';
import { assertError, assertFailed } from './expect.mjs';
import { startWorker } from './harness.mjs';

/** @type {import('./harness.mjs').Worker} */
let worker;
before(async () => {
  worker = await startWorker({ vars: { RETRY_BASE_MS: '1', RETRY_CAP_MS: '2', IDLE_TIMEOUT_SECONDS: '0.5' } });
});
after(() => worker?.stop());

/** @param {string} content @param {object} [more] */
const ask = (content, more) => stream(worker, { messages: [{ role: 'user', content }], ...more });

test('without any key the demo answers, and says that it is one', async () => {
  const { content, chunks, finish, end } = await ask('hello');
  assert.deepEqual([chunks[0].provider, chunks[0].model, finish, end], ['demo', 'demo', 'stop', 'done']);
  assert.match(content, /demo/i);
  for (const command of ['think', 'tool', 'refuse', 'fail', 'stall', 'long', 'error', 'filter', 'fast', 'code']) {
    assert.ok(content.includes(`/${command}`), `it lists /${command}`);
  }
  assert.ok(chunks.length > 10, 'it comes word by word');
});

test('the demo gives the same text whole', async () => {
  const { content } = await ask('hello /fast');
  const { status, json } = await post(worker, CHAT, { messages: [{ role: 'user', content: 'hello /fast' }] });
  assert.equal(status, 200);
  assert.equal(json.content, content);
  assert.equal(json.provider, 'demo');
});

test('the demo thinks on command and when thinking is asked for', async () => {
  for (const answer of [await ask('/think /fast'), await ask('/fast', { thinking: true })]) {
    assert.notEqual(answer.reasoning, '');
    assert.notEqual(answer.content, '');
    const firstText = answer.chunks.findIndex(({ content }) => content !== '');
    const lastThought = answer.chunks.findLastIndex(({ reasoning }) => reasoning);
    assert.ok(lastThought < firstText, 'it thinks before it speaks');
  }
});

test('the demo calls a tool of its own, or the first that it is given, and then answers with the result', async () => {
  const own = await ask('/tool /fast');
  assert.deepEqual([own.finish, own.toolCalls[0].function.name], ['tool_calls', 'get_weather']);
  const tools = [{ type: 'function', function: { name: 'look', parameters: { type: 'object' } } }];
  const given = await ask('/tool /fast', { tools });
  assert.equal(given.toolCalls[0].function.name, 'look');
  assert.equal(typeof JSON.parse(given.toolCalls[0].function.arguments), 'object');
  const next = await stream(worker, { tools, messages: [
    { role: 'user', content: '/tool /fast' },
    { role: 'assistant', content: null, tool_calls: given.toolCalls },
    { role: 'tool', tool_call_id: given.toolCalls[0].id, content: 'Rain.' },
  ] });
  assert.deepEqual([next.finish, next.toolCalls.length], ['stop', 0]);
  assert.notEqual(next.content, '');
});

test('the demo refuses on command', async () => {
  const { refusal, finish } = await ask('/refuse /fast');
  assert.notEqual(refusal, '');
  assert.equal(finish, 'refusal');
});

test('the demo breaks off on command', async () => {
  const ended = await ask('/fail /fast');
  assert.notEqual(ended.content, '');
  assertFailed(ended, 'truncated');
});

test('the demo stalls on command until the idle limit ends it', async () => {
  const ended = await ask('/stall /fast');
  assert.notEqual(ended.content, '');
  assertFailed(ended, 'timeout');
});

test('the demo is filtered on command', async () => {
  assertFailed(await ask('/filter /fast'), 'content_filter');
});

test('the demo fails before the first byte on command, and retries are spent on it', async () => {
  const error = assertError(await post(worker, CHAT, { messages: [{ role: 'user', content: '/error' }] }), 503, 'overloaded');
  assert.equal(error.message, 'AI service unavailable');
  assert.equal(error.retryable, true);
});

test('the demo talks for as many words as it is told', async () => {
  const words = (/** @type {string} */ text) => text.split(/\s+/).filter(Boolean).length;
  const plain = words((await ask('/long /fast')).content);
  assert.ok(plain > 1500 && plain < 2500, `about 2,000 words, not ${plain}`);
  const longer = words((await ask('/long 20000 /fast')).content);
  assert.ok(longer > 18_000 && longer < 22_000, `about 20,000 words, not ${longer}`);
});

test('the demo shows Markdown on command', async () => {
  const { content } = await ask('/code /fast');
  assert.match(content, /^```\w+\n[\s\S]+?^```$/m, 'a block of code');
  assert.match(content, /^\s*(-|\*|1\.) /m, 'a list');
  assert.match(content, /^\|.*\|\n\|[ :|-]+\|$/m, 'a table');
});

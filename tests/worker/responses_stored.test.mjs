// @ts-check
/** Responses that are stored: asked for, heard again, followed and deleted through OpenAI's own SDK. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import OpenAI from 'openai';
import * as anthropic from '../simulator/formats/anthropic.mjs';
import * as openai from '../simulator/formats/openai_chat.mjs';
import { silence } from '../simulator/wire.mjs';
import { beginPost, watch } from './client.mjs';
import { startGateway } from './gateway.mjs';

const CLAUDE = `anthropic/${anthropic.MODEL}`;
const THOUGHT = { thinking: ['Hm.'], signature: 'c2lnbmVk' };
const CALL = { id: 'toolu_a', name: 'look', input: ['{"at":"Oslo"}'] };
const TOOLS = [{ type: 'function', name: 'look', parameters: { type: 'object', properties: { at: { type: 'string' } } }, strict: false }];

/** @type {Awaited<ReturnType<typeof startGateway>>} */
let gateway;
/** @type {OpenAI} */
let client;
before(async () => {
  gateway = await startGateway({ GATEWAY_KEYS: JSON.stringify({ alice: 'key-of-alice', bob: 'key-of-bob' }) });
  client = as('key-of-alice');
});
after(() => gateway?.stop());
beforeEach(() => gateway.simulator.clear());

/** @param {string} apiKey */
const as = (apiKey) => new OpenAI({ baseURL: `${gateway.worker.url}/v1`, apiKey, defaultHeaders: gateway.worker.headers, maxRetries: 0 });
const asked = () => gateway.simulator.requests.map(({ json }) => json);
/** @param {object} body @returns {Promise<any>} */
const create = (body) => client.responses.create(/** @type {any} */ ({ model: CLAUDE, input: 'hello', ...body }));
/** @param {AsyncIterable<any>} stream */
async function all(stream) {
  const events = [];
  for await (const event of stream) events.push(event);
  return events;
}

describe('a stored response', () => {
  test('is asked for as it was given, with what it repeats of its request', async () => {
    const made = await create({ instructions: 'Be brief.', metadata: { a: 'b' }, tools: TOOLS, max_output_tokens: 50 });
    assert.equal(made.store, true);
    const found = /** @type {any} */ (await client.responses.retrieve(made.id));
    const { created_at: then, ...rest } = made;
    const { created_at: now, output_text: _text, ...again } = found;
    const { output_text: _same, ...first } = rest;
    assert.deepEqual(again, first);
    assert.ok(Math.abs(then - now) <= 1, 'it began when it was asked for');
  });

  test('is heard again from any event on', async () => {
    const events = await all(await create({ stream: true }));
    const { id } = events.at(-1).response;
    const replay = (/** @type {number} */ after) => client.responses.retrieve(id, { stream: true, starting_after: after });
    const plain = (/** @type {any[]} */ list) => JSON.parse(JSON.stringify(list, (key, value) => (key === 'created_at' ? 0 : value)));
    assert.deepEqual(plain(await all(await client.responses.retrieve(id, { stream: true }))), plain(events));
    for (const after of [0, 3, events.length - 2]) assert.deepEqual(plain(await all(await replay(after))), plain(events.slice(after + 1)));
    assert.deepEqual(await all(await replay(events.length)), []);
  });

  test('that failed says so', async () => {
    gateway.simulator.script(anthropic.streamOf(anthropic.frames({ blocks: [{ text: ['Hel'] }] }).slice(0, 4)));
    const events = [];
    const stream = await create({ stream: true });
    await assert.rejects(async () => {
      for await (const event of stream) events.push(event);
    }, OpenAI.APIError);
    const found = await client.responses.retrieve(events[0].response.id);
    assert.deepEqual([found.status, found.output_text, found.error?.code], ['failed', 'Hel', 'truncated']);
  });

  test('is deleted, and what followed it stays', async () => {
    const first = await create({});
    const second = await create({ previous_response_id: first.id, input: 'and?' });
    assert.equal(second.previous_response_id, first.id);
    assert.deepEqual(await client.responses.delete(first.id), { id: first.id, object: 'response', deleted: true });
    await assert.rejects(client.responses.retrieve(first.id), OpenAI.NotFoundError);
    await assert.rejects(client.responses.delete(first.id), OpenAI.NotFoundError);
    await assert.rejects(create({ previous_response_id: first.id }), { status: 400, param: 'previous_response_id', code: 'previous_response_not_found' });
    assert.equal((await client.responses.retrieve(second.id)).output_text, second.output_text);
    await client.responses.delete(second.id);
    await assert.rejects(client.responses.retrieve(second.id), OpenAI.NotFoundError);
  });

  test('is nobody else\'s', async () => {
    const made = await create({});
    await assert.rejects(as('key-of-bob').responses.retrieve(made.id), OpenAI.NotFoundError);
    await assert.rejects(as('key-of-bob').responses.delete(made.id), OpenAI.NotFoundError);
    const follow = as('key-of-bob').responses.create({ model: CLAUDE, input: 'hello', previous_response_id: made.id });
    await assert.rejects(follow, { status: 400, code: 'previous_response_not_found' });
    assert.equal((await client.responses.retrieve(made.id)).status, 'completed');
  });

  test('is none where the client wants none', async () => {
    const made = await create({ store: false });
    assert.equal(made.store, false);
    await assert.rejects(client.responses.retrieve(made.id), OpenAI.NotFoundError);
    await assert.rejects(create({ previous_response_id: made.id }), { status: 400, param: 'previous_response_id' });
    await assert.rejects(create({ previous_response_id: (await create({})).id, store: false }), { status: 400, param: 'store' });
  });
});

describe('the response before', () => {
  test('brings what was said, but for its instructions', async () => {
    const first = await create({ instructions: 'Be brief.' });
    const second = await create({ instructions: 'Be long.', previous_response_id: first.id, input: 'and?' });
    await create({ previous_response_id: first.id, input: 'or?' });
    const turns = (/** @type {any} */ { messages }) => messages.map((/** @type {any} */ { content }) => content[0].text);
    const [, then, other] = asked();
    assert.deepEqual([then.system, turns(then)], ['Be long.', ['hello', first.output_text, 'and?']]);
    assert.deepEqual([other.system, turns(other)], [undefined, ['hello', first.output_text, 'or?']], 'it may be followed twice');
    assert.equal(second.instructions, 'Be long.');
  });

  test('brings signed thinking to a client that sends back nothing but a result', async () => {
    gateway.simulator.script(anthropic.streamed({ blocks: [THOUGHT, CALL] }), anthropic.streamed({ blocks: [{ text: ['Sunny.'] }] }));
    const first = await create({ tools: TOOLS, reasoning: { effort: 'low' } });
    const call = first.output.find((/** @type {any} */ { type }) => type === 'function_call');
    const input = [{ type: 'function_call_output', call_id: call.call_id, output: 'sunny' }];
    const second = await create({ tools: TOOLS, previous_response_id: first.id, input, reasoning: { effort: 'low' } });
    assert.equal(second.output_text, 'Sunny.');
    assert.deepEqual(asked()[1].messages.slice(1), [
      { role: 'assistant', content: [{ type: 'thinking', thinking: 'Hm.', signature: 'c2lnbmVk' }, { type: 'tool_use', id: 'toolu_a', name: 'look', input: { at: 'Oslo' } }] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_a', content: 'sunny' }] },
    ]);
  });

  test('may be another provider\'s', async () => {
    const first = await create({});
    gateway.simulator.script(openai.streamed({ text: 'I agree.' }));
    const second = await create({ model: `openai/${openai.MODEL}`, previous_response_id: first.id, input: 'and you?' });
    assert.equal(second.output_text, 'I agree.');
    assert.deepEqual(asked()[1].messages.map((/** @type {any} */ { role }) => role), ['user', 'assistant', 'user']);
  });
});

test('a client that leaves ends its provider\'s request', async () => {
  gateway.simulator.script(anthropic.streamOf([...anthropic.frames({ blocks: [{ text: ['Hel', 'lo'] }] }).slice(0, 4), silence()]));
  const leaver = beginPost(gateway.worker, '/v1/responses', { model: CLAUDE, input: 'hello', stream: true }, { authorization: 'Bearer key-of-alice' });
  await watch(await leaver.response).until((text) => text.includes('"Hel"'));
  leaver.leave();
  await gateway.simulator.waitFor(([one]) => one?.outcome === 'aborted');
});

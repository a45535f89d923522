// @ts-check
/** What a model may do with the travel assistant's tool: say it in crumbs, get it wrong, never stop. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import * as anthropic from '../simulator/formats/anthropic.mjs';
import * as openai from '../simulator/formats/openai_chat.mjs';
import { pieces } from '../simulator/wire.mjs';
import { ANTHROPIC, CHAT as OPENAI, GEMINI, KYOTO, TOKYO, TOOL, call, toldTo } from './assistants.mjs';
import { CHAT, STREAM, get, post, stream } from './client.mjs';
import { assertError, assertFailed } from './expect.mjs';
import { startGateway } from './gateway.mjs';
import { SESSIONS, createSession, say, told, user } from './sessions.mjs';

/** So many times a model is asked for one answer: after the last one, calls are an error. */
const MOST_LEGS = 8;
const VISIT = 'Let\'s visit Tokyo';

/** @type {Awaited<ReturnType<typeof startGateway>>} */
let gateway;
before(async () => { gateway = await startGateway(); });
after(() => gateway?.stop());
beforeEach(() => gateway.simulator.clear());

const requests = () => gateway.simulator.requests;
const asking = (more = {}, provider = OPENAI) => ({ assistant: 'travel', model: provider.model, messages: [user(VISIT)], ...more });
/** @param {object} [more] @param {import('./assistants.mjs').Provider} [provider] */
const travel = (more, provider) => stream(gateway.worker, asking(more, provider));

describe('arguments', () => {
  /** As a model may write them: spaced, escaped, and in no order of ours. */
  const RAW = `{ "zoom" : 9.5,\n\t"labels":["T\\u014dky\\u014d \\"塔\\" \\\\ 🗼",""], "latitudes":[35.6586,-0.0], "longitudes": [1.39745e2 ,180],"latitude":35.6895,\r\n"longitude":139.6917 } `;
  const MEANT = { longitude: 139.6917, latitude: 35.6895, zoom: 9.5, longitudes: [139.745, 180], latitudes: [35.6586, 0], labels: ['Tōkyō "塔" \\ 🗼', ''] };

  test('come to the client as the model says them, character by character, and are read when they are whole', async () => {
    const crumbs = [...RAW];
    const frames = openai.frames({ toolCalls: [{ id: 'call_a', name: TOOL, arguments: crumbs }] });
    gateway.simulator.script(openai.streamOf(pieces(frames.join(''), 211)), openai.streamed({ text: ['There.'] }));
    const answer = await travel();
    const deltas = answer.chunks.flatMap((chunk) => chunk.tool_calls ?? []).map((delta) => delta.function.arguments);
    assert.deepEqual(deltas, ['', ...crumbs]);
    assert.equal(answer.toolCalls[0].function.arguments, RAW);
    assert.deepEqual([answer.toolResults[0].is_error, JSON.parse(JSON.stringify(answer.state))], [undefined, { map: MEANT }]);
    assert.deepEqual(toldTo(OPENAI, requests()[1])[1], ['call', 'call_a', TOOL, JSON.parse(RAW)]);
    assert.equal(requests()[1].json.messages.at(-2).tool_calls[0].function.arguments, RAW, 'and go back to it so');
  });

  const without = (/** @type {string} */ name) => Object.fromEntries(Object.entries(TOKYO).filter(([known]) => known !== name));
  /** What is wrong with a call, the call, and what the complaint names. @type {[string, unknown, RegExp, string?][]} */
  const WRONG = [
    ['a latitude beyond the pole', { ...TOKYO, latitude: 123 }, /latitude/],
    ['a longitude beyond the date line', { ...TOKYO, longitude: -180.5 }, /longitude/],
    ['a zoom below the whole world', { ...TOKYO, zoom: -1 }, /zoom/],
    ['a marker beyond the pole', { ...TOKYO, latitudes: [35.6, -90.1] }, /latitudes/],
    ['a marker beyond the date line', { ...TOKYO, longitudes: [181, 139] }, /longitudes/],
    ['lists of unequal lengths', { ...TOKYO, labels: ['one'] }, /labels/],
    ['a number in quotes', { ...TOKYO, latitude: '35.7' }, /latitude/],
    ['a label that is none', { ...TOKYO, labels: ['one', 2] }, /labels/],
    ['a list that is none', { ...TOKYO, latitudes: 35.6 }, /latitudes/],
    ['a field that is missing', without('zoom'), /zoom/],
    ['no object', JSON.stringify(Object.values(TOKYO)), /object/i],
    ['nothing at all', '', /longitude|latitude|JSON|object/i],
    ['JSON that breaks off', '{"longitude": 139.69, "lat', /JSON/i],
    ['a tool that nobody has', { city: 'Tokyo' }, /book_hotel/, 'book_hotel'],
  ];
  for (const [what, wrong, names, tool = TOOL] of WRONG) {
    test(`with ${what} go back to the model, which does better`, async () => {
      const said = [{ text: ['Hm. '], calls: [call('call_a', wrong, tool)] }, { calls: [call('call_b', TOKYO)] }, { text: ['There.'] }];
      gateway.simulator.script(...said.map((leg) => OPENAI.says(leg)));
      const { content, end, finish, toolResults: [bad, good], state, chunks } = await travel();
      assert.deepEqual([content, end, finish, requests().length], ['Hm. There.', 'done', 'stop', 3]);
      assert.deepEqual([bad.tool_call_id, bad.is_error, bad.name], ['call_a', true, tool]);
      assert.match(bad.content, names);
      assert.deepEqual([good.tool_call_id, good.is_error], ['call_b', undefined]);
      assert.deepEqual(chunks.flatMap((chunk) => chunk.state ?? []), [{ map: TOKYO }], 'only what is right changes the map');
      assert.deepEqual(state, { map: TOKYO });
      const heard = toldTo(OPENAI, requests()[1]);
      assert.deepEqual(heard.map(([kind]) => kind), ['user', 'assistant', 'call', 'result']);
      assert.deepEqual(heard.at(-1), ['result', 'call_a', bad.content]);
    });
  }

  test('that are no JSON go back to a vendor that wants an object, too', async () => {
    const broken = anthropic.streamed({ blocks: [{ id: 'toolu_a', name: TOOL, input: ['{"longitude": 139.69, ', '"lat'] }] });
    gateway.simulator.script(broken, ANTHROPIC.says({ calls: [call('toolu_b', TOKYO)] }), ANTHROPIC.says({ text: ['There.'] }));
    const { content, toolResults: [bad], toolCalls, state } = await travel({}, ANTHROPIC);
    assert.deepEqual([content, bad.is_error, state], ['There.', true, { map: TOKYO }]);
    assert.equal(toolCalls[0].function.arguments, '{"longitude": 139.69, "lat');
    const [, [, id, , input], result] = toldTo(ANTHROPIC, requests()[1]);
    assert.deepEqual([id, typeof input, result], ['toolu_a', 'object', ['result', 'toolu_a', bad.content]]);
    const { is_error: failed } = requests()[1].json.messages.at(-1).content[0];
    assert.ok(failed === true || failed === undefined);
  });

  test('of two calls at once are judged one by one', async () => {
    gateway.simulator.script(OPENAI.says({ calls: [call('call_a', { ...TOKYO, latitude: 91 }), call('call_b', KYOTO)] }), OPENAI.says({ text: ['There.'] }));
    const { content, toolResults, state } = await travel();
    assert.deepEqual([content, toolResults.map((one) => one.is_error), state], ['There.', [true, undefined], { map: KYOTO }]);
  });

  test('that are wrong leave the map of a session as it was', async () => {
    const { id } = await createSession(gateway.worker, { assistant: 'travel' });
    gateway.simulator.script(OPENAI.says({ calls: [call('call_a', TOKYO)] }), OPENAI.says({ calls: [call('call_b', { ...KYOTO, zoom: -1 })] }), OPENAI.says({ text: ['There.'] }));
    const { content, toolResults } = await say(gateway.worker, id, VISIT);
    assert.deepEqual([content, toolResults.map((one) => one.is_error)], ['There.', [undefined, true]]);
    assert.deepEqual((await get(gateway.worker, `${SESSIONS}/${id}/state`)).json, { state: { map: TOKYO } });
  });
});

describe('a model that never stops calling', () => {
  /** A leg of its own each time. */
  const endless = () => OPENAI.says({ text: [`${requests().length} `], calls: [call(`call_${requests().length}`, TOKYO)] });
  const TEXT = Array.from({ length: MOST_LEGS }, (_, at) => `${at + 1} `).join('');

  test('is asked so many times and no more, and the end is an error behind what it said', async () => {
    gateway.simulator.script(endless);
    const answer = await travel();
    const { code, retryable } = assertFailed(answer, 'provider_error');
    assert.deepEqual([code, retryable, requests().length], ['too_many_rounds', false, MOST_LEGS]);
    assert.equal(answer.content, TEXT);
    assert.deepEqual([answer.toolCalls.length, answer.toolResults.length], [MOST_LEGS, MOST_LEGS]);
    assert.deepEqual([answer.toolResults.at(-1)?.is_error, answer.toolResults.at(-1)?.content], [true, 'Error: not run, because there were too many calls.']);
    const { usage } = answer.failure;
    assert.deepEqual([usage.input_tokens, usage.output_tokens, usage.total_tokens, usage.estimated], [9, 12, 21, undefined].map((tokens) => tokens && tokens * MOST_LEGS));
  });

  test('is asked no more for a whole answer either', async () => {
    gateway.simulator.script(endless);
    const { code } = assertError(await post(gateway.worker, CHAT, asking()), 502, 'provider_error');
    assert.deepEqual([code, requests().length], ['too_many_rounds', MOST_LEGS]);
  });

  test('leaves a session that goes on', async () => {
    const { id } = await createSession(gateway.worker, { assistant: 'travel' });
    gateway.simulator.script(endless);
    assertFailed(await say(gateway.worker, id, VISIT), 'provider_error');
    gateway.simulator.script(OPENAI.says({ text: ['Fine.'] }));
    assert.equal((await say(gateway.worker, id, 'Stop it.')).content, 'Fine.');
    const heard = toldTo(OPENAI, requests()[MOST_LEGS]);
    assert.deepEqual(heard.at(-1), ['user', 'Stop it.']);
    assert.ok(heard.filter(([kind]) => kind === 'call').length >= MOST_LEGS - 1);
    assert.deepEqual((await told(gateway.worker, id)).map(([role]) => role), ['user', 'assistant', 'user', 'assistant']);
  });

  test('may call as long as it answers in the end', async () => {
    gateway.simulator.script(() => (requests().length < MOST_LEGS ? endless() : OPENAI.says({ text: ['Done.'] })));
    const { content, end, toolCalls, toolResults, usage } = await travel();
    assert.deepEqual([content, end, requests().length], [`${TEXT.slice(0, TEXT.indexOf(`${MOST_LEGS}`))}Done.`, 'done', MOST_LEGS]);
    assert.deepEqual([toolCalls.length, toolResults.length, usage.total_tokens], [MOST_LEGS - 1, MOST_LEGS - 1, 21 * MOST_LEGS]);
  });
});

test('a call that a limit may have cut is not run, and is not the caller\'s to answer', async () => {
  gateway.simulator.script(openai.streamed({ text: ['Let me'], toolCalls: [call('call_a', TOKYO)], finish: 'length' }), OPENAI.says({ text: ['never'] }));
  const { content, finish, toolCalls, toolResults, state } = await travel();
  assert.deepEqual([content, finish, toolCalls.length, state, requests().length], ['Let me', 'length', 1, {}, 1]);
  assert.deepEqual(toolResults.map((one) => [one.tool_call_id, one.is_error]), [['call_a', true]]);
});

test('whoever has to call a tool has to once', async () => {
  gateway.simulator.script(OPENAI.says({ calls: [call('call_a', TOKYO)] }), OPENAI.says({ text: ['There.'] }));
  assert.equal((await travel({ tool_choice: 'required' })).content, 'There.');
  assert.deepEqual(requests().map(({ json }) => json.tool_choice), ['required', 'auto']);
});

describe('ids', () => {
  test('that a provider gives again are told apart, and each result is that of its call', async () => {
    gateway.simulator.script(OPENAI.says({ calls: [call('call_0', TOKYO)] }), OPENAI.says({ calls: [call('call_0', KYOTO)] }), OPENAI.says({ text: ['There.'] }));
    const { toolCalls, toolResults } = await travel();
    assert.deepEqual(toolResults.map((one) => one.tool_call_id), toolCalls.map(({ id }) => id));
    const heard = toldTo(OPENAI, requests()[2]);
    assert.deepEqual(heard.map(([kind]) => kind), ['user', 'call', 'result', 'call', 'result']);
    assert.equal(new Set(heard.map(([, id]) => id)).size, 3);
  });

  test('that a provider does not give at all are ours, and one each', async () => {
    const first = { calls: [call('', TOKYO), call('', KYOTO)] };
    gateway.simulator.script(GEMINI.says(first), GEMINI.says({ calls: [call('', TOKYO)] }), GEMINI.says({ text: ['There.'] }));
    const { toolCalls, toolResults, state } = await travel({}, GEMINI);
    assert.deepEqual([toolCalls.length, new Set(toolCalls.map(({ id }) => id)).size, state], [3, 3, { map: TOKYO }]);
    assert.deepEqual(toolResults.map((one) => one.tool_call_id), toolCalls.map(({ id }) => id));
    assert.deepEqual(toldTo(GEMINI, requests()[2]).map(([kind]) => kind), ['user', 'call', 'call', 'result', 'result', 'call', 'result']);
  });
});

test('a caller\'s tool may not have the name of the assistant\'s', async () => {
  const tools = [{ type: 'function', function: { name: TOOL, parameters: { type: 'object' } } }];
  for (const path of [STREAM, CHAT]) assertError(await post(gateway.worker, path, asking({ tools })), 422, 'invalid_request');
  const { id } = await createSession(gateway.worker, { assistant: 'travel' });
  assertError(await post(gateway.worker, STREAM, { session_id: id, messages: [user(VISIT)], tools }), 422, 'invalid_request');
  assert.equal(requests().length, 0);
});

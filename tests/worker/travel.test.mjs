// @ts-check
/** The travel assistant: its tool runs inside the gateway, and model, tool and model again are one answer. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { FIELDS, KYOTO, PROVIDERS, STATE, TOKYO, TOOL, call, described, pathOf, times, toldTo } from './assistants.mjs';
import { CHAT, get, post, stream } from './client.mjs';
import { startGateway } from './gateway.mjs';
import { SESSIONS, conversation, createSession, say, user } from './sessions.mjs';

/** @typedef {import('./assistants.mjs').Provider} Provider */

const VISIT = 'Let\'s visit Tokyo';
/** More bytes than characters: a result's place is told in bytes. */
const FIRST = ['Voilà: ', '東京. '];
const LAST = ['It is ', 'on the map.'];
const WEATHER = { type: 'function', function: { name: 'get_weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } } };

/** @type {Awaited<ReturnType<typeof startGateway>>} */
let gateway;
before(async () => { gateway = await startGateway(); });
after(() => gateway?.stop());
beforeEach(() => gateway.simulator.clear());

const requests = () => gateway.simulator.requests;
/** What the next answers are, one after the other. @param {Provider} provider @param {import('./assistants.mjs').Leg[]} legs */
const answers = (provider, ...legs) => gateway.simulator.script(...legs.map((leg) => provider.says(leg)));
/** A model that shows Tokyo, and says so when it is on the map. @param {Provider} provider */
const tokyo = (provider) => answers(provider, { text: FIRST, calls: [call('call_a', TOKYO)] }, { text: LAST });

/** @param {Provider} provider @param {any[]} messages @param {object} [more] */
const asking = (provider, messages, more = {}) => ({ assistant: 'travel', model: provider.model, messages, ...more });
/** @param {Provider} provider @param {any[]} [messages] @param {object} [more] */
const travel = (provider, messages = [user(VISIT)], more = {}) => stream(gateway.worker, asking(provider, messages, more));

/** A session with the travel assistant. @param {Provider} provider @returns {Promise<string>} */
const begin = async (provider) => (await createSession(gateway.worker, { assistant: 'travel', defaults: { model: provider.model } })).id;
/** @param {string} id */
const stateOf = async (id) => (await get(gateway.worker, `${SESSIONS}/${id}/state`)).json;
/** The answer as a client sends it back. @param {any} answer */
const asMessage = ({ content, tool_calls, tool_results, opaque }) => ({ role: 'assistant', content, tool_calls, tool_results, ...(opaque && { opaque }) });
/** Calls as they were made. @param {any[]} calls */
const made = (calls) => calls.map(({ id, function: { name, arguments: text } }) => [id, name, JSON.parse(text)]);

/** What a provider is told of the first turn, once it is over. @param {{ toolResults: any[] }} answer @returns {any[]} */
const firstTurn = ({ toolResults: [{ content }] }) => [
  ['user', VISIT], ['assistant', FIRST.join('')], ['call', 'call_a', TOOL, TOKYO], ['result', 'call_a', content], ['assistant', LAST.join('')],
];

for (const provider of PROVIDERS) {
  describe(`a journey by ${provider.name}`, () => {
    test('is one stream: text, the call, its result, the map, and the rest of the text', async () => {
      answers(provider, { text: LAST });
      const { usage: one } = await stream(gateway.worker, { model: provider.model, messages: [user(VISIT)] });
      requests().length = 0;
      tokyo(provider);
      const answer = await travel(provider);
      assert.deepEqual([answer.content, answer.finish, answer.end], [[...FIRST, ...LAST].join(''), 'stop', 'done']);
      assert.deepEqual(made(answer.toolCalls), [['call_a', TOOL, TOKYO]]);
      assert.equal(answer.toolResults.length, 1);
      assert.equal(answer.toolResults[0].is_error, undefined, answer.toolResults[0].content);
      assert.deepEqual(answer.state, { map: TOKYO });
      assert.deepEqual(answer.usage, times(one, 2), 'both answers are paid for');
      assert.deepEqual([answer.steps, answer.warnings], [[], []]);

      const at = (/** @type {(chunk: import('./sse.mjs').Chunk) => unknown} */ has) => answer.chunks.findIndex(has);
      const [lastCall, result, state, rest] = [answer.chunks.findLastIndex((chunk) => chunk.tool_calls),
        at((chunk) => chunk.tool_results), at((chunk) => chunk.state), at(({ content }) => content === LAST[0])];
      assert.ok(lastCall < result && lastCall < state && result < rest && state < rest, `in this order: ${[lastCall, result, state, rest]}`);
    });

    test('offers the model the tool, and tells it the result in its own words', async () => {
      tokyo(provider);
      const answer = await travel(provider);
      const [first, second] = requests();
      assert.equal(requests().length, 2);
      assert.deepEqual([second.path, provider.system(second), provider.tools(second)], [first.path, provider.system(first), provider.tools(first)]);
      assert.notEqual(provider.system(first), '');
      const [[name, schema]] = provider.tools(first);
      assert.deepEqual([provider.tools(first).length, name, Object.keys(schema.properties).sort(), schema.required.toSorted()], [1, TOOL, FIELDS.toSorted(), FIELDS.toSorted()]);
      assert.deepEqual(toldTo(provider, first), [['user', VISIT]]);
      assert.deepEqual(toldTo(provider, second), firstTurn(answer).slice(0, -1));
    });

    test('in a session keeps the map, and is told to the provider with the next turn', async () => {
      const id = await begin(provider);
      assert.deepEqual(await stateOf(id), { state: {} });
      tokyo(provider);
      const answer = await say(gateway.worker, id, VISIT);
      assert.deepEqual(await stateOf(id), { state: { map: TOKYO } });
      const { messages: [, kept] } = await conversation(gateway.worker, id);
      assert.deepEqual([kept.content, kept.tool_results, kept.state, kept.usage], [answer.content, answer.toolResults, answer.state, answer.usage]);
      assert.deepEqual(made(kept.tool_calls), [['call_a', TOOL, TOKYO]]);

      answers(provider, { calls: [call('call_b', KYOTO)] }, { text: ['Kyoto.'] });
      const next = await say(gateway.worker, id, 'And Kyoto?');
      assert.deepEqual([next.content, next.state], ['Kyoto.', { map: KYOTO }]);
      assert.deepEqual(toldTo(provider, requests()[2]), [...firstTurn(answer), ['user', 'And Kyoto?']]);
      assert.deepEqual(toldTo(provider, requests()[3]), [...firstTurn(answer), ['user', 'And Kyoto?'], ['call', 'call_b', TOOL, KYOTO], ['result', 'call_b', next.toolResults[0].content]]);
      assert.deepEqual(await stateOf(id), { state: { map: KYOTO } }, 'the map is another one, not both');
    });

    test('asked for as a whole is the same, and can be sent back', async () => {
      tokyo(provider);
      const streamed = await travel(provider);
      tokyo(provider);
      const { status, json, text } = await post(gateway.worker, CHAT, asking(provider, [user(VISIT)]));
      assert.equal(status, 200, text);
      assert.deepEqual([json.content, json.tool_results, json.state, json.usage, json.finish_reason, json.steps],
        [streamed.content, streamed.toolResults, streamed.state, streamed.usage, 'stop', undefined]);
      assert.deepEqual(made(json.tool_calls), made(streamed.toolCalls));
      answers(provider, { text: ['You are welcome.'] });
      const next = await travel(provider, [user(VISIT), asMessage(json), user('Thanks!')]);
      assert.deepEqual([next.content, next.warnings], ['You are welcome.', []]);
      assert.deepEqual(toldTo(provider, requests()[4]), [...firstTurn(streamed), ['user', 'Thanks!']]);
    });

    test('with two calls at once runs both, in their order', async () => {
      answers(provider, { calls: [call('call_a', TOKYO), call('call_b', KYOTO)] }, { text: LAST });
      const answer = await travel(provider);
      assert.deepEqual(made(answer.toolCalls), [['call_a', TOOL, TOKYO], ['call_b', TOOL, KYOTO]]);
      assert.deepEqual(answer.toolResults.map((one) => [one.tool_call_id, one.is_error]), [['call_a', undefined], ['call_b', undefined]]);
      assert.deepEqual(answer.state, { map: KYOTO }, 'the last one counts');
      const [a, b] = answer.toolResults;
      assert.deepEqual(toldTo(provider, requests()[1]), [['user', VISIT], ['call', 'call_a', TOOL, TOKYO], ['call', 'call_b', TOOL, KYOTO],
        ['result', 'call_a', a.content], ['result', 'call_b', b.content]]);
      assert.equal(requests().length, 2);
    });

    test('leaves a call of the caller\'s own tool to the caller, and goes on with its result', async () => {
      const calls = [call('call_a', TOKYO), call('call_w', { city: 'Tokyo' }, 'get_weather')];
      answers(provider, { text: FIRST, calls });
      const answer = await travel(provider, [user(VISIT)], { tools: [WEATHER] });
      assert.deepEqual([answer.content, answer.finish, answer.end], [FIRST.join(''), 'tool_calls', 'done']);
      assert.deepEqual(made(answer.toolCalls).map(([id]) => id), ['call_a', 'call_w']);
      assert.deepEqual(answer.toolResults.map((one) => one.tool_call_id), ['call_a']);
      assert.deepEqual([answer.state, requests().length], [{ map: TOKYO }, 1]);
      assert.deepEqual(provider.tools(requests()[0]).map(([name]) => name).sort(), ['get_weather', TOOL]);

      answers(provider, { text: LAST });
      const { content, toolCalls: tool_calls, toolResults: tool_results, opaque } = answer;
      const back = asMessage({ content, tool_calls, tool_results, ...(opaque.length > 0 && { opaque }) });
      const sunny = { role: 'tool', tool_call_id: 'call_w', content: 'sunny' };
      const next = await travel(provider, [user(VISIT), back, sunny], { tools: [WEATHER] });
      assert.deepEqual([next.content, next.finish], [LAST.join(''), 'stop']);
      const told = [...firstTurn(answer).slice(0, 3), ['call', 'call_w', 'get_weather', { city: 'Tokyo' }],
        ['result', 'call_a', tool_results[0].content], ['result', 'call_w', 'sunny']];
      assert.deepEqual(toldTo(provider, requests()[1]), told);

      const id = await begin(provider);
      answers(provider, { text: FIRST, calls }, { text: LAST });
      assert.equal((await say(gateway.worker, id, VISIT, { tools: [WEATHER] })).finish, 'tool_calls');
      assert.deepEqual(await stateOf(id), { state: { map: TOKYO } });
      assert.equal((await say(gateway.worker, id, [sunny], { tools: [WEATHER] })).content, LAST.join(''));
      assert.deepEqual(toldTo(provider, requests()[3]), told);
    });

    if (provider.sealed) {
      test('gives back what the provider sealed, in its place, within the run and after it', async () => {
        const id = await begin(provider);
        answers(provider, { thinking: ['Hm.'], text: FIRST, calls: [call('call_a', TOKYO)] }, { text: LAST });
        const { reasoning } = await say(gateway.worker, id, VISIT, { thinking: true });
        assert.equal(reasoning, 'Hm.');
        await say(gateway.worker, id, 'Thanks!', { thinking: true });
        answers(provider, { thinking: ['Hm.'], text: FIRST, calls: [call('call_a', TOKYO)] }, { text: LAST });
        const { json } = await post(gateway.worker, CHAT, asking(provider, [user(VISIT)], { thinking: true }));
        await travel(provider, [user(VISIT), asMessage(json), user('Thanks!')], { thinking: true });
        assert.deepEqual(requests().map(({ body }) => body.split(STATE).length - 1), [0, 1, 1, 0, 1, 1]);
        for (const { body } of [requests()[2], requests()[5]]) assert.ok(body.indexOf(STATE) < body.indexOf(LAST.join('')), 'before what was said later');
      });
    }
  });
}

test('the steps of a journey are told to whoever asks for them, and are a way through its graph', async () => {
  const [provider] = PROVIDERS;
  const assistant = await described(gateway.worker, 'travel');
  assert.deepEqual(assistant.tools.map((/** @type {any} */ { name }) => name), [TOOL]);
  tokyo(provider);
  const { steps, content, frames } = await travel(provider, [user(VISIT)], { steps: true });
  assert.equal(content, [...FIRST, ...LAST].join(''));
  assert.notDeepEqual(pathOf(steps, assistant), []);
  assert.equal(frames[0].event, 'step', 'the first step begins before anything is said');
  const wrote = steps.flatMap((step) => (step.wrote && 'map' in step.wrote ? [step.wrote.map] : []));
  assert.deepEqual(wrote, [TOKYO], 'one of them wrote the map');
  tokyo(provider);
  const whole = await post(gateway.worker, CHAT, asking(provider, [user(VISIT)], { steps: true }));
  assert.deepEqual(whole.json.steps, steps);
});

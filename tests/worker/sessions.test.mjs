// @ts-check
/** What a session is to its owner: made, listed, renamed, deleted; and what of it a provider is told. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import * as anthropic from '../simulator/formats/anthropic.mjs';
import * as openai from '../simulator/formats/openai_chat.mjs';
import { CHAT, exchange, get, post } from './client.mjs';
import { assertError } from './expect.mjs';
import { startGateway } from './gateway.mjs';
import { startWorker } from './harness.mjs';
import { DEFAULTS, SESSIONS, asked, conversation, createSession, eventually, follow, heard, say, told, user, view } from './sessions.mjs';

const FINE = openai.answering({ text: ['fi', 'ne'] });

/** @type {Awaited<ReturnType<typeof startGateway>>} */
let gateway;
before(async () => { gateway = await startGateway(); });
after(() => gateway?.stop());
beforeEach(() => {
  gateway.simulator.clear();
  gateway.simulator.script(FINE);
});

/** @param {string} id @param {unknown} fields */
const rename = (id, fields) => exchange(gateway.worker, `${SESSIONS}/${id}`, { method: 'PATCH', headers: { 'content-type': 'application/json' }, body: JSON.stringify(fields) });
/** @param {string} id */
const remove = (id) => exchange(gateway.worker, `${SESSIONS}/${id}`, { method: 'DELETE' });
/** @param {string} [query] */
const list = async (query = '') => (await get(gateway.worker, `${SESSIONS}${query}`)).json;

describe('a session', () => {
  test('is made with what was asked for, or with nothing', async () => {
    const defaults = { ...DEFAULTS, temperature: 0.5 };
    const made = await createSession(gateway.worker, { system: 'be kind', title: 'My talk', assistant: 'plain', defaults });
    const { id, created_at, updated_at, ...rest } = made;
    assert.match(id, /^s_[0-9a-f]{30}$/);
    assert.ok(Math.abs(created_at - Date.now()) < 60_000, 'milliseconds since 1970');
    assert.equal(updated_at, created_at);
    assert.deepEqual(rest, { title: 'My talk', assistant: 'plain', system: 'be kind', defaults, head: null, live: null });
    assert.deepEqual(await view(gateway.worker, id), made);

    const bare = await exchange(gateway.worker, SESSIONS, {});
    assert.equal(bare.status, 201, bare.text);
    assert.deepEqual([bare.json.title, bare.json.assistant, bare.json.system, bare.json.defaults], [null, 'plain', null, {}]);
    assert.notEqual(bare.json.id, id);
  });

  test('is not made of what it cannot have', async () => {
    /** @type {[object, string][]} */
    const wrong = [
      [{ colour: 'red' }, 'colour'], [{ title: 1 }, 'title'], [{ system: ['x'] }, 'system'], [{ assistant: 'butler' }, 'assistant'],
      [{ defaults: [] }, 'defaults'], [{ defaults: { messages: [] } }, 'defaults.messages'], [{ defaults: { temperature: 'hot' } }, 'defaults.temperature'],
    ];
    for (const [fields, param] of wrong) {
      const error = assertError(await post(gateway.worker, SESSIONS, fields), 422, 'invalid_request');
      assert.equal(error.param, param);
    }
    assertError(await post(gateway.worker, SESSIONS, { defaults: { provider: 'nobody' } }), 400, 'unknown_provider');
    assertError(await post(gateway.worker, SESSIONS, '{'), 422, 'invalid_request');
    assertError(await post(gateway.worker, SESSIONS, '[]'), 422, 'invalid_request');
  });

  test('is renamed, and keeps the name', async () => {
    const { id } = await createSession(gateway.worker);
    const renamed = await rename(id, { title: 'Ærlig talt \u{1f600}' });
    assert.deepEqual([renamed.status, renamed.json.title, renamed.json.id], [200, 'Ærlig talt \u{1f600}', id]);
    await say(gateway.worker, id, 'hello');
    assert.equal((await view(gateway.worker, id)).title, 'Ærlig talt \u{1f600}');
    await eventually(async () => assert.equal((await list()).sessions.find((/** @type {any} */ one) => one.id === id).title, 'Ærlig talt \u{1f600}'));
    for (const fields of [{ title: 7 }, {}, { name: 'x' }]) assertError(await rename(id, fields), 422, 'invalid_request');
  });

  test('without a name has that of its first question', async () => {
    const { id } = await createSession(gateway.worker);
    await say(gateway.worker, id, 'What  is\nthe capital of Norway?');
    await say(gateway.worker, id, 'And of Sweden?');
    assert.equal((await view(gateway.worker, id)).title, 'What is the capital of Norway?');
  });

  test('that is deleted is gone, with its run, its events and its place in the list', async () => {
    const { id } = await createSession(gateway.worker);
    await say(gateway.worker, id, 'hello');
    gateway.simulator.script(openai.streamOf([...openai.frames({ text: 'begun' }).slice(0, 2), { type: 'silence' }]));
    const running = say(gateway.worker, id, 'and on').catch((error) => error);
    await gateway.simulator.waitFor(2);
    const { status, text } = await remove(id);
    assert.deepEqual([status, text], [204, '']);
    await gateway.simulator.waitFor((requests) => requests[1].outcome === 'aborted');
    await running;
    for (const answer of [await get(gateway.worker, `${SESSIONS}/${id}`), await get(gateway.worker, `${SESSIONS}/${id}/messages`),
      await follow(gateway.worker, id), await post(gateway.worker, CHAT, asked(id, 'hello')), await remove(id)]) {
      assert.equal(assertError(answer, 404, 'not_found').param, 'session_id');
    }
    await eventually(async () => assert.ok(!(await list()).sessions.some((/** @type {any} */ one) => one.id === id)));
  });

  test('tells its state', async () => {
    const { id } = await createSession(gateway.worker);
    assert.deepEqual((await get(gateway.worker, `${SESSIONS}/${id}/state`)).json, { state: {} });
  });

  test('is asked by the methods that it has', async () => {
    const { id } = await createSession(gateway.worker);
    for (const [method, path] of [['PUT', ''], ['POST', ''], ['DELETE', '/messages'], ['POST', '/state']]) {
      assert.equal((await exchange(gateway.worker, `${SESSIONS}/${id}${path}`, { method, headers: { 'content-type': 'application/json' }, body: '{}' })).status, 405, `${method} ${path}`);
    }
  });
});

test('the list tells the newest first, page by page', async () => {
  const alone = await startWorker({});
  try {
    const all = (/** @type {string} */ query) => get(alone, `${SESSIONS}${query}`);
    assert.deepEqual((await all('')).json, { sessions: [], next: null });
    const made = [];
    for (let index = 0; index < 5; index += 1) made.push(await createSession(alone, { title: `talk ${index}`, defaults: { provider: 'demo' } }));
    const newest = made.map(({ id }) => id).reverse();
    const whole = (await all('')).json;
    assert.deepEqual(whole.sessions.map((/** @type {any} */ { id }) => id), newest);
    assert.equal(whole.next, null);
    assert.deepEqual(Object.keys(whole.sessions[0]).sort(), ['created_at', 'id', 'title', 'updated_at']);

    const pages = [];
    for (let next = ''; next !== null;) {
      const { json } = await all(`?limit=2${next && `&before=${encodeURIComponent(next)}`}`);
      pages.push(json.sessions.map((/** @type {any} */ { id }) => id));
      next = json.next;
    }
    assert.deepEqual(pages, [newest.slice(0, 2), newest.slice(2, 4), newest.slice(4)]);

    // Whoever is used is first.
    await say(alone, made[1].id, '/fast');
    await eventually(async () => assert.deepEqual((await all('')).json.sessions.map((/** @type {any} */ { id }) => id), [made[1].id, ...newest.filter((id) => id !== made[1].id)]));
    for (const query of ['?limit=0', '?limit=101', '?limit=x', '?before=x']) assertError(await all(query), 422, 'invalid_request');
  } finally {
    await alone.stop();
  }
});

describe('a provider', () => {
  test('is told the defaults and the system message, and what the request says instead', async () => {
    const tools = [{ type: 'function', function: { name: 'look', parameters: { type: 'object' } } }];
    const { id } = await createSession(gateway.worker, { system: 'be kind', defaults: { ...DEFAULTS, temperature: 0.5, max_tokens: 7, stop: ['END'], tools } });
    await say(gateway.worker, id, 'hello');
    await say(gateway.worker, id, 'again', { temperature: 0.25, max_tokens: 9 });
    const [first, second] = gateway.simulator.requests.map(({ json }) => json);
    assert.deepEqual(first.messages, [{ role: 'developer', content: 'be kind' }, user('hello')]);
    assert.deepEqual([first.model, first.temperature, first.stop, first.tools.length], [openai.MODEL, 0.5, ['END'], 1]);
    assert.deepEqual([second.temperature, second.stop, second.tools.length], [0.25, ['END'], 1]);
    const limit = (/** @type {any} */ json) => json.max_completion_tokens ?? json.max_tokens;
    assert.deepEqual([limit(first), limit(second)], [7, 9]);
  });

  test('is told all that was said before, and the client says only what is new', async () => {
    const { id } = await createSession(gateway.worker, { system: 'be kind' });
    gateway.simulator.script(openai.streamed({ text: ['an', 'swer 1'] }), openai.streamed({ text: 'answer 2' }), openai.streamed({ text: 'answer 3' }));
    for (const turn of [1, 2, 3]) await say(gateway.worker, id, `question ${turn}`);
    assert.deepEqual(heard(gateway.simulator.requests[2]), [['developer', 'be kind'], ['user', 'question 1'], ['assistant', 'answer 1'],
      ['user', 'question 2'], ['assistant', 'answer 2'], ['user', 'question 3']]);
    const { messages, runs } = await conversation(gateway.worker, id);
    assert.deepEqual(messages.map(({ role, content }) => [role, content]), [['user', 'question 1'], ['assistant', 'answer 1'],
      ['user', 'question 2'], ['assistant', 'answer 2'], ['user', 'question 3'], ['assistant', 'answer 3']]);
    assert.deepEqual(runs.map(({ parent, status }) => [parent, status]), [[null, 'finished'], [runs[0].id, 'finished'], [runs[1].id, 'finished']]);
    assert.deepEqual(messages.map(({ run_id }) => run_id), runs.flatMap((run) => [run.id, run.id]));
    const { role, id: own, finish_reason, model, provider, usage, status } = messages[1];
    assert.deepEqual([role, own, finish_reason, model, provider, status], ['assistant', runs[0].id, 'stop', openai.MODEL, 'openai', 'finished']);
    assert.ok(usage.total_tokens > 0);
    assert.equal((await view(gateway.worker, id)).head, runs[2].id);
    for (const { started_at, ended_at } of runs) assert.ok(started_at <= ended_at);
  });

  test('is told of a tool\'s call when its result comes', async () => {
    const { id } = await createSession(gateway.worker, { defaults: { ...DEFAULTS, tools: [{ type: 'function', function: { name: 'look', parameters: { type: 'object' } } }] } });
    const call = { id: 'call_1', name: 'look', arguments: ['{"at":', '"Oslo"}'] };
    gateway.simulator.script(openai.streamed({ toolCalls: [call] }), FINE);
    assert.equal((await say(gateway.worker, id, 'the weather?')).finish, 'tool_calls');
    await say(gateway.worker, id, [{ role: 'tool', tool_call_id: 'call_1', content: 'rain' }]);
    const [question, calls, result] = gateway.simulator.requests[1].json.messages;
    assert.deepEqual(question, user('the weather?'));
    assert.deepEqual([calls.role, calls.tool_calls], ['assistant', [{ id: 'call_1', type: 'function', function: { name: 'look', arguments: '{"at":"Oslo"}' } }]]);
    assert.deepEqual(result, { role: 'tool', tool_call_id: 'call_1', content: 'rain' });
    assert.deepEqual((await told(gateway.worker, id)).map(([role]) => role), ['user', 'assistant', 'tool', 'assistant']);
  });

  test('has its own state back: signed thinking before a call', async () => {
    const defaults = { provider: 'anthropic', model: anthropic.MODEL, thinking: true, tools: [{ type: 'function', function: { name: 'look', parameters: { type: 'object' } } }] };
    const { id } = await createSession(gateway.worker, { defaults });
    const thought = { thinking: ['Hm', '.'], signature: 'c2lnbmVkIQ==' };
    gateway.simulator.script(anthropic.streamed({ blocks: [thought, { text: ['I look.'] }, { id: 'toolu_a', name: 'look', input: ['{"at":"Oslo"}'] }] }), anthropic.streamed({ blocks: [{ text: ['rain'] }] }));
    await say(gateway.worker, id, 'the weather?');
    await say(gateway.worker, id, [{ role: 'tool', tool_call_id: 'toolu_a', content: 'rain' }]);
    const [, second] = gateway.simulator.requests[1].json.messages;
    assert.deepEqual([second.role, second.content], ['assistant', [
      { type: 'thinking', thinking: 'Hm.', signature: 'c2lnbmVkIQ==' },
      { type: 'text', text: 'I look.' },
      { type: 'tool_use', id: 'toolu_a', name: 'look', input: { at: 'Oslo' } },
    ]]);
    const { messages } = await conversation(gateway.worker, id);
    assert.deepEqual([messages[1].reasoning, messages[1].tool_calls[0].id, messages[1].opaque.length], ['Hm.', 'toolu_a', 1]);
  });

  test('is told a conversation with another one\'s answers', async () => {
    const { id } = await createSession(gateway.worker);
    gateway.simulator.script(openai.streamed({ text: 'from one' }), anthropic.streamed({ blocks: [{ text: ['from the other'] }] }));
    await say(gateway.worker, id, 'hello');
    await say(gateway.worker, id, 'and you?', { provider: 'anthropic', model: anthropic.MODEL });
    assert.deepEqual(gateway.simulator.requests[1].json.messages.map((/** @type {any} */ { role }) => role), ['user', 'assistant', 'user']);
    assert.match(JSON.stringify(gateway.simulator.requests[1].json.messages[1]), /from one/);
  });

  test('is told another line of a conversation: asked again, put otherwise, from the start', async () => {
    const { id } = await createSession(gateway.worker);
    const texts = ['first', 'second', 'second again', 'second otherwise', 'anew'];
    gateway.simulator.script(...texts.map((text) => openai.streamed({ text })));
    const one = await say(gateway.worker, id, 'q1');
    await say(gateway.worker, id, 'q2');
    await say(gateway.worker, id, 'q2', { parent: one.run });
    assert.deepEqual(heard(gateway.simulator.requests[2]), [['user', 'q1'], ['assistant', 'first'], ['user', 'q2']]);
    assert.deepEqual(await told(gateway.worker, id), [['user', 'q1'], ['assistant', 'first'], ['user', 'q2'], ['assistant', 'second again']]);
    const edited = await say(gateway.worker, id, 'q2, or rather q3', { parent: one.run });
    assert.deepEqual(heard(gateway.simulator.requests[3]), [['user', 'q1'], ['assistant', 'first'], ['user', 'q2, or rather q3']]);
    const { runs } = await conversation(gateway.worker, id);
    assert.deepEqual(runs.map((run) => [run.id, run.parent]), [[one.run, null], [edited.run, one.run]]);
    await say(gateway.worker, id, 'q0', { parent: null });
    assert.deepEqual(heard(gateway.simulator.requests[4]), [['user', 'q0']]);
    assert.deepEqual(await told(gateway.worker, id), [['user', 'q0'], ['assistant', 'anew']]);
    assert.equal(assertError(await post(gateway.worker, CHAT, asked(id, 'x', { parent: 'r_ffffffffffffffffffff' })), 422, 'invalid_request').param, 'parent');
  });

  test('of a whole answer is asked as for a stream, and the answer is one object', async () => {
    const { id } = await createSession(gateway.worker);
    const { status, headers, json } = await post(gateway.worker, CHAT, asked(id, 'hello'));
    assert.deepEqual([status, json.content, json.finish_reason, json.provider], [200, 'fine', 'stop', 'openai']);
    assert.match(String(headers['content-type']), /^application\/json/);
    assert.equal(json.id, headers['x-run-id']);
    assert.deepEqual(await told(gateway.worker, id), [['user', 'hello'], ['assistant', 'fine']]);
    await say(gateway.worker, id, 'again');
    assert.equal(gateway.simulator.requests[1].json.messages.length, 3);
  });
});

test('a conversation that is too long loses its oldest turns, and the answer says so', { timeout: 60_000 }, async () => {
  const brief = await startGateway({ HISTORY_TOKENS: '100' });
  try {
    brief.simulator.script(FINE);
    const { id } = await createSession(brief.worker, { system: 'be kind' });
    const long = 'x'.repeat(600);
    assert.deepEqual((await say(brief.worker, id, `${long}1`)).warnings, []);
    assert.equal(heard(brief.simulator.requests[0]).length, 2, 'what is asked now always goes');
    const { warnings } = await say(brief.worker, id, 'short');
    assert.deepEqual(heard(brief.simulator.requests[1]), [['developer', 'be kind'], ['user', 'short']]);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0], /oldest 2 messages/);
    assert.equal((await conversation(brief.worker, id)).messages.length, 4, 'nothing is lost of what is kept');
  } finally {
    await brief.stop();
  }
});

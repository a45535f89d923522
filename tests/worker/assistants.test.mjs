// @ts-check
/** The list of assistants, and how a request or a session chooses one. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import * as openai from '../simulator/formats/openai_chat.mjs';
import { ASSISTANTS, CHAT as OPENAI, FIELDS, TOOL, described, pathOf } from './assistants.mjs';
import { CHAT, STREAM, exchange, get, post, stream } from './client.mjs';
import { assertError } from './expect.mjs';
import { startGateway } from './gateway.mjs';
import { SESSIONS, asked, createSession, say, user, view } from './sessions.mjs';

const NAMES = ['plain', 'travel', 'router', 'rag'];
const MODES = ['generate_code', 'answer_question', 'generate_poem'];

/** @type {Awaited<ReturnType<typeof startGateway>>} */
let gateway;
before(async () => { gateway = await startGateway(); });
after(() => gateway?.stop());
beforeEach(() => {
  gateway.simulator.clear();
  gateway.simulator.script(openai.answering({ text: ['fi', 'ne'] }));
});

const requests = () => gateway.simulator.requests;
/** @param {object} more */
const asking = (more) => ({ model: OPENAI.model, messages: [user('hello')], ...more });
/** The names of the tools that the last request offered. */
const offered = () => OPENAI.tools(/** @type {any} */ (requests().at(-1))).map(([name]) => name);

describe('the list of assistants', () => {
  test('has each with its graph and its tools, and nothing else', async () => {
    const { status, json } = await get(gateway.worker, ASSISTANTS);
    assert.deepEqual([status, Object.keys(json)], [200, ['assistants']]);
    assert.deepEqual(json.assistants.map((/** @type {any} */ { name }) => name).sort(), NAMES.toSorted());
    for (const assistant of json.assistants) {
      assert.deepEqual(Object.keys(assistant).sort(), ['description', 'graph', 'name', 'tools']);
      assert.ok(assistant.description.length > 10);
      for (const tool of assistant.tools) {
        assert.deepEqual([Object.keys(tool).sort(), tool.parameters.type], [['description', 'name', 'parameters'], 'object']);
      }
    }
  });

  test('has graphs that are whole: every way leads somewhere, and every action can be reached', async () => {
    const { json: { assistants } } = await get(gateway.worker, ASSISTANTS);
    for (const { name, graph: { entry, actions, ...rest } } of assistants) {
      const names = actions.map((/** @type {any} */ action) => action.name);
      assert.deepEqual([Object.keys(rest), names.includes(rest.retrieves_before)], [['retrieves_before'], true]);
      const led = new Set([entry]);
      for (const action of actions) {
        assert.deepEqual(Object.keys(action).sort(), ['about', 'name', 'next', 'reads', 'writes']);
        assert.ok(action.about.length > 10 && Array.isArray(action.reads) && Array.isArray(action.writes));
        for (const { to, when, ...more } of action.next) {
          assert.ok(names.includes(to), `${name}: ${action.name} leads to ${to}`);
          assert.ok(when === null || when.length > 2);
          assert.deepEqual(more, {});
          led.add(to);
        }
      }
      assert.deepEqual([...led].sort(), names.toSorted(), name);
    }
  });

  test('has the graphs that users know', async () => {
    const graph = async (/** @type {string} */ name) => Object.fromEntries((await described(gateway.worker, name)).graph.actions.map((/** @type {any} */ action) => [action.name, action.next]));
    const router = await graph('router');
    assert.deepEqual(Object.keys(router).sort(), ['check_prompt', 'refuse', 'choose_mode', ...MODES, 'ask_for_more'].sort());
    assert.deepEqual(router.check_prompt, [{ to: 'refuse', when: 'safe = false' }, { to: 'choose_mode', when: null }]);
    assert.deepEqual(router.choose_mode.map((/** @type {any} */ { to }) => to).sort(), [...MODES, 'ask_for_more'].sort());
    for (const last of ['refuse', ...MODES, 'ask_for_more']) assert.deepEqual(router[last], []);
    assert.deepEqual(Object.keys(await graph('rag')), ['retrieve', 'answer']);
    const { tools: [{ name, parameters }, ...others] } = await described(gateway.worker, 'travel');
    assert.deepEqual([name, Object.keys(parameters.properties).sort(), parameters.required.toSorted(), others], [TOOL, FIELDS.toSorted(), FIELDS.toSorted(), []]);
  });

  test('has each one by its name, drawn for Mermaid, too', async () => {
    const { json: { assistants } } = await get(gateway.worker, ASSISTANTS);
    for (const assistant of assistants) {
      const { mermaid, ...rest } = await described(gateway.worker, assistant.name);
      assert.deepEqual(rest, assistant);
      const [first, ...lines] = mermaid.trimEnd().split('\n');
      assert.equal(first, 'flowchart TD');
      for (const action of assistant.graph.actions) {
        assert.ok(lines.some((/** @type {string} */ line) => line.includes(action.name)), `${action.name} is drawn`);
        for (const { to, when } of action.next) {
          const way = lines.find((/** @type {string} */ line) => new RegExp(`^\\s*${action.name}\\b.*-->.*\\b${to}\\b`).test(line) && (when === null || line.includes(when)));
          assert.ok(way, `the way from ${action.name} to ${to} is drawn:\n${mermaid}`);
        }
      }
    }
  });

  test('has no others, and cannot be written', async () => {
    for (const name of ['nobody', 'Router', '%C3%A9', 'router/x']) assertError(await get(gateway.worker, `${ASSISTANTS}/${name}`), 404, 'not_found');
    for (const path of [ASSISTANTS, `${ASSISTANTS}/router`]) {
      for (const method of ['POST', 'DELETE', 'PATCH']) {
        const refused = await exchange(gateway.worker, path, { method });
        assertError(refused, 405, 'invalid_request');
        assert.match(String(refused.headers.allow), /GET/);
      }
    }
  });
});

describe('a request', () => {
  test('that chooses what there is not, or does not say what is needed, is refused by the field', async () => {
    /** @type {[object, string][]} */
    const wrong = [[{ assistant: 'nobody' }, 'assistant'], [{ assistant: '' }, 'assistant'], [{ assistant: 7 }, 'assistant'], [{ assistant: 'rag' }, 'retrieval'],
      [{ retrieval: 'x' }, 'retrieval'], [{ retrieval: {} }, 'retrieval.collection'], [{ retrieval: { collection: 7 } }, 'retrieval.collection'],
      [{ retrieval: { collection: 'c', top_k: 0 } }, 'retrieval.top_k'], [{ retrieval: { collection: 'c', top_k: 51 } }, 'retrieval.top_k'],
      [{ retrieval: { collection: 'c', top_k: 1.5 } }, 'retrieval.top_k'], [{ steps: 'yes' }, 'steps']];
    for (const [more, param] of wrong) {
      for (const path of [STREAM, CHAT]) {
        assert.equal(assertError(await post(gateway.worker, path, asking(more)), 422, 'invalid_request').param, param, JSON.stringify(more));
      }
    }
    const { id } = await createSession(gateway.worker);
    for (const [more, param] of wrong) assert.equal(assertError(await post(gateway.worker, STREAM, asked(id, 'hello', more)), 422, 'invalid_request').param, param, JSON.stringify(more));
    assert.equal(requests().length, 0);
  });

  test('that chooses nothing, or plain, has the model as it is', async () => {
    const usual = await stream(gateway.worker, asking({}));
    const plain = await stream(gateway.worker, asking({ assistant: 'plain' }));
    assert.deepEqual([usual.content, plain.content, plain.usage, usual.steps, plain.steps], ['fine', 'fine', usual.usage, [], []]);
    assert.equal(requests()[1].body, requests()[0].body);
    const { steps } = await stream(gateway.worker, asking({ steps: true }));
    assert.notDeepEqual(pathOf(steps, await described(gateway.worker, 'plain')), []);
    assert.equal(requests()[2].body, requests()[0].body, 'to be told the steps changes nothing');
  });

  test('that chooses plain keeps its own tools, and its calls are its own', async () => {
    const tools = [{ type: 'function', function: { name: TOOL, parameters: { type: 'object' } } }];
    gateway.simulator.script(openai.streamed({ toolCalls: [{ id: 'call_a', name: TOOL, arguments: '{}' }] }));
    const { finish, toolCalls, toolResults, state } = await stream(gateway.worker, asking({ assistant: 'plain', tools }));
    assert.deepEqual([finish, toolCalls.length, toolResults, state, requests().length], ['tool_calls', 1, [], {}, 1]);
  });

  test('has an assistant with and without a session', async () => {
    await stream(gateway.worker, asking({ assistant: 'travel' }));
    assert.deepEqual(offered(), [TOOL]);
    const { id } = await createSession(gateway.worker);
    await say(gateway.worker, id, 'hello', { assistant: 'travel' });
    assert.deepEqual(offered(), [TOOL]);
    await say(gateway.worker, id, 'hello');
    assert.deepEqual(offered(), [], 'the session is plain still');
  });
});

describe('a session', () => {
  test('has its assistant, unless a request names another one', async () => {
    const { id, assistant } = await createSession(gateway.worker, { assistant: 'travel' });
    assert.equal(assistant, 'travel');
    assert.equal((await view(gateway.worker, id)).assistant, 'travel');
    await say(gateway.worker, id, 'hello');
    assert.deepEqual(offered(), [TOOL]);
    await say(gateway.worker, id, 'hello', { assistant: 'plain' });
    assert.deepEqual(offered(), []);
    await post(gateway.worker, CHAT, asked(id, 'hello'));
    assert.deepEqual(offered(), [TOOL]);
  });

  test('can have each of them, and no other', async () => {
    for (const assistant of NAMES) assert.equal((await createSession(gateway.worker, { assistant })).assistant, assistant);
    for (const assistant of ['nobody', '', 7]) {
      assert.equal(assertError(await post(gateway.worker, SESSIONS, { assistant }), 422, 'invalid_request').param, 'assistant');
    }
    const { id } = await createSession(gateway.worker, { assistant: 'rag' });
    assert.equal(assertError(await post(gateway.worker, STREAM, asked(id, 'hello')), 422, 'invalid_request').param, 'retrieval');
    assert.equal(requests().length, 0);
  });

  test('is told its assistant\'s state, and a stranger is not', async () => {
    const { id } = await createSession(gateway.worker, { assistant: 'travel' });
    const { status, json } = await get(gateway.worker, `${SESSIONS}/${id}/state`);
    assert.deepEqual([status, json], [200, { state: {} }]);
    assertError(await get(gateway.worker, `${SESSIONS}/${id}/state`, { cookie: `tributary=${'0'.repeat(30)}` }), 404, 'not_found');
  });
});

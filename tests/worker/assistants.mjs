// @ts-check
/**
 * What tests of assistants ask, and providers that call tools: one description of an answer, said in each
 * vendor's own format, and what a provider was told, read back out of that format.
 */
import assert from 'node:assert/strict';
import * as anthropic from '../simulator/formats/anthropic.mjs';
import * as gemini from '../simulator/formats/gemini.mjs';
import * as openai from '../simulator/formats/openai_chat.mjs';
import * as responses from '../simulator/formats/openai_responses.mjs';
import { get } from './client.mjs';

export const ASSISTANTS = '/api/v1/assistants';

/** The tool of the travel assistant, and what it takes. */
export const TOOL = 'update_map_and_markers';
export const FIELDS = ['longitude', 'latitude', 'zoom', 'longitudes', 'latitudes', 'labels'];
export const TOKYO = {
  longitude: 139.6917, latitude: 35.6895, zoom: 10,
  longitudes: [139.7454, 139.7671], latitudes: [35.6586, 35.6812], labels: ['東京タワー', 'Tokyo "Station"'],
};
export const KYOTO = { longitude: 135.7681, latitude: 35.0116, zoom: 12, longitudes: [], latitudes: [], labels: [] };

/** What a provider seals with its thinking, and must get back. */
export const STATE = 'c2VhbGVkLXN0YXRlLW9mLWEtbGVn';

/**
 * @typedef {import('../simulator/wire.mjs').Reply} Reply
 * @typedef {import('../simulator/simulator.mjs').Recorded} Recorded
 * @typedef {{ id: string, name: string, arguments: string[] }} Call  Arguments in pieces: one delta each.
 * @typedef {{ thinking?: string[], text?: string[], calls?: Call[] }} Leg
 * @typedef {['user' | 'assistant', string] | ['call', string, string, unknown] | ['result', string, string]} Told
 * @typedef {object} Provider
 * @property {string} name
 * @property {string} model  As a client of the gateway names it.
 * @property {(leg: Leg) => Reply} says
 * @property {(request: Recorded) => Told[]} reads  The conversation that it was told, without the system's part.
 * @property {(request: Recorded) => string} system
 * @property {(request: Recorded) => [string, any][]} tools  Each tool that it was offered, with its schema.
 * @property {boolean} sealed  Whether its thinking has state that must come back.
 */

/** A call with its arguments in pieces. @param {string} id @param {unknown} value @param {string} [name] @returns {Call} */
export const call = (id, value, name = TOOL) => {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return { id, name, arguments: text.match(/.{1,7}/gsu) ?? [] };
};

/** The text of contents that may be a string or parts. @param {any} content @returns {string} */
const textOf = (content) => (typeof content === 'string' ? content : (content ?? []).map((/** @type {any} */ part) => part.text ?? '').join(''));

/** What was said, unless it is nothing. @param {'user' | 'assistant'} role @param {string} text @returns {Told[]} */
const spoken = (role, text) => (text === '' ? [] : [[role, text]]);

/** @param {string} text @returns {unknown} */
function readJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** @type {Provider} */
const CHAT = {
  name: 'openai',
  model: `openai/${openai.MODEL}`,
  says: ({ thinking, text, calls }) => openai.streamed({ reasoning: thinking, text, toolCalls: calls }),
  reads: ({ json }) => json.messages.flatMap((/** @type {any} */ { role, content, tool_calls: calls = [], tool_call_id: id }) => {
    if (role === 'developer' || role === 'system') return [];
    if (role === 'tool') return [['result', id, textOf(content)]];
    const made = calls.map((/** @type {any} */ one) => ['call', one.id, one.function.name, readJson(one.function.arguments)]);
    return [...spoken(role, textOf(content)), ...made];
  }),
  system: ({ json }) => json.messages.filter((/** @type {any} */ { role }) => role === 'developer').map((/** @type {any} */ { content }) => textOf(content)).join('\n'),
  tools: ({ json }) => (json.tools ?? []).map((/** @type {any} */ tool) => [tool.function.name, tool.function.parameters]),
  sealed: false,
};

/** @type {Provider} */
const RESPONSES = {
  name: 'openai-responses',
  model: `openai-responses/${responses.MODEL}`,
  says: ({ thinking, text, calls }) => responses.streamed({ ...(thinking && { reasoning: thinking, sealed: STATE }), text, toolCalls: calls }),
  reads: ({ json }) => json.input.flatMap((/** @type {any} */ item) => {
    if (item.type === 'function_call') return [['call', item.call_id, item.name, readJson(item.arguments)]];
    if (item.type === 'function_call_output') return [['result', item.call_id, textOf(item.output)]];
    if (item.type === 'reasoning' || item.role === 'developer' || item.role === 'system') return [];
    return spoken(item.role, textOf(item.content));
  }),
  system: ({ json }) => json.instructions ?? '',
  tools: ({ json }) => (json.tools ?? []).map((/** @type {any} */ tool) => [tool.name, tool.parameters]),
  sealed: true,
};

/** @type {Provider} */
const ANTHROPIC = {
  name: 'anthropic',
  model: 'anthropic/claude-sonnet-4-6',
  says: ({ thinking, text, calls = [] }) => anthropic.streamed({ blocks: [
    ...(thinking ? [{ thinking, signature: STATE }] : []),
    ...(text ? [{ text }] : []),
    ...calls.map(({ id, name, arguments: input }) => ({ id, name, input: ['', ...input] })),
  ] }),
  reads({ json }) {
    assertAlternate(json.messages);
    return json.messages.flatMap((/** @type {any} */ { role, content }) => {
      if (typeof content === 'string') return spoken(role, content);
      const results = content.map((/** @type {any} */ { type }) => type === 'tool_result');
      assert.deepEqual(results, results.toSorted().reverse(), 'results stand first in their turn');
      return content.flatMap((/** @type {any} */ block) => {
        if (block.type === 'tool_use') return [['call', block.id, block.name, block.input]];
        if (block.type === 'tool_result') return [['result', block.tool_use_id, textOf(block.content)]];
        return block.type === 'text' ? spoken(role, block.text) : [];
      });
    });
  },
  system: ({ json }) => textOf(json.system),
  tools: ({ json }) => (json.tools ?? []).map((/** @type {any} */ tool) => [tool.name, tool.input_schema]),
  sealed: true,
};

/** @type {Provider} */
const GEMINI = {
  name: 'gemini',
  model: `gemini/${gemini.MODEL}`,
  // Its calls come whole.
  says: ({ thinking, text, calls = [] }) => gemini.streamed({
    thinking, text, ...(thinking && { signature: STATE }),
    toolCalls: calls.map(({ id, name, arguments: args }) => ({ ...(id && { id }), name, args: JSON.parse(args.join('')) })),
  }),
  reads({ json }) {
    assertAlternate(json.contents);
    return json.contents.flatMap((/** @type {any} */ { role, parts }) => parts.flatMap((/** @type {any} */ { text, functionCall: made, functionResponse: answer }) => {
      if (made) return [['call', made.id, made.name, made.args]];
      if (answer) return [['result', answer.id, answer.response.output ?? JSON.stringify(answer.response)]];
      return spoken(role === 'model' ? 'assistant' : role, text ?? '');
    }));
  },
  system: ({ json }) => textOf(json.systemInstruction?.parts),
  tools: ({ json }) => (json.tools ?? []).flatMap((/** @type {any} */ { functionDeclarations: all = [] }) =>
    all.map((/** @type {any} */ tool) => [tool.name, tool.parametersJsonSchema ?? tool.parameters])),
  sealed: true,
};

export const PROVIDERS = [CHAT, RESPONSES, ANTHROPIC, GEMINI];
export { ANTHROPIC, CHAT, GEMINI };

/** @param {{ role: string }[]} turns */
function assertAlternate(turns) {
  for (const [at, { role }] of turns.entries()) assert.notEqual(role, turns[at - 1]?.role, 'turns alternate');
}

/**
 * What a provider was told, in the order that every vendor asks for: the results of a turn's calls stand
 * right behind them, one for each, before anybody says anything else.
 *
 * @param {Provider} provider @param {Recorded} request @returns {Told[]}
 */
export function toldTo(provider, request) {
  const told = provider.reads(request);
  const all = JSON.stringify(told);
  /** @type {Set<string>} */
  const open = new Set();
  let answering = false;
  for (const [kind, id] of told) {
    if (kind === 'result') {
      assert.ok(open.delete(id), `a result is that of a call before it: ${all}`);
      answering = open.size > 0;
    } else {
      assert.ok(!answering && (kind === 'call' || open.size === 0), `results follow their calls: ${all}`);
      if (kind === 'call') open.add(id);
    }
  }
  assert.equal(open.size, 0, `every call has its result: ${all}`);
  return told;
}

/** What one run costs that took so many answers of the same price. @param {Record<string, number>} one @param {number} legs */
export const times = (one, legs) => Object.fromEntries(Object.entries(one).map(([name, tokens]) => [name, tokens * legs]));

/** An assistant as the gateway describes it. @param {import('./client.mjs').Server} server @param {string} name */
export async function described(server, name) {
  const { status, json, text } = await get(server, `${ASSISTANTS}/${name}`);
  assert.equal(status, 200, text);
  return json;
}

/**
 * The actions of a run, which are a way through the assistant's graph.
 *
 * @param {import('./sse.mjs').Step[]} steps @param {{ graph: { entry: string, actions: any[] } }} assistant
 */
export function pathOf(steps, { graph }) {
  const path = steps.filter(({ status }) => status === 'started').map(({ action }) => action);
  assert.equal(path[0], graph.entry, 'a run begins at the entry');
  for (const { action, next, wrote } of steps.filter(({ status }) => status === 'done')) {
    const known = graph.actions.find(({ name }) => name === action);
    assert.ok(known, `${action} is in the graph`);
    const ways = known.next.map((/** @type {any} */ { to }) => to);
    assert.ok(next === null || ways.includes(next), `from ${action} there is a way to ${next}`);
    for (const name of Object.keys(wrote ?? {})) assert.ok(known.writes.includes(name), `${action} may write ${name}`);
  }
  return path;
}

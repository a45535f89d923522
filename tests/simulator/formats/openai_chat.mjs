// @ts-check
/**
 * OpenAI Chat Completions as a provider speaks it: replies, streamed and whole, and error bodies.
 *
 * In: what an answer says. Out: replies for `script()`, and `answer()` for a simulator run by hand.
 * A streamed reply has one step a frame, so a test can cut, pause or break between any two.
 */
import { hangUp, pause, reset, silence } from '../wire.mjs';

/**
 * @typedef {import('../wire.mjs').Reply} Reply
 * @typedef {import('../wire.mjs').Step} Step
 * @typedef {{ id: string, name: string, arguments: string | string[] }} ToolCall  Arguments in pieces: one delta each.
 * @typedef {object} Said
 * @property {string | string[]} [text]  In pieces: one delta each.
 * @property {string[]} [reasoning]
 * @property {string[]} [refusal]
 * @property {ToolCall[]} [toolCalls]
 * @property {string | null} [finish]  Null: no finish chunk.
 * @property {object | null} [usage]  Null: no usage chunk.
 * @property {boolean} [done]  Whether `[DONE]` follows.
 * @property {string} [model]
 */

export const MODEL = 'gpt-6-luna';
export const USAGE = {
  prompt_tokens: 9,
  completion_tokens: 12,
  total_tokens: 21,
  prompt_tokens_details: { cached_tokens: 4, audio_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: 5, audio_tokens: 0 },
};
export const DONE = 'data: [DONE]\n\n';

const SSE = { 'content-type': 'text/event-stream; charset=utf-8', 'x-request-id': 'req_simulated' };
const JSON_TYPE = { 'content-type': 'application/json', 'x-request-id': 'req_simulated' };

/** @param {{ method: string, path: string }} request */
export const serves = ({ method, path }) => method === 'POST' && path.split('?')[0].endsWith('/chat/completions');

/** One frame. @param {unknown} data */
export const frame = (data) => `data: ${JSON.stringify(data)}\n\n`;

/** One chunk with one choice, as a frame. @param {object} delta @param {{ finish?: string | null, model?: string }} [more] */
export function delta(delta, { finish = null, model = MODEL } = {}) {
  return frame(envelope(model, [{ index: 0, delta, logprobs: null, finish_reason: finish }], null));
}

/** The usage chunk, which has no choices. @param {object} usage @param {string} [model] */
export const usageChunk = (usage, model = MODEL) => frame(envelope(model, [], usage));

/** The frames of a whole streamed answer, one string each. @param {Said} said @returns {string[]} */
export function frames({ text = [], reasoning = [], refusal = [], toolCalls = [], finish, usage = USAGE, done = true, model = MODEL }) {
  const texts = typeof text === 'string' ? [text] : text;
  const end = finish === undefined ? (toolCalls.length > 0 ? 'tool_calls' : 'stop') : finish;
  const first = toolCalls.length > 0 && texts.length === 0
    ? { role: 'assistant', content: null }
    : { role: 'assistant', content: '', refusal: null };
  return [
    delta(first, { model }),
    ...reasoning.map((piece) => delta({ reasoning_content: piece }, { model })),
    ...texts.map((piece) => delta({ content: piece }, { model })),
    ...refusal.map((piece) => delta({ refusal: piece }, { model })),
    ...toolCalls.flatMap((call, index) => toolDeltas(call, index, model)),
    ...(end === null ? [] : [delta({}, { finish: end, model })]),
    ...(usage === null ? [] : [usageChunk(usage, model)]),
    ...(done ? [DONE] : []),
  ];
}

/** @param {Said} said @returns {Reply} */
export const streamed = (said) => streamOf(frames(said));

/** A 200 with these steps as its event stream. @param {Step[]} steps @returns {Reply} */
export const streamOf = (steps) => ({ status: 200, headers: SSE, steps });

/** A whole completion, for a request without `stream`, or for a server that ignores it. @param {Said} said @returns {Reply} */
export const whole = (said) => ({ status: 200, headers: JSON_TYPE, steps: [JSON.stringify(completion(said))] });

/** What the request asked for, streamed or whole. @param {Said} said @returns {(request: { json: any }) => Reply} */
export const answering = (said) => ({ json }) => (json?.stream ? streamed(said) : whole(said));

/** @param {Said} said */
export function completion({ text = [], reasoning = [], refusal = [], toolCalls = [], finish, usage = USAGE, model = MODEL }) {
  const content = typeof text === 'string' ? text : text.join('');
  return {
    id: 'chatcmpl-simulated',
    object: 'chat.completion',
    created: 1_795_000_000,
    model,
    choices: [{
      index: 0,
      message: {
        role: 'assistant',
        content: content === '' && toolCalls.length > 0 ? null : content,
        refusal: refusal.length > 0 ? refusal.join('') : null,
        ...(reasoning.length > 0 && { reasoning_content: reasoning.join('') }),
        ...(toolCalls.length > 0 && {
          tool_calls: toolCalls.map((call) => ({
            id: call.id, type: 'function', function: { name: call.name, arguments: [call.arguments].flat().join('') },
          })),
        }),
      },
      logprobs: null,
      finish_reason: finish === undefined ? (toolCalls.length > 0 ? 'tool_calls' : 'stop') : finish,
    }],
    ...(usage !== null && { usage }),
  };
}

/** An error in OpenAI's words. @param {number} status @param {{ message?: string, type?: string, code?: string | number | null, param?: string | null }} [error] @param {Record<string, string>} [headers] @returns {Reply} */
export function failed(status, { message = `simulated ${status}`, type = 'server_error', code = null, param = null } = {}, headers = {}) {
  return errorBody(status, { error: { message, type, param, code } }, headers);
}

/** An error in any other shape that compatible servers use. @param {number} status @param {unknown} body @param {Record<string, string>} [headers] @returns {Reply} */
export function errorBody(status, body, headers = {}) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return { status, headers: { ...JSON_TYPE, ...headers }, steps: text === '' ? [] : [text] };
}

/**
 * What a simulator run by hand says. The last user message may hold a command: `/slow`, `/think`,
 * `/tool`, `/refuse`, `/silent`, `/reset`, `/half`, `/hangup`, or a status such as `/503`.
 *
 * @param {{ json: any }} request @returns {Reply}
 */
export function answer({ json }) {
  const asked = String(json?.messages?.findLast((/** @type {any} */ one) => one.role === 'user')?.content ?? '');
  const command = /\/([a-z0-9]+)/.exec(asked)?.[1] ?? '';
  const said = saidTo(command, json?.model ?? MODEL);
  if (/^[45]\d\d$/.test(command)) return failed(Number(command));
  if (!json?.stream) return whole(said);
  const sent = frames(json.stream_options?.include_usage ? said : { ...said, usage: null });
  const middle = sent.slice(0, 3);
  switch (command) {
    case 'slow': return streamOf(sent.flatMap((one) => [one, pause(500)]));
    case 'silent': return streamOf([...middle, silence()]);
    case 'reset': return streamOf([...middle, reset()]);
    case 'hangup': return streamOf([...middle, hangUp()]);
    case 'half': return streamOf([...middle, sent[3].slice(0, 20)]);
    default: return streamOf(sent);
  }
}

/** @param {string} command @param {string} model @returns {Said} */
function saidTo(command, model) {
  const text = ['This ', 'answer ', 'is ', 'simulated', '.'];
  switch (command) {
    case 'think': return { model, text, reasoning: ['I ', 'think.'] };
    case 'tool': return { model, toolCalls: [{ id: 'call_simulated', name: 'get_weather', arguments: ['{"city":', '"Oslo"}'] }] };
    case 'refuse': return { model, refusal: ['I cannot ', 'help with that.'] };
    default: return { model, text };
  }
}

/** @param {ToolCall} call @param {number} index @param {string} model */
function toolDeltas(call, index, model) {
  const later = Array.isArray(call.arguments) ? call.arguments : [call.arguments];
  return [
    delta({ tool_calls: [{ index, id: call.id, type: 'function', function: { name: call.name, arguments: '' } }] }, { model }),
    ...later.filter((piece) => piece !== '').map((piece) => delta({ tool_calls: [{ index, function: { arguments: piece } }] }, { model })),
  ];
}

/** @param {string} model @param {object[]} choices @param {object | null} usage */
function envelope(model, choices, usage) {
  return {
    id: 'chatcmpl-simulated',
    object: 'chat.completion.chunk',
    created: 1_795_000_000,
    model,
    service_tier: 'default',
    system_fingerprint: null,
    choices,
    usage,
  };
}

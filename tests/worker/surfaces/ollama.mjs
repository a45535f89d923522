// @ts-check
/** `/api/chat` through the vendor's own package, used as its documentation uses it. */
import { Ollama } from 'ollama';

/**
 * @typedef {{ id: string, name: string, arguments: object }} Call
 * @typedef {{ system: string } | { user: string, image?: { mediaType: string, data: string } } | { assistant: any }
 *   | { results: { id: string, name: string, text: string }[] }} Turn
 * @typedef {object} Request
 * @property {string} model
 * @property {Turn[]} turns
 * @property {{ name: string, description?: string, parameters: object }[]} [tools]
 * @property {'auto' | 'required' | { name: string }} [choice]
 * @property {boolean} [thinking]
 * @property {object} [schema]
 * @property {number} [maxTokens]
 * @property {AbortSignal} [signal]
 * @typedef {{ text: string, reasoning: string, calls: Call[], finish: string, usage: { input: number, output: number }, refusal?: string, turn: any }} Answer
 */

/** The package has no signals: whoever wants one gives it a fetch of their own. @param {{ url: string, headers: Record<string, string> }} server */
function connect({ url, headers }) {
  return (/** @type {AbortSignal | undefined} */ signal) => new Ollama({
    host: url,
    headers,
    fetch: (input, init) => fetch(input, { ...init, signal: joined(signal, init?.signal) }),
  });
}

/** @param {...(AbortSignal | null | undefined)} signals */
const joined = (...signals) => AbortSignal.any(signals.filter((signal) => signal instanceof AbortSignal));

/** @param {ReturnType<typeof connect>} client @param {Request} request @param {{ stream?: boolean }} [options] @returns {Promise<Answer>} */
async function ask(client, request, { stream = true } = {}) {
  const ollama = client(request.signal);
  const { last, message } = stream ? await streamed(ollama, written(request)) : await whole(ollama, written(request));
  const calls = (message.tool_calls ?? []).map(({ id, function: { name, arguments: given } }) => ({ id, name, arguments: given }));
  return {
    text: message.content,
    reasoning: message.thinking ?? '',
    calls,
    finish: last.done_reason,
    usage: { input: last.prompt_eval_count, output: last.eval_count },
    ...(last.done_reason === 'refusal' && { refusal: message.content }),
    turn: message,
  };
}

/** @param {Ollama} ollama @param {any} request @returns {Promise<{ last: any, message: any }>} */
async function whole(ollama, request) {
  const last = await ollama.chat({ ...request, stream: false });
  return { last, message: last.message };
}

/** Texts are joined, calls are collected, and what the README says to keep is kept: the package leaves that to its users. @param {Ollama} ollama @param {any} request @returns {Promise<{ last: any, message: any }>} */
async function streamed(ollama, request) {
  let content = '';
  let thinking = '';
  const calls = [];
  /** @type {any} */
  let last;
  for await (const part of await ollama.chat({ ...request, stream: true })) {
    content += part.message.content;
    thinking += part.message.thinking ?? '';
    calls.push(...(part.message.tool_calls ?? []));
    last = part;
  }
  return { last, message: { role: 'assistant', content, ...(thinking && { thinking }), ...(calls.length > 0 && { tool_calls: calls }), ...(last?.message.opaque && { opaque: last.message.opaque }) } };
}

/** The request in the package's words. A choice among tools is none of its own: it passes on what it does not know. @param {Request} request */
function written({ model, turns, tools, choice = 'auto', thinking, schema, maxTokens }) {
  return {
    model,
    messages: turns.flatMap(messages),
    ...(tools && { tools: tools.map((tool) => ({ type: 'function', function: tool })) }),
    ...(choice !== 'auto' && { tool_choice: typeof choice === 'string' ? choice : { type: 'function', function: choice } }),
    ...(thinking !== undefined && { think: thinking }),
    ...(schema && { format: schema }),
    ...(maxTokens && { options: { num_predict: maxTokens } }),
  };
}

/** @param {any} turn @returns {any[]} */
function messages({ system, user, image, assistant, results = [] }) {
  if (system !== undefined) return [{ role: 'system', content: system }];
  if (assistant !== undefined) return [assistant];
  if (user !== undefined) return [{ role: 'user', content: user, ...(image && { images: [Buffer.from(image.data, 'base64')] }) }];
  return results.map((/** @type {{ name: string, text: string }} */ { name, text }) => ({ role: 'tool', tool_name: name, content: text }));
}

/** How a failure looks to the package's users. @param {ReturnType<typeof connect>} client @param {Request} request @param {{ stream?: boolean }} [options] */
async function raises(client, request, options) {
  try {
    await ask(client, request, options);
  } catch (error) {
    const { name, message, status_code: status } = /** @type {Error & { status_code?: number }} */ (error);
    return { name, message, status };
  }
  throw new Error('nothing was raised');
}

export const surface = { name: 'ollama', sdk: 'ollama 0.6.4', connect, ask, raises };

// @ts-check
/** OpenAI Responses as a program with the vendor's SDK speaks it, for tests that ask the same of every surface. */
import OpenAI from 'openai';

/**
 * @typedef {{ url: string, headers: Record<string, string> }} Server
 * @typedef {{ user: string, image?: { mediaType: string, data: string } } | { assistant: any }
 *   | { results: { id: string, name: string, text: string }[] } | { system: string }} Turn
 * @typedef {object} Request
 * @property {string} model
 * @property {Turn[]} turns
 * @property {{ name: string, description: string, parameters: object }[]} [tools]
 * @property {'auto' | 'required' | { name: string }} [choice]
 * @property {boolean} [thinking]
 * @property {object} [schema]
 * @property {number} [maxTokens]
 * @property {AbortSignal} [signal]
 * @typedef {object} Answer
 * @property {string} text
 * @property {string} reasoning
 * @property {{ id: string, name: string, arguments: any }[]} calls
 * @property {string} finish  In the vendor's own word.
 * @property {{ input: number, output: number }} usage
 * @property {string} [refusal]
 * @property {any} turn  What goes back in the next request, as the SDK gave it.
 */

export const surface = {
  name: 'openai-responses',
  sdk: 'openai',

  /** @param {Server} server */
  connect: ({ url, headers }) => new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', defaultHeaders: headers, maxRetries: 0 }),

  /** @param {OpenAI} client @param {Request} request @param {{ stream?: boolean }} [options] @returns {Promise<Answer>} */
  async ask(client, request, { stream = false } = {}) {
    const { signal } = request;
    const response = stream
      ? await client.responses.stream(/** @type {any} */ (params(request)), { signal }).finalResponse()
      : await client.responses.create(/** @type {any} */ (params(request)), { signal });
    return answer(/** @type {any} */ (response));
  },

  /** What the SDK raises. @param {OpenAI} client @param {Request} request @param {{ stream?: boolean }} [options] */
  async raises(client, request, options) {
    try {
      await surface.ask(client, request, options);
    } catch (error) {
      const { name, status, code, type, param, message } = /** @type {any} */ (error);
      return { name: /** @type {any} */ (error).constructor.name ?? name, status, code, type, param, message };
    }
    throw new Error('nothing was raised');
  },
};

/** @param {Request} request */
function params({ model, turns, tools, choice, thinking, schema, maxTokens }) {
  return {
    model,
    input: turns.flatMap(items),
    ...(tools && { tools: tools.map((tool) => ({ type: 'function', ...tool, strict: false })) }),
    ...(choice && { tool_choice: typeof choice === 'string' ? choice : { type: 'function', name: choice.name } }),
    ...(thinking !== undefined && { reasoning: thinking ? { effort: 'medium', summary: 'auto' } : { effort: 'none' } }),
    ...(schema && { text: { format: { type: 'json_schema', name: 'answer', schema, strict: true } } }),
    ...(maxTokens && { max_output_tokens: maxTokens }),
  };
}

/** @param {any} turn */
function items({ user, image, assistant, results, system }) {
  if (assistant) return assistant;
  if (results) return results.map((/** @type {any} */ { id, text }) => ({ type: 'function_call_output', call_id: id, output: text }));
  if (system) return [{ role: 'system', content: system }];
  if (!image) return [{ role: 'user', content: user }];
  const picture = { type: 'input_image', image_url: `data:${image.mediaType};base64,${image.data}`, detail: 'auto' };
  return [{ role: 'user', content: [{ type: 'input_text', text: user }, picture] }];
}

/** @param {any} response @returns {Answer} */
function answer(response) {
  const of = (/** @type {string} */ type) => response.output.filter((/** @type {any} */ item) => item.type === type);
  const parts = of('message').flatMap((/** @type {any} */ item) => item.content);
  const refusal = parts.map((/** @type {any} */ part) => part.refusal ?? '').join('');
  return {
    text: response.output_text,
    reasoning: of('reasoning').flatMap((/** @type {any} */ item) => item.summary.map((/** @type {any} */ part) => part.text)).join(''),
    calls: of('function_call').map((/** @type {any} */ call) => ({ id: call.call_id, name: call.name, arguments: JSON.parse(call.arguments) })),
    finish: response.incomplete_details?.reason ?? response.status,
    usage: { input: response.usage.input_tokens, output: response.usage.output_tokens },
    ...(refusal && { refusal }),
    turn: response.output,
  };
}

// @ts-check
/** Chat Completions as a program with the vendor's SDK speaks it, for tests that ask the same of every surface. */
import OpenAI from 'openai';

/**
 * @typedef {import('./openai_responses.mjs').Server} Server
 * @typedef {import('./openai_responses.mjs').Request} Request
 * @typedef {import('./openai_responses.mjs').Answer} Answer
 */

export const surface = {
  name: 'openai-chat',
  sdk: 'openai',

  /** @param {Server} server */
  connect: ({ url, headers }) => new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', defaultHeaders: headers, maxRetries: 0 }),

  /** @param {OpenAI} client @param {Request} request @param {{ stream?: boolean }} [options] @returns {Promise<Answer>} */
  async ask(client, request, { stream = false } = {}) {
    const { signal } = request;
    const body = /** @type {any} */ (params(request));
    if (!stream) return answer(await client.chat.completions.create(body, { signal }));
    let reasoning = '';
    const run = client.chat.completions.stream({ ...body, stream_options: { include_usage: true } }, { signal });
    // The SDK's own message has no more than the last piece of fields that it does not know.
    run.on('chunk', (/** @type {any} */ chunk) => { reasoning += chunk.choices[0]?.delta.reasoning_content ?? ''; });
    return { ...answer(await run.finalChatCompletion()), reasoning };
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
    messages: turns.flatMap(messages),
    ...(tools && { tools: tools.map((tool) => ({ type: 'function', function: tool })) }),
    ...(choice && { tool_choice: typeof choice === 'string' ? choice : { type: 'function', function: { name: choice.name } } }),
    ...(thinking !== undefined && { reasoning_effort: thinking ? 'medium' : 'none' }),
    ...(schema && { response_format: { type: 'json_schema', json_schema: { name: 'answer', schema, strict: true } } }),
    ...(maxTokens && { max_completion_tokens: maxTokens }),
  };
}

/** @param {any} turn */
function messages({ user, image, assistant, results, system }) {
  if (assistant) return [assistant];
  if (results) return results.map((/** @type {any} */ { id, text }) => ({ role: 'tool', tool_call_id: id, content: text }));
  if (system) return [{ role: 'system', content: system }];
  if (!image) return [{ role: 'user', content: user }];
  const picture = { type: 'image_url', image_url: { url: `data:${image.mediaType};base64,${image.data}` } };
  return [{ role: 'user', content: [{ type: 'text', text: user }, picture] }];
}

/** @param {any} completion @returns {Answer} */
function answer({ choices: [{ message, finish_reason }], usage }) {
  return {
    text: message.content ?? '',
    reasoning: message.reasoning_content ?? '',
    calls: (message.tool_calls ?? []).map((/** @type {any} */ call) => ({
      id: call.id, name: call.function.name, arguments: JSON.parse(call.function.arguments),
    })),
    finish: finish_reason,
    usage: { input: usage?.prompt_tokens ?? 0, output: usage?.completion_tokens ?? 0 },
    ...(message.refusal && { refusal: message.refusal }),
    turn: message,
  };
}

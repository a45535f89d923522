// @ts-check
/** Anthropic's own SDK as a client of the gateway. */
import Anthropic from '@anthropic-ai/sdk';

/** An adaptive answer thinks and speaks within this. */
const USUAL_OUTPUT = 2048;

export const surface = {
  name: 'anthropic',
  sdk: '@anthropic-ai/sdk',

  /** @param {{ url: string, headers: Record<string, string> }} server */
  connect: ({ url, headers }) => new Anthropic({ apiKey: 'none', baseURL: url, defaultHeaders: headers, maxRetries: 0 }),

  /** @param {Anthropic} client @param {any} request @param {{ stream: boolean }} how */
  async ask(client, request, { stream }) {
    const [body, options] = [write(request), { signal: request.signal }];
    const message = stream ? await client.messages.stream(body, options).finalMessage() : await client.messages.create(body, options);
    return read(message);
  },

  /** What the SDK raises. @param {Anthropic} client @param {any} request @param {{ stream: boolean }} [how] */
  async raises(client, request, how = { stream: true }) {
    try {
      await surface.ask(client, request, how);
    } catch (error) {
      const { constructor, status, type, message, requestID } = /** @type {any} */ (error);
      return { name: constructor.name, status, type, message, requestId: requestID };
    }
    throw new Error('the SDK raised nothing');
  },
};

/** @param {any} request */
function write({ model, turns, tools, choice, thinking, schema, maxTokens = USUAL_OUTPUT }) {
  const [first, ...rest] = turns;
  const system = first?.system === undefined ? {} : { system: first.system };
  return {
    model,
    max_tokens: maxTokens,
    ...system,
    messages: (first?.system === undefined ? turns : rest).map(message),
    ...(tools && { tools: tools.map(({ name, description, parameters }) => ({ name, description, input_schema: parameters })) }),
    ...(choice && { tool_choice: typeof choice === 'object' ? { type: 'tool', name: choice.name } : { type: choice === 'required' ? 'any' : choice } }),
    ...(thinking !== undefined && { thinking: { type: thinking ? 'adaptive' : 'disabled' } }),
    ...(schema && { output_config: { format: { type: 'json_schema', schema } } }),
  };
}

/** @param {any} turn @returns {any} */
function message({ system, user, image, assistant, results }) {
  if (system !== undefined) return { role: 'system', content: system };
  if (assistant) return { role: 'assistant', content: assistant };
  if (results) return { role: 'user', content: results.map(({ id, text }) => ({ type: 'tool_result', tool_use_id: id, content: text })) };
  if (!image) return { role: 'user', content: user };
  const source = { type: 'base64', media_type: image.mediaType, data: image.data };
  return { role: 'user', content: [{ type: 'text', text: user }, { type: 'image', source }] };
}

/** @param {Anthropic.Message} message */
function read({ content, stop_reason, stop_details, usage }) {
  const texts = (/** @type {'text' | 'thinking'} */ name) => content.map((/** @type {any} */ block) => (block.type === name ? block[name] : '')).join('');
  const refusal = stop_details?.explanation;
  return {
    text: texts('text'),
    reasoning: texts('thinking'),
    calls: content.flatMap((block) => (block.type === 'tool_use' ? [{ id: block.id, name: block.name, arguments: block.input }] : [])),
    finish: stop_reason,
    usage: {
      input: usage.input_tokens + (usage.cache_read_input_tokens ?? 0) + (usage.cache_creation_input_tokens ?? 0),
      output: usage.output_tokens,
    },
    ...(refusal && { refusal }),
    turn: content,
  };
}

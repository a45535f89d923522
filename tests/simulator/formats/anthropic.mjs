// @ts-check
/**
 * Anthropic Messages as the vendor speaks it: named events of content blocks, pings, error bodies.
 *
 * In: what an answer says, block by block. Out: replies for `script()`, and `answer()` for a simulator
 * run by hand. A streamed reply has one step a frame, so a test can cut, pause or break between any two.
 */

/**
 * @typedef {import('../wire.mjs').Reply} Reply
 * @typedef {import('../wire.mjs').Step} Step
 * @typedef {{ thinking: string[], signature?: string }} Thinking  In pieces: one delta each.
 * @typedef {{ redacted: string }} Redacted
 * @typedef {{ text: string[] }} Text
 * @typedef {{ id: string, name: string, input: string[] }} ToolUse  Pieces of JSON: one delta each.
 * @typedef {Thinking | Redacted | Text | ToolUse} Block
 * @typedef {{ blocks: Block[], stop?: string, details?: object, model?: string }} Said
 */

export const MODEL = 'claude-haiku-5-5';
/** What comes of `USAGE_START` and `USAGE_END`, in unified words. */
export const USAGE = { input_tokens: 13, output_tokens: 12, total_tokens: 25, cached_tokens: 4, reasoning_tokens: 5 };
const USAGE_START = { input_tokens: 9, cache_creation_input_tokens: 0, cache_read_input_tokens: 4, output_tokens: 1, service_tier: 'standard' };
const USAGE_END = { input_tokens: 9, cache_creation_input_tokens: 0, cache_read_input_tokens: 4, output_tokens: 12, output_tokens_details: { thinking_tokens: 5 } };

const SSE = { 'content-type': 'text/event-stream; charset=utf-8', 'request-id': 'req_simulated' };
const JSON_TYPE = { 'content-type': 'application/json', 'request-id': 'req_simulated' };

/** @param {{ method: string, path: string }} request */
export const serves = ({ method, path }) => method === 'POST' && path.split('?')[0].endsWith('/v1/messages');

/** One frame; the vendor pads its JSON with spaces. @param {{ type: string } & Record<string, unknown>} data */
export const event = (data) => `event: ${data.type}\ndata: ${JSON.stringify(data).slice(0, -1)}   }\n\n`;

export const PING = event({ type: 'ping' });

/** The frames of a whole streamed answer, one string each. @param {Said} said @returns {string[]} */
export function frames({ blocks, stop = stopFor(blocks), details, model = MODEL }) {
  const message = { id: 'msg_simulated', type: 'message', role: 'assistant', model, content: [], stop_reason: null, stop_sequence: null, usage: USAGE_START };
  return [
    event({ type: 'message_start', message }),
    ...blocks.flatMap((block, index) => blockFrames(block, index)),
    event({ type: 'message_delta', delta: { stop_reason: stop, stop_sequence: null, ...(details && { stop_details: details }) }, usage: USAGE_END }),
    event({ type: 'message_stop' }),
  ];
}

/** @param {Said} said @returns {Reply} */
export const streamed = (said) => streamOf(frames(said));

/** A 200 with these steps as its event stream. @param {Step[]} steps @returns {Reply} */
export const streamOf = (steps) => ({ status: 200, headers: SSE, steps });

/** A whole message, from a server that ignores `stream`. @param {Said} said @returns {Reply} */
export function whole({ blocks, stop = stopFor(blocks), model = MODEL }) {
  const message = { id: 'msg_simulated', type: 'message', role: 'assistant', model, content: blocks.map(wholeBlock), stop_reason: stop, stop_sequence: null, usage: USAGE_END };
  return { status: 200, headers: JSON_TYPE, steps: [JSON.stringify(message)] };
}

/** An error as it stands in a body or in a stream. @param {string} type @param {string} message @param {object | null} [details] */
export const error = (type, message, details = null) => ({ type: 'error', error: { details, type, message }, request_id: 'req_simulated' });

/** @param {number} status @param {string} type @param {string} [message] @param {{ details?: object, headers?: Record<string, string> }} [more] @returns {Reply} */
export const failed = (status, type, message = `simulated ${status}`, { details, headers } = {}) =>
  ({ status, headers: { ...JSON_TYPE, ...headers }, steps: [JSON.stringify(error(type, message, details))] });

/** What a simulator run by hand says; `/think`, `/tool` or a status such as `/529` in the last message asks for more. @param {{ json: any }} request @returns {Reply} */
export function answer({ json }) {
  const command = /\/([a-z0-9]+)/.exec(JSON.stringify(json?.messages?.at(-1)?.content ?? ''))?.[1] ?? '';
  if (/^[45]\d\d$/.test(command)) return failed(Number(command), 'api_error');
  /** @type {Block[]} */
  const blocks = [{ text: ['This ', 'answer ', 'is ', 'simulated', '.'] }];
  if (command === 'think') blocks.unshift({ thinking: ['I ', 'think.'], signature: 'c2lnbmVk' });
  if (command === 'tool') blocks.push({ id: 'toolu_simulated', name: 'get_weather', input: ['', '{"city":', '"Oslo"}'] });
  const said = { blocks, model: json?.model ?? MODEL };
  return json?.stream ? streamed(said) : whole(said);
}

/** @param {Block[]} blocks */
const stopFor = (blocks) => (blocks.some((block) => 'name' in block) ? 'tool_use' : 'end_turn');

/** @param {Block} block @param {number} index */
function blockFrames(block, index) {
  const delta = (/** @type {object} */ delta) => event({ type: 'content_block_delta', index, delta });
  const [begin, ...pieces] = 'thinking' in block
    ? [{ type: 'thinking', thinking: '', signature: '' },
      ...block.thinking.map((thinking) => ({ type: 'thinking_delta', thinking })),
      ...(block.signature ? [{ type: 'signature_delta', signature: block.signature }] : [])]
    : 'redacted' in block
      ? [wholeBlock(block)]
      : 'text' in block
        ? [{ type: 'text', text: '' }, ...block.text.map((text) => ({ type: 'text_delta', text }))]
        : [{ type: 'tool_use', id: block.id, name: block.name, input: {} },
          ...block.input.map((partial_json) => ({ type: 'input_json_delta', partial_json }))];
  return [
    event({ type: 'content_block_start', index, content_block: begin }),
    ...(index === 0 ? [PING] : []),
    ...pieces.map(delta),
    event({ type: 'content_block_stop', index }),
  ];
}

/** @param {Block} block */
function wholeBlock(block) {
  if ('thinking' in block) return { type: 'thinking', thinking: block.thinking.join(''), signature: block.signature ?? '' };
  if ('redacted' in block) return { type: 'redacted_thinking', data: block.redacted };
  if ('text' in block) return { type: 'text', text: block.text.join('') };
  return { type: 'tool_use', id: block.id, name: block.name, input: JSON.parse(block.input.join('') || '{}') };
}

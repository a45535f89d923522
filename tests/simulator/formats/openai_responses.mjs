// @ts-check
/**
 * OpenAI Responses as a provider speaks it: semantic events, whole responses, and error bodies.
 *
 * In: what an answer says. Out: replies for `script()`, and `answer()` for a simulator run by hand.
 * A streamed reply has one step an event, so a test can cut, pause or break between any two.
 */

/**
 * @typedef {import('../wire.mjs').Reply} Reply
 * @typedef {import('../wire.mjs').Step} Step
 * @typedef {{ id: string, name: string, arguments: string | string[] }} ToolCall  Arguments in pieces: one delta each.
 * @typedef {object} Said  Becomes one item each, in this order.
 * @property {string[]} [reasoning]  The summary: one delta each.
 * @property {string} [sealed]  The encrypted reasoning.
 * @property {string[]} [text]  One delta each.
 * @property {string} [phase]  Of the message that the text is.
 * @property {string[]} [refusal]
 * @property {ToolCall[]} [toolCalls]
 * @property {string} [incomplete]  Why the answer is incomplete, if it is.
 * @property {string} [model]
 * @typedef {Record<string, any>} Item
 */

export const MODEL = 'gpt-5.4-mini';
const ID = 'resp_simulated';
const HEADERS = { 'x-request-id': 'req_simulated', 'openai-version': '2020-10-01' };
const SSE = { 'content-type': 'text/event-stream; charset=utf-8', ...HEADERS };
const JSON_TYPE = { 'content-type': 'application/json', ...HEADERS };
const USAGE = {
  input_tokens: 9,
  input_tokens_details: { cached_tokens: 4 },
  output_tokens: 12,
  output_tokens_details: { reasoning_tokens: 5 },
  total_tokens: 21,
};

/** @param {{ method: string, path: string }} request */
export const serves = ({ method, path }) => method === 'POST' && path.split('?')[0] === '/v1/responses';

/** One event as a frame. @param {{ type: string }} event */
export const frame = (event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;

/** What the vendor sends in a long silence. */
export const KEEPALIVE = frame({ type: 'keepalive' });

/** The frames of a whole streamed answer, one string each. @param {Said} said @returns {string[]} */
export function frames(said) {
  const begun = { ...response(said), status: 'in_progress', output: [], usage: null };
  const whole = response(said);
  const events = [
    { type: 'response.created', response: begun },
    { type: 'response.in_progress', response: begun },
    ...items(said).flatMap(({ item, deltas }, index) => itemEvents(item, deltas, index)),
    { type: `response.${whole.status}`, response: whole },
  ];
  return events.map((event, number) => frame({ ...event, sequence_number: number }));
}

/** @param {Said} said @returns {Reply} */
export const streamed = (said) => streamOf(frames(said));

/** A 200 with these steps as its event stream. @param {Step[]} steps @returns {Reply} */
export const streamOf = (steps) => ({ status: 200, headers: SSE, steps });

/** A whole response, from a server that does not stream. @param {Said} said @returns {Reply} */
export const whole = (said) => ({ status: 200, headers: JSON_TYPE, steps: [JSON.stringify(response(said))] });

/** An error in mid-stream as the vendor sends it: the error, and then the response that failed by it. @param {{ code: string, message: string }} error */
export const failure = ({ code, message }) => [
  frame({ type: 'error', error: { type: code, code, message, param: null } }),
  frame({ type: 'response.failed', response: { ...response({}), status: 'failed', error: { code, message }, usage: null } }),
];

/** An error status. @param {number} status @param {{ message?: string, type?: string, code?: string | null, param?: string | null }} [error] @param {Record<string, string>} [headers] @returns {Reply} */
export function failed(status, { message = `simulated ${status}`, type = 'invalid_request_error', code = null, param = null } = {}, headers = {}) {
  return { status, headers: { ...JSON_TYPE, ...headers }, steps: [JSON.stringify({ error: { message, type, param, code } })] };
}

/** What a simulator run by hand says. @param {{ json: any }} request @returns {Reply} */
export function answer({ json }) {
  const said = { text: ['This ', 'answer ', 'is ', 'simulated', '.'], model: json?.model ?? MODEL };
  return json?.stream ? streamed(said) : whole(said);
}

/** @param {Said} said @returns {Item} */
function response(said) {
  const status = said.incomplete ? 'incomplete' : 'completed';
  return {
    id: ID,
    object: 'response',
    created_at: 1_795_000_000,
    status,
    error: null,
    incomplete_details: said.incomplete ? { reason: said.incomplete } : null,
    model: said.model ?? MODEL,
    output: items(said).map(({ item }) => item),
    parallel_tool_calls: true,
    store: false,
    text: { format: { type: 'text' } },
    usage: USAGE,
  };
}

/** The items of an answer as they are in the end, each with the pieces that it comes in. @param {Said} said @returns {{ item: Item, deltas: string[] }[]} */
function items({ reasoning = [], sealed, text, phase, refusal, toolCalls = [] }) {
  const all = [];
  if (reasoning.length > 0 || sealed) {
    const summary = reasoning.length > 0 ? [{ type: 'summary_text', text: reasoning.join('') }] : [];
    all.push({ item: { id: 'rs_simulated', type: 'reasoning', summary, ...(sealed && { encrypted_content: sealed }) }, deltas: reasoning });
  }
  const message = (/** @type {object} */ part) =>
    ({ id: 'msg_simulated', type: 'message', status: 'completed', role: 'assistant', ...(phase && { phase }), content: [part] });
  if (text?.length) all.push({ item: message({ type: 'output_text', text: text.join(''), annotations: [], logprobs: [] }), deltas: text });
  if (refusal) all.push({ item: message({ type: 'refusal', refusal: refusal.join('') }), deltas: refusal });
  for (const call of toolCalls) {
    const deltas = [call.arguments].flat();
    const item = { id: `fc_${call.id}`, type: 'function_call', status: 'completed', call_id: call.id, name: call.name, arguments: deltas.join('') };
    all.push({ item, deltas });
  }
  return all;
}

/** @param {Item} item @param {string[]} deltas @param {number} index */
function itemEvents(item, deltas, index) {
  const place = { item_id: item.id, output_index: index };
  const pieces = (/** @type {string} */ type, /** @type {object} */ part) => deltas.map((delta) => ({ type: `response.${type}.delta`, ...place, ...part, delta }));
  const first = { type: 'response.output_item.added', output_index: index };
  const last = { type: 'response.output_item.done', output_index: index, item };
  switch (item.type) {
    case 'reasoning': {
      const part = { summary_index: 0 };
      const [summary] = item.summary;
      const told = summary && [
        { type: 'response.reasoning_summary_part.added', ...place, ...part, part: { type: 'summary_text', text: '' } },
        ...pieces('reasoning_summary_text', part),
        { type: 'response.reasoning_summary_text.done', ...place, ...part, text: summary.text },
        { type: 'response.reasoning_summary_part.done', ...place, ...part, part: summary },
      ];
      return [{ ...first, item: { ...item, summary: [] } }, ...told ?? [], last];
    }
    case 'function_call':
      return [
        { ...first, item: { ...item, status: 'in_progress', arguments: '' } },
        ...pieces('function_call_arguments', {}),
        { type: 'response.function_call_arguments.done', ...place, arguments: item.arguments },
        last,
      ];
    default: {
      const [content] = item.content;
      const [type, field] = content.type === 'refusal' ? ['refusal', 'refusal'] : ['output_text', 'text'];
      const part = { content_index: 0 };
      return [
        { ...first, item: { ...item, status: 'in_progress', content: [] } },
        { type: 'response.content_part.added', ...place, ...part, part: { ...content, [field]: '' } },
        ...pieces(type, part),
        { type: `response.${type}.done`, ...place, ...part, [field]: content[field] },
        { type: 'response.content_part.done', ...place, ...part, part: content },
        last,
      ];
    }
  }
}

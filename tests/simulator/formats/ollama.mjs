// @ts-check
/** Ollama's own chat as a server speaks it: one JSON object a line, the last one with the figures. */

/**
 * @typedef {import('../wire.mjs').Reply} Reply
 * @typedef {import('../wire.mjs').Step} Step
 * @typedef {object} Said
 * @property {string[]} [text]  One line each.
 * @property {string[]} [thinking]
 * @property {{ id?: string, name: string, arguments: object }[]} [toolCalls]
 * @property {string} [reason]
 * @property {string} [model]
 */

export const MODEL = 'qwen3:4b';
const NDJSON = { 'content-type': 'application/x-ndjson' };

/** @param {{ method: string, path: string }} request */
export const serves = ({ method, path }) => method === 'POST' && path === '/api/chat';

/** One line of an answer. @param {object} message @param {object} [more] */
export const line = (message, more = {}) =>
  `${JSON.stringify({ model: MODEL, created_at: '2026-08-17T08:22:52.061545Z', message: { role: 'assistant', content: '', ...message }, done: false, ...more })}\n`;

/** The lines of a whole answer, one string each. @param {Said} said @returns {string[]} */
export function lines({ text = [], thinking = [], toolCalls = [], reason = 'stop', model = MODEL }) {
  const calls = toolCalls.map(({ id, ...rest }, index) => line({ tool_calls: [{ ...(id && { id }), function: { index, ...rest } }] }, { model }));
  const figures = { done: true, done_reason: reason, total_duration: 978445250, prompt_eval_count: 9, eval_count: 12, eval_duration: 810829670 };
  return [
    ...thinking.map((piece) => line({ thinking: piece }, { model })),
    ...text.map((piece) => line({ content: piece }, { model })),
    ...calls,
    line({}, { model, ...figures }),
  ];
}

/** @param {Said} said @returns {Reply} */
export const streamed = (said) => streamOf(lines(said));

/** The one object that a request without streaming gets. @param {object} body @returns {Reply} */
export const whole = (body) => ({ status: 200, headers: { 'content-type': 'application/json; charset=utf-8' }, steps: [JSON.stringify(body)] });

/** @param {Step[]} steps @returns {Reply} */
export const streamOf = (steps) => ({ status: 200, headers: NDJSON, steps });

/** @param {number} status @param {string} error @returns {Reply} */
export const failed = (status, error) => ({ status, headers: { 'content-type': 'application/json' }, steps: [JSON.stringify({ error })] });

/** What a simulator run by hand says. @param {{ json: any }} request @returns {Reply} */
export const answer = ({ json }) => streamed({ text: ['This ', 'answer ', 'is ', 'simulated', '.'], model: json?.model ?? MODEL });

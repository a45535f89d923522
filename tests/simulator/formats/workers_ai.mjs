// @ts-check
/**
 * Cloudflare Workers AI as its REST route speaks it, in its older shape: one text a frame, padded. The
 * other shape is OpenAI's chunks, on the same route.
 */
import * as openai from './openai_chat.mjs';

/**
 * @typedef {import('../wire.mjs').Reply} Reply
 * @typedef {import('../wire.mjs').Step} Step
 * @typedef {object} Said
 * @property {string[]} [text]  One frame each.
 * @property {{ name: string, arguments: object }[]} [toolCalls]  Flat and whole.
 * @property {string | null} [finish]  Older models give none.
 * @property {boolean} [done]
 */

/** A model of the older shape, and one of the other. */
export const MODEL = '@cf/meta/llama-4-scout-17b-16e-instruct';
export const CHAT_MODEL = '@cf/zai-org/glm-5.3';
const USAGE = { prompt_tokens: 9, completion_tokens: 12, total_tokens: 21 };
const SSE = { 'content-type': 'text/event-stream', 'cf-ray': 'ray-simulated' };
const JSON_TYPE = { 'content-type': 'application/json', 'cf-ray': 'ray-simulated' };

/** @param {{ method: string, path: string }} request */
export const serves = ({ method, path }) => method === 'POST' && path.includes('/ai/run/@');

/** One frame, padded as the service pads it against eavesdroppers. @param {object} data */
export const frame = (data) => `data: ${JSON.stringify({ ...data, p: 'abdefghijklmn'.slice(0, 1 + (JSON.stringify(data).length % 12)) })}\n\n`;

/** The frames of a whole streamed answer, one string each. @param {Said} said @returns {string[]} */
export const frames = ({ text = [], toolCalls = [], finish = null, done = true }) => [
  ...text.map((response) => frame({ response })),
  ...(toolCalls.length > 0 ? [frame({ response: '', tool_calls: toolCalls })] : []),
  frame({ response: '', usage: USAGE, ...(finish && { finish_reason: finish }) }),
  ...(done ? [openai.DONE] : []),
];

/** @param {Said} said @returns {Reply} */
export const streamed = (said) => streamOf(frames(said));

/** The other shape. @param {import('./openai_chat.mjs').Said} said @returns {Reply} */
export const chatStreamed = (said) => streamOf(openai.frames({ model: CHAT_MODEL, ...said }));

/** @param {Step[]} steps @returns {Reply} */
export const streamOf = (steps) => ({ status: 200, headers: SSE, steps });

/** A model that ignores `stream`; bare, as the binding gets it, or in REST's envelope. @param {object} result @param {boolean} [bare] @returns {Reply} */
export const whole = (result, bare = false) =>
  ({ status: 200, headers: JSON_TYPE, steps: [JSON.stringify(bare ? result : { result, success: true, errors: [], messages: [] })] });

/** What the result of a whole answer is. @param {Said} said */
export const result = ({ text = [], toolCalls = [] }) => ({ response: text.join(''), tool_calls: toolCalls, usage: USAGE });

/** @param {number} status @param {number} code @param {string} [message] @param {Record<string, string>} [headers] @returns {Reply} */
export const failed = (status, code, message = `simulated ${code}`, headers = {}) =>
  ({ status, headers: { ...JSON_TYPE, ...headers }, steps: [JSON.stringify(refusal(code, message))] });

/** @param {number} code @param {string} message */
export const refusal = (code, message) => ({ result: null, success: false, errors: [{ code, message }], messages: [] });

/** An error as the binding gets it. @param {number} status @param {number} code @param {string} [description] @param {Record<string, string>} [headers] @returns {Reply} */
export const failedInside = (status, code, description = `simulated ${code}`, headers = {}) =>
  ({ status, headers: { ...JSON_TYPE, ...headers }, steps: [JSON.stringify({ internalCode: code, name: 'AiError', message: 'AiError', description })] });

/** What a simulator run by hand says. @returns {Reply} */
export const answer = () => streamed({ text: ['This ', 'answer ', 'is ', 'simulated', '.'] });

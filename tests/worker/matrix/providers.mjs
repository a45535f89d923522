// @ts-check
/**
 * Every provider as the matrix asks it: one description of an answer, said in each vendor's own
 * format, streamed or whole as the gateway asked for it.
 */
import * as anthropic from '../../simulator/formats/anthropic.mjs';
import * as gemini from '../../simulator/formats/gemini.mjs';
import * as ollama from '../../simulator/formats/ollama.mjs';
import * as openaiChat from '../../simulator/formats/openai_chat.mjs';
import * as openaiResponses from '../../simulator/formats/openai_responses.mjs';
import * as workersAi from '../../simulator/formats/workers_ai.mjs';
import { hangUp } from '../../simulator/wire.mjs';
import { TOGETHER_MODEL } from '../gateway.mjs';

/** What a provider seals with its thinking, and must get back with the next turn. */
export const STATE = 'c2VhbGVkLXN0YXRlLW9mLXRoZS1tYXRyaXg=';

/**
 * @typedef {import('../../simulator/wire.mjs').Reply} Reply
 * @typedef {import('../../simulator/simulator.mjs').Recorded} Recorded
 * @typedef {{ id: string, name: string, arguments: Record<string, unknown> }} Call
 * @typedef {object} Said
 * @property {string[]} [thinking]
 * @property {string[]} [text]
 * @property {Call[]} [calls]
 * @property {'length' | 'filter' | 'refusal'} [end]
 * @typedef {object} Provider
 * @property {string} name
 * @property {string} model  As a client of the gateway names it.
 * @property {(said: Said) => (request: Recorded) => Reply} says
 * @property {(status: number) => Reply} fails  An error status, not to be retried.
 * @property {() => Reply} breaks  Some text, and then the connection ends.
 * @property {boolean} sealed  Whether its thinking has state that must come back.
 * @property {Record<string, string>} lacks  What it cannot be asked or cannot say, and why.
 */

const whole = (/** @type {Recorded} */ { json, path }) => (/:generateContent/.test(path) ? true : !/:streamGenerateContent/.test(path) && json?.stream === false);
const inPieces = (/** @type {unknown} */ value) => JSON.stringify(value).match(/.{1,5}/gsu) ?? [];

/** @param {Said} said @returns {any} */
const toOpenAi = ({ thinking = [], text = [], calls = [], end }) => ({
  reasoning: thinking,
  text: end === 'refusal' ? [] : text,
  refusal: end === 'refusal' ? text : [],
  toolCalls: calls.map(({ id, name, arguments: value }) => ({ id, name, arguments: inPieces(value) })),
  ...(end === 'length' && { finish: 'length' }),
  ...(end === 'filter' && { finish: 'content_filter' }),
});

/** @param {string} name @param {string} model @returns {Provider} */
const chatCompletions = (name, model) => ({
  name,
  model: `${name}/${model}`,
  says: (said) => ({ json }) => (json?.stream ? openaiChat.streamed(toOpenAi(said)) : openaiChat.whole(toOpenAi(said))),
  fails: (status) => openaiChat.failed(status, { message: 'simulated failure' }),
  breaks: () => openaiChat.streamOf([...openaiChat.frames({ text: ['Hel', 'lo'] }).slice(0, 2), hangUp()]),
  sealed: false,
  lacks: {},
});

/** @param {Said} said @returns {any} */
function toAnthropic({ thinking, text, calls = [], end }) {
  const blocks = [
    ...(thinking ? [{ thinking, signature: STATE }] : []),
    ...(text ? [{ text }] : []),
    ...calls.map(({ id, name, arguments: value }) => ({ id, name, input: ['', ...inPieces(value)] })),
  ];
  const stop = { length: 'max_tokens', filter: 'refusal', refusal: 'refusal' };
  return { blocks, ...(end && { stop: stop[end] }) };
}

/** @param {Said} said @returns {any} */
const toGemini = ({ thinking, text = [], calls, end }) => ({
  thinking,
  text,
  toolCalls: calls?.map(({ name, arguments: args }) => ({ name, args })),
  ...((thinking || calls) && { signature: STATE }),
  ...(end && { reason: end === 'length' ? 'MAX_TOKENS' : 'SAFETY' }),
});

/** Gemini's whole answer is what its frames add up to. @param {any} said @returns {Reply} */
function wholeGemini(said) {
  const frames = gemini.frames(said).map((frame) => JSON.parse(frame.replace(/^data: /, '')));
  const parts = frames.flatMap((one) => one.candidates[0].content.parts);
  const last = frames[frames.length - 1];
  last.candidates[0].content.parts = parts;
  return { status: 200, headers: { 'content-type': 'application/json' }, steps: [JSON.stringify(last)] };
}

/** @param {Said} said @returns {any} */
const toResponses = ({ thinking, text = [], calls = [], end }) => ({
  ...(thinking && { reasoning: thinking, sealed: STATE }),
  ...(end === 'refusal' ? { refusal: text } : { text }),
  toolCalls: calls.map(({ id, name, arguments: value }) => ({ id, name, arguments: inPieces(value) })),
  ...(end === 'length' && { incomplete: 'max_output_tokens' }),
  ...(end === 'filter' && { incomplete: 'content_filter' }),
});

/** @param {Said} said @returns {any} */
const toOllama = ({ thinking, text, calls, end }) => ({ thinking, text, toolCalls: calls, ...(end === 'length' && { reason: 'length' }) });

/** What the lines of an answer add up to. @param {any} said @returns {Reply} */
function wholeOllama(said) {
  const lines = ollama.lines(said).map((line) => JSON.parse(line));
  const join = (/** @type {string} */ name) => lines.map((line) => line.message[name] ?? '').join('');
  const calls = lines.flatMap((line) => line.message.tool_calls ?? []);
  const message = { role: 'assistant', content: join('content'), ...(said.thinking && { thinking: join('thinking') }), ...(calls.length > 0 && { tool_calls: calls }) };
  return { status: 200, headers: { 'content-type': 'application/json' }, steps: [JSON.stringify({ ...lines.at(-1), message })] };
}

const NO_WORD = 'it has no word for that';

/** @type {Provider[]} */
export const PROVIDERS = [
  chatCompletions('openai', openaiChat.MODEL),
  {
    name: 'openai-responses',
    model: `openai-responses/${openaiResponses.MODEL}`,
    says: (said) => (request) => (request.json?.stream ? openaiResponses.streamed(toResponses(said)) : openaiResponses.whole(toResponses(said))),
    fails: (status) => openaiResponses.failed(status, { message: 'simulated failure' }),
    breaks: () => openaiResponses.streamOf([...openaiResponses.frames({ text: ['Hel', 'lo'] }).slice(0, 5), hangUp()]),
    sealed: true,
    lacks: {},
  },
  {
    name: 'anthropic',
    model: 'anthropic/claude-sonnet-4-6',
    says: (said) => (request) => (request.json?.stream ? anthropic.streamed(toAnthropic(said)) : anthropic.whole(toAnthropic(said))),
    fails: (status) => anthropic.failed(status, 'invalid_request_error', 'simulated failure'),
    breaks: () => anthropic.streamOf([...anthropic.frames({ blocks: [{ text: ['Hel', 'lo'] }] }).slice(0, 3), hangUp()]),
    sealed: true,
    lacks: { filter: NO_WORD },
  },
  {
    name: 'gemini',
    model: 'gemini/gemini-3.5-flash-lite',
    says: (said) => (request) => (whole(request) ? wholeGemini(toGemini(said)) : gemini.streamed(toGemini(said))),
    fails: (status) => gemini.failed(status, 'INVALID_ARGUMENT', 'simulated failure'),
    breaks: () => gemini.streamOf([...gemini.frames({ text: ['Hel', 'lo'] }).slice(0, 1), hangUp()]),
    sealed: true,
    lacks: { refusal: NO_WORD },
  },
  chatCompletions('together', TOGETHER_MODEL),
  {
    name: 'ollama',
    model: `ollama/${ollama.MODEL}`,
    says: (said) => (request) => (whole(request) ? wholeOllama(toOllama(said)) : ollama.streamed(toOllama(said))),
    fails: (status) => ollama.failed(status, 'simulated failure'),
    breaks: () => ollama.streamOf([...ollama.lines({ text: ['Hel', 'lo'] }).slice(0, 1), hangUp()]),
    sealed: false,
    lacks: { refusal: NO_WORD, filter: NO_WORD, forced: 'it cannot force a call' },
  },
  {
    name: 'workers-ai',
    model: `workers-rest/${workersAi.CHAT_MODEL}`,
    says: (said) => () => workersAi.chatStreamed(toOpenAi(said)),
    fails: (status) => workersAi.failed(status, 5004, 'simulated failure'),
    breaks: () => workersAi.streamOf([...openaiChat.frames({ text: ['Hel', 'lo'] }).slice(0, 2), hangUp()]),
    sealed: false,
    lacks: { forced: 'its models take a forced call as advice' },
  },
];

/** What the gateway needs to know of them beside the usual. @param {string} simulatorUrl @returns {Record<string, string>} */
export const vars = (simulatorUrl) => ({
  PROVIDERS: JSON.stringify([{ name: 'workers-rest', dialect: 'workers-ai', base_url: `${simulatorUrl}/client/v4/accounts/acc/ai/run` }]),
});

// @ts-check
/** Gemini's own SDK for the tests that ask every surface the same. */
import { Readable } from 'node:stream';
import { ApiError, FunctionCallingConfigMode, GoogleGenAI } from '@google/genai';
import { begin } from '../client.mjs';

/**
 * @typedef {any} Turn  `{ user, image? }`, `{ assistant }`, `{ results }` or `{ system }`.
 * @typedef {object} Request
 * @property {string} model
 * @property {Turn[]} turns
 * @property {{ name: string, description: string, parameters: object }[]} [tools]
 * @property {'auto' | 'required' | { name: string }} [choice]
 * @property {boolean} [thinking]
 * @property {object} [schema]
 * @property {number} [maxTokens]
 * @property {AbortSignal} [signal]
 */

/** @param {Turn} turn @returns {any[]} */
function contents({ user, image, assistant, results }) {
  if (assistant) return assistant;
  if (results) {
    return [{ role: 'user', parts: results.map((/** @type {any} */ { id, name, text }) => ({ functionResponse: { id, name, response: { output: text } } })) }];
  }
  return user === undefined ? [] : [{ role: 'user', parts: [{ text: user }, ...(image ? [{ inlineData: { mimeType: image.mediaType, data: image.data } }] : [])] }];
}

/** @param {Request} request */
function config({ turns, tools, choice, thinking, schema, maxTokens, signal }) {
  const systems = turns.flatMap(({ system }) => system ?? []);
  const mode = choice === 'auto' ? FunctionCallingConfigMode.AUTO : FunctionCallingConfigMode.ANY;
  return {
    ...(systems.length > 0 && { systemInstruction: systems.join('\n') }),
    ...(tools && { tools: [{ functionDeclarations: tools.map(({ name, description, parameters }) => ({ name, description, parametersJsonSchema: parameters })) }] }),
    ...(choice && { toolConfig: { functionCallingConfig: { mode, ...(typeof choice === 'object' && { allowedFunctionNames: [choice.name] }) } } }),
    ...(thinking !== undefined && { thinkingConfig: thinking ? { includeThoughts: true } : { thinkingBudget: 0 } }),
    ...(schema && { responseMimeType: 'application/json', responseJsonSchema: schema }),
    ...(maxTokens && { maxOutputTokens: maxTokens }),
    ...(signal && { abortSignal: signal }),
  };
}

/** What the responses of an answer add up to. @param {import('@google/genai').GenerateContentResponse[]} responses */
function fold(responses) {
  const candidates = responses.flatMap(({ candidates }) => candidates?.[0] ?? []);
  const parts = candidates.flatMap(({ content }) => content?.parts ?? []);
  const texts = (/** @type {boolean} */ thought) => parts.filter((part) => (part.thought ?? false) === thought).map(({ text }) => text ?? '').join('');
  const usage = responses.flatMap(({ usageMetadata }) => usageMetadata ?? []).pop();
  const finish = candidates.flatMap(({ finishReason }) => finishReason ?? []).pop();
  return {
    text: texts(false),
    reasoning: texts(true),
    calls: responses.flatMap(({ functionCalls }) => functionCalls ?? []).map(({ id, name, args }) => ({ id, name, arguments: args })),
    finish,
    usage: { input: usage?.promptTokenCount, output: (usage?.candidatesTokenCount ?? 0) + (usage?.thoughtsTokenCount ?? 0) },
    // The words are text there; that they are no answer is in the finish reason.
    ...(finish === 'SAFETY' && { refusal: texts(false) }),
    turn: candidates.flatMap(({ content }) => content ?? []),
  };
}

/** A fetch whose abort resets the connection: the local runtime notices a plain end only when it writes. @type {typeof fetch} */
async function resetting(input, { method, headers, body, signal } = {}) {
  const { port, pathname, search } = new URL(String(input));
  const sent = { method, headers: Object.fromEntries(new Headers(headers)), body: /** @type {string} */ (body) };
  const { response, leave } = begin({ port: Number(port), headers: {} }, pathname + search, sent);
  signal?.addEventListener('abort', leave);
  const incoming = await response;
  return new Response(/** @type {any} */ (Readable.toWeb(incoming)), { status: incoming.statusCode, headers: { 'content-type': incoming.headers['content-type'] ?? '' } });
}

export const surface = {
  name: 'gemini',
  sdk: '@google/genai',

  /** What it calls an answer that is not the whole one. */
  words: { length: /^MAX_TOKENS$/, refusal: /^SAFETY$/, filter: /^SAFETY$/ },

  /** @param {{ url: string, headers: Record<string, string> }} worker */
  connect: ({ url, headers }) => new GoogleGenAI({ apiKey: 'any', httpOptions: { baseUrl: url, headers } }),

  /** @param {GoogleGenAI} client @param {Request} request @param {{ stream: boolean }} how */
  async ask(client, request, { stream }) {
    const asked = { model: request.model, contents: request.turns.flatMap(contents), config: config(request) };
    if (!stream) return fold([await client.models.generateContent(asked)]);
    const responses = [];
    for await (const response of await client.models.generateContentStream(asked)) responses.push(response);
    return fold(responses);
  },

  /** What the SDK throws. @param {GoogleGenAI} client @param {Request} request @param {{ stream: boolean }} [how] */
  async raises(client, request, how = { stream: true }) {
    try {
      await surface.ask(client, request, how);
    } catch (error) {
      const { name, message, status } = /** @type {ApiError} */ (error);
      return { name, message, status };
    }
    throw new Error('it raised nothing');
  },

  /** Reads the start of an answer and leaves. @param {GoogleGenAI} client @param {Request} request */
  async leaves(client, request) {
    const leave = new AbortController();
    const asked = { model: request.model, contents: request.turns.flatMap(contents), config: { ...config({ ...request, signal: leave.signal }), httpOptions: { fetch: resetting } } };
    try {
      for await (const response of await client.models.generateContentStream(asked)) if (response.candidates) leave.abort();
    } catch (error) {
      if (!leave.signal.aborted) throw error;
    }
  },
};

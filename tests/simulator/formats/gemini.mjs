// @ts-check
/**
 * Gemini's `streamGenerateContent` as the vendor speaks it: server-sent events with CRLF, each a whole
 * response, without names, pings or a sentinel; failures as bare JSON. And `generateContent`: one response.
 */

/**
 * @typedef {import('../wire.mjs').Reply} Reply
 * @typedef {import('../wire.mjs').Step} Step
 * @typedef {object} Part
 * @property {string} [text]
 * @property {boolean} [thought]
 * @property {string} [thoughtSignature]
 * @property {{ id?: string, name: string, args?: object }} [functionCall]
 * @typedef {object} Said
 * @property {string[]} [text]  One frame each.
 * @property {string[]} [thinking]  One frame each.
 * @property {string} [signature]  On the first call, or on an empty text at the end.
 * @property {{ id?: string, name: string, args?: object }[]} [toolCalls]  One frame each.
 * @property {string} [reason]
 * @property {string} [model]
 */

export const MODEL = 'gemini-3.5-flash-lite';
const ID = 'simulated-response';
const SSE = { 'content-type': 'text/event-stream' };

/** @param {{ method: string, path: string }} request */
export const serves = ({ method, path }) => method === 'POST' && /\/models\/[^/]+:(streamGenerateContent\?alt=sse|generateContent)$/.test(path);

/** One frame. @param {unknown} data */
export const frame = (data) => `data: ${JSON.stringify(data)}\r\n\r\n`;

/** A response with these parts. @param {Part[]} parts @param {object} [more]  Of the candidate. @param {string} [model] */
export const response = (parts, more = {}, model = MODEL) => frame({
  candidates: [{ content: { parts, role: 'model' }, ...more, index: 0 }],
  usageMetadata: { promptTokenCount: 9, candidatesTokenCount: 7, thoughtsTokenCount: 5, totalTokenCount: 21, promptTokensDetails: [{ modality: 'TEXT', tokenCount: 9 }] },
  modelVersion: model,
  responseId: ID,
});

/** The frames of a whole answer, one string each. @param {Said} said @returns {string[]} */
export function frames({ text = [], thinking = [], signature, toolCalls = [], reason = 'STOP', model = MODEL }) {
  const signed = signature !== undefined && { thoughtSignature: signature };
  return [
    ...thinking.map((piece) => response([{ text: piece, thought: true }], {}, model)),
    ...text.map((piece) => response([{ text: piece }], {}, model)),
    ...toolCalls.map((functionCall, at) => response([{ functionCall, ...(at === 0 && signed) }], {}, model)),
    response([{ text: '', ...(toolCalls.length === 0 && signed) }], { finishReason: reason }, model),
  ];
}

/** @param {Said} said @returns {Reply} */
export const streamed = (said) => streamOf(frames(said));

/** @param {Step[]} steps @returns {Reply} */
export const streamOf = (steps) => ({ status: 200, headers: SSE, steps });

/** The same answer in one response. @param {Said} said @returns {Reply} */
export function whole(said) {
  const responses = frames(said).map((event) => JSON.parse(event.slice('data: '.length)));
  const parts = responses.flatMap(({ candidates: [{ content }] }) => content.parts).filter((part) => Object.keys(part).join() !== 'text' || part.text !== '');
  const last = responses[responses.length - 1];
  const body = { ...last, candidates: [{ ...last.candidates[0], content: { parts, role: 'model' } }] };
  return { status: 200, headers: { 'content-type': 'application/json; charset=UTF-8' }, steps: [JSON.stringify(body, null, 2)] };
}

/** What the request asked for, streamed or whole. @param {Said} said @returns {(request: { path: string }) => Reply} */
export const answering = (said) => ({ path }) => (path.includes(':streamGenerateContent') ? streamed(said) : whole(said));

/** A prompt that is not answered at all. @param {string} blockReason @returns {Reply} */
export const blocked = (blockReason) => streamOf([frame({ promptFeedback: { blockReason }, usageMetadata: { promptTokenCount: 9, totalTokenCount: 9 }, modelVersion: MODEL, responseId: ID })]);

/** A failure as it stands in a body or between two frames, without `data:`. @param {number} code @param {string} status @param {string} [message] @param {object[]} [details] */
export const failure = (code, status, message = `simulated ${code}`, details = []) =>
  `${JSON.stringify({ error: { code, message, status, ...(details.length > 0 && { details }) } }, null, 2).replaceAll('\n', '\r\n')}\r\n`;

/** A failure with its status; streams get it under the label of a stream. @param {number} code @param {string} status @param {string} [message] @param {object[]} [details] @returns {Reply} */
export const failed = (code, status, message, details) => ({ status: code, headers: SSE, steps: [failure(code, status, message, details)] });

/** When to come back. @param {string} retryDelay */
export const retryInfo = (retryDelay) => ({ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay });

/** What a simulator run by hand says. @param {{ path: string }} request @returns {Reply} */
export const answer = (request) => answering({ text: ['This ', 'answer ', 'is ', 'simulated', '.'], model: /models\/([^:]+)/.exec(request.path)?.[1] })(request);

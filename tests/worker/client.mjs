// @ts-check
/**
 * A client that can do what a browser's fetch may not: choose Host and Origin, send a body in
 * pieces, read when it likes, and leave by a reset.
 */
import http from 'node:http';
import { readStream } from './sse.mjs';

export const STREAM = '/api/v1/chat/stream';
export const CHAT = '/api/v1/chat';

/** A test that waits for nothing must fail, not hang. */
const PATIENCE = 30_000;

/** The shortest request that is valid. */
export const ASK = { messages: [{ role: 'user', content: 'hello' }] };

/**
 * @typedef {{ port: number, headers: Record<string, string> }} Server
 * @typedef {object} Sent
 * @property {string} [method]
 * @property {Record<string, string>} [headers]
 * @property {string | Buffer | Iterable<Buffer>} [body]  An iterable is sent chunked.
 * @typedef {object} Answer
 * @property {number} status
 * @property {http.IncomingHttpHeaders} headers
 * @property {string} text
 * @property {any} json  Undefined when the body is not JSON.
 */

/**
 * Begins a request. `sent` is fulfilled when it has left, `response` comes with the headers; `leave`
 * resets the connection, which is what a local runtime notices at any time (a plain FIN it does not
 * notice before the first byte).
 *
 * @param {Server} server @param {string} path @param {Sent} [sent]
 */
export function begin(server, path, { method = 'POST', headers = {}, body } = {}) {
  const request = http.request({ host: '127.0.0.1', port: server.port, path, method, headers: { ...server.headers, ...headers }, agent: false });
  request.setTimeout(PATIENCE, () => request.destroy(new Error(`nothing came for ${PATIENCE} ms`)));
  /** @type {Promise<http.IncomingMessage>} */
  const response = new Promise((resolve, reject) => {
    request.on('response', (incoming) => {
      incoming.on('error', () => {}); // whoever reads is told by the stream itself
      resolve(incoming);
    });
    request.on('error', reject);
  });
  response.catch(() => {}); // a caller that leaves does not ask for it
  /** @type {Promise<void>} */
  const sent = new Promise((resolve) => { request.on('finish', () => resolve()); });
  if (body !== undefined && typeof body !== 'string' && !Buffer.isBuffer(body)) {
    for (const piece of body) request.write(piece);
    request.end();
  } else {
    request.end(body);
  }
  return {
    sent,
    response,
    leave: () => reset(request.socket),
  };
}

/** Resets a connection. Node cannot reset one that it is about to end, and spins at its own exit if asked to. @param {import('node:net').Socket | null} socket */
export function reset(socket) {
  if (socket?.writableEnded) socket.destroy();
  else socket?.resetAndDestroy();
}

/** The whole exchange. @param {Server} server @param {string} path @param {Sent} [sent] @returns {Promise<Answer>} */
export async function exchange(server, path, sent) {
  const response = await begin(server, path, sent).response;
  const parts = [];
  for await (const part of response) parts.push(part);
  const text = Buffer.concat(parts).toString();
  return { status: response.statusCode ?? 0, headers: response.headers, text, json: readJson(text) };
}

/**
 * Reads on in the background and tells when what has come so far fulfils a condition.
 *
 * @param {http.IncomingMessage} response
 */
export function watch(response) {
  let text = '';
  let ended = false;
  /** @type {Set<() => void>} */
  const watchers = new Set();
  const changed = () => { for (const look of watchers) look(); };
  response.setEncoding('utf8');
  response.on('data', (piece) => {
    text += piece;
    changed();
  });
  response.on('close', () => {
    ended = true;
    changed();
  });
  const until = (/** @type {(text: string) => unknown} */ holds) => new Promise((/** @type {(text: string) => void} */ resolve, reject) => {
    const look = () => {
      const met = holds(text);
      if (!met && !ended) return;
      watchers.delete(look);
      if (met) resolve(text);
      else reject(new Error(`the answer ended without it: ${JSON.stringify(text.slice(-2000))}`));
    };
    watchers.add(look);
    look();
  });
  return { until, whole: () => until(() => ended) };
}

/** @param {Server} server @param {string} path @param {Record<string, string>} [headers] */
export const get = (server, path, headers) => exchange(server, path, { method: 'GET', headers });

/** Posts JSON. @param {Server} server @param {string} path @param {unknown} body @param {Record<string, string>} [headers] */
export const post = (server, path, body, headers) => exchange(server, path, posted(body, headers));

/** Begins to post JSON. @param {Server} server @param {string} path @param {unknown} body @param {Record<string, string>} [headers] */
export const beginPost = (server, path, body, headers) => begin(server, path, posted(body, headers));

/** Posts to the unified stream and reads it to its end. @param {Server} server @param {object} body @param {Record<string, string>} [headers] */
export async function stream(server, body, headers) {
  const answer = await post(server, STREAM, body, headers);
  if (answer.status !== 200) throw new Error(`no stream but ${answer.status}: ${answer.text}`);
  return { ...answer, ...readStream(answer.text) };
}

/** @param {unknown} body @param {Record<string, string>} [headers] @returns {Sent} */
function posted(body, headers) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return { headers: { 'content-type': 'application/json', ...headers }, body: text };
}

/** @param {string} text */
function readJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

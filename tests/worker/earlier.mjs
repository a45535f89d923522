// @ts-check
/** What tests of the routes of earlier services share: the routes, and clients as simple as theirs. */
import { exchange } from './client.mjs';

export const STREAMING_CHATBOT = '/api/v0/streaming_chatbot';
export const TRAVEL = '/openai-streaming';

/** Each route: its method, its address, its body, where it has one. @type {[string, string, object?][]} */
export const ROUTES = [
  ['POST', '/chat', { messages: [{ role: 'user', content: 'hello' }] }],
  ['POST', '/stream', { prompt: 'hello' }],
  ['POST', '/rag?query=hello', {}],
  ['POST', '/local-chat?model=m&prompt=hello'],
  ['POST', '/local-stream?model=m&prompt=hello'],
  ['POST', '/safe?prompt=hello'],
  ['GET', `${TRAVEL}/?query=hello`],
  ['GET', `${TRAVEL}/map-coordinates`],
  ['GET', `${TRAVEL}/save-db-chat`],
  ['GET', `${TRAVEL}/get-db-chat`],
  ['GET', `${TRAVEL}/get-all-messages-before-saved`],
  ['DELETE', `${TRAVEL}/delete-db-state-chat`],
  ...['', STREAMING_CHATBOT].flatMap((prefix) => /** @type {[string, string, object?][]} */ ([
    ['POST', `${prefix}/create/p/a`],
    ['POST', `${prefix}/response/p/a`, { prompt: 'hello' }],
    ['GET', `${prefix}/history/p/a`],
  ])),
];

/** @typedef {import('./client.mjs').Server} Server */

/** Asks one of them. @param {Server} server @param {[string, string, object?]} route @param {Record<string, string>} [headers] */
export const call = (server, [method, path, body], headers = {}) =>
  exchange(server, path, { method, headers: { ...(body && { 'content-type': 'application/json' }), ...headers }, body: body && JSON.stringify(body) });

/** Splits a stream as many home-made clients do. @param {string} text @returns {any[]} */
export const split = (text) => text.split('data: ').slice(1).map((piece) => JSON.parse(piece));

/** Frames of nothing but data. @param {object[]} all */
export const frames = (...all) => all.map((one) => `data: ${JSON.stringify(one)}\n\n`).join('');

/** A client that keeps its cookies, and nothing else. @param {Server} server @param {string} [cookie] */
export function jar(server, cookie = '') {
  /** @param {string} path @param {string} [method] */
  const ask = async (path, method = 'GET') => {
    const answer = await exchange(server, path, { method, headers: cookie ? { cookie } : {} });
    const [given] = answer.headers['set-cookie'] ?? [];
    if (given) cookie = given.split(';')[0];
    return { ...answer, given };
  };
  return {
    ask,
    /** What the travel assistant answers. @param {string} query */
    travel: (query) => ask(`${TRAVEL}/?query=${encodeURIComponent(query)}`),
    /** One of its other routes. @param {string} name @param {string} [method] */
    of: (name, method) => ask(`${TRAVEL}/${name}`, method),
    cookie: () => cookie,
  };
}

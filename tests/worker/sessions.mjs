// @ts-check
/** What tests of sessions ask of them, over SSE and over sockets, and providers whose pace a test sets. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import * as openai from '../simulator/formats/openai_chat.mjs';
import { flow } from '../simulator/wire.mjs';
import { STREAM, begin, beginPost, exchange, get, post, stream } from './client.mjs';
import { connect } from './socket.mjs';
import { parse } from './sse.mjs';

export const SESSIONS = '/api/v1/sessions';
export const SOCKET = '/api/v1/chat/ws';
export const DEFAULTS = { provider: 'openai', model: openai.MODEL };

/** @typedef {import('./client.mjs').Server} Server @typedef {Record<string, string>} Headers */

/** @param {string} text */
export const user = (text) => ({ role: 'user', content: text });

/** Makes a session that asks `openai`. @param {Server} server @param {object} [fields] @param {Headers} [headers] @returns {Promise<any>} */
export async function createSession(server, fields = {}, headers) {
  const answer = await post(server, SESSIONS, { defaults: DEFAULTS, ...fields }, headers);
  assert.equal(answer.status, 201, answer.text);
  return answer.json;
}

/** A request of a session. @param {string} id @param {string | object[]} said @param {object} [more] */
export const asked = (id, said, more = {}) => ({ session_id: id, messages: typeof said === 'string' ? [user(said)] : said, ...more });

/** Says something in a session, and reads the answer to its end. @param {Server} server @param {string} id @param {string | object[]} said @param {object} [more] @param {Headers} [headers] */
export const say = (server, id, said, more, headers) => stream(server, asked(id, said, more), headers);

/** Begins to say something. @param {Server} server @param {string} id @param {string | object[]} said @param {object} [more] @param {Headers} [headers] */
export const beginToSay = (server, id, said, more, headers) => beginPost(server, STREAM, asked(id, said, more), headers);

/** Where a session's stream is. @param {string} id @param {string} [last] */
export const streamOf = (id, last) => `${STREAM}?session_id=${id}${last ? `&last_event_id=${last}` : ''}`;

/** Hears what follows an event, to its end. @param {Server} server @param {string} id @param {string} [last] @param {Headers} [headers] */
export const follow = (server, id, last, headers) => get(server, streamOf(id, last), headers);

/** Begins to hear what follows. @param {Server} server @param {string} id @param {string} [last] @param {Headers} [headers] */
export const beginToFollow = (server, id, last, headers) => begin(server, streamOf(id, last), { method: 'GET', headers });

/** @param {Server} server @param {string} id @param {Headers} [headers] */
export const stop = (server, id, headers) => exchange(server, streamOf(id), { method: 'DELETE', headers });

/** @param {Server} server @param {string} id @param {Headers} [headers] */
export const openSocket = (server, id, headers) => connect(server, `${SOCKET}?session_id=${id}`, headers);

/** @param {Server} server @param {string} id @returns {Promise<any>} */
export const view = async (server, id) => (await get(server, `${SESSIONS}/${id}`)).json;

/** The conversation. @param {Server} server @param {string} id @param {Headers} [headers] @returns {Promise<{ messages: any[], runs: any[] }>} */
export async function conversation(server, id, headers) {
  const { status, json, text } = await get(server, `${SESSIONS}/${id}/messages`, headers);
  assert.equal(status, 200, text);
  return json;
}

/** Who said what. @param {Server} server @param {string} id */
export const told = async (server, id) => (await conversation(server, id)).messages.map(({ role, content }) => [role, content]);

/** What a provider was told of a conversation. @param {import('../simulator/simulator.mjs').Recorded} request */
export const heard = ({ json }) => json.messages.map((/** @type {any} */ { role, content }) => [role, content]);

/**
 * Asks again until what is expected holds: for what becomes true a moment after an answer.
 *
 * @template T @param {() => Promise<T>} check  Throws as long as it does not hold. @param {number} [patience] Milliseconds. @returns {Promise<T>}
 */
export async function eventually(check, patience = 10_000) {
  const end = performance.now() + patience;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > end) throw error;
      await delay(25);
    }
  }
}

/** The whole frames of what was received; what is behind the last of them was cut. @param {string} text */
export const whole = (text) => /^.*\n\n/s.exec(text)?.[0] ?? '';

/** The id of the last whole frame. @param {string} text @returns {string | undefined} */
export const lastId = (text) => [...whole(text).matchAll(/^id: (\S+)\nevent/gm)].at(-1)?.[1];

/** Without signs of life, which no two listeners hear alike. @param {string} text */
export const silent = (text) => text.replaceAll(': hb\n\n', '');

/** What a listener has of a run when it has everything. @param {Server} server @param {string} id */
export async function replay(server, id) {
  const { status, text } = await follow(server, id);
  assert.equal(status, 200, text);
  return silent(text);
}

/** A socket's message as the frame that SSE has for it, byte for byte; nothing for what is no event of a run. @param {string} message */
export function asFrame(message) {
  const [, id, event, data] = /^\{"id":"([^"]+)","event":"(chunk|step|done|error)","data":(.*)\}$/s.exec(message) ?? [];
  if (!id) return '';
  return `id: ${id}\nevent: ${event}\ndata: ${event === 'done' ? JSON.parse(data) : data}\n\n`;
}

/** Whether a run's events end here. @param {string} message */
export const isEnd = (message) => /^\{"id":"[^"]+","event":"(done|error)"/.test(message);

/** What the chunks of a part of a stream add up to. @param {string} text */
export const contentOf = (text) => parse(whole(text)).filter(({ event }) => event === 'chunk').map(({ data }) => JSON.parse(data).content).join('');

/**
 * An answer that goes on as far as the test allows: `text` is what it says in all, a piece an event.
 *
 * @param {string[]} pieces
 */
export function paced(pieces) {
  let allowed = 0;
  let open = Promise.withResolvers();
  const [first, ...ends] = openai.frames({ text: [] });
  const reply = openai.streamOf([first, flow(async function* () {
    for (const [index, piece] of pieces.entries()) {
      while (index >= allowed) await open.promise;
      yield openai.delta({ content: piece });
    }
    while (allowed <= pieces.length) await open.promise;
  }), ...ends]);
  const release = (/** @type {number} */ count) => {
    allowed += count;
    open.resolve(undefined);
    open = Promise.withResolvers();
  };
  return {
    reply,
    text: pieces.join(''),
    /** Lets so many more pieces go. @param {number} count */
    release,
    /** Lets it come to its end. */
    finish: () => release(Number.POSITIVE_INFINITY),
    allowed: () => Math.min(allowed, pieces.length),
  };
}

/** Numbers from 0 to 1 that a seed gives again (mulberry32). @param {number} seed */
export function chance(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    /** A whole number below this one. @param {number} most */
    below: (most) => Math.floor(next() * most),
    /** @param {number} share */
    isIn: (share) => next() < share,
  };
}

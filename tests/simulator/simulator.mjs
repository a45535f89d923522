// @ts-check
/**
 * A provider on loopback: serves what a test scripts, records what it was asked and how each
 * exchange ended.
 *
 * Not in: wire languages (`formats/`), steps on the wire (`wire.mjs`).
 * Invariant: a request is recorded before its reply begins, and every recorded request ends in
 * exactly one outcome.
 */
import { createServer } from 'node:http';
import { once } from 'node:events';
import * as anthropic from './formats/anthropic.mjs';
import * as gemini from './formats/gemini.mjs';
import * as ollama from './formats/ollama.mjs';
import * as openaiChat from './formats/openai_chat.mjs';
import * as openaiResponses from './formats/openai_responses.mjs';
import * as workersAi from './formats/workers_ai.mjs';
import { play } from './wire.mjs';

/** A new wire language is one more file here. */
const FORMATS = [openaiChat, openaiResponses, anthropic, ollama, gemini, workersAi];
/** A reader on loopback takes a write within microseconds: after this long it is not reading. */
const STALL_MS = 500;

/**
 * How an exchange ended: `finished` (the reply was played to its end), `broken` (the script cut
 * it), `aborted` (the client went away first).
 * @typedef {'open' | 'finished' | 'broken' | 'aborted'} Outcome
 *
 * @typedef {object} Recorded
 * @property {string} method
 * @property {string} path  With the query.
 * @property {Record<string, string | string[] | undefined>} headers
 * @property {string} body
 * @property {number} at  When it had arrived, in milliseconds of `performance.now()`.
 * @property {any} json  The body read as JSON, or undefined.
 * @property {Outcome} outcome
 * @property {boolean} headersSent  Whether the reply's headers have left.
 * @property {number} sent  Body bytes that the kernel took.
 * @property {boolean} stalled  The write in hand has waited `STALL_MS` for the client to read.
 *
 * @typedef {import('./wire.mjs').Reply} Reply
 * @typedef {Reply | ((request: Recorded) => Reply)} Scripted
 * @typedef {Awaited<ReturnType<typeof startSimulator>>} Simulator
 */

/** @param {{ port?: number, onRequest?: (request: Recorded) => void }} [options] */
export async function startSimulator({ port = 0, onRequest } = {}) {
  /** @type {Recorded[]} */
  const requests = [];
  /** @type {Scripted[]} */
  let replies = [];
  /** @type {Set<() => void>} */
  const watchers = new Set();
  const changed = () => { for (const watch of watchers) watch(); };

  const server = createServer({ noDelay: true, keepAliveTimeout: 60_000 }, async (request, response) => {
    const record = await receive(request, changed);
    if (!record) return;
    requests.push(record);
    onRequest?.(record);
    const { link, settle } = follow(record, response, changed);
    changed();
    try {
      await play(response, nextReply(record), link);
      await settle();
    } catch (error) {
      // A script that throws must fail its test, not hang it.
      response.destroy();
      process.emitWarning(/** @type {Error} */ (error));
    }
  });
  server.on('clientError', (_error, socket) => socket.destroy());
  server.requestTimeout = 0;
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const { port: bound } = /** @type {import('node:net').AddressInfo} */ (server.address());

  /** @param {Recorded} record @returns {Reply} */
  function nextReply(record) {
    const scripted = replies.length > 1 ? replies.shift() : replies[0];
    if (typeof scripted === 'function') return scripted(record);
    if (scripted) return scripted;
    const format = FORMATS.find((one) => one.serves(record));
    return format ? format.answer(record) : { status: 404, headers: { 'content-type': 'text/plain' }, steps: ['no such path'] };
  }

  return {
    url: `http://127.0.0.1:${bound}`,
    requests,

    /** Sets the replies of the requests to come, in order; the last one is used again and again. @param {Scripted[]} next */
    script(...next) { replies = next; },

    /** Forgets what was recorded and scripted. */
    clear() {
      requests.length = 0;
      replies = [];
    },

    /**
     * Waits until what was recorded fulfils a condition: a number of requests, or a predicate,
     * asked again at every arrival, write, stall and end.
     * @param {number | ((requests: Recorded[]) => unknown)} condition
     * @param {number} [patience]  Milliseconds.
     * @returns {Promise<Recorded[]>}
     */
    waitFor(condition, patience = 10_000) {
      const holds = typeof condition === 'number'
        ? () => requests.length >= condition
        : () => Boolean(condition(requests));
      return new Promise((resolve, reject) => {
        const look = () => {
          if (!holds()) return;
          stopLooking();
          resolve(requests);
        };
        const timer = setTimeout(() => {
          stopLooking();
          reject(new Error(`simulator: waited ${patience} ms in vain for ${condition}; seen: ${summary(requests)}`));
        }, patience);
        const stopLooking = () => {
          watchers.delete(look);
          clearTimeout(timer);
        };
        watchers.add(look);
        look();
      });
    },

    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/**
 * Reads a whole request. Undefined when the client left while it was sending.
 *
 * @param {import('node:http').IncomingMessage} request
 * @param {() => void} changed
 * @returns {Promise<Recorded | undefined>}
 */
async function receive(request, changed) {
  const parts = [];
  try {
    for await (const part of request) parts.push(part);
  } catch {
    changed();
    return undefined;
  }
  const body = Buffer.concat(parts).toString();
  return {
    method: request.method ?? '',
    path: request.url ?? '',
    headers: request.headers,
    body,
    at: performance.now(),
    json: readJson(body),
    outcome: 'open',
    headersSent: false,
    sent: 0,
    stalled: false,
  };
}

/**
 * Keeps a record up to date with what happens to its response.
 *
 * @param {Recorded} record
 * @param {import('node:http').ServerResponse} response
 * @param {() => void} changed
 */
function follow(record, response, changed) {
  let broken = false;
  /** @type {NodeJS.Timeout | undefined} */
  let patience;
  Object.defineProperty(record, 'headersSent', { enumerable: true, get: () => response.headersSent });
  /** @type {Promise<void>} */
  const gone = new Promise((resolve) => {
    response.on('close', () => {
      clearTimeout(patience);
      record.outcome = broken ? 'broken' : response.writableFinished ? 'finished' : 'aborted';
      resolve();
      changed();
    });
  });
  return {
    settle: () => gone,
    link: {
      gone,
      gzipAccepted: /\bgzip\b/.test(String(record.headers['accept-encoding'] ?? '')),
      onHead: changed,
      onBroken: () => { broken = true; },
      onWrite: () => {
        patience = setTimeout(() => {
          record.stalled = true;
          changed();
        }, STALL_MS);
      },
      onSent: (/** @type {number} */ bytes) => {
        clearTimeout(patience);
        record.stalled = false;
        record.sent += bytes;
        changed();
      },
    },
  };
}

/** @param {string} body */
function readJson(body) {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** @param {Recorded[]} requests */
function summary(requests) {
  const told = requests.slice(-20).map((one) => `${one.method} ${one.path} ${one.outcome} after ${one.sent} bytes`);
  return `${requests.length} requests; ${told.join('; ') || 'none'}`;
}

// @ts-check
/**
 * What a scripted reply may do on the wire, step by step, and the carrying out of it.
 *
 * In: a reply (status, headers, steps) and Node's response object. Out: bytes, pauses, cuts.
 * Not in: what the bytes mean; that is a format's business.
 * Invariant: a step begins only when the one before it is over, and a write is over when the
 * kernel has taken its bytes. So a client that does not read holds its reply back.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { createGzip, constants as zlib } from 'node:zlib';

/**
 * @typedef {{ type: 'head' }
 *   | { type: 'pause', ms: number }
 *   | { type: 'gate', promise: Promise<unknown> }
 *   | { type: 'silence' }
 *   | { type: 'reset' }
 *   | { type: 'hang-up' }
 *   | { type: 'flow', source: () => Iterable<Piece> | AsyncIterable<Piece> }} Act
 * @typedef {string | Uint8Array} Piece  One write of its own, sent exactly as given.
 * @typedef {Piece | Act} Step
 * @typedef {object} Reply
 * @property {number} [status]
 * @property {Record<string, string>} [headers]
 * @property {Step[]} [steps]
 * @property {boolean} [gzip]  Compress, but only for a request that accepts gzip.
 * @typedef {import('node:http').ServerResponse} Response
 * @typedef {object} Link  What is known of the client, and who wants to know what becomes of the reply.
 * @property {boolean} gzipAccepted
 * @property {Promise<void>} gone  Fulfilled once the exchange is over, however it ended.
 * @property {() => void} onHead
 * @property {() => void} onWrite
 * @property {(bytes: number) => void} onSent
 * @property {() => void} onBroken
 */

/** Sends the status line and the headers now, before there is a body. @returns {Act} */
export const head = () => ({ type: 'head' });
/** @param {number} ms @returns {Act} */
export const pause = (ms) => ({ type: 'pause', ms });
/** Goes on when the test says so. @param {Promise<unknown>} promise @returns {Act} */
export const gate = (promise) => ({ type: 'gate', promise });
/** Keeps the connection open and says nothing more, ever. @returns {Act} */
export const silence = () => ({ type: 'silence' });
/** A TCP reset: before the headers if nothing was sent yet, else in the middle of the body. @returns {Act} */
export const reset = () => ({ type: 'reset' });
/** An orderly FIN without the end of the chunked body, as a server that exits sends it. @returns {Act} */
export const hangUp = () => ({ type: 'hang-up' });
/** Pieces made one at a time, each only when the one before has left. @param {() => Iterable<Piece> | AsyncIterable<Piece>} source @returns {Act} */
export const flow = (source) => ({ type: 'flow', source });

/** Cuts bytes into equal pieces, however characters and frames lie. @param {Piece} bytes @param {number} size @returns {Buffer[]} */
export function pieces(bytes, size) {
  const whole = Buffer.from(/** @type {any} */ (bytes));
  const cut = [];
  for (let at = 0; at < whole.length; at += size) cut.push(whole.subarray(at, at + size));
  return cut;
}

/**
 * Plays a reply to its end, or until the client is gone.
 *
 * @param {Response} response
 * @param {Reply} reply
 * @param {Link} link
 */
export async function play(response, reply, link) {
  const gzip = reply.gzip === true && link.gzipAccepted;
  const zipped = gzip ? createGzip({ flush: zlib.Z_SYNC_FLUSH }) : undefined;
  const sendHead = () => {
    if (response.headersSent) return;
    response.writeHead(reply.status ?? 200, { ...reply.headers, ...(gzip && { 'content-encoding': 'gzip' }) });
    response.flushHeaders();
    link.onHead();
  };
  const write = (/** @type {Piece} */ piece) => {
    sendHead();
    return zipped ? writeZipped(response, zipped, piece, link) : writePlain(response, piece, link);
  };

  for (const step of reply.steps ?? []) {
    if (response.destroyed) return;
    if (typeof step === 'string' || step instanceof Uint8Array) {
      await write(step);
    } else if (step.type === 'flow') {
      for await (const piece of step.source()) {
        if (response.destroyed) return;
        await write(piece);
      }
    } else if (step.type === 'head') {
      sendHead();
    } else if (step.type === 'pause') {
      await Promise.race([delay(step.ms), link.gone]);
    } else if (step.type === 'gate') {
      await Promise.race([step.promise, link.gone]);
    } else if (step.type === 'silence') {
      await link.gone;
    } else if (step.type === 'reset') {
      link.onBroken();
      response.socket?.resetAndDestroy();
      return;
    } else {
      link.onBroken();
      response.socket?.destroySoon();
      return;
    }
  }
  if (response.destroyed) return;
  sendHead();
  response.end();
}

/**
 * One write, over when the kernel has it. The pause of one turn of the event loop after it keeps
 * Node from joining it with the next in one segment.
 *
 * @param {Response} response @param {Piece} piece @param {Link} link
 */
async function writePlain(response, piece, link) {
  const bytes = typeof piece === 'string' ? Buffer.from(piece) : piece;
  if (bytes.length === 0) return;
  link.onWrite();
  /** @type {Promise<void>} */
  const taken = new Promise((resolve) => {
    response.write(bytes, (error) => {
      if (!error) link.onSent(bytes.length);
      resolve();
    });
  });
  await Promise.race([taken, link.gone]);
  await new Promise((resolve) => setImmediate(resolve));
}

/**
 * @param {Response} response @param {import('node:zlib').Gzip} zipped @param {Piece} piece @param {Link} link
 */
async function writeZipped(response, zipped, piece, link) {
  await new Promise((resolve) => zipped.write(piece, resolve));
  const packed = zipped.read();
  if (packed) await writePlain(response, packed, link);
}

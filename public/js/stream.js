// @ts-check
// Bytes to events. In: a response body. Out: the frames of its event stream, and above them the steps of a run.
// No DOM, no fetch. Invariant: the same bytes give the same events wherever the network cut them.

import { WORDS } from './words.js';

/** @typedef {{event: string, data: string, id: string}} Frame */
/** @typedef {{type: string, message: string, provider?: string, retryable?: boolean}} RunError */
/**
 * @typedef {{step: 'chunk', id: string, chunk: Record<string, any>}
 *   | {step: 'done', id: string}
 *   | {step: 'error', id: string, error: RunError, usage: Record<string, any> | null}} Step
 */

// The gateway never sends a frame over 1 MB; a larger one is a broken stream, not an answer.
const FRAME_LIMIT = 4 * 1024 * 1024;

// The gateway gives a sign of life more often than this; a body that is silent for longer is dead.
const SILENCE = 60_000; // milliseconds

/**
 * The steps of one run, as far as this body has them: without `done` or `error` at the end the connection was
 * lost, and the rest is to be asked for. Only an abort by our own side is thrown.
 * @param {ReadableStream<Uint8Array>} body
 * @returns {AsyncGenerator<Step, void>}
 */
export async function* readRun(body) {
  try {
    for await (const frame of readFrames(body)) {
      const step = readStep(frame);
      if (!step) continue;
      yield step;
      if (step.step !== 'chunk') return;
    }
  } catch (error) {
    if (error instanceof Error && error.name === 'AbortError') throw error;
  }
}

/** @param {string} id of an event @returns {{run: string, frame: number}} */
export function readId(id) {
  const colon = id.lastIndexOf(':');
  return { run: id.slice(0, Math.max(colon, 0)), frame: Number(id.slice(colon + 1)) };
}

/**
 * @param {ReadableStream<Uint8Array>} body
 * @returns {AsyncGenerator<Frame, void>}
 */
export async function* readFrames(body) {
  const reader = body.getReader();
  const parser = new FrameParser();
  try {
    for (;;) {
      const silence = setTimeout(() => reader.cancel().catch(() => {}), SILENCE);
      const { done, value } = await reader.read().finally(() => clearTimeout(silence));
      if (done) return;
      yield* parser.push(value);
    }
  } finally {
    // The consumer may leave early; the body must not stay open behind it.
    reader.cancel().catch(() => {});
  }
}

/** The event-stream format of the HTML standard, fed in pieces of any size. */
export class FrameParser {
  #decoder = new TextDecoder(); // drops a leading byte order mark, joins characters cut between pieces
  #line = '';
  #afterCr = false;
  #data = '';
  #event = '';
  #id = '';

  /**
   * @param {Uint8Array} bytes
   * @returns {Frame[]} the frames that these bytes complete
   */
  push(bytes) {
    const text = this.#decoder.decode(bytes, { stream: true });
    /** @type {Frame[]} */
    const frames = [];
    let start = 0;
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      const secondHalf = code === 10 && this.#afterCr;
      this.#afterCr = code === 13;
      if (code !== 10 && code !== 13) continue;
      // A CR already ended the line; the LF after it, perhaps in the next piece, ends nothing.
      if (!secondHalf) this.#endLine(this.#line + text.slice(start, at), frames);
      this.#line = '';
      start = at + 1;
    }
    this.#line += text.slice(start);
    if (this.#line.length + this.#data.length > FRAME_LIMIT) throw new RangeError('a frame is too long');
    return frames;
  }

  /** @param {string} line @param {Frame[]} frames */
  #endLine(line, frames) {
    if (line === '') return this.#dispatch(frames);
    const colon = line.indexOf(':');
    if (colon === 0) return; // a comment, such as a heartbeat
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    if (field === 'data') this.#data += value + '\n';
    else if (field === 'event') this.#event = value;
    else if (field === 'id' && !value.includes('\0')) this.#id = value;
  }

  /** @param {Frame[]} frames */
  #dispatch(frames) {
    if (this.#data !== '') {
      frames.push({ event: this.#event || 'message', data: this.#data.slice(0, -1), id: this.#id });
    }
    this.#data = '';
    this.#event = '';
  }
}

/**
 * @param {Frame} frame
 * @returns {Step | null} null for an event this page does not know
 */
function readStep({ event, data: text, id }) {
  if (event === 'done') return { step: 'done', id };
  if (event !== 'chunk' && event !== 'error') return null;
  const data = readObject(text);
  if (!data) {
    return { step: 'error', id, error: { type: 'unreadable', message: WORDS.unreadable, retryable: true }, usage: null };
  }
  if (event === 'chunk') return { step: 'chunk', id, chunk: data };
  const { type = 'internal', message = '', provider, retryable } = data.error ?? {};
  return { step: 'error', id, error: { type, message, provider, retryable }, usage: data.usage ?? null };
}

/** @param {string} json @returns {Record<string, any> | null} */
function readObject(json) {
  try {
    const value = JSON.parse(json);
    return value !== null && typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}

// @ts-check
/**
 * A WebSocket client (RFC 6455) that can do what Node's own may not: send the headers of a direct
 * request, send a message in pieces, and leave by a reset.
 *
 * Not in: extensions. Invariant: `messages` are whole, in order, and text is valid UTF-8.
 */
import { randomBytes } from 'node:crypto';
import http from 'node:http';
import { reset } from './client.mjs';

/** A test that waits for nothing must fail, not hang. */
const PATIENCE = 30_000;
const [CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG] = [0, 1, 2, 8, 9, 10];

/**
 * @typedef {Awaited<ReturnType<typeof connect>>} Socket
 */

/**
 * Opens a socket. A refusal is thrown as an error with the answer (`status`, `headers`, `text`).
 *
 * @param {import('./client.mjs').Server} server @param {string} path @param {Record<string, string>} [headers]
 */
export async function connect(server, path, headers = {}) {
  const { socket, head } = await upgrade(server, path, headers);
  /** What came, as text. @type {string[]} */
  const messages = [];
  /** @type {{ code: number, reason: string } | undefined} */
  let closed;
  let gone = false;
  /** @type {Set<() => void>} */
  const watchers = new Set();
  const changed = () => { for (const look of watchers) look(); };
  /** @type {Buffer[]} */
  let parts = [];

  const send = (/** @type {number} */ opcode, /** @type {Buffer} */ payload, fin = true) => {
    if (!socket.destroyed) socket.write(masked(opcode, payload, fin));
  };
  const take = reader((opcode, fin, payload) => {
    if (opcode === PING) send(PONG, payload);
    if (opcode === CLOSE) {
      closed = { code: payload.length >= 2 ? payload.readUInt16BE(0) : 1005, reason: payload.subarray(2).toString() };
      send(CLOSE, payload.subarray(0, 2));
      socket.end();
    }
    if (opcode > BINARY) return;
    parts.push(payload);
    if (!fin) return;
    messages.push(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(parts)));
    parts = [];
  });
  const feed = (/** @type {Buffer} */ bytes) => {
    take(bytes);
    changed();
  };
  socket.on('data', feed);
  socket.on('error', () => {}); // `close` follows
  socket.on('close', () => {
    gone = true;
    changed();
  });
  if (head.length > 0) feed(head);

  /** Waits until what came fulfils a condition. @param {(messages: string[]) => unknown} holds @returns {Promise<string[]>} */
  const until = (holds) => new Promise((resolve, reject) => {
    const finish = (/** @type {() => void} */ how) => {
      clearTimeout(timer);
      watchers.delete(look);
      how();
    };
    const told = () => JSON.stringify(messages.slice(-5)).slice(-2000);
    const timer = setTimeout(() => finish(() => reject(new Error(`nothing came for ${PATIENCE} ms; seen: ${told()}`))), PATIENCE);
    const look = () => {
      if (holds(messages)) finish(() => resolve(messages));
      else if (gone) finish(() => reject(new Error(`the socket closed (${closed?.code}) without it; seen: ${told()}`)));
    };
    watchers.add(look);
    look();
  });

  return {
    messages,
    until,
    /** @param {unknown} message  An object is sent as JSON. */
    send: (message) => send(TEXT, Buffer.from(typeof message === 'string' ? message : JSON.stringify(message))),
    /** @param {unknown} message */
    sendBinary: (message) => send(BINARY, Buffer.from(JSON.stringify(message))),
    /** Sends one message in frames of so many bytes. @param {unknown} message @param {number} size */
    sendInPieces(message, size) {
      const whole = Buffer.from(JSON.stringify(message));
      for (let at = 0; at < whole.length; at += size) {
        send(at === 0 ? TEXT : CONTINUATION, whole.subarray(at, at + size), at + size >= whole.length);
      }
    },
    /** The close of whoever is done, and the other side's answer to it. @param {number} [code] */
    async close(code = 1000) {
      const payload = Buffer.alloc(2);
      payload.writeUInt16BE(code);
      send(CLOSE, payload);
      await new Promise((/** @type {(value?: unknown) => void} */ resolve) => (gone ? resolve() : socket.once('close', resolve)));
      return closed;
    },
    /** A reset. */
    leave: () => reset(socket),
    /** Stops and begins to read. */
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    isOpen: () => !gone,
  };
}

/** @param {import('./client.mjs').Server} server @param {string} path @param {Record<string, string>} headers @returns {Promise<{ socket: import('node:net').Socket, head: Buffer }>} */
function upgrade(server, path, headers) {
  const request = http.request({
    host: '127.0.0.1', port: server.port, path, agent: false,
    headers: {
      ...server.headers, connection: 'Upgrade', upgrade: 'websocket',
      'sec-websocket-version': '13', 'sec-websocket-key': randomBytes(16).toString('base64'), ...headers,
    },
  });
  request.setTimeout(PATIENCE, () => request.destroy(new Error(`nothing came for ${PATIENCE} ms`)));
  request.end();
  return new Promise((resolve, reject) => {
    request.on('upgrade', (_response, socket, head) => {
      socket.setTimeout(0);
      resolve({ socket: /** @type {import('node:net').Socket} */ (socket), head });
    });
    request.on('response', async (response) => {
      const parts = [];
      for await (const part of response) parts.push(part);
      const text = Buffer.concat(parts).toString();
      reject(Object.assign(new Error(`no socket but ${response.statusCode}: ${text}`), { status: response.statusCode, headers: response.headers, text }));
    });
    request.on('error', reject);
  });
}

/** @param {number} opcode @param {Buffer} payload @param {boolean} fin */
function masked(opcode, payload, fin) {
  const mask = randomBytes(4);
  const length = payload.length < 126 ? Buffer.from([payload.length])
    : payload.length < 65536 ? Buffer.from([126, payload.length >> 8, payload.length & 255])
      : Buffer.concat([Buffer.from([127]), bigLength(payload.length)]);
  length[0] |= 0x80;
  const hidden = Buffer.from(payload);
  for (let at = 0; at < hidden.length; at += 1) hidden[at] ^= mask[at % 4];
  return Buffer.concat([Buffer.from([(fin ? 0x80 : 0) | opcode]), length, mask, hidden]);
}

/** @param {number} length */
function bigLength(length) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(length));
  return bytes;
}

/** Cuts bytes into frames, however they come. @param {(opcode: number, fin: boolean, payload: Buffer) => void} onFrame */
function reader(onFrame) {
  /** What has come of frames that are not whole yet; joined only when there is enough. @type {Buffer[]} */
  let waiting = [];
  let held = 0;
  let wanted = 2;
  return (/** @type {Buffer} */ bytes) => {
    waiting.push(bytes);
    held += bytes.length;
    if (held < wanted) return;
    let all = Buffer.concat(waiting);
    for (;;) {
      const size = sizeOf(all);
      wanted = size.total;
      if (all.length < wanted) break;
      onFrame(all[0] & 15, (all[0] & 0x80) !== 0, all.subarray(size.head, size.total));
      all = all.subarray(size.total);
    }
    waiting = [all];
    held = all.length;
  };
}

/** How long the first frame is, as far as that is known. @param {Buffer} bytes */
function sizeOf(bytes) {
  if (bytes.length < 2) return { head: 2, total: 2 };
  if (bytes[1] & 0x80) throw new Error('a server does not mask');
  const short = bytes[1] & 127;
  const head = short === 126 ? 4 : short === 127 ? 10 : 2;
  if (bytes.length < head) return { head, total: head };
  const length = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
  return { head, total: head + length };
}

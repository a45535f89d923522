// @ts-check
/** Many who listen to one run, quick, slow, and not at all: nobody misses anything, and nobody holds anybody up. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, beforeEach, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import * as openai from '../simulator/formats/openai_chat.mjs';
import { flow } from '../simulator/wire.mjs';
import { CHAT, post } from './client.mjs';
import { assertFailed } from './expect.mjs';
import { startGateway } from './gateway.mjs';
import { asFrame, asked, beginToFollow, beginToSay, conversation, createSession, eventually, isEnd, openSocket, replay, say, silent, view } from './sessions.mjs';
import { readStream } from './sse.mjs';

const MEGABYTE = 1 << 20;
/** Below the 8 MB that an answer may have; each piece is an event of some three times its size. */
const PIECE = 64;
const PIECES = (6 * MEGABYTE) / PIECE;
const LISTENERS = { quick: 20, slow: 10, paused: 15, sockets: 5 };
/** Half of what it would take to buffer the events for those who do not read. */
const MOST_GROWTH = 150 * MEGABYTE;

/** @type {Awaited<ReturnType<typeof startGateway>>} */
let gateway;
before(async () => { gateway = await startGateway(); });
after(() => gateway?.stop());
beforeEach(() => gateway.simulator.clear());

/** Numbered, so that a lost, doubled or moved piece shows. @param {number} index */
const piece = (index) => `${index} `.padEnd(PIECE, '.');

/** An answer of so many pieces, of which the first comes at once, and the others when the test says so. @param {number} count @param {Promise<unknown>} go */
function large(count, go) {
  const [first, ...ends] = openai.frames({ text: [] });
  return openai.streamOf([first, openai.delta({ content: piece(0) }), { type: 'gate', promise: go }, flow(function* () {
    // Some at a time, as a provider's server packs them.
    for (let index = 1; index < count; index += 64) {
      yield Array.from({ length: Math.min(64, count - index) }, (_, more) => openai.delta({ content: piece(index + more) })).join('');
    }
  }), ...ends]);
}

/**
 * Reads a stream, and tells its digest without its signs of life.
 *
 * @param {import('node:http').IncomingMessage} response @param {() => Promise<unknown>} [rest]  What is waited for after each part.
 */
async function digestOf(response, rest) {
  const parts = [];
  for await (const part of response) {
    parts.push(part);
    await rest?.();
  }
  return digest(silent(Buffer.concat(parts).toString()));
}

/** @param {string} text */
const digest = (text) => `${text.length} ${createHash('sha256').update(text).digest('hex')}`;

test('fifty listeners have every event, whether they read or not, and none holds up the run', { timeout: 180_000 }, async (t) => {
  // The first time through, the runtime's heap finds its size.
  gateway.simulator.script(large(PIECES, Promise.resolve()));
  await say(gateway.worker, (await createSession(gateway.worker)).id, 'hello');
  gateway.simulator.clear();

  const { promise: go, resolve } = Promise.withResolvers();
  gateway.simulator.script(large(PIECES, go));
  const { id } = await createSession(gateway.worker);
  const asker = beginToSay(gateway.worker, id, 'hello');
  const own = digestOf(await asker.response);
  const all = Array.from({ length: LISTENERS.quick + LISTENERS.slow + LISTENERS.paused }, () => beginToFollow(gateway.worker, id));
  const responses = await Promise.all(all.map(({ response }) => response));
  const quick = responses.splice(0, LISTENERS.quick).map((response) => digestOf(response));
  const slow = responses.splice(0, LISTENERS.slow).map((response) => digestOf(response, () => delay(5)));
  const paused = responses; // they are not read from yet
  const sockets = await Promise.all(Array.from({ length: LISTENERS.sockets }, () => openSocket(gateway.worker, id)));
  for (const [index, socket] of sockets.entries()) {
    socket.send({ type: 'resume' });
    if (index === 0) socket.pause();
  }
  // Who reads a socket says so now and then, or is given up; the first one here does neither.
  const talk = setInterval(() => { for (const socket of sockets.slice(1)) socket.send({ type: 'ping' }); }, 20);
  t.after(() => clearInterval(talk));

  const before = gateway.worker.memory();
  resolve(undefined);
  const [request] = await gateway.simulator.waitFor(([one]) => one.outcome !== 'open', 60_000);
  assert.equal(request.outcome, 'finished', 'those who do not read have not held it up');
  await eventually(async () => assert.equal((await view(gateway.worker, id)).live, null));
  const growth = gateway.worker.memory() - before;
  t.diagnostic(`the memory grew by ${growth >> 20} MB`);
  assert.ok(growth < MOST_GROWTH, `the memory grew by ${growth >> 20} MB`);

  const kept = await replay(gateway.worker, id);
  t.diagnostic(`${kept.length >> 20} MB of events`);
  const { content, end, frames } = readStream(kept);
  assert.equal(end, 'done');
  assert.ok(frames.length >= PIECES);
  assert.equal(content, Array.from({ length: PIECES }, (_, index) => piece(index)).join(''));
  const expected = digest(kept);
  assert.equal(await own, expected, 'who asked');
  for (const one of [...quick, ...slow]) assert.equal(await one, expected);
  for (const socket of sockets.slice(1)) {
    const messages = await socket.until((got) => got.length > 0 && isEnd(/** @type {string} */ (got.findLast((one) => !one.includes('"pong"')))));
    assert.equal(digest(messages.map(asFrame).join('')), expected, 'who hears it through a socket');
  }
  // And those who did not read do so now.
  for (const response of paused) assert.equal(await digestOf(response), expected);
  sockets[0].resume();
  await sockets[0].until(() => !sockets[0].isOpen() || sockets[0].messages.some(isEnd));
  const heard = sockets[0].messages.map(asFrame).join('');
  assert.ok(heard !== '' && kept.startsWith(heard), 'a socket that did not read has the beginning, without a gap');
  for (const socket of sockets) socket.leave();
  const { messages } = await conversation(gateway.worker, id);
  assert.deepEqual([messages[1].content === content, messages[1].status], [true, 'finished']);
});

test('an answer above eight megabytes ends in an error, and the session goes on', { timeout: 120_000 }, async () => {
  const big = 4096;
  const pieces = (32 * MEGABYTE) / big;
  const [first, ...ends] = openai.frames({ text: [] });
  const endless = openai.streamOf([first, flow(function* () {
    for (let index = 0; index < pieces; index += 1) yield openai.delta({ content: `${index} `.padEnd(big, '.') });
  }), ...ends]);
  gateway.simulator.script(endless, endless, openai.answering({ text: 'fine' }));
  const { id } = await createSession(gateway.worker);
  const failed = await say(gateway.worker, id, 'hello');
  const { type } = assertFailed(failed, 'provider_error');
  assert.ok(Math.abs(failed.content.length - 8 * MEGABYTE) < MEGABYTE, `${failed.content.length} bytes`);
  assert.equal(await replay(gateway.worker, id), silent(failed.text));
  await gateway.simulator.waitFor(([request]) => request.outcome === 'aborted');
  const { messages: [, answer], runs } = await conversation(gateway.worker, id);
  assert.deepEqual([answer.content === failed.content, answer.status, answer.error.type, runs[0].status], [true, 'failed', type, 'failed']);

  const other = await createSession(gateway.worker);
  const whole = await post(gateway.worker, CHAT, asked(other.id, 'hello'));
  assert.deepEqual([whole.status >= 500, whole.json.error.type], [true, type]);
  for (const session of [id, other.id]) assert.equal((await say(gateway.worker, session, 'and now', { parent: null })).content, 'fine');
});

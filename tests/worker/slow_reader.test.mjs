// @ts-check
/** A client that does not read holds back its own provider and nothing else. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import * as openai from '../simulator/formats/openai_chat.mjs';
import { flow } from '../simulator/wire.mjs';
import { ASK, STREAM, beginPost, stream } from './client.mjs';
import { startGateway } from './gateway.mjs';
import { readStream } from './sse.mjs';

const MEGABYTE = 1 << 20;
const PIECE = 8192;
const PIECES = (50 * MEGABYTE) / PIECE;
/** What the sockets between provider, gateway and client hold: up to 6 MB an end, by the kernel's tuning. */
const MOST_HELD = 24 * MEGABYTE;
/** Half of what it would take to buffer the answer. */
const MOST_GROWTH = 25 * MEGABYTE;

/** @type {Awaited<ReturnType<typeof startGateway>>} */
let gateway;
before(async () => { gateway = await startGateway(); });
after(() => gateway?.stop());

const TO_OPENAI = { ...ASK, provider: 'openai', model: openai.MODEL };

/** Numbered, so that a lost, doubled or moved piece changes the sum. @param {number} index */
const piece = (index) => `${index} `.padEnd(PIECE, '.');

const first = openai.frames({ text: 'begun' }).slice(0, 2);
const last = openai.frames({ text: [] }).slice(1);
const huge = () => openai.streamOf([...first, flow(function* () {
  for (let index = 0; index < PIECES; index += 1) yield openai.delta({ content: piece(index) });
}), ...last]);

test('a client that does not read holds the provider back, and then gets everything', { timeout: 120_000 }, async () => {
  // The first time through, the runtime's heap finds its size.
  gateway.simulator.script(huge());
  await stream(gateway.worker, TO_OPENAI);
  const before = gateway.worker.memory();

  gateway.simulator.clear();
  gateway.simulator.script(huge());
  const client = beginPost(gateway.worker, STREAM, TO_OPENAI);
  const response = await client.response; // and it is not read from yet
  const [request] = await gateway.simulator.waitFor(([one]) => one?.stalled, 60_000);
  assert.ok(request.sent < MOST_HELD, `the provider could send ${request.sent} bytes`);
  const held = gateway.worker.memory() - before;
  assert.ok(held < MOST_GROWTH, `the memory grew by ${held >> 20} MB`);

  const parts = [];
  for await (const part of response) parts.push(part);
  const { content, end } = readStream(Buffer.concat(parts).toString());
  const expected = createHash('sha256').update('begun');
  for (let index = 0; index < PIECES; index += 1) expected.update(piece(index));
  assert.equal(createHash('sha256').update(content).digest('hex'), expected.digest('hex'), 'complete and in order');
  assert.equal(end, 'done');
});

test('a client that does not read does not hold up another', { timeout: 60_000 }, async () => {
  gateway.simulator.clear();
  gateway.simulator.script(huge(), openai.streamed({ text: 'quick' }));
  const slow = beginPost(gateway.worker, STREAM, TO_OPENAI);
  await slow.response;
  await gateway.simulator.waitFor(([one]) => one?.stalled, 30_000);
  assert.equal((await stream(gateway.worker, TO_OPENAI)).content, 'quick');
  slow.leave();
  await gateway.simulator.waitFor(([one]) => one.outcome === 'aborted');
});

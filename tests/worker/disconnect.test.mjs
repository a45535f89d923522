// @ts-check
/** Clients that leave: the provider must be told at once, and nothing of the request may stay behind. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import * as openai from '../simulator/formats/openai_chat.mjs';
import { flow, head, silence } from '../simulator/wire.mjs';
import { CHAT, STREAM, beginPost, stream, watch } from './client.mjs';
import { startGateway } from './gateway.mjs';

const BATCH = 20;
/** 400 clients; as many again before them, so that the runtime's heap has found its size. */
const BATCHES = 20;
/** Large enough that what is kept of 400 of them cannot be missed. */
const BODY = 300_000;
/** One copy of every request. The runtime's own ups and downs are half of it. */
const MOST_GROWTH = BATCH * BATCHES * BODY;

const FRAMES = openai.frames({ text: ['one ', 'two'] });
const REQUEST = { provider: 'openai', model: openai.MODEL, messages: [{ role: 'user', content: 'x'.repeat(BODY) }] };
const SMALL = { ...REQUEST, messages: [{ role: 'user', content: 'hello' }] };

/** @type {Awaited<ReturnType<typeof startGateway>>} */
let gateway;
before(async () => { gateway = await startGateway(); });
after(() => gateway?.stop());
beforeEach(() => gateway.simulator.clear());

const allAborted = (/** @type {number} */ count) => gateway.simulator.waitFor(
  (requests) => requests.filter(({ outcome }) => outcome === 'aborted').length === count && requests.length === count,
);

/** Starts a batch, brings each client to the point where it leaves, and sees every provider request aborted. @param {(response: Promise<import('node:http').IncomingMessage>) => Promise<unknown>} ready @param {string} [route] */
async function leaveInBatch(ready, route = STREAM) {
  gateway.simulator.requests.length = 0;
  const clients = Array.from({ length: BATCH }, () => beginPost(gateway.worker, route, REQUEST));
  await gateway.simulator.waitFor(BATCH);
  await Promise.all(clients.map(({ response }) => ready(response)));
  for (const client of clients) client.leave();
  await allAborted(BATCH);
}

const cases = {
  'before the provider sent its headers': {
    reply: { steps: [silence()] },
    ready: async () => {},
  },
  'between the provider\'s headers and its first event': {
    reply: openai.streamOf([head(), silence()]),
    ready: async () => {},
  },
  'after the first byte': {
    reply: openai.streamOf([...FRAMES.slice(0, 2), silence()]),
    ready: async (/** @type {Promise<import('node:http').IncomingMessage>} */ response) => watch(await response).until((text) => text.includes('"one "')),
  },
};

describe('when clients leave', () => {
  for (const [when, { reply, ready }] of Object.entries(cases)) {
    test(`${when}, every request to the provider is aborted and the memory stays flat`, async () => {
      gateway.simulator.script(reply);
      for (let warmUp = 0; warmUp < BATCHES; warmUp += 1) await leaveInBatch(ready);
      const before = gateway.worker.memory();
      for (let batch = 0; batch < BATCHES; batch += 1) await leaveInBatch(ready);
      const growth = gateway.worker.memory() - before;
      assert.ok(growth < MOST_GROWTH, `the memory grew by ${growth >> 20} MB`);
    });
  }

  test('while a whole answer is awaited, its request is aborted too', async () => {
    gateway.simulator.script(openai.streamOf([...FRAMES.slice(0, 2), silence()]));
    await leaveInBatch(async () => {}, CHAT);
  });

  test('while the provider sends on without a pause, it is stopped', async () => {
    gateway.simulator.script(openai.streamOf([FRAMES[0], flow(function* () {
      for (;;) yield openai.delta({ content: 'and so on '.repeat(100) });
    })]));
    const client = beginPost(gateway.worker, STREAM, SMALL);
    await watch(await client.response).until((text) => text.length > 100_000);
    client.leave();
    await allAborted(1);
  });

  test('between two attempts, there is no other attempt', async () => {
    gateway.simulator.script(openai.failed(503, {}, { 'retry-after-ms': '300' }), openai.streamOf([...FRAMES, silence()]));
    const client = beginPost(gateway.worker, STREAM, SMALL);
    await gateway.simulator.waitFor(([one]) => one?.outcome === 'finished');
    client.leave();
    // A later request overtakes nothing: when its answer is complete, the wait above is long over.
    gateway.simulator.script(openai.failed(503, {}, { 'retry-after-ms': '600' }), openai.streamed({ text: 'fine' }));
    await stream(gateway.worker, SMALL);
    assert.equal(gateway.simulator.requests.length, 3, 'one of the client that left, two of the other');
  });

  test('others go on undisturbed', async () => {
    const released = Promise.withResolvers();
    gateway.simulator.script(openai.streamOf([...FRAMES.slice(0, 2), { type: 'gate', promise: released.promise }, ...FRAMES.slice(2)]));
    const stayer = stream(gateway.worker, SMALL);
    const leaver = beginPost(gateway.worker, STREAM, SMALL);
    await watch(await leaver.response).until((text) => text.includes('"one "'));
    await gateway.simulator.waitFor(2);
    leaver.leave();
    await gateway.simulator.waitFor((requests) => requests.some(({ outcome }) => outcome === 'aborted'));
    released.resolve(undefined);
    assert.equal((await stayer).content, 'one two');
  });
});

// @ts-check
/** Providers that say nothing for a while, or for ever: heartbeats and limits. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import * as openai from '../simulator/formats/openai_chat.mjs';
import { gate, head, pieces, silence } from '../simulator/wire.mjs';
import { ASK, CHAT, STREAM, beginPost, post, stream, watch } from './client.mjs';
import { assertError, assertFailed } from './expect.mjs';
import { startGateway } from './gateway.mjs';
import { HEARTBEAT, readStream } from './sse.mjs';

const TO_OPENAI = { ...ASK, provider: 'openai', model: openai.MODEL };
const FRAMES = openai.frames({ text: ['one ', 'two'] });
/** @param {string} text */
const heartbeats = (text) => text.split('\n\n').filter((block) => block === HEARTBEAT).length;

describe('heartbeats', { timeout: 60_000 }, () => {
  /** @type {Awaited<ReturnType<typeof startGateway>>} */
  let gateway;
  before(async () => { gateway = await startGateway({ HEARTBEAT_SECONDS: '0.05' }); });
  after(() => gateway?.stop());

  /** Plays an answer that waits at a gate until the client has seen heartbeats. @param {(waiting: import('../simulator/wire.mjs').Act) => import('../simulator/wire.mjs').Reply} reply @param {string} [awaited] */
  async function playWithPause(reply, awaited = '') {
    const pause = Promise.withResolvers();
    gateway.simulator.script(reply(gate(pause.promise)));
    const response = await beginPost(gateway.worker, STREAM, TO_OPENAI).response;
    assert.equal(response.statusCode, 200);
    const reading = watch(response);
    const before = await reading.until((text) => text.includes(awaited));
    await reading.until((text) => heartbeats(text) >= heartbeats(before) + 3);
    pause.resolve(undefined);
    const ended = readStream(await reading.whole());
    assert.deepEqual([ended.content, ended.end], ['one two', 'done']);
    return ended;
  }

  test('come before the provider has sent its headers', async () => {
    await playWithPause((waiting) => ({ ...openai.streamOf([]), steps: [waiting, ...FRAMES] }));
  });

  test('come between the provider\'s headers and its first event', async () => {
    await playWithPause((waiting) => openai.streamOf([head(), waiting, ...FRAMES]));
  });

  test('come between words', async () => {
    await playWithPause((waiting) => openai.streamOf([...FRAMES.slice(0, 2), waiting, ...FRAMES.slice(2)]), '"one "');
  });

  test('never come within a frame, though the provider stops in mid-frame', async () => {
    const [start, rest] = [FRAMES[2].slice(0, 60), FRAMES[2].slice(60)];
    await playWithPause((waiting) => openai.streamOf([...FRAMES.slice(0, 2), start, waiting, rest, ...FRAMES.slice(3)]), '"one "');
  });

  test('leave the bytes of the frames as they are', async () => {
    const slow = pieces(FRAMES.join(''), 40).flatMap((piece) => [piece, { type: /** @type {const} */ ('pause'), ms: 20 }]);
    gateway.simulator.script(openai.streamOf(slow), openai.streamed({ text: ['one ', 'two'] }));
    const [paused, plain] = [await stream(gateway.worker, TO_OPENAI), await stream(gateway.worker, TO_OPENAI)];
    const data = (/** @type {import('./sse.mjs').Stream} */ { frames }) => frames.map(({ event, data }) => `${event} ${data}`);
    assert.deepEqual(data(paused), data(plain));
  });

  test('do not hide an error that comes before the first event', async () => {
    const pause = Promise.withResolvers();
    gateway.simulator.script({ ...openai.failed(400, { message: 'odd request' }), steps: [gate(pause.promise), ...openai.failed(400, { message: 'odd request' }).steps ?? []] });
    const reading = watch(await beginPost(gateway.worker, STREAM, TO_OPENAI).response);
    await reading.until((text) => heartbeats(text) >= 1);
    pause.resolve(undefined);
    const error = assertFailed(readStream(await reading.whole()), 'invalid_request');
    assert.match(error.message, /odd request/);
  });
});

describe('limits', { timeout: 60_000 }, () => {
  /** @type {Awaited<ReturnType<typeof startGateway>>} */
  let gateway;
  before(async () => {
    gateway = await startGateway({ IDLE_TIMEOUT_SECONDS: '1', THINKING_TIMEOUT_SECONDS: '4' });
  });
  after(() => gateway?.stop());
  beforeEach(() => gateway.simulator.clear());

  const aborted = async () => {
    const [request] = await gateway.simulator.waitFor(([one]) => one.outcome !== 'open');
    assert.equal(request.outcome, 'aborted', 'the provider\'s request is given up');
  };

  test('silence in mid-answer ends it as a timeout', async () => {
    gateway.simulator.script(openai.streamOf([...FRAMES.slice(0, 2), silence()]));
    const ended = await stream(gateway.worker, TO_OPENAI);
    assert.equal(ended.content, 'one ');
    assertFailed(ended, 'timeout');
    await aborted();
  });

  test('comments of the provider do not keep a dead answer alive', async () => {
    const chatter = Array.from({ length: 200 }, () => [': keep-alive\n\n', { type: /** @type {const} */ ('pause'), ms: 50 }]).flat();
    gateway.simulator.script(openai.streamOf([...FRAMES.slice(0, 2), ...chatter]));
    assertFailed(await stream(gateway.worker, TO_OPENAI), 'timeout');
    await aborted();
  });

  test('a provider that thinks is given longer', async () => {
    const thinking = [openai.delta({ role: 'assistant', content: '' }), openai.delta({ reasoning_content: 'Hm' })];
    gateway.simulator.script(openai.streamOf([...thinking, { type: 'pause', ms: 2000 }, ...FRAMES.slice(1)]));
    const { content, end } = await stream(gateway.worker, TO_OPENAI);
    assert.deepEqual([content, end], ['one two', 'done']);
  });

  test('a provider that never answers is a gateway timeout', async () => {
    gateway.simulator.script({ steps: [silence()] });
    for (const route of [STREAM, CHAT]) {
      const error = assertError(await post(gateway.worker, route, TO_OPENAI), 504, 'timeout');
      assert.equal(error.retryable, true);
    }
    await gateway.simulator.waitFor((requests) => requests.every(({ outcome }) => outcome === 'aborted'));
  });

  test('a provider that sends headers and then nothing is a gateway timeout', async () => {
    gateway.simulator.script(openai.streamOf([head(), silence()]));
    assertError(await post(gateway.worker, STREAM, TO_OPENAI), 504, 'timeout');
    await gateway.simulator.waitFor((requests) => requests.every(({ outcome }) => outcome === 'aborted'));
  });

  test('a stalled answer that was asked for whole is a gateway timeout', async () => {
    gateway.simulator.script(openai.streamOf([...FRAMES.slice(0, 2), silence()]));
    assertError(await post(gateway.worker, CHAT, TO_OPENAI), 504, 'timeout');
    await aborted();
  });
});

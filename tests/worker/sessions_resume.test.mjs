// @ts-check
/** A client that is cut off again and again, and goes on each time behind the last event that it saw. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import * as openai from '../simulator/formats/openai_chat.mjs';
import { STREAM, post, watch } from './client.mjs';
import { assertError } from './expect.mjs';
import { startGateway } from './gateway.mjs';
import {
  asFrame, asked, beginToFollow, beginToSay, chance, conversation, createSession, eventually, follow, lastId, openSocket, paced,
  replay, say, silent, whole,
} from './sessions.mjs';
import { readStream } from './sse.mjs';

const EVENTS = 5000;
const CUTS = 200;
/** Another one each time, told when a test fails; set it to have a failure again. */
const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 32));

/** @type {Awaited<ReturnType<typeof startGateway>>} */
let gateway;
before(async () => { gateway = await startGateway(); });
after(() => gateway?.stop());
beforeEach(() => gateway.simulator.clear());

/**
 * What a client gets of one connection that is cut at a random place. It is behind `last`, and
 * there are `ready` events for it, or will be in a moment.
 * @typedef {(session: string, last: string | undefined, ready: number, random: ReturnType<typeof chance>) => Promise<string>} Taste
 */

/** @type {Taste} */
async function tasteStream(session, last, ready, random) {
  const client = beginToFollow(gateway.worker, session, last);
  if (random.isIn(0.1)) {
    await client.sent;
    client.leave(); // before anything came
    return '';
  }
  const wanted = random.below(ready + 1);
  const seen = watch(await client.response);
  const text = await seen.until((got) => got.split('\nevent: ').length > wanted);
  client.leave();
  // What is behind a random byte of it was still on its way.
  return whole(silent(text.slice(0, random.below(text.length + 1))));
}

/** @type {Taste} */
async function tasteSocket(session, last, ready, random) {
  const socket = await openSocket(gateway.worker, session);
  socket.send({ type: 'resume', ...(last && { last_event_id: last }) });
  if (random.isIn(0.1)) {
    socket.leave();
    return '';
  }
  const wanted = random.below(ready + 1);
  const messages = await socket.until((got) => got.length >= wanted);
  socket.leave();
  return messages.slice(0, random.below(messages.length + 1)).map(asFrame).join('');
}

/** A run that goes on while a client is cut off from it; the joined stream must be the run. @param {string} name @param {(random: ReturnType<typeof chance>) => Taste} pick */
function cutTest(name, pick) {
  test(name, { timeout: 120_000 }, async (t) => {
    const random = chance(SEED);
    t.diagnostic(`SEED=${SEED}`);
    const answer = paced(Array.from({ length: EVENTS }, (_, index) => ` ${index}${'é\u{1f600}'.repeat(index % 9)}`));
    gateway.simulator.script(answer.reply);
    const { id } = await createSession(gateway.worker);
    const first = beginToSay(gateway.worker, id, 'count');
    answer.release(1);
    let joined = whole(silent(await watch(await first.response).until((text) => whole(text) !== '')));
    first.leave();

    let cuts = 1;
    for (; cuts < CUTS; cuts += 1) {
      // A little less than all, so that it is still to be cut at the last time.
      answer.release(random.below(Math.floor(1.6 * EVENTS / CUTS)));
      const seen = joined.split('\nevent: ').length - 1;
      const part = await pick(random)(id, lastId(joined), answer.allowed() - seen, random);
      joined += part;
      if (lastIsEnd(joined)) break;
    }
    assert.equal(cuts, CUTS, `it had all before it was cut so often, SEED=${SEED}`);
    answer.finish();
    if (!lastIsEnd(joined)) joined += silent((await follow(gateway.worker, id, lastId(joined))).text);

    const uninterrupted = await replay(gateway.worker, id);
    assert.ok(joined === uninterrupted, `the joined stream differs at ${differsAt(joined, uninterrupted)}, SEED=${SEED}`);
    const { frames, content } = readStream(joined);
    assert.ok(frames.length >= EVENTS, `${frames.length} events`);
    assert.equal(content, answer.text);
    assert.equal(gateway.simulator.requests.length, 1, 'the provider was asked once');
    assert.equal(gateway.simulator.requests[0].outcome, 'finished');
  });
}

/** @param {string} text */
const lastIsEnd = (text) => /\nevent: (done|error)\n[^\n]*\n\n$/.test(text);

/** @param {string} one @param {string} other */
function differsAt(one, other) {
  let at = 0;
  while (at < one.length && one[at] === other[at]) at += 1;
  return `${at} of ${one.length} and ${other.length}: ${JSON.stringify([one.slice(at - 80, at + 120), other.slice(at - 80, at + 120)])}`;
}

describe('a client that is cut off 200 times has every event once, byte for byte', () => {
  cutTest('over SSE', () => tasteStream);
  cutTest('over sockets', () => tasteSocket);
  cutTest('over one and the other in turn', (random) => (random.isIn(0.5) ? tasteStream : tasteSocket));
});

describe('what follows', () => {
  const BRIEF = openai.streamed({ text: ['one ', 'two ', 'three'] });

  /** A session with so many answers, which are told. @param {number} turns */
  async function spoken(turns) {
    gateway.simulator.script(BRIEF);
    const { id } = await createSession(gateway.worker);
    const answers = [];
    for (let turn = 0; turn < turns; turn += 1) answers.push(await say(gateway.worker, id, `question ${turn}`));
    return { id, answers };
  }

  test('any event of a run is the rest of it, by the header and by the address', async () => {
    const { id, answers: [{ text, frames }] } = await spoken(1);
    for (const [index, frame] of frames.slice(0, -1).entries()) {
      const rest = text.split('\n\n').slice(index + 1).join('\n\n');
      assert.equal((await follow(gateway.worker, id, frame.id)).text, rest);
      assert.equal((await follow(gateway.worker, id, undefined, { 'last-event-id': frame.id })).text, rest);
    }
    const { headers } = await follow(gateway.worker, id, frames[0].id);
    assert.match(String(headers['content-type']), /^text\/event-stream/);
    assert.equal(headers['cache-control'], 'no-store');
    assert.equal(headers['x-run-id'], readStream(text).run);
  });

  test('the end of the latest run is nothing, and so is what follows no run', async () => {
    const { id, answers: [{ frames }] } = await spoken(1);
    const after = await follow(gateway.worker, id, frames.at(-1)?.id);
    assert.deepEqual([after.status, after.text], [204, '']);
    const fresh = await createSession(gateway.worker);
    const before = await follow(gateway.worker, fresh.id);
    assert.deepEqual([before.status, before.text], [204, '']);
  });

  test('the end of an older run is the next one from its start', async () => {
    const { id, answers } = await spoken(3);
    for (const [index, { frames }] of answers.slice(0, -1).entries()) {
      assert.equal((await follow(gateway.worker, id, frames.at(-1)?.id)).text, answers[index + 1].text);
    }
    assert.equal((await follow(gateway.worker, id)).text, answers[2].text, 'without an id, the latest');
    const middle = await follow(gateway.worker, id, answers[0].frames[1].id);
    assert.equal(middle.text, answers[0].text.split('\n\n').slice(2).join('\n\n'));
  });

  test('the end of a run that was answered while the client was away is the run that goes on now', async () => {
    const { id, answers: [{ frames }] } = await spoken(1);
    const answer = paced(['live ', 'now']);
    gateway.simulator.script(answer.reply);
    const asker = beginToSay(gateway.worker, id, 'again');
    answer.release(1);
    await asker.response;
    const listener = watch(await beginToFollow(gateway.worker, id, frames.at(-1)?.id).response);
    await listener.until((text) => text.includes('"live "'));
    answer.finish();
    assert.equal(readStream(silent(await listener.whole())).content, 'live now');
  });

  test('a live run can be heard by whoever comes, from its start', async () => {
    const { id } = await spoken(0);
    const answer = paced(['one ', 'two ', 'three']);
    gateway.simulator.script(answer.reply);
    answer.release(1);
    const asker = watch(await beginToSay(gateway.worker, id, 'count').response);
    await asker.until((text) => text.includes('"one "'));
    const listener = watch(await beginToFollow(gateway.worker, id).response);
    await listener.until((text) => text.includes('"one "'));
    answer.release(1);
    await Promise.all([asker, listener].map((one) => one.until((text) => text.includes('"two "'))));
    answer.finish();
    const texts = await Promise.all([asker.whole(), listener.whole()]);
    assert.equal(silent(texts[1]), silent(texts[0]));
    assert.equal(readStream(texts[1]).content, 'one two three');
  });

  test('a request that is sent again under its key goes on where its client was', async () => {
    const { id } = await spoken(0);
    const key = { 'idempotency-key': 'once' };
    const { text, frames } = await say(gateway.worker, id, 'hello', {}, key);
    const again = await post(gateway.worker, STREAM, asked(id, 'hello'), { ...key, 'last-event-id': frames[1].id });
    assert.equal(again.text, text.split('\n\n').slice(2).join('\n\n'));
    assert.equal(gateway.simulator.requests.length, 1);
  });

  test('an id that was never given is refused', async () => {
    const { id, answers: [{ frames }] } = await spoken(1);
    const other = await spoken(1);
    for (const last of ['x', ':', '1', 'r_', `${frames[0].id}x`, `${frames[0].id.split(':')[0]}:-1`, `${frames[0].id.split(':')[0]}`, 'r_ffffffffffffffffffff:1', other.answers[0].frames[0].id]) {
      const error = assertError(await follow(gateway.worker, id, encodeURIComponent(last)), 422, 'invalid_request');
      assert.equal(error.param, 'last_event_id', last);
      assertError(await follow(gateway.worker, id, undefined, { 'last-event-id': last }), 422, 'invalid_request');
    }
  });
});

test('events are kept as long as the operator says, and messages stay', { timeout: 60_000 }, async () => {
  const hasty = await startGateway({ RUN_LOG_SECONDS: '1' });
  try {
    hasty.simulator.script(openai.streamed({ text: ['one ', 'two'] }));
    const { id } = await createSession(hasty.worker);
    const { frames } = await say(hasty.worker, id, 'hello');
    const error = await eventually(async () => assertError(await follow(hasty.worker, id, frames[0].id), 404, 'not_found'), 20_000);
    assert.equal(error.param, 'last_event_id');
    const { messages } = await conversation(hasty.worker, id);
    assert.deepEqual(messages.map(({ content }) => content), ['hello', 'one two']);
    assert.equal((await follow(hasty.worker, id, frames.at(-1)?.id)).status, 204, 'who has it all is not told of a loss');
    assert.equal((await say(hasty.worker, id, 'and now')).content, 'one two');
    assert.equal(hasty.simulator.requests[1].json.messages.length, 3);
  } finally {
    await hasty.stop();
  }
});

// @ts-check
/** Objects that are thrown out of memory, and that are reset or killed in mid-answer: what was given is kept. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import * as openai from '../simulator/formats/openai_chat.mjs';
import { head, silence } from '../simulator/wire.mjs';
import { CHAT, STREAM, exchange, get, post, watch } from './client.mjs';
import { assertError, assertEstimate, assertFailed } from './expect.mjs';
import { startGateway } from './gateway.mjs';
import { ROOT } from './harness.mjs';
import {
  SESSIONS, asFrame, asked, beginToFollow, beginToSay, chance, contentOf, conversation, createSession, follow, heard, isEnd,
  lastId, openSocket, paced, replay, say, silent, told, user, view, whole,
} from './sessions.mjs';
import { readStream } from './sse.mjs';

const FINE = openai.answering({ text: ['fi', 'ne'] });
const KEY = { 'idempotency-key': 'once' };
/** So many events a client has seen when its gateway is killed. */
const MOMENTS = [1, 3, 40, 200];
/** So many pieces an answer has; it does not come to its end by itself. */
const EVENTS = 4000;
/** Another one each time, told when a test fails; set it to have a failure again. */
const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 32));
/** Where the objects of a worker keep what they store. */
const folder = await mkdtemp(join(tmpdir(), 'tributary-'));

/** @type {Awaited<ReturnType<typeof startGateway>>} */
let gateway;
before(async () => { gateway = await startGateway({}, { persist: folder, entrypoint: `${ROOT}tests/worker/with_reset.mjs` }); });
after(async () => {
  await gateway?.stop();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(() => {
  gateway.simulator.clear();
  gateway.simulator.script(FINE);
});

const requests = () => gateway.simulator.requests;
const listed = async () => (await get(gateway.worker, SESSIONS)).json.sessions.map((/** @type {any} */ { id }) => id);
/** @param {string} id */
const evict = (id) => gateway.worker.evict('SessionObject', id);
/** @param {string} id */
const reset = (id) => exchange(gateway.worker, `/api/reset/${id}`);

describe('an object that is thrown out of memory', () => {
  test('has everything when it is back', async () => {
    const { id } = await createSession(gateway.worker, { system: 'be kind', title: 'My talk' });
    const first = await say(gateway.worker, id, 'hello', {}, KEY);
    const all = async () => [await view(gateway.worker, id), await conversation(gateway.worker, id), await replay(gateway.worker, id)];
    const known = await all();
    await evict(id);
    assert.deepEqual(await all(), known);
    await evict(id);
    assert.equal((await say(gateway.worker, id, 'hello', {}, KEY)).text, first.text, 'its keys');
    assert.equal((await follow(gateway.worker, id, first.frames[0].id)).text, first.text.split('\n\n').slice(1).join('\n\n'));
    await say(gateway.worker, id, 'again');
    assert.deepEqual(heard(requests()[1]), [['developer', 'be kind'], ['user', 'hello'], ['assistant', 'fine'], ['user', 'again']]);
    await evict(id); // it holds on to the list, which would stay for as long
    await gateway.worker.evict('CallerObject', 'local');
    assert.ok((await listed()).includes(id), 'and its place in the list');
  });

  test('goes on with the sockets that were open', async () => {
    const { id } = await createSession(gateway.worker);
    const asker = await openSocket(gateway.worker, id);
    const follower = await openSocket(gateway.worker, id);
    follower.send({ type: 'resume', follow: true });
    await follower.until((messages) => messages.length === 1);
    asker.send({ type: 'chat', messages: [user('hello')] });
    await Promise.all([asker, follower].map((socket) => socket.until((messages) => messages.some(isEnd))));

    await evict(id);
    asker.send({ type: 'ping' });
    await asker.until((messages) => messages.at(-1) === '{"id":null,"event":"pong","data":null}');
    const seen = asker.messages.length;
    asker.send({ type: 'resume', last_event_id: lastId(asker.messages.map(asFrame).join(''))?.replace(/:\d+$/, ':1') });
    await asker.until((messages) => messages.slice(seen).some(isEnd));
    assert.deepEqual(asker.messages.slice(seen), asker.messages.slice(1, seen - 1), 'the rest of the run once more');

    await evict(id);
    const before = [asker.messages.length, follower.messages.length];
    asker.send({ type: 'chat', messages: [user('again')] });
    await Promise.all([asker, follower].map((socket, index) => socket.until((messages) => messages.slice(before[index]).some(isEnd))));
    const texts = [asker, follower].map((socket, index) => socket.messages.slice(before[index]).map(asFrame).join(''));
    assert.equal(readStream(texts[0]).content, 'fine');
    assert.equal(texts[1], texts[0], 'who follows still does');
    assert.equal(requests().length, 2);
    await Promise.all([asker.close(), follower.close()]);
  });
});

describe('an object that is reset in mid-answer', () => {
  test('has lost nothing that a client was given, and nobody else notices', { timeout: 60_000 }, async (t) => {
    t.diagnostic(`SEED=${SEED}`);
    const random = chance(SEED);
    const talks = [];
    for (const moment of MOMENTS) talks.push(await beginTalk(moment, random));
    for (const { answer } of talks) answer.release(EVENTS);
    const [others, hit] = [talks.slice(0, 2), talks.slice(2)];
    for (const { id } of hit) await reset(id);
    for (const { answer } of others) answer.finish();
    gateway.simulator.script(FINE);
    for (const talk of hit) await assertKept(talk);
    for (const { id, answer, asker } of others) {
      const text = silent(await asker.whole());
      assert.equal(readStream(text).content, answer.text);
      assert.equal(await replay(gateway.worker, id), text);
    }
  });

  test('lets go of the provider, and of a request that was not answered yet', async () => {
    const { id } = await createSession(gateway.worker);
    gateway.simulator.script({ steps: [silence()] }, FINE);
    const client = beginToSay(gateway.worker, id, 'hello', {}, KEY);
    await gateway.simulator.waitFor(1);
    await reset(id);
    await gateway.simulator.waitFor(([request]) => request.outcome === 'aborted');
    const { statusCode } = await client.response;
    assert.ok(Number(statusCode) >= 500, `whoever waits is told, by ${statusCode}`);
    assert.deepEqual(await told(gateway.worker, id), []);
    assert.equal((await say(gateway.worker, id, 'hello', {}, KEY)).content, 'fine');
    assert.deepEqual(heard(requests()[1]), [['user', 'hello']]);
  });
});

describe('a runtime that is killed', () => {
  for (const round of [1, 2]) {
    test(`in mid-answer has lost nothing that a client was given, the ${['', 'first', 'second'][round]} time`, { timeout: 90_000 }, async (t) => {
      t.diagnostic(`SEED=${SEED}`);
      const random = chance(SEED + round);
      // One after the other, so that each request finds its own answer; killed at once.
      const talks = [];
      for (const moment of MOMENTS) talks.push(await beginTalk(moment, random));
      for (const talk of talks) talk.answer.release(EVENTS);
      await delay(random.below(80));
      const asks = requests().length;
      await gateway.crash();
      gateway.simulator.script(FINE);
      for (const talk of talks) await assertKept(talk);
      assert.equal(requests().length, asks + talks.length, 'a provider was asked only for what was asked anew');
      const ids = await listed();
      for (const { id } of talks) assert.ok(ids.includes(id), 'it is in the list');
    });
  }

  test('has what was interrupted in the ledger, once, as an estimate', { timeout: 60_000 }, async () => {
    const answer = paced(['one ', 'two']);
    gateway.simulator.script(answer.reply);
    const { id } = await createSession(gateway.worker);
    answer.release(1);
    const client = watch(await beginToSay(gateway.worker, id, 'go on').response);
    await client.until((text) => text.includes('"one "'));
    const lines = async () => (await get(gateway.worker, '/api/v1/usage')).json.runs.filter((/** @type {any} */ { ended }) => ended === 'interrupted');
    const count = async () => (await lines()).reduce((/** @type {number} */ sum, /** @type {any} */ { runs }) => sum + runs, 0);
    const before = await count();
    await gateway.crash();
    for (let turn = 0; turn < 3; turn += 1) await view(gateway.worker, id);
    await delay(300);
    assert.equal(await count(), before + 1);
    assert.ok((await get(gateway.worker, '/api/v1/usage')).json.usage.some((/** @type {any} */ line) => line.estimated && line.model === openai.MODEL && line.output_tokens > 0));
  });

  test('before anything came leaves no trace of the request, and its key is free', { timeout: 60_000 }, async () => {
    const silences = [[silence()], [head(), silence()]];
    const ids = [];
    for (const steps of silences) {
      gateway.simulator.script(FINE);
      const { id } = await createSession(gateway.worker);
      await say(gateway.worker, id, 'before');
      gateway.simulator.script({ ...openai.streamOf(steps) });
      const asks = requests().length;
      await beginToSay(gateway.worker, id, 'hello', {}, KEY).sent;
      await gateway.simulator.waitFor(asks + 1);
      ids.push(id);
    }
    await gateway.crash();
    gateway.simulator.script(FINE);
    for (const id of ids) {
      assert.deepEqual(await told(gateway.worker, id), [['user', 'before'], ['assistant', 'fine']]);
      assert.equal((await view(gateway.worker, id)).live, null);
      assert.equal(readStream(await replay(gateway.worker, id)).content, 'fine', 'the latest run is the one before');
      assert.equal((await say(gateway.worker, id, 'or rather', {}, KEY)).content, 'fine');
      assert.deepEqual(heard(/** @type {any} */ (requests().at(-1))), [['user', 'before'], ['assistant', 'fine'], ['user', 'or rather']]);
    }
  });

  test('forgets a request that waited for its turn', { timeout: 60_000 }, async () => {
    const answer = paced(['one ', 'two']);
    gateway.simulator.script(answer.reply);
    const { id } = await createSession(gateway.worker);
    answer.release(1);
    const client = watch(await beginToSay(gateway.worker, id, 'go on').response);
    await client.until((text) => text.includes('"one "'));
    const { sent } = beginToSay(gateway.worker, id, 'never mind', { on_busy: 'queue' }, KEY);
    await sent;
    assertError(await post(gateway.worker, CHAT, asked(id, 'x')), 409, 'conflict');
    await gateway.crash();
    gateway.simulator.script(FINE);
    assert.deepEqual(await told(gateway.worker, id), [['user', 'go on'], ['assistant', 'one ']]);
    assert.equal((await say(gateway.worker, id, 'and?', {}, KEY)).content, 'fine');
    assert.equal(requests().length, 2);
  });

  test('between answers has everything when it is back', { timeout: 60_000 }, async () => {
    const { id } = await createSession(gateway.worker, { title: 'My talk', system: 'be kind' });
    const { text } = await say(gateway.worker, id, 'hello');
    const gone = await createSession(gateway.worker);
    const known = [await view(gateway.worker, id), await conversation(gateway.worker, id)];
    await gateway.crash();
    assert.deepEqual([await view(gateway.worker, id), await conversation(gateway.worker, id)], known);
    assert.equal(await replay(gateway.worker, id), text);
    assert.deepEqual((await listed()).slice(0, 2).sort(), [id, gone.id].sort());
  });
});

/** A session in the middle of its second answer, of which a client has seen so much. @param {number} moment @param {ReturnType<typeof chance>} random */
async function beginTalk(moment, random) {
  const { id } = await createSession(gateway.worker);
  gateway.simulator.script(FINE);
  await say(gateway.worker, id, 'before');
  const answer = paced(Array.from({ length: EVENTS }, (_, index) => ` ${index}${'é\u{1f600}'.repeat(index % 5)}`));
  gateway.simulator.script(answer.reply);
  answer.release(moment);
  const asker = watch(await beginToSay(gateway.worker, id, 'count', {}, KEY).response);
  const listener = watch(await beginToFollow(gateway.worker, id).response);
  const socket = await openSocket(gateway.worker, id);
  socket.send({ type: 'resume' });
  const count = (/** @type {string} */ text) => text.split('\nevent: ').length - 1;
  await asker.until((text) => count(text) >= moment);
  await delay(random.below(30));
  return {
    id, answer, asker,
    /** What each of those who heard it has of it, once the connections are gone. */
    async seen() {
      const messages = await socket.until(() => !socket.isOpen());
      return [silent(await asker.whole()), silent(await listener.whole()), messages.map(asFrame).join('')];
    },
  };
}

/** @param {Awaited<ReturnType<typeof beginTalk>>} talk */
async function assertKept({ id, answer, seen }) {
  const kept = await replay(gateway.worker, id);
  const stream = readStream(kept);
  assertFailed(stream, 'interrupted');
  assertEstimate(stream.failure.usage);
  assert.ok(answer.text.startsWith(stream.content), 'what is kept is what was said');
  const { messages, runs } = await conversation(gateway.worker, id);
  const partial = messages.at(-1);
  assert.deepEqual([partial.role, partial.content, partial.status, partial.error.type, partial.run_id], ['assistant', stream.content, 'interrupted', 'interrupted', stream.run]);
  assertEstimate(partial.usage);
  assert.deepEqual(runs.map(({ status }) => status), ['finished', 'interrupted']);
  const { live, head: latest } = await view(gateway.worker, id);
  assert.deepEqual([live, latest], [null, stream.run]);

  for (const text of await seen()) {
    assert.ok(kept.startsWith(text), `what was given is kept: ${JSON.stringify([text.slice(-200), kept.slice(text.length - 200, text.length + 200)])}, SEED=${SEED}`);
    assert.ok(stream.content.startsWith(contentOf(text)));
    const rest = await follow(gateway.worker, id, lastId(text));
    assert.equal(rest.text, kept.slice(whole(text).length), 'what follows the last id is the rest, with its end');
  }
  const end = await follow(gateway.worker, id, stream.frames.at(-1)?.id);
  assert.deepEqual([end.status, end.text], [204, '']);

  const again = await post(gateway.worker, STREAM, asked(id, 'count'), KEY);
  assert.deepEqual([again.status, again.text, again.headers['x-run-id']], [200, kept, stream.run]);
  assert.equal((await post(gateway.worker, CHAT, asked(id, 'count'), KEY)).json.error.type, 'interrupted');

  assert.equal((await say(gateway.worker, id, 'and?')).content, 'fine');
  const said = [['user', 'before'], ['assistant', 'fine'], ['user', 'count'], ...(stream.content ? [['assistant', stream.content]] : []), ['user', 'and?']];
  assert.deepEqual(heard(/** @type {any} */ (requests().at(-1))), said);
}

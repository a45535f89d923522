// @ts-check
/** A session through a WebSocket: the same events and cursors as over SSE, and everything else that can be asked there. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import * as openai from '../simulator/formats/openai_chat.mjs';
import { reset, silence } from '../simulator/wire.mjs';
import { get, watch } from './client.mjs';
import { assertError, assertEstimate, assertFailed } from './expect.mjs';
import { startGateway } from './gateway.mjs';
import { SOCKET, asFrame, beginToFollow, beginToSay, conversation, createSession, eventually, heard, isEnd, openSocket, paced, replay, say, silent, told, user } from './sessions.mjs';
import { readStream } from './sse.mjs';

const FINE = openai.answering({ text: ['fi', 'ne'] });
const PONG = '{"id":null,"event":"pong","data":null}';
const IDLE = '{"id":null,"event":"idle","data":null}';

/** @type {Awaited<ReturnType<typeof startGateway>>} */
let gateway;
before(async () => { gateway = await startGateway(); });
after(() => gateway?.stop());
beforeEach(() => {
  gateway.simulator.clear();
  gateway.simulator.script(FINE);
});

const requests = () => gateway.simulator.requests;
/** @param {number} index @param {string} outcome */
const ends = (index, outcome) => gateway.simulator.waitFor((all) => all[index]?.outcome === outcome);
/** @typedef {import('./socket.mjs').Socket} Socket */
/** @param {Socket} socket @param {string} text @param {object} [more] */
const chat = (socket, text, more = {}) => socket.send({ type: 'chat', messages: [user(text)], ...more });
/** The frames of the runs that end behind a number of messages. @param {Socket} socket @param {number} [from] @param {number} [runs] */
async function frames(socket, from = 0, runs = 1) {
  const messages = await socket.until((got) => got.slice(from).filter(isEnd).length >= runs);
  return messages.slice(from).map(asFrame).join('');
}
/** Asks, and waits for as many messages as it should bring. @param {Socket} socket @param {unknown} message @param {number} [count] */
async function answers(socket, message, count = 1) {
  const from = socket.messages.length;
  socket.send(message);
  return (await socket.until((got) => got.length >= from + count)).slice(from).map((text) => JSON.parse(text));
}

/** A socket of a new session. */
async function connected() {
  const { id } = await createSession(gateway.worker);
  return { id, socket: await openSocket(gateway.worker, id) };
}

/** A socket whose first answer has come as far as its first piece. @param {string[]} pieces @param {object} [more] */
async function begun(pieces, more) {
  const answer = paced(pieces);
  gateway.simulator.script(answer.reply, FINE);
  const { id, socket } = await connected();
  answer.release(1);
  chat(socket, 'go on', more);
  await socket.until((messages) => messages.some((text) => text.includes(JSON.stringify(pieces[0]))));
  return { id, socket, answer };
}

describe('a socket', () => {
  test('has the answer in the same words as a stream, round by round', async () => {
    const { id, socket } = await connected();
    chat(socket, 'hello', { temperature: 0.5 });
    const first = await frames(socket);
    assert.equal(readStream(first).content, 'fine');
    assert.equal(first, await replay(gateway.worker, id));
    assert.match(socket.messages.at(-1) ?? '', /^\{"id":"r_[0-9a-f]+:\d+","event":"done","data":"\[DONE\]"\}$/);
    const from = socket.messages.length;
    chat(socket, 'again');
    assert.equal(await frames(socket, from), await replay(gateway.worker, id));
    assert.equal(requests()[0].json.temperature, 0.5);
    assert.deepEqual(heard(requests()[1]), [['user', 'hello'], ['assistant', 'fine'], ['user', 'again']]);
    assert.deepEqual(await socket.close(), { code: 1000, reason: '' });
  });

  test('takes messages as text, as bytes, in pieces, and large', async () => {
    const { socket } = await connected();
    const long = 'x'.repeat(150_000);
    const sends = [() => chat(socket, '1 🌊'), () => socket.sendBinary({ type: 'chat', messages: [user('2 🌊')] }),
      () => socket.sendInPieces({ type: 'chat', messages: [user('3 🌊')] }, 7), () => chat(socket, long)];
    for (const send of sends) {
      const from = socket.messages.length;
      send();
      assert.equal(readStream(await frames(socket, from)).content, 'fine');
    }
    assert.deepEqual(heard(requests()[3]).filter((/** @type {any} */ [role]) => role === 'user').map((/** @type {any} */ [, content]) => content), ['1 🌊', '2 🌊', '3 🌊', long]);
    await socket.close();
  });

  test('answers a ping, however it is written', async () => {
    const { socket } = await connected();
    for (const ping of ['{"type":"ping"}', '{ "type": "ping" }', '{"type":"ping"}\n', '{"type":"ping","at":1}']) {
      const from = socket.messages.length;
      socket.send(ping);
      assert.equal((await socket.until((got) => got.length > from))[from], PONG, ping);
    }
    await socket.close();
  });

  test('is refused to who names no session, and to who wants none', async () => {
    await assert.rejects(openSocket(gateway.worker, ''), { status: 422 });
    const { id } = await createSession(gateway.worker);
    assertError(await get(gateway.worker, `${SOCKET}?session_id=${id}`), 422, 'invalid_request');
  });
});

describe('a socket that resumes', () => {
  test('hears what follows an event, and never an event twice', async () => {
    const { id, socket } = await connected();
    const { frames: events, text } = await say(gateway.worker, id, 'hello');
    for (const [index, { id: last }] of events.slice(0, -1).entries()) {
      const from = socket.messages.length;
      socket.send({ type: 'resume', last_event_id: last });
      assert.equal(await frames(socket, from), text.split('\n\n').slice(index + 1).join('\n\n'));
    }
    const from = socket.messages.length;
    socket.send({ type: 'resume' });
    assert.equal(await frames(socket, from), text, 'without an id, all of it');
    assert.deepEqual(await answers(socket, { type: 'resume', last_event_id: events.at(-1)?.id }), [JSON.parse(IDLE)]);
    await socket.close();
  });

  test('again and again while the answer comes, goes on where it said', async () => {
    const { id, socket, answer } = await begun(['one ', 'two ', 'three']);
    const from = socket.messages.length;
    const last = JSON.parse(/** @type {string} */ (socket.messages.at(-1))).id;
    for (let turn = 0; turn < 5; turn += 1) socket.send({ type: 'resume', last_event_id: last });
    await answers(socket, { type: 'ping', after: 'those' });
    answer.finish();
    const rest = await frames(socket, from);
    const kept = await replay(gateway.worker, id);
    assert.equal(socket.messages.slice(0, from).map(asFrame).join('') + rest, kept);
    assert.equal(requests().length, 1);
    await socket.close();
  });

  test('has nothing to hear of a session that has not begun', async () => {
    const { socket } = await connected();
    assert.deepEqual(await answers(socket, { type: 'resume' }), [JSON.parse(IDLE)]);
    assert.deepEqual(await answers(socket, { type: 'resume', last_event_id: null }), [JSON.parse(IDLE)]);
    await socket.close();
  });

  test('and follows hears whatever is asked from then on, by whomever', async () => {
    const { id, socket: asker } = await connected();
    const follower = await openSocket(gateway.worker, id);
    assert.deepEqual(await answers(follower, { type: 'resume', follow: true }), [JSON.parse(IDLE)]);
    const { text } = await say(gateway.worker, id, 'by a request');
    assert.equal(await frames(follower, 1), text);
    const from = follower.messages.length;
    chat(asker, 'by a socket');
    const own = await frames(asker);
    assert.equal(await frames(follower, from), own);
    chat(follower, 'by itself');
    const both = await frames(follower, from, 2);
    assert.equal(both.slice(own.length), await replay(gateway.worker, id), 'its own once');
    assert.equal(asker.messages.filter(isEnd).length, 1, 'who does not follow hears what it asked for');

    const seen = follower.messages.length;
    await answers(follower, { type: 'resume', follow: false, last_event_id: JSON.parse(/** @type {string} */ (follower.messages.at(-1))).id });
    await say(gateway.worker, id, 'unheard');
    assert.equal((await answers(follower, { type: 'ping', after: 'it' }))[0].event, 'pong');
    assert.equal(follower.messages.length, seen + 2);
    await Promise.all([asker.close(), follower.close()]);
  });
});

describe('a socket that stops', () => {
  test('the run hears its end as everybody does, and is told', async () => {
    const { id, socket } = await begun(['one ', 'two']);
    const listener = watch(await beginToFollow(gateway.worker, id).response);
    socket.send({ type: 'stop' });
    await socket.until((messages) => messages.some(isEnd) && messages.some((text) => text.includes('"event":"stopped"')));
    const { id: none, data } = JSON.parse(/** @type {string} */ (socket.messages.find((text) => text.includes('"event":"stopped"'))));
    const stream = readStream(socket.messages.map(asFrame).join(''));
    assert.deepEqual([none, data.stopped, data.run_id, data.status, data.finish_reason], [null, true, stream.run, 'cancelled', 'cancelled']);
    assertEstimate(data.usage);
    assert.deepEqual([stream.content, stream.finish, stream.end], ['one ', 'cancelled', 'done']);
    assert.equal(silent(await listener.whole()), await replay(gateway.worker, id));
    await ends(0, 'aborted');
    const [{ data: late }] = await answers(socket, { type: 'stop' });
    assert.deepEqual([late.stopped, late.run_id], [false, stream.run]);
    await socket.close();
  });
});

describe('a socket is told', () => {
  test('what is wrong with a message, and goes on', async () => {
    const { id, socket } = await connected();
    /** @type {[unknown, string, string | undefined][]} */
    const wrong = [['{', 'invalid_request', undefined], ['', 'invalid_request', undefined], ['[]', 'invalid_request', undefined], ['"chat"', 'invalid_request', undefined],
      [{}, 'invalid_request', 'type'], [{ type: 'shout' }, 'invalid_request', 'type'], [{ type: 7 }, 'invalid_request', 'type'],
      [{ type: 'chat' }, 'invalid_request', 'messages'], [{ type: 'chat', messages: [] }, 'invalid_request', 'messages'],
      [{ type: 'chat', messages: [user('x')], temperature: 'hot' }, 'invalid_request', 'temperature'],
      [{ type: 'chat', messages: [user('x')], on_busy: 'shout' }, 'invalid_request', 'on_busy'],
      [{ type: 'chat', messages: [user('x')], parent: 'r_ffffffffffffffffffff' }, 'invalid_request', 'parent'],
      [{ type: 'chat', messages: [user('x')], provider: 'nobody' }, 'unknown_provider', 'provider'],
      [{ type: 'resume', last_event_id: 'x' }, 'invalid_request', 'last_event_id'], [{ type: 'resume', last_event_id: 7 }, 'invalid_request', 'last_event_id'],
      [{ type: 'resume', last_event_id: 'r_ffffffffffffffffffff:1' }, 'invalid_request', 'last_event_id']];
    for (const [message, type, param] of wrong) {
      const [{ id: none, event, data }] = await answers(socket, message);
      assert.deepEqual([none, event, data.error.type], [null, 'error', type], JSON.stringify(message));
      if (param) assert.equal(data.error.param, param, JSON.stringify(message));
      assert.ok(data.error.message);
    }
    assert.deepEqual(await told(gateway.worker, id), []);
    const from = socket.messages.length;
    chat(socket, 'hello');
    assert.equal(readStream(await frames(socket, from)).content, 'fine');
    assert.equal(requests().length, 1);
    await socket.close();
  });

  test('that the session is busy, and may wait', async () => {
    const { id, socket, answer } = await begun(['one ', 'two']);
    const other = await openSocket(gateway.worker, id);
    const { run_id: run } = (await conversation(gateway.worker, id)).messages[0];
    chat(other, 'and?');
    const [refused] = await other.until((messages) => messages.length === 1);
    const { id: none, event, data } = JSON.parse(refused);
    assert.deepEqual([none, event, data.error.type, data.error.run_id], [null, 'error', 'conflict', run]);
    chat(socket, 'and then?', { on_busy: 'queue' });
    answer.finish();
    const text = await frames(socket, 0, 2);
    const at = text.indexOf('event: done') + 'event: done\ndata: [DONE]\n\n'.length;
    assert.deepEqual([readStream(text.slice(0, at)).content, readStream(text.slice(at)).content], ['one two', 'fine']);
    await Promise.all([socket.close(), other.close()]);
  });

  test('that a provider failed, before the answer and in it', async () => {
    const { id, socket } = await connected();
    gateway.simulator.script(openai.failed(401, { code: 'invalid_api_key' }), openai.streamOf([...openai.frames({ text: ['one ', 'two'] }).slice(0, 2), reset()]), FINE);
    const [{ id: none, event, data }] = await answers(socket, { type: 'chat', messages: [user('hello')] });
    assert.deepEqual([none, event, data.error.type], [null, 'error', 'provider_auth_error']);
    assert.deepEqual(await told(gateway.worker, id), []);
    chat(socket, 'hello');
    assertFailed(readStream(await frames(socket, 1)), 'truncated');
    const from = socket.messages.length;
    chat(socket, 'again');
    assert.equal(readStream(await frames(socket, from)).content, 'fine');
    await socket.close();
  });
});

describe('a socket that closes', () => {
  for (const [how, leave] of /** @type {[string, (socket: Socket) => unknown][]} */ ([['orderly', (socket) => socket.close()], ['by a reset', (socket) => socket.leave()]])) {
    test(`${how} leaves its run to be answered`, async () => {
      const { id, socket, answer } = await begun(['one ', 'two']);
      await leave(socket);
      answer.finish();
      await ends(0, 'finished');
      assert.equal(readStream(await replay(gateway.worker, id)).content, 'one two');
    });

    test(`${how} ends a run that was to end with it`, async () => {
      const { id, socket } = await begun(['one ', 'two'], { on_disconnect: 'cancel' });
      await leave(socket);
      await ends(0, 'aborted');
      await eventually(async () => assert.equal((await conversation(gateway.worker, id)).messages[1].status, 'cancelled'));
    });
  }

  test('before anything came ends a run that was to end with it', async () => {
    gateway.simulator.script({ steps: [silence()] }, FINE);
    const { id, socket } = await connected();
    chat(socket, 'hello', { on_disconnect: 'cancel' });
    await gateway.simulator.waitFor(1);
    await socket.close();
    await ends(0, 'aborted');
    await eventually(async () => assert.equal((await say(gateway.worker, id, 'again')).content, 'fine'));
  });

  test('does not end a run that somebody else still hears', async () => {
    const { id, socket, answer } = await begun(['one ', 'two'], { on_disconnect: 'cancel' });
    const other = await openSocket(gateway.worker, id);
    other.send({ type: 'resume' });
    await other.until((messages) => messages.length > 0);
    await socket.close();
    answer.finish();
    assert.equal(readStream(await frames(other)).content, 'one two');
    await other.close();
  });
});

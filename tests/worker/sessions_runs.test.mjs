// @ts-check
/** Runs of a session: one at a time, once for each key, on without their clients, and stopped when their owner says so. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import * as openai from '../simulator/formats/openai_chat.mjs';
import { reset, silence } from '../simulator/wire.mjs';
import { CHAT, STREAM, begin, beginPost, exchange, post, watch } from './client.mjs';
import { assertError, assertEstimate, assertFailed } from './expect.mjs';
import { startGateway } from './gateway.mjs';
import { asked, beginToFollow, beginToSay, conversation, createSession, eventually, follow, heard, paced, replay, say, silent, stop, told, view } from './sessions.mjs';
import { readStream } from './sse.mjs';

const FINE = openai.answering({ text: ['fi', 'ne'] });
const KEY = { 'idempotency-key': 'once' };

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

/** A session whose first answer has come as far as its first piece. @param {string[]} pieces @param {object} [more] @param {Record<string, string>} [headers] */
async function begun(pieces, more, headers) {
  const answer = paced(pieces);
  gateway.simulator.script(answer.reply, FINE);
  const { id } = await createSession(gateway.worker);
  const client = beginToSay(gateway.worker, id, 'go on', more, headers);
  answer.release(1);
  const response = await client.response;
  const seen = watch(response);
  await seen.until((text) => text.includes(JSON.stringify(pieces[0])));
  return { id, answer, client, seen, run: String(response.headers['x-run-id']) };
}

describe('a request with a key', () => {
  test('is made once, however often it is sent', async () => {
    const { id } = await createSession(gateway.worker);
    const first = await say(gateway.worker, id, 'hello', {}, KEY);
    const second = await say(gateway.worker, id, 'hello', {}, KEY);
    assert.equal(second.text, first.text);
    assert.equal(second.headers['x-run-id'], first.run);
    const whole = await post(gateway.worker, CHAT, asked(id, 'hello'), KEY);
    assert.deepEqual([whole.status, whole.json.id, whole.json.content], [200, first.run, 'fine']);
    assert.equal(requests().length, 1);
    assert.deepEqual(await told(gateway.worker, id), [['user', 'hello'], ['assistant', 'fine']]);
  });

  test('is made once, if it is sent again before anything came', async () => {
    const { id } = await createSession(gateway.worker);
    const answer = paced(['one ', 'two']);
    const { promise, resolve } = Promise.withResolvers();
    gateway.simulator.script({ ...answer.reply, steps: [{ type: 'gate', promise }, ...(answer.reply.steps ?? [])] });
    const clients = Array.from({ length: 4 }, () => beginToSay(gateway.worker, id, 'hello', {}, KEY));
    const whole = post(gateway.worker, CHAT, asked(id, 'hello'), KEY);
    await gateway.simulator.waitFor(1);
    await Promise.all(clients.map(({ sent }) => sent));
    resolve(undefined);
    answer.finish();
    const texts = await Promise.all(clients.map(async ({ response }) => silent(await watch(await response).whole())));
    for (const text of texts) assert.equal(text, texts[0]);
    assert.equal(readStream(texts[0]).content, 'one two');
    assert.equal((await whole).json.content, 'one two');
    assert.equal(requests().length, 1);
  });

  test('is made once, if it is sent again while the answer comes', async () => {
    const { id, answer, seen } = await begun(['one ', 'two'], {}, KEY);
    const again = watch(await beginToSay(gateway.worker, id, 'go on', {}, KEY).response);
    await again.until((text) => text.includes('"one "'));
    answer.finish();
    assert.equal(silent(await again.whole()), silent(await seen.whole()));
    assert.equal(requests().length, 1);
  });

  test('is not another request', async () => {
    const { id } = await createSession(gateway.worker);
    await say(gateway.worker, id, 'hello', {}, KEY);
    for (const other of [asked(id, 'hello!'), asked(id, 'hello', { temperature: 0.5 })]) {
      for (const path of [STREAM, CHAT]) {
        assert.equal(assertError(await post(gateway.worker, path, other, KEY), 422, 'invalid_request').param, 'idempotency-key');
      }
    }
    const elsewhere = await createSession(gateway.worker);
    await say(gateway.worker, elsewhere.id, 'hello!', {}, KEY);
    await say(gateway.worker, id, 'hello', {}, { 'idempotency-key': 'twice' });
    assert.equal(requests().length, 3, 'a key is a session\'s own');
  });

  test('that failed before anything came can be made again', async () => {
    const { id } = await createSession(gateway.worker);
    gateway.simulator.script(openai.failed(401, { code: 'invalid_api_key' }), FINE);
    assertError(await post(gateway.worker, STREAM, asked(id, 'hello'), KEY), 401, 'provider_auth_error');
    assert.deepEqual(await told(gateway.worker, id), []);
    assert.equal((await say(gateway.worker, id, 'hello', {}, KEY)).content, 'fine');
    assert.deepEqual(heard(requests()[1]), [['user', 'hello']]);
  });
});

describe('a session that is answering', () => {
  test('refuses another request, and names the run', async () => {
    const { id, answer, seen, run } = await begun(['one ', 'two']);
    for (const path of [STREAM, CHAT]) {
      const refused = await post(gateway.worker, path, asked(id, 'and?'));
      const error = assertError(refused, 409, 'conflict');
      assert.deepEqual([error.run_id, error.param, refused.headers['x-run-id']], [run, 'session_id', run]);
    }
    assert.equal((await view(gateway.worker, id)).live, run);
    answer.finish();
    assert.equal(readStream(silent(await seen.whole())).content, 'one two');
    assert.equal((await say(gateway.worker, id, 'and?')).content, 'fine');
    assert.equal(requests().length, 2);
    assert.equal((await view(gateway.worker, id)).live, null);
  });

  test('lets a request wait that wants to, and answers it behind the others', async () => {
    const { id, answer, seen } = await begun(['one ', 'two']);
    gateway.simulator.script(openai.streamed({ text: 'first' }), openai.streamed({ text: 'second' }));
    const first = beginToSay(gateway.worker, id, 'q1', { on_busy: 'queue' });
    await eventuallyWaiting(id, first);
    const second = post(gateway.worker, CHAT, asked(id, 'q2', { on_busy: 'queue' }));
    assert.equal(requests().length, 1);
    answer.finish();
    assert.equal(readStream(silent(await watch(await first.response).whole())).content, 'first');
    assert.equal((await second).json.content, 'second');
    assert.equal(readStream(silent(await seen.whole())).content, 'one two');
    assert.deepEqual(await told(gateway.worker, id), [['user', 'go on'], ['assistant', 'one two'], ['user', 'q1'], ['assistant', 'first'], ['user', 'q2'], ['assistant', 'second']]);
    assert.equal(heard(requests()[2]).length, 5);
  });

  test('forgets who waited and left', async () => {
    const { id, answer, seen } = await begun(['one ', 'two']);
    const waiting = beginToSay(gateway.worker, id, 'never mind', { on_busy: 'queue' });
    await eventuallyWaiting(id, waiting);
    waiting.leave();
    await eventuallyWaiting(id, waiting); // by then it is known to have left
    answer.finish();
    await seen.whole();
    await say(gateway.worker, id, 'and?', { on_busy: 'queue' });
    assert.deepEqual((await told(gateway.worker, id)).map(([, content]) => content), ['go on', 'one two', 'and?', 'fine']);
  });

  test('tells in its messages what has been answered so far', async () => {
    const { id, answer, seen } = await begun(['one ', 'two']);
    const [, partial] = (await conversation(gateway.worker, id)).messages;
    assert.deepEqual([partial.role, partial.content, partial.status], ['assistant', 'one ', 'live']);
    answer.finish();
    await seen.whole();
    assert.deepEqual(await told(gateway.worker, id), [['user', 'go on'], ['assistant', 'one two']]);
  });

  /** Sees that a request has arrived and waits: one that may not wait is still refused, because the run before it goes on. @param {string} id @param {ReturnType<typeof begin>} client */
  async function eventuallyWaiting(id, client) {
    await client.sent;
    for (let turn = 0; turn < 3; turn += 1) assertError(await post(gateway.worker, CHAT, asked(id, 'x')), 409, 'conflict');
  }
});

describe('a run that is stopped', () => {
  test('ends as cancelled for all who listen, keeps what it said, and settles its usage', async () => {
    const { id, seen, run } = await begun(['one ', 'two']);
    const listener = watch(await beginToFollow(gateway.worker, id).response);
    await listener.until((text) => text.includes('"one "'));
    const { status, json } = await stop(gateway.worker, id);
    assert.deepEqual([status, json.stopped, json.run_id, json.status, json.finish_reason], [200, true, run, 'cancelled', 'cancelled']);
    assertEstimate(json.usage);
    await ends(0, 'aborted');
    for (const text of [await seen.whole(), await listener.whole(), await replay(gateway.worker, id)]) {
      const { content, finish, end, usage } = readStream(silent(text));
      assert.deepEqual([content, finish, end], ['one ', 'cancelled', 'done']);
      assert.deepEqual(usage, json.usage);
    }
    const { messages: [, answer], runs } = await conversation(gateway.worker, id);
    assert.deepEqual([answer.content, answer.status, answer.finish_reason, answer.usage], ['one ', 'cancelled', 'cancelled', json.usage]);
    assert.deepEqual(runs.map(({ status }) => status), ['cancelled']);
    await say(gateway.worker, id, 'and?');
    assert.deepEqual(heard(requests()[1]), [['user', 'go on'], ['assistant', 'one '], ['user', 'and?']]);
  });

  test('before it said anything ends the same way, with nothing said', async () => {
    gateway.simulator.script({ steps: [silence()] }, FINE);
    const { id } = await createSession(gateway.worker);
    const client = beginToSay(gateway.worker, id, 'hello');
    await gateway.simulator.waitFor(1);
    const { status, json } = await stop(gateway.worker, id);
    assert.deepEqual([status, json.stopped, json.status], [200, true, 'cancelled']);
    await ends(0, 'aborted');
    const { content, finish, end, usage } = readStream(silent(await watch(await client.response).whole()));
    assert.deepEqual([content, finish, end], ['', 'cancelled', 'done']);
    assertEstimate(usage);
    await say(gateway.worker, id, 'again');
    assert.ok(heard(requests()[1]).every((/** @type {any} */ [role]) => role === 'user'), 'an answer that says nothing is none');
  });

  test('between two attempts makes no other one, and is no failure', async () => {
    gateway.simulator.script(openai.failed(503, {}, { 'retry-after-ms': '10000' }), FINE);
    const { id } = await createSession(gateway.worker);
    const client = beginToSay(gateway.worker, id, 'hello');
    await ends(0, 'finished');
    const { json } = await stop(gateway.worker, id);
    assert.deepEqual([json.stopped, json.status], [true, 'cancelled'], JSON.stringify(json));
    const { finish, end } = readStream(silent(await watch(await client.response).whole()));
    assert.deepEqual([finish, end, requests().length], ['cancelled', 'done', 1]);
  });

  test('while a whole answer is awaited, answers what there is', async () => {
    const answer = paced(['one ', 'two']);
    gateway.simulator.script(answer.reply);
    const { id } = await createSession(gateway.worker);
    const whole = post(gateway.worker, CHAT, asked(id, 'hello'));
    answer.release(1);
    await eventually(async () => assert.equal((await told(gateway.worker, id))[1]?.[1], 'one '));
    await stop(gateway.worker, id);
    const { status, json } = await whole;
    assert.deepEqual([status, json.content, json.finish_reason], [200, 'one ', 'cancelled']);
    await ends(0, 'aborted');
  });

  test('is not, when nothing is answered', async () => {
    const { id } = await createSession(gateway.worker);
    const none = await stop(gateway.worker, id);
    assert.deepEqual([none.status, none.json.stopped, none.json.run_id], [200, false, null]);
    const { run } = await say(gateway.worker, id, 'hello');
    const late = await stop(gateway.worker, id);
    assert.deepEqual([late.json.stopped, late.json.run_id, late.json.status, late.json.finish_reason], [false, run, 'finished', 'stop']);
    assertError(await exchange(gateway.worker, STREAM, { method: 'DELETE' }), 422, 'invalid_request');
  });
});

describe('a client that leaves', () => {
  test('leaves its run to be answered', async () => {
    const { id, answer, client } = await begun(['one ', 'two']);
    client.leave();
    answer.finish();
    await ends(0, 'finished');
    assert.equal(readStream(await replay(gateway.worker, id)).content, 'one two');
    await eventually(async () => assert.deepEqual((await conversation(gateway.worker, id)).runs.map(({ status }) => status), ['finished']));
    assert.deepEqual(await told(gateway.worker, id), [['user', 'go on'], ['assistant', 'one two']]);
  });

  test('before anything came leaves its run to be answered, too', async () => {
    for (const path of [STREAM, CHAT]) {
      gateway.simulator.clear();
      const answer = paced(['one ', 'two']);
      gateway.simulator.script(answer.reply);
      const { id } = await createSession(gateway.worker);
      const client = beginPost(gateway.worker, path, asked(id, 'hello'));
      await gateway.simulator.waitFor(1);
      client.leave();
      answer.finish();
      await ends(0, 'finished');
      await eventually(async () => assert.deepEqual(await told(gateway.worker, id), [['user', 'hello'], ['assistant', 'one two']], path));
    }
  });

  test('ends its run, if that was to be', async () => {
    const { id, client } = await begun(['one ', 'two'], { on_disconnect: 'cancel' });
    client.leave();
    await ends(0, 'aborted');
    await eventually(async () => assert.equal((await view(gateway.worker, id)).live, null));
    const { messages: [, answer] } = await conversation(gateway.worker, id);
    assert.deepEqual([answer.content, answer.status], ['one ', 'cancelled']);
    assert.equal(readStream(await replay(gateway.worker, id)).finish, 'cancelled');
  });

  test('before anything came ends its run, if that was to be', async () => {
    for (const path of [STREAM, CHAT]) {
      gateway.simulator.clear();
      gateway.simulator.script({ steps: [silence()] }, FINE);
      const { id } = await createSession(gateway.worker);
      const client = beginPost(gateway.worker, path, asked(id, 'hello', { on_disconnect: 'cancel' }));
      await gateway.simulator.waitFor(1);
      client.leave();
      await ends(0, 'aborted');
      await eventually(async () => assert.equal((await say(gateway.worker, id, 'again')).content, 'fine'));
    }
  });

  test('does not end a run that somebody else still hears', async () => {
    const { id, answer, client } = await begun(['one ', 'two'], { on_disconnect: 'cancel' });
    const listener = watch(await beginToFollow(gateway.worker, id).response);
    await listener.until((text) => text.includes('"one "'));
    client.leave();
    answer.finish();
    assert.equal(readStream(silent(await listener.whole())).content, 'one two');
    assert.equal(requests()[0].outcome, 'finished');
  });
});

describe('a run that fails', () => {
  test('before anything came leaves no trace', async () => {
    const { id } = await createSession(gateway.worker);
    await say(gateway.worker, id, 'hello');
    gateway.simulator.script(openai.failed(400, { type: 'invalid_request_error' }), openai.failed(400, { type: 'invalid_request_error' }), FINE);
    for (const path of [STREAM, CHAT]) assertError(await post(gateway.worker, path, asked(id, 'bad')), 422, 'invalid_request');
    assert.deepEqual(await told(gateway.worker, id), [['user', 'hello'], ['assistant', 'fine']]);
    await say(gateway.worker, id, 'good');
    assert.deepEqual(heard(requests()[3]), [['user', 'hello'], ['assistant', 'fine'], ['user', 'good']]);
  });

  test('in mid-answer keeps what it said, and the error', async () => {
    gateway.simulator.script(openai.streamOf([...openai.frames({ text: ['one ', 'two'] }).slice(0, 2), reset()]), FINE);
    const { id } = await createSession(gateway.worker);
    const failed = await say(gateway.worker, id, 'hello');
    const { type } = assertFailed(failed, 'truncated');
    assert.equal(await replay(gateway.worker, id), silent(failed.text));
    const { messages: [, answer], runs } = await conversation(gateway.worker, id);
    assert.deepEqual([answer.content, answer.status, answer.error.type, runs[0].status], ['one ', 'failed', type, 'failed']);
    const { status, json } = await follow(gateway.worker, id, failed.frames.at(-1)?.id);
    assert.deepEqual([status, json], [204, undefined]);
    await say(gateway.worker, id, 'and?');
    assert.deepEqual(heard(requests()[1]), [['user', 'hello'], ['assistant', 'one '], ['user', 'and?']]);
  });

  test('because it cannot even begin is refused as it is without a session', async () => {
    const { id } = await createSession(gateway.worker);
    /** @type {[object, number, string][]} */
    const wrong = [[{ provider: 'nobody' }, 400, 'unknown_provider'], [{ provider: 'together', model: 'x/y' }, 400, 'model_not_supported'],
      [{ parent: 'r_ffffffffffffffffffff' }, 422, 'invalid_request'], [{ temperature: 'hot' }, 422, 'invalid_request'], [{ messages: [] }, 422, 'invalid_request'],
      [{ on_busy: 'shout' }, 422, 'invalid_request'], [{ on_disconnect: 'x' }, 422, 'invalid_request']];
    for (const path of [STREAM, CHAT]) {
      const answers = await Promise.all(wrong.map(async ([more]) => {
        const { status, json } = await post(gateway.worker, path, { ...asked(id, 'hello'), ...more });
        return [more, status, json?.error.type];
      }));
      assert.deepEqual(answers, wrong, path);
    }
    assert.equal(requests().length, 0);
    assert.deepEqual(await told(gateway.worker, id), []);
    assert.equal((await say(gateway.worker, id, 'hello')).content, 'fine');
  });
});

// @ts-check
/** An answer of several legs whose second one fails, is stopped, left, followed, or loses its gateway. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import * as openai from '../simulator/formats/openai_chat.mjs';
import { hangUp, reset, silence } from '../simulator/wire.mjs';
import { CHAT as OPENAI, TOKYO, TOOL, call, toldTo } from './assistants.mjs';
import { CHAT, STREAM, beginPost, get, post, stream, watch } from './client.mjs';
import { assertError, assertEstimate, assertFailed } from './expect.mjs';
import { startGateway } from './gateway.mjs';
import { SESSIONS, asFrame, beginToFollow, beginToSay, conversation, createSession, eventually, follow, isEnd, lastId, openSocket, paced, replay, say, silent, stop, user, view } from './sessions.mjs';
import { readStream } from './sse.mjs';

const VISIT = 'Let\'s visit Tokyo';
const FIRST = OPENAI.says({ text: ['Voilà. '], calls: [call('call_a', TOKYO)] });
const LAST = OPENAI.says({ text: ['It is ', 'there.'] });
const BOTH = 'Voilà. It is there.';
const DOWN = openai.failed(500);
/** What one leg costs. */
const LEG = 21;
/** Where the objects keep what they store: the gateway is killed. */
const folder = await mkdtemp(join(tmpdir(), 'tributary-'));

/** @type {Awaited<ReturnType<typeof startGateway>>} */
let gateway;
before(async () => { gateway = await startGateway({}, { persist: folder }); });
after(async () => {
  await gateway?.stop();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(() => gateway.simulator.clear());

const requests = () => gateway.simulator.requests;
/** @param {number} index @param {string} outcome */
const ends = (index, outcome) => gateway.simulator.waitFor((all) => all[index]?.outcome === outcome);
const ASK = { assistant: 'travel', model: OPENAI.model, messages: [user(VISIT)] };
const travel = () => stream(gateway.worker, ASK);
const begin = async () => (await createSession(gateway.worker, { assistant: 'travel' })).id;
/** @param {string} id */
const mapOf = async (id) => (await get(gateway.worker, `${SESSIONS}/${id}/state`)).json.state.map;
/** What a provider is told of the turn as far as it came. @param {string} result @param {string} [rest] */
const turn = (result, rest) => [['user', VISIT], ['assistant', 'Voilà. '], ['call', 'call_a', TOOL, TOKYO], ['result', 'call_a', result], ...(rest ? [['assistant', rest]] : [])];

/** A session whose second leg has come as far as its first piece. @param {string[]} pieces @param {object} [more] */
async function begun(pieces, more) {
  const answer = paced(pieces);
  gateway.simulator.script(FIRST, answer.reply, LAST);
  answer.release(1);
  const id = await begin();
  const client = beginToSay(gateway.worker, id, VISIT, more);
  const seen = watch(await client.response);
  const text = await seen.until((all) => all.includes(JSON.stringify(pieces[0])));
  return { id, answer, client, seen, text };
}

describe('a second leg', () => {
  test('that is not served at first is asked for again, and nobody sees it', async () => {
    gateway.simulator.script(FIRST, DOWN, DOWN, LAST);
    const { content, end, usage, toolResults } = await travel();
    assert.deepEqual([content, end, usage.total_tokens, requests().length], [BOTH, 'done', 2 * LEG, 4]);
    assert.deepEqual([...new Set(requests().slice(1).map(({ body }) => body))], [requests()[1].body], 'it is asked the same');
    assert.deepEqual(toldTo(OPENAI, requests()[3]), turn(toolResults[0].content));
  });

  test('that is never served is an error behind the text, and what was paid for counts', async () => {
    gateway.simulator.script(FIRST, DOWN);
    const answer = await travel();
    const { retryable, provider } = assertFailed(answer, 'overloaded');
    assert.deepEqual([answer.content, retryable, provider, requests().length], ['Voilà. ', true, 'openai', 4]);
    assert.equal(answer.toolResults.length, 1);
    assert.ok(answer.failure.usage.total_tokens >= LEG, JSON.stringify(answer.failure.usage));
    gateway.simulator.script(FIRST, DOWN);
    assertError(await post(gateway.worker, CHAT, ASK), 503, 'overloaded');
  });

  test('that is refused is not asked for again', async () => {
    gateway.simulator.script(FIRST, openai.failed(401, { code: 'invalid_api_key' }));
    const answer = await travel();
    assertFailed(answer, 'provider_auth_error');
    assert.deepEqual([answer.content, requests().length], ['Voilà. ', 2]);
  });

  for (const [how, cut] of /** @type {const} */ ([['breaks off', hangUp()], ['is reset', reset()]])) {
    test(`that ${how} in mid-answer is an error behind the text, with what both legs cost`, async () => {
      gateway.simulator.script(FIRST, openai.streamOf([...openai.frames({ text: ['It is ', 'there.'] }).slice(0, 2), cut]), LAST);
      const answer = await travel();
      assertFailed(answer, 'truncated');
      assert.ok('Voilà. It is '.startsWith(answer.content) && answer.content.startsWith('Voilà. '), answer.content);
      assertEstimate(answer.failure.usage);
      assert.ok(answer.failure.usage.total_tokens > LEG, 'the leg that was cut is estimated, and added');
      assert.equal(requests().length, 2);
    });
  }

  test('that breaks off within its call runs nothing', async () => {
    const cut = openai.frames({ toolCalls: [{ id: 'call_b', name: TOOL, arguments: ['{"longitude":', '1,'] }] }).slice(0, 3);
    gateway.simulator.script(FIRST, openai.streamOf(cut));
    const answer = await travel();
    assertFailed(answer, 'truncated');
    assert.deepEqual([answer.toolCalls.length, answer.toolResults.length, answer.state], [2, 1, { map: TOKYO }]);
  });

  test('of a session that fails leaves the turn as far as it came', async () => {
    gateway.simulator.script(FIRST, openai.streamOf([...openai.frames({ text: ['It is ', 'there.'] }).slice(0, 2), hangUp()]), LAST);
    const id = await begin();
    const answer = await say(gateway.worker, id, VISIT);
    assertFailed(answer, 'truncated');
    const { messages: [, kept] } = await conversation(gateway.worker, id);
    assert.deepEqual([kept.content, kept.status, kept.tool_results], ['Voilà. It is ', 'failed', answer.toolResults]);
    assert.deepEqual(await mapOf(id), TOKYO);
    assert.equal((await say(gateway.worker, id, 'And?')).content, 'It is there.');
    assert.deepEqual(toldTo(OPENAI, requests()[2]), [...turn(answer.toolResults[0].content, 'It is '), ['user', 'And?']]);
  });
});

describe('a journey that is stopped', () => {
  test('in its second leg is cancelled, keeps what it said and did, and settles its usage', async () => {
    const { id, seen } = await begun(['It is ', 'there.']);
    const { json } = await stop(gateway.worker, id);
    assert.deepEqual([json.stopped, json.status, json.finish_reason], [true, 'cancelled', 'cancelled']);
    await ends(1, 'aborted');
    const answer = readStream(silent(await seen.whole()));
    assert.deepEqual([answer.content, answer.finish, answer.end, answer.usage], ['Voilà. It is ', 'cancelled', 'done', json.usage]);
    assertEstimate(answer.usage);
    assert.ok(answer.usage.total_tokens > LEG);
    const { messages: [, kept] } = await conversation(gateway.worker, id);
    assert.deepEqual([kept.content, kept.status, kept.tool_results, kept.state], [answer.content, 'cancelled', answer.toolResults, { map: TOKYO }]);
    assert.deepEqual(await mapOf(id), TOKYO);
    await say(gateway.worker, id, 'And?');
    assert.deepEqual(toldTo(OPENAI, requests()[2]), [...turn(answer.toolResults[0].content, 'It is '), ['user', 'And?']]);
  });

  test('before its second leg says anything is cancelled, too', async () => {
    gateway.simulator.script(FIRST, { steps: [silence()] }, LAST);
    const id = await begin();
    const client = beginToSay(gateway.worker, id, VISIT);
    await gateway.simulator.waitFor(2);
    assert.equal((await stop(gateway.worker, id)).json.status, 'cancelled');
    await ends(1, 'aborted');
    const answer = readStream(silent(await watch(await client.response).whole()));
    assert.deepEqual([answer.content, answer.finish, answer.toolResults.length], ['Voilà. ', 'cancelled', 1]);
    await say(gateway.worker, id, 'And?');
    assert.deepEqual(toldTo(OPENAI, requests()[2]), [...turn(answer.toolResults[0].content), ['user', 'And?']]);
  });

  test('by a client that leaves is asked nothing more', async () => {
    const answer = paced(['It is ', 'there.']);
    gateway.simulator.script(FIRST, answer.reply, LAST);
    answer.release(1);
    const client = beginPost(gateway.worker, STREAM, ASK);
    await watch(await client.response).until((text) => text.includes('"It is "'));
    client.leave();
    await ends(1, 'aborted');

    gateway.simulator.script({ steps: [silence()] });
    const whole = beginPost(gateway.worker, CHAT, ASK);
    await gateway.simulator.waitFor(3);
    whole.leave();
    await ends(2, 'aborted');
    assert.equal(requests().length, 3);
  });
});

describe('a journey in a session', () => {
  test('goes on through all its legs when its client has left', async () => {
    const first = paced(['Voilà. ']);
    const { steps = [], ...rest } = first.reply;
    const calls = openai.frames({ toolCalls: [{ ...call('call_a', TOKYO) }] }).slice(1);
    gateway.simulator.script({ ...rest, steps: [...steps.slice(0, 2), ...calls] }, LAST);
    const id = await begin();
    const client = beginToSay(gateway.worker, id, VISIT);
    first.release(1);
    await watch(await client.response).until((text) => text.includes('"Voil'));
    client.leave();
    first.finish();
    await eventually(async () => assert.equal((await view(gateway.worker, id)).live, null));
    const { messages: [, kept] } = await conversation(gateway.worker, id);
    assert.deepEqual([kept.content, kept.status, kept.tool_results.length, requests().length], [BOTH, 'finished', 1, 2]);
  });

  test('can be followed from any of its events on, during its second leg and after it, byte for byte', async () => {
    const { id, answer, seen, text } = await begun(['It is ', 'there.'], { steps: true });
    const inside = text.slice(0, text.indexOf('"tool_results"'));
    const ids = [undefined, lastId(inside), lastId(text)];
    const listeners = await Promise.all(ids.map(async (last) => watch(await beginToFollow(gateway.worker, id, last).response)));
    const socket = await openSocket(gateway.worker, id);
    socket.send({ type: 'resume' });
    answer.finish();
    const whole = silent(await seen.whole());
    const { frames, content } = readStream(whole);
    assert.equal(content, BOTH);
    const after = (/** @type {string | undefined} */ last) => whole.split('\n\n').slice(last ? frames.findIndex((frame) => frame.id === last) + 1 : 0).join('\n\n');
    for (const [at, listener] of listeners.entries()) assert.equal(silent(await listener.whole()), after(ids[at]));
    const messages = await socket.until((got) => got.some(isEnd));
    assert.equal(messages.map(asFrame).join(''), whole);
    await socket.close();
    for (const frame of frames.slice(0, -1)) assert.equal((await follow(gateway.worker, id, frame.id)).text, after(frame.id));
  });

  test('is made once under its key', async () => {
    gateway.simulator.script(FIRST, LAST);
    const id = await begin();
    const key = { 'idempotency-key': 'once' };
    const { text, toolResults } = await say(gateway.worker, id, VISIT, {}, key);
    assert.equal((await say(gateway.worker, id, VISIT, {}, key)).text, text);
    const { json } = await post(gateway.worker, CHAT, { session_id: id, messages: [user(VISIT)] }, key);
    assert.deepEqual([json.content, json.tool_results, json.state, requests().length], [BOTH, toolResults, { map: TOKYO }, 2]);
  });
});

describe('a gateway that is killed', () => {
  for (const [when, second, rest] of /** @type {[string, () => import('../simulator/wire.mjs').Reply, string][]} */ ([
    ['between two legs', () => ({ steps: [silence()] }), ''],
    ['in a second leg', () => openai.streamOf([...openai.frames({ text: ['It is ', 'there.'] }).slice(0, 2), silence()]), 'It is '],
  ])) {
    test(`${when} leaves the text, the call and its result, and says that it was interrupted`, { timeout: 60_000 }, async () => {
      gateway.simulator.script(FIRST, second());
      const id = await begin();
      const seen = watch(await beginToSay(gateway.worker, id, VISIT).response);
      await gateway.simulator.waitFor(2);
      await seen.until((text) => text.includes('"tool_results"') && text.includes('"state"') && text.includes(JSON.stringify(rest)));
      await gateway.crash();
      gateway.simulator.script(LAST);
      const kept = await replay(gateway.worker, id);
      const answer = readStream(kept);
      assertFailed(answer, 'interrupted');
      assert.deepEqual([answer.content, answer.toolCalls.length, answer.toolResults.length, answer.state], [`Voilà. ${rest}`, 1, 1, { map: TOKYO }]);
      const given = silent(await seen.whole());
      assert.ok(kept.startsWith(given.slice(0, given.lastIndexOf('\n\n') + 2)), 'what was given is kept');
      const { messages: [, message] } = await conversation(gateway.worker, id);
      assert.deepEqual([message.content, message.status, message.tool_results, message.state], [answer.content, 'interrupted', answer.toolResults, answer.state]);
      assert.equal(message.tool_calls[0].function.arguments, JSON.stringify(TOKYO));
      assert.deepEqual(await mapOf(id), TOKYO);

      assert.equal((await say(gateway.worker, id, 'And?')).content, 'It is there.');
      assert.equal(requests().length, 3, 'no leg is asked for again by itself');
      assert.deepEqual(toldTo(OPENAI, requests()[2]), [...turn(answer.toolResults[0].content, rest), ['user', 'And?']]);
    });
  }
});

// @ts-check
/** Whose a session is: its key's, its browser's, this machine's; and that nobody else learns that there is one. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import * as openai from '../simulator/formats/openai_chat.mjs';
import { CHAT, STREAM, exchange, get, post } from './client.mjs';
import { assertError } from './expect.mjs';
import { startGateway } from './gateway.mjs';
import { DEFAULTS, SESSIONS, SOCKET, asked, conversation, createSession, follow, openSocket, say, stop, streamOf, told } from './sessions.mjs';

/** @typedef {Record<string, string>} Headers */

const FINE = openai.answering({ text: 'fine' });
const ALICE = { authorization: 'Bearer ck-a1ice-5f1e' };
const BOB = { authorization: 'Bearer ck-b0b-93ad' };
const KEYS = JSON.stringify({ alice: 'ck-a1ice-5f1e', bob: { key: 'ck-b0b-93ad' } });
const PAGE = { 'sec-fetch-site': 'same-origin' };
const ELSEWHERE = { host: 'gateway.example' };
const NO_SESSION = { type: 'not_found', message: 'there is no such session', param: 'session_id' };

/** @typedef {Awaited<ReturnType<typeof startGateway>>} Gateway */

/**
 * All that can be asked of a session by its address.
 *
 * @param {Gateway} gateway @param {string} id @param {Headers} headers @returns {Promise<[string, import('./client.mjs').Answer][]>}
 */
async function askAll(gateway, id, headers) {
  const json = { ...headers, 'content-type': 'application/json' };
  const ask = (/** @type {string} */ method, /** @type {string} */ path, /** @type {string} */ body) => exchange(gateway.worker, path, { method, headers: body ? json : headers, body });
  const one = `${SESSIONS}/${id}`;
  /** @type {[string, string, string?][]} */
  const asks = [['GET', one], ['PATCH', one, '{"title":"mine"}'], ['DELETE', one], ['GET', `${one}/messages`], ['GET', `${one}/state`],
    ['GET', streamOf(id)], ['GET', streamOf(id, 'r_ffffffffffffffffffff:1')], ['DELETE', streamOf(id)]];
  /** @type {[string, import('./client.mjs').Answer][]} */
  const answers = [];
  for (const [method, path, body = ''] of asks) answers.push([`${method} ${path}`, await ask(method, path, body)]);
  const refused = await openSocket(gateway.worker, id, headers).then(() => assert.fail(`a socket to ${id}`), (error) => error);
  answers.push([SOCKET, { status: refused.status, headers: refused.headers, text: refused.text, json: JSON.parse(refused.text) }]);
  return answers;
}

/** The answer but for the id of the request. @param {import('./client.mjs').Answer} answer @param {string} what */
function assertNoSession(answer, what) {
  const { type, message, param, request_id } = assertError(answer, 404, 'not_found');
  assert.deepEqual({ type, message, param }, NO_SESSION, what);
  return answer.text.replace(request_id, '*');
}

describe('a session of a key\'s holder', () => {
  /** @type {Gateway} */
  let gateway;
  before(async () => { gateway = await startGateway({ GATEWAY_KEYS: KEYS }); });
  after(() => gateway?.stop());
  beforeEach(() => {
    gateway.simulator.clear();
    gateway.simulator.script(FINE);
  });

  test('does not exist for anybody else, and whoever asks for it is told the same as for one that was never made', async () => {
    const { id } = await createSession(gateway.worker, {}, ALICE);
    await say(gateway.worker, id, 'hello', {}, ALICE);
    /** @type {[string, Headers][]} */
    const strangers = [[id, BOB], [id, {}], [id, { authorization: 'Bearer wrong' }], [id, { 'x-owner': 'key:alice', 'x-session': id }],
      [id, { ...BOB, 'x-owner': 'key:alice' }], [id, PAGE], [id, { cookie: `tributary=${'0'.repeat(30)}` }],
      [`s_${'0'.repeat(30)}`, ALICE], [`s_${'0'.repeat(30)}`, {}],
      ['x', ALICE], [id.toUpperCase(), ALICE], [`${id}0`, ALICE], [id.slice(0, -1), ALICE], [`s_${'z'.repeat(30)}`, ALICE], ['..%2F..', ALICE], ['s_', {}]];
    const bodies = new Set();
    for (const [session, headers] of strangers) {
      for (const [what, answer] of await askAll(gateway, session, headers)) bodies.add(assertNoSession(answer, `${what} ${JSON.stringify(headers)}`));
    }
    assert.equal(bodies.size, 1, `one answer to all: ${[...bodies]}`);
    const { messages } = await conversation(gateway.worker, id, ALICE);
    assert.deepEqual(messages.map(({ content }) => content), ['hello', 'fine'], 'and nothing became of it');
  });

  test('has no id that a header could not carry, and who asks by one is told the same', async () => {
    const told = [];
    for (const id of ['%C3%A9', '%F0%9F%98%80', '%00', '%0A', 'a%0D%0Ax-owner:%20key:alice']) {
      for (const [what, { status, text }] of await askAll(gateway, id, ALICE)) told.push(`${what}: ${status} ${text}`);
    }
    assert.deepEqual(told.filter((one) => !/: 404 .*there is no such session/.test(one)), []);
  });

  test('is not asked by anybody else', async () => {
    const { id } = await createSession(gateway.worker, {}, ALICE);
    for (const path of [STREAM, CHAT]) {
      for (const [session, headers] of /** @type {[string, Headers][]} */ ([[id, BOB], [id, {}], [id, { authorization: 'Bearer wrong' }], [`s_${'0'.repeat(30)}`, ALICE], ['x', ALICE], ['x', {}]])) {
        assertNoSession(await post(gateway.worker, path, asked(session, 'hello'), headers), path);
        assertNoSession(await post(gateway.worker, path, asked(session, 'hello'), { ...headers, 'idempotency-key': 'k' }), path);
      }
      // What names no session, or is too long to be read of a stranger, is asked for a key.
      for (const body of [{ messages: [{ role: 'user', content: 'hello' }] }, asked(id, 'x'.repeat(70_000)), { session_id: id }, 'nonsense']) {
        assertError(await post(gateway.worker, path, body), 401, 'authentication_error');
      }
    }
    assert.equal(gateway.simulator.requests.length, 0);
    const { messages } = await conversation(gateway.worker, id, ALICE);
    assert.deepEqual(messages, []);
  });

  test('is in nobody else\'s list', async () => {
    const { id } = await createSession(gateway.worker, { title: 'hers' }, ALICE);
    const { id: his } = await createSession(gateway.worker, { title: 'his' }, BOB);
    const list = async (/** @type {Headers} */ headers) => (await get(gateway.worker, SESSIONS, headers)).json.sessions.map((/** @type {any} */ one) => one.id);
    const [hers, bobs] = [await list(ALICE), await list(BOB)];
    assert.ok(hers.includes(id) && !hers.includes(his));
    assert.deepEqual(bobs, [his]);
    assertError(await get(gateway.worker, SESSIONS), 401, 'authentication_error');
    assertError(await post(gateway.worker, SESSIONS, {}), 401, 'authentication_error');
    assertError(await get(gateway.worker, STREAM), 401, 'authentication_error');
    assertError(await post(gateway.worker, SESSIONS, {}, PAGE), 401, 'authentication_error');
  });

  test('has all that it is asked for by its owner', async () => {
    const { id } = await createSession(gateway.worker, {}, ALICE);
    const { text, frames } = await say(gateway.worker, id, 'hello', {}, ALICE);
    assert.equal((await follow(gateway.worker, id, frames[0].id, ALICE)).text, text.split('\n\n').slice(1).join('\n\n'));
    assert.equal((await stop(gateway.worker, id, ALICE)).status, 200);
    const socket = await openSocket(gateway.worker, id, ALICE);
    socket.send({ type: 'resume' });
    await socket.until((messages) => messages.length === frames.length);
    await socket.close();
    const { status } = await exchange(gateway.worker, `${SESSIONS}/${id}`, { method: 'DELETE', headers: ALICE });
    assert.equal(status, 204);
  });
});

describe('a session without a key', () => {
  /** @type {Gateway} */
  let gateway;
  before(async () => { gateway = await startGateway(); });
  after(() => gateway?.stop());
  beforeEach(() => {
    gateway.simulator.clear();
    gateway.simulator.script(FINE);
  });

  /** Makes a session as a page does, and keeps the cookie. */
  async function browse() {
    const { status, headers, json } = await post(gateway.worker, SESSIONS, { defaults: DEFAULTS }, PAGE);
    assert.equal(status, 201);
    const [set = ''] = headers['set-cookie'] ?? [];
    const [pair, ...attributes] = set.split('; ');
    return { id: json.id, set, attributes, headers: { ...PAGE, cookie: pair } };
  }

  test('is its browser\'s, by a cookie that no script and no other site has', async () => {
    const one = await browse();
    assert.match(one.set, /^tributary=[^;]{20,};/);
    for (const attribute of ['HttpOnly', 'SameSite=Strict', 'Path=/']) assert.ok(one.attributes.includes(attribute), one.set);
    assert.ok(!one.attributes.some((attribute) => /^domain=/i.test(attribute)), one.set);
    await say(gateway.worker, one.id, 'hello', {}, one.headers);
    const { messages } = await conversation(gateway.worker, one.id, one.headers);
    assert.deepEqual(messages.map(({ content }) => content), ['hello', 'fine']);

    const again = await post(gateway.worker, SESSIONS, {}, { ...one.headers, cookie: `theme=dark; ${one.headers.cookie}; x=y` });
    assert.deepEqual([again.status, again.headers['set-cookie']], [201, undefined], 'who has a cookie keeps it');
    const list = (await get(gateway.worker, SESSIONS, one.headers)).json.sessions.map((/** @type {any} */ { id }) => id);
    assert.deepEqual(list, [one.id, again.json.id].toSorted((a) => (a === again.json.id ? -1 : 1)));
  });

  test('is no other browser\'s, nor a program\'s on this machine', async () => {
    const [one, other] = [await browse(), await browse()];
    assert.notEqual(one.headers.cookie, other.headers.cookie);
    const { id: local } = await createSession(gateway.worker);
    /** @type {[string, Headers][]} */
    const strangers = [[one.id, other.headers], [one.id, {}], [one.id, PAGE], [local, one.headers], [local, PAGE], [one.id, { cookie: 'tributary=' }], [one.id, { cookie: `tributary=${one.headers.cookie}` }]];
    for (const [id, headers] of strangers) {
      for (const [what, answer] of await askAll(gateway, id, headers)) assertNoSession(answer, what);
      assertNoSession(await post(gateway.worker, CHAT, asked(id, 'hello'), headers), CHAT);
    }
    assert.deepEqual((await get(gateway.worker, SESSIONS, PAGE)).json, { sessions: [], next: null }, 'a page that is new here has none');
    const list = async (/** @type {Headers} */ headers) => (await get(gateway.worker, SESSIONS, headers)).json.sessions.map((/** @type {any} */ { id }) => id);
    assert.deepEqual(await list(other.headers), [other.id]);
    const locals = await list({});
    assert.ok(locals.includes(local) && !locals.includes(one.id));
    assert.deepEqual(await told(gateway.worker, local), []);
  });

  test('is refused where only this machine is served', async () => {
    const { id } = await createSession(gateway.worker);
    assertError(await post(gateway.worker, SESSIONS, {}, ELSEWHERE), 403, 'permission_denied');
    assertError(await get(gateway.worker, SESSIONS, ELSEWHERE), 403, 'permission_denied');
    for (const [, answer] of await askAll(gateway, id, ELSEWHERE)) assertError(answer, 403, 'permission_denied');
    for (const [, answer] of await askAll(gateway, id, { origin: 'https://evil.example' })) assertError(answer, 403, 'permission_denied');
  });
});

test('a session of a gateway that is open to all is whoever\'s who knows its id, and in no list', { timeout: 60_000 }, async () => {
  const gateway = await startGateway({ ALLOW_ANONYMOUS: 'true' });
  try {
    gateway.simulator.script(FINE);
    const made = await post(gateway.worker, SESSIONS, { defaults: DEFAULTS }, ELSEWHERE);
    assert.deepEqual([made.status, made.headers['set-cookie']], [201, undefined]);
    const { id } = made.json;
    await say(gateway.worker, id, 'hello', {}, ELSEWHERE);
    assert.equal((await conversation(gateway.worker, id, { host: 'other.example' })).messages.length, 2);
    assert.deepEqual((await get(gateway.worker, SESSIONS, ELSEWHERE)).json, { sessions: [], next: null });
    for (const [what, answer] of await askAll(gateway, `s_${'0'.repeat(30)}`, ELSEWHERE)) assertNoSession(answer, what);

    // A browser has its own there, too.
    const page = await post(gateway.worker, SESSIONS, {}, { ...ELSEWHERE, ...PAGE });
    const cookie = String(page.headers['set-cookie']?.[0]).split(';')[0];
    assert.deepEqual((await get(gateway.worker, SESSIONS, { ...ELSEWHERE, cookie })).json.sessions.map((/** @type {any} */ one) => one.id), [page.json.id]);
    for (const [what, answer] of await askAll(gateway, page.json.id, ELSEWHERE)) assertNoSession(answer, what);
  } finally {
    await gateway.stop();
  }
});

// @ts-check
/** Keys that are given out and taken back while the gateway runs; usage and metrics, and whom they are for. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import * as openai from '../simulator/formats/openai_chat.mjs';
import { gate } from '../simulator/wire.mjs';
import { CHAT, STREAM, beginPost, exchange, get, post, watch } from './client.mjs';
import { assertError } from './expect.mjs';
import { startGateway } from './gateway.mjs';
import { startWorker } from './harness.mjs';
import { SESSIONS, asked, createSession, openSocket } from './sessions.mjs';
import { connect } from './socket.mjs';
import { readStream } from './sse.mjs';

const ADMIN_KEY = 'ak-0perator-55c1e0-must-never-be-shown';
const GIVEN = 'ck-given-9d04-must-never-be-shown';
const KEYS = '/api/v1/admin/keys';
const OPERATOR = { authorization: `Bearer ${ADMIN_KEY}` };
const MODEL = `openai/${openai.MODEL}`;
const HELLO = [{ role: 'user', content: 'hello' }];
const ASK = { model: MODEL, messages: HELLO };
/** What a key that was taken back may still take: a ring is known for five seconds, and asked again. */
const SOON = 10_000;

/** @type {Awaited<ReturnType<typeof startGateway>>} */
let gateway;
before(async () => {
  gateway = await startGateway({ ADMIN_KEY, GATEWAY_KEYS: JSON.stringify({ given: GIVEN }), PRICES: JSON.stringify({ [MODEL]: { input: 100, output: 1000 } }) });
});
after(() => gateway?.stop());
beforeEach(() => {
  gateway.simulator.clear();
  gateway.simulator.script(openai.answering({ text: 'fine' }));
});

/** @param {string} key */
const as = (key) => ({ authorization: `Bearer ${key}` });

/** A new key. @param {object} fields @returns {Promise<string>} */
async function add(fields) {
  const { status, json, text } = await post(gateway.worker, KEYS, fields, OPERATOR);
  assert.equal(status, 201, text);
  return json.key;
}

/** @param {string} name */
const revoke = (name) => exchange(gateway.worker, `${KEYS}/${name}`, { method: 'DELETE', headers: OPERATOR });

/** Waits until something holds, at most as long as a key may take. @param {() => Promise<boolean>} holds */
async function soon(holds) {
  const end = performance.now() + SOON;
  while (performance.now() < end) {
    if (await holds()) return;
    await delay(200);
  }
  assert.fail(`it took more than ${SOON} ms`);
}

/** @param {string} key */
const opens = async (key) => (await post(gateway.worker, CHAT, ASK, as(key))).status === 200;

describe('a key of the ring', () => {
  test('opens within seconds, is shown once, listed without itself, and opens nothing once revoked', async () => {
    const { status, json: made, text } = await post(gateway.worker, KEYS, { name: 'carol', models: [`${MODEL}*`], requests_per_minute: 600 }, OPERATOR);
    assert.equal(status, 201, text);
    assert.match(made.key, /^tk_[0-9a-f]{30}$/);
    await soon(() => opens(made.key));
    assertError(await post(gateway.worker, CHAT, { ...ASK, model: 'demo/demo' }, as(made.key)), 403, 'permission_denied');
    const list = await get(gateway.worker, KEYS, OPERATOR);
    const listed = list.json.keys.find((/** @type {any} */ { name }) => name === 'carol');
    assert.deepEqual([listed.source, listed.models, listed.requests_per_minute], ['admin', [`${MODEL}*`], 600]);
    assert.ok(list.json.keys.some((/** @type {any} */ { name, source }) => name === 'given' && source === 'GATEWAY_KEYS'));
    for (const secret of [made.key, GIVEN, ADMIN_KEY]) assert.ok(!list.text.includes(secret));
    assert.equal((await get(gateway.worker, `${KEYS}/carol`, OPERATOR)).json.name, 'carol');
    assert.equal((await revoke('carol')).status, 204);
    await soon(async () => (await post(gateway.worker, CHAT, ASK, as(made.key))).status === 401);
    assertError(await get(gateway.worker, `${KEYS}/carol`, OPERATOR), 404, 'not_found');
    assertError(await revoke('carol'), 404, 'not_found');
  });

  test('is changed and rotated, the one before being good for a while', async () => {
    const first = await add({ name: 'dave' });
    await soon(() => opens(first));
    const changed = await exchange(gateway.worker, `${KEYS}/dave`, { method: 'PATCH', headers: { ...OPERATOR, 'content-type': 'application/json' }, body: JSON.stringify({ providers: ['demo'] }) });
    assert.deepEqual([changed.status, changed.json.providers, changed.json.key], [200, ['demo'], undefined]);
    await soon(async () => (await post(gateway.worker, CHAT, ASK, as(first))).status === 403);
    await exchange(gateway.worker, `${KEYS}/dave`, { method: 'PATCH', headers: { ...OPERATOR, 'content-type': 'application/json' }, body: JSON.stringify({ providers: null }) });
    const rotated = await post(gateway.worker, `${KEYS}/dave/rotate`, { overlap_seconds: 3600 }, OPERATOR);
    assert.equal(rotated.status, 200, rotated.text);
    await soon(() => opens(rotated.json.key));
    assert.ok(await opens(first), 'both are good for a while');
    const again = await exchange(gateway.worker, `${KEYS}/dave/rotate`, { method: 'POST', headers: OPERATOR });
    assert.equal(again.status, 200, again.text);
    await soon(async () => !(await opens(rotated.json.key)) && !(await opens(first)));
    assert.ok(await opens(again.json.key));
  });

  test('that is revoked ends what is being answered, in words, and keeps what was said', async () => {
    const keys = { direct: await add({ name: 'erin' }), session: await add({ name: 'frank' }), socket: await add({ name: 'grace' }) };
    for (const key of Object.values(keys)) await soon(() => opens(key));
    const { id } = await createSession(gateway.worker, {}, as(keys.session));
    let release = () => {};
    const opened = new Promise((/** @type {(value?: unknown) => void} */ resolve) => { release = () => resolve(); });
    gateway.simulator.script(openai.streamOf([...openai.frames({ text: ['so far'], finish: null, usage: null, done: false }), gate(opened)]));
    const direct = watch(await beginPost(gateway.worker, STREAM, ASK, as(keys.direct)).response);
    const session = watch(await beginPost(gateway.worker, STREAM, asked(id, 'hello'), as(keys.session)).response);
    const socket = await connect(gateway.worker, '/ws', as(keys.socket));
    socket.send({ messages: HELLO, provider: 'openai', model: openai.MODEL });
    await direct.until((text) => text.includes('so far'));
    await session.until((text) => text.includes('so far'));
    await socket.until((messages) => messages.some((message) => message.includes('so far')));
    for (const name of ['erin', 'frank', 'grace']) assert.equal((await revoke(name)).status, 204);
    for (const told of [direct, session]) {
      const { end, failure, chunks } = readStream(await told.whole());
      assert.deepEqual([end, failure.error.type], ['error', 'permission_denied']);
      assert.match(failure.error.message, /revoked/);
      assert.ok(failure.usage.estimated, 'what it used is settled');
      assert.ok(chunks.some(({ content }) => content === 'so far'));
    }
    await socket.until((messages) => messages.some((message) => message.includes('403')));
    await gateway.simulator.waitFor((requests) => requests.slice(-3).every(({ outcome }) => outcome === 'aborted'));
    socket.send({ messages: HELLO, provider: 'openai', model: openai.MODEL });
    await socket.until((messages) => messages.filter((message) => message.includes('403')).length === 2);
    release();
    await socket.close();
  });

  test('that is revoked opens no session of its own any more, not by a socket that is open', async () => {
    const key = await add({ name: 'heidi' });
    await soon(() => opens(key));
    const { id } = await createSession(gateway.worker, {}, as(key));
    const socket = await openSocket(gateway.worker, id, as(key));
    socket.send({ type: 'chat', messages: HELLO });
    await socket.until((messages) => messages.some((message) => message.includes('"done"')));
    await revoke('heidi');
    await soon(async () => (await get(gateway.worker, `${SESSIONS}/${id}`, as(key))).status === 404);
    await delay(5_000); // the session's own isolate may have asked a moment later
    socket.send({ type: 'chat', messages: HELLO });
    await socket.until((messages) => messages.some((message) => message.includes('permission_denied')));
    await socket.close();
  });

  test('of GATEWAY_KEYS is taken back, too, and its name given to another', async () => {
    assert.ok(await opens(GIVEN));
    assertError(await post(gateway.worker, KEYS, { name: 'given' }, OPERATOR), 409, 'conflict');
    assertError(await post(gateway.worker, `${KEYS}/given/rotate`, {}, OPERATOR), 409, 'conflict');
    assert.equal((await revoke('given')).status, 204);
    await soon(async () => !(await opens(GIVEN)));
    const other = await add({ name: 'given' });
    await soon(() => opens(other));
    assert.ok(!(await opens(GIVEN)));
  });

  test('that makes no sense is refused, by its field', async () => {
    for (const [fields, param] of [[{}, 'name'], [{ name: 'a b' }, 'name'], [{ name: 'x', models: 1 }, 'models'], [{ name: 'x', concurrent_runs: 0 }, 'concurrent_runs'], [{ name: 'x', nonsense: 1 }, 'nonsense']]) {
      assert.equal(assertError(await post(gateway.worker, KEYS, fields, OPERATOR), 422, 'invalid_request').param, param);
    }
    assert.equal((await exchange(gateway.worker, KEYS, { method: 'PUT', headers: OPERATOR })).status, 405);
    assertError(await get(gateway.worker, `${KEYS}/x/y`, OPERATOR), 404, 'not_found');
  });
});

describe('the operator\'s addresses', () => {
  test('ask for ADMIN_KEY, and for nothing else', async () => {
    const key = await add({ name: 'ivan' });
    await soon(() => opens(key));
    for (const path of [KEYS, `${KEYS}/ivan`, '/metrics']) {
      for (const headers of [{}, as(key), as(GIVEN), as(`${ADMIN_KEY}x`), as(ADMIN_KEY.slice(0, -1)), { authorization: ADMIN_KEY }]) {
        assertError(await get(gateway.worker, path, headers), 401, 'authentication_error');
      }
      assert.equal((await get(gateway.worker, path, OPERATOR)).status, 200, path);
      assert.equal((await get(gateway.worker, path, { ...OPERATOR, origin: 'https://evil.example' })).status, 403);
    }
    assertError(await post(gateway.worker, KEYS, { name: 'mallory' }, as(key)), 401, 'authentication_error');
    assertError(await post(gateway.worker, CHAT, ASK, OPERATOR), 403, 'permission_denied');
    assertError(await get(gateway.worker, SESSIONS, OPERATOR), 403, 'permission_denied');
  });

  test('are not there without one', async () => {
    const closed = await startWorker({ vars: { GATEWAY_KEYS: JSON.stringify({ a: 'key-a' }) } });
    try {
      for (const headers of [{}, as('key-a'), as('')]) {
        const answer = await get(closed, KEYS, headers);
        assert.ok([401, 403].includes(answer.status), answer.text);
        assertError(await get(closed, '/metrics', headers), 401, 'authentication_error');
      }
    } finally {
      await closed.stop();
    }
  });

  test('are the developer\'s on a machine without keys; elsewhere closed', async () => {
    const open = await startWorker({ vars: { ALLOW_ANONYMOUS: 'true' } });
    try {
      assert.equal((await get(open, '/metrics')).status, 200);
      assert.equal((await get(open, '/api/v1/usage')).status, 200);
      const elsewhere = { host: 'gateway.example' };
      assertError(await get(open, '/metrics', elsewhere), 401, 'authentication_error');
      assertError(await get(open, '/api/v1/usage', elsewhere), 403, 'permission_denied');
    } finally {
      await open.stop();
    }
  });
});

describe('usage', () => {
  test('is the key\'s own, as JSON and as a table; the operator\'s is everybody\'s', async () => {
    const [one, other] = [await add({ name: 'judy', monthly_budget_usd: 5 }), await add({ name: 'kim' })];
    await soon(async () => (await opens(one)) && (await opens(other)));
    await soon(async () => (await get(gateway.worker, '/api/v1/usage', as(one))).json.total.answers > 0);
    const { json } = await get(gateway.worker, '/api/v1/usage', as(one));
    assert.ok(json.usage.every((/** @type {any} */ { key, model, estimated }) => key === 'judy' && model === openai.MODEL && !estimated));
    assert.equal(json.total.input_tokens, json.total.answers * openai.USAGE.prompt_tokens);
    assert.equal(json.total.output_tokens, json.total.answers * openai.USAGE.completion_tokens);
    assert.ok(json.account.spent_usd > 0 && json.account.limits.monthly_budget_usd === 5);
    assertError(await get(gateway.worker, '/api/v1/usage?name=kim', as(one)), 403, 'permission_denied');
    const all = (await get(gateway.worker, '/api/v1/usage', OPERATOR)).json;
    assert.ok(['judy', 'kim'].every((name) => all.usage.some((/** @type {any} */ { key }) => key === name)));
    const csv = await get(gateway.worker, '/api/v1/usage?format=csv&name=judy', OPERATOR);
    assert.match(csv.headers['content-type'] ?? '', /^text\/csv/);
    const rows = csv.text.trim().split('\r\n');
    assert.ok(rows[0].startsWith('day,key,provider,model,estimated,answers,') && rows.slice(1).every((row) => row.includes(',judy,openai,')));
    assert.deepEqual((await get(gateway.worker, '/api/v1/usage?from=2020-01-01&to=2020-01-31', OPERATOR)).json.usage, []);
    for (const [query, param] of [['from=yesterday', 'from'], ['to=2026-1-1', 'to'], ['from=2026-02-01&to=2026-01-01', 'from'], ['format=xml', 'format']]) {
      assert.equal(assertError(await get(gateway.worker, `/api/v1/usage?${query}`, OPERATOR), 422, 'invalid_request').param, param);
    }
  });

  test('is told as metrics that Prometheus can read', async () => {
    const { text, headers } = await get(gateway.worker, '/metrics', OPERATOR);
    assert.match(headers['content-type'] ?? '', /^text\/plain; version=0\.0\.4/);
    for (const line of text.trim().split('\n')) {
      assert.match(line, /^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+\{([a-z_]+="(\\.|[^"\\])*",?)+\} [0-9.e+-]+)$/, line);
    }
    assert.match(text, /tributary_tokens_total\{key="judy",provider="openai",model="gpt-6-luna",kind="output",estimated="false"\} \d+/);
    assert.match(text, /tributary_runs_total\{key="judy",provider="openai",model="gpt-6-luna",ended="stop"\} \d+/);
  });
});

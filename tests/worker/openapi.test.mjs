// @ts-check
/** What the API's description promises, held against the worker's own answers: nothing missing, nothing untold. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { DOCUMENT, FILE, OPERATIONS, judge, operation, resolved, schema } from '../docs/document.mjs';
import { CHAT, STREAM, exchange, get, post } from './client.mjs';
import { startWorker } from './harness.mjs';
import { openSocket } from './sessions.mjs';
import { parse } from './sse.mjs';

/** @typedef {import('../docs/document.mjs').Operation} Operation @typedef {import('./client.mjs').Answer} Answer */

const KEYS = '/api/v1/admin/keys';
const OPERATOR = { authorization: 'Bearer a-key-of-the-operator' };
const BOB = { authorization: 'Bearer a-key-of-bob' };

/** @type {import('./harness.mjs').Worker} */
let worker;
/** One whose operator gives out keys. @type {import('./harness.mjs').Worker} */
let operated;
before(async () => {
  worker = await startWorker({ vars: { RETRY_BASE_MS: '1', RETRY_CAP_MS: '2', IDLE_TIMEOUT_SECONDS: '1' } });
  for (const name of ['rivers', 'default']) await post(worker, `/api/v1/collections/${name}/documents`, RHINE);
  const given = { alice: 'a-key-of-alice', bob: { key: 'a-key-of-bob', requests_per_minute: 600, concurrent_runs: 5, monthly_budget_usd: 1 } };
  operated = await startWorker({ vars: { ADMIN_KEY: 'a-key-of-the-operator', GATEWAY_KEYS: JSON.stringify(given) } });
  await post(operated, KEYS, { name: 'rivers' }, OPERATOR);
});
after(() => Promise.all([worker?.stop(), operated?.stop()]));

const strict = judge({ strict: true });

/** What there is to be found. */
const RHINE = { id: 'rhine', text: 'The Rhine rises in the Alps and flows into the North Sea.' };

/** What stands for the parameters of addresses. @type {Record<string, string>} */
const values = { name: 'rivers', project: 'p', app: 'a', model: 'demo%2Fdemo', query: 'Hello! /fast', prompt: 'Hello! /fast' };

/** The address of an operation. @param {Operation} asked @param {Record<string, string>} [more] */
function address({ path, told }, more = {}) {
  /** @type {Record<string, string>} */
  const known = { ...values, ...(path.startsWith('/api/v1/assistants') && { name: 'router' }), ...more };
  const filled = path.replace(/\{(\w+)\}/g, (_, name) => known[name] ?? 'x');
  const needed = (told.parameters ?? []).filter((/** @type {any} */ parameter) => parameter.in === 'query' && parameter.required);
  const query = needed.map((/** @type {any} */ { name }) => `${name}=${encodeURIComponent(known[name] ?? 'x')}`).join('&');
  return query ? `${filled}?${query}` : filled;
}

/** Holds an answer against what is told of it. @param {Operation} asked @param {Answer} answer */
function hold({ method, path, told }, answer) {
  const what = `${method} ${path}: ${answer.status} ${answer.text.slice(0, 300)}`;
  const response = resolved(told.responses[answer.status] ?? told.responses.default);
  assert.ok(response, `this status is not told of: ${what}`);
  for (const name of Object.keys(response.headers ?? {})) {
    const isThere = answer.headers[name] !== undefined || ['server-timing', 'retry-after', 'x-cache'].includes(name);
    assert.ok(isThere, `${name} is missing: ${what}`);
  }
  if (answer.status === 204) return assert.equal(answer.text, '', what);
  const kind = String(answer.headers['content-type']).split(';')[0];
  const media = response.content?.[kind];
  assert.ok(media, `${kind} is not told of: ${what}`);
  if (kind === 'application/json') return strict.fits(media.schema, JSON.parse(answer.text), what);
  if (media['x-line']) {
    for (const line of answer.text.trim().split('\n')) strict.fits(media['x-line'], JSON.parse(line), what);
  }
  if (media['x-events']) holdEvents(media['x-events'], answer.text, what);
}

/** @param {Record<string, any>} told @param {string} text @param {string} what */
function holdEvents(told, text, what) {
  const events = parse(text);
  assert.ok(events.length > 0, what);
  for (const { event, data } of events) {
    const wanted = told[event || 'message'];
    assert.ok(wanted, `${event} is not told of: ${what}`);
    strict.fits(wanted, read(data), `${what}, ${event}`);
  }
}

/** A payload: JSON, unless it is mere text. @param {string} data */
function read(data) {
  try {
    return JSON.parse(data);
  } catch {
    return data;
  }
}

/** Whether the operator alone may ask. @param {Operation} asked */
const isOperators = ({ told }) => told.security?.length > 0 && told.security.every((/** @type {any} */ one) => one.admin);

/** Sends what an operation is told to take, and holds the answer against it. @param {Operation} asked @param {unknown} [body] @param {Record<string, string>} [more] */
async function ask(asked, body, more) {
  const [server, key] = isOperators(asked) ? [operated, OPERATOR] : [worker, {}];
  const headers = { ...key, ...(body !== undefined && { 'content-type': 'application/json' }) };
  const sent = body === undefined ? undefined : JSON.stringify(body);
  const answer = await exchange(server, address(asked, more), { method: asked.method.toUpperCase(), headers, body: sent });
  hold(asked, answer);
  return answer;
}

test('the description is served as a file, byte for byte', async () => {
  const { status, headers, text } = await get(worker, '/openapi.json');
  assert.deepEqual([status, headers['content-type']], [200, 'application/json']);
  assert.equal(text, readFileSync(FILE, 'utf8'));
});

test('the page for it has a policy of its own, and the chat page keeps the strict one', async () => {
  const moved = await get(worker, '/docs');
  assert.deepEqual([moved.status, moved.headers.location], [307, '/docs/']);
  const [page, chat] = [await get(worker, '/docs/'), await get(worker, '/')];
  assert.deepEqual([page.status, chat.status], [200, 200]);
  const policies = [page, chat].map(({ headers }) => String(headers['content-security-policy']));
  for (const policy of policies) {
    assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';/);
    assert.doesNotMatch(policy, /unsafe|http|\*|,/, 'one policy, for this origin alone');
  }
  assert.deepEqual(policies.map((policy) => policy.includes("trusted-types 'none'")), [false, true]);
  assert.equal(page.headers['x-frame-options'], 'DENY');
});

test('every address has the methods that are told of, and no others', async () => {
  for (const [path, item] of Object.entries(DOCUMENT.paths)) {
    const { servers: _, ...methods } = /** @type {any} */ (item);
    const first = OPERATIONS.find((one) => one.path === path);
    for (const server of /** @type {Operation} */ (first).servers) {
      const { status, headers, text } = await exchange(worker, server + address(/** @type {Operation} */ (first)), { method: 'PUT' });
      assert.equal(status, 405, `${server}${path}: ${text}`);
      assert.deepEqual(String(headers.allow).toLowerCase().split(', ').sort(), Object.keys(methods).sort(), `${server}${path}`);
    }
  }
});

test('no address that is told of is one that there is not', async () => {
  for (const asked of OPERATIONS.filter(({ method }) => method === 'get')) {
    for (const server of asked.servers) {
      const { text } = await get(worker, server + address(asked));
      assert.doesNotMatch(text, /there is no such route/, `${server}${asked.path}`);
    }
  }
});

/** What needs nothing that the demo has not. */
const ready = OPERATIONS.filter(({ told }) => !told['x-needs']);

// At once: the demo takes its time.
describe('the examples', { concurrency: true }, () => {
  for (const asked of ready.filter(({ method, told }) => method === 'post' && told.requestBody)) {
    const { examples } = asked.told.requestBody.content['application/json'];
    for (const [name, { value }] of Object.entries(/** @type {Record<string, any>} */ (examples))) {
      test(`${asked.told.operationId}, ${name}: it works, and the answer is as told`, async () => {
        const answer = await ask(asked, value);
        assert.ok(answer.status >= 200 && answer.status < 300, `${answer.status} ${answer.text}`);
      });
    }
  }
});

for (const asked of ready.filter(({ method, told }) => method !== 'post' || !told.requestBody)) {
  test(`${asked.told.operationId}: the answer is as told`, async () => {
    const id = await made(asked);
    const { requestBody, operationId } = asked.told;
    const example = /** @type {any} */ (Object.values(requestBody?.content['application/json'].examples ?? {})[0])?.value;
    const answer = await ask(asked, example, { id, session_id: id });
    const socket = Boolean(asked.told.responses[101]);
    assert.ok(socket ? answer.status === 422 : answer.status < 300, `${operationId}: ${answer.status} ${answer.text}`);
  });
}

/** Makes what an operation is about, and gives its id. @param {Operation} asked */
async function made({ path }) {
  if (path.startsWith('/v1/responses')) return (await post(worker, '/v1/responses', { model: 'demo/demo', input: '/fast' })).json.id;
  if (path.startsWith('/api/v1/collections')) {
    await post(worker, '/api/v1/collections/rivers/documents', RHINE); // another test may have deleted it
    return 'rhine';
  }
  if (path.startsWith(KEYS)) await post(operated, KEYS, { name: 'rivers' }, OPERATOR);
  return (await post(worker, '/api/v1/sessions', {})).json.id;
}

const user = (/** @type {string} */ content) => [{ role: 'user', content }];

test('whatever the demo says, in pieces and whole, is told of', async () => {
  for (const command of ['/think', '/tool', '/code', '/refuse', '/fail', '/filter', '/stall', '/error']) {
    const body = { messages: user(`${command} /fast`) };
    await ask(operation('streamChat'), body);
    await ask(operation('chat'), body);
  }
  const { text } = await ask(operation('chat'), { messages: user('/fast'), unknown: 1 });
  assert.match(text, /"warnings"/);
});

test('what a session keeps and gives is told of', async () => {
  const tools = [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }];
  const defaults = { tools, temperature: 0.5, thinking: { enabled: false }, stop: ['\n\n\n'], tool_choice: 'auto' };
  const { json: { id } } = await ask(operation('createSession'), { system: 'Be brief.', defaults });
  const say = (/** @type {string} */ content) => ask(operation('streamChat'), { session_id: id, messages: user(content) });
  for (const words of ['/think /fast', '/tool /fast', '/fail /fast']) await say(words);
  const more = { id, session_id: id };
  const { json: { messages, runs } } = await ask(operation('readMessages'), undefined, more);
  assert.deepEqual([messages.length, runs.length], [6, 3]);
  for (const one of ['readSession', 'readState', 'listSessions', 'attachToRun', 'stopRun']) await ask(operation(one), undefined, more);
  await ask(operation('renameSession'), { title: 'Rivers' }, more);

  const running = say('/long 400');
  await waitFor(async () => (await ask(operation('readSession'), undefined, more)).json.live);
  await waitFor(async () => (await ask(operation('readMessages'), undefined, more)).json.messages.length === 8);
  const busy = await ask(operation('chat'), { session_id: id, messages: user('And?') });
  assert.equal(busy.status, 409);
  assert.equal((await ask(operation('stopRun'), undefined, more)).json.stopped, true);
  await running;
  await ask(operation('readMessages'), undefined, more);
  assert.equal((await ask(operation('deleteSession'), undefined, more)).status, 204);
  assert.equal((await ask(operation('readSession'), undefined, more)).status, 404);
});

test('what comes over a socket is told of', async () => {
  const { 'x-messages': told } = operation('sessionSocket').told.responses[101];
  const { json: { id } } = await post(worker, '/api/v1/sessions', {});
  const socket = await openSocket(worker, id);
  const sent = [{ type: 'ping' }, { type: 'resume', follow: true }, { type: 'chat', messages: user('/think /fast') }, { type: 'stop' }, { type: 'chat', messages: user('/fail /fast') }, { type: 'dance' }];
  for (const message of sent) {
    const isKnown = message.type !== 'dance';
    assert.equal(strict.faults(told.client, message).length === 0, isKnown, message.type);
    socket.send(JSON.stringify(message));
    if (message.type === 'chat') await socket.until((/** @type {string[]} */ all) => all.some((text) => /"event":"(done|error)"/.test(text)));
  }
  await socket.until((/** @type {string[]} */ all) => all.some((text) => text.includes('dance') || text.includes('"type must be')));
  const payloads = { chunk: schema('StreamChunk'), error: schema('ErrorEvent'), stopped: schema('Stopped'), done: schema('Done'), pong: { type: 'null' }, idle: { type: 'null' } };
  for (const text of socket.messages) {
    const message = JSON.parse(text);
    strict.fits(told.server, message, 'a message');
    strict.fits(/** @type {any} */ (payloads)[message.event], message.data, message.event);
  }
  socket.close();
});

test('keys are told of, whatever is said of them, and what is wrong with them', async () => {
  const name = { name: 'erin' };
  const terms = { providers: ['demo'], models: ['demo/*'], requests_per_minute: 60, concurrent_runs: 2, monthly_budget_usd: 0.5, cache_ttl_seconds: 60 };
  assert.equal((await ask(operation('createKey'), { ...name, ...terms })).status, 201);
  assert.equal((await ask(operation('rotateKey'), { overlap_seconds: 60 }, name)).status, 200);
  const { json: erin } = await ask(operation('readKey'), undefined, name);
  assert.ok(erin.previous_key_until > erin.created_at && erin.key === undefined);
  /** @type {[string, unknown, string, number][]} */
  const wrong = [
    ['createKey', name, '', 409], ['createKey', {}, '', 422], ['createKey', { name: 'fay', budget: 1 }, '', 422],
    ['changeKey', { concurrent_runs: 0 }, 'erin', 422], ['changeKey', {}, 'nobody', 404], ['changeKey', {}, 'alice', 409],
    ['rotateKey', { overlap_seconds: -1 }, 'erin', 422], ['rotateKey', {}, 'nobody', 404], ['rotateKey', undefined, 'alice', 409],
    ['readKey', undefined, 'nobody', 404], ['revokeKey', undefined, 'nobody', 404], ['revokeKey', undefined, 'alice', 204], ['revokeKey', undefined, 'alice', 404],
  ];
  for (const [id, body, whose, status] of wrong) {
    assert.equal((await ask(operation(id), body, { name: whose })).status, status, `${id} ${whose} ${JSON.stringify(body)}`);
  }
  const { json: alice } = await ask(operation('readKey'), undefined, { name: 'alice' });
  assert.deepEqual(alice, { name: 'alice', source: 'GATEWAY_KEYS', revoked: true });
  assert.ok((await ask(operation('listKeys'))).json.keys.length >= 3);
  const plain = await exchange(operated, KEYS, { method: 'POST', headers: { ...OPERATOR, 'content-type': 'text/plain' }, body: '{}' });
  hold(operation('createKey'), plain);
  assert.equal(plain.status, 415);
});

test('what was used is told of, to a key and to the operator', async () => {
  const [usage, metrics] = [operation('readUsage'), operation('readMetrics')];
  assert.equal((await post(operated, CHAT, { messages: user('Hello! /fast') }, BOB)).status, 200);
  await waitFor(async () => (await get(operated, usage.path, BOB)).json.usage.length > 0);
  /** @type {[Operation, string, Record<string, string>, number][]} */
  const asked = [
    [usage, '', BOB, 200], [usage, '?format=csv', BOB, 200], [usage, '?name=alice', BOB, 403], [usage, '?from=yesterday', BOB, 422],
    [usage, '', OPERATOR, 200], [usage, '?name=bob&from=2020-01-01', OPERATOR, 200], [usage, '?name=nobody', OPERATOR, 200], [usage, '', {}, 401],
    [metrics, '', OPERATOR, 200], [metrics, '', BOB, 401], [metrics, '', {}, 401],
  ];
  for (const [what, query, headers, status] of asked) {
    const answer = await get(operated, what.path + query, headers);
    assert.equal(answer.status, status, `${what.path}${query} ${answer.text}`);
    hold(what, answer);
  }
  const { json: { account } } = await get(operated, usage.path, BOB);
  assert.deepEqual(Object.keys(account).sort(), ['concurrent_runs', 'key', 'limits', 'spent_usd']);
});

test('errors are as told, each in its surface\'s words', async () => {
  const wrong = [
    [{}, 422], [{ messages: [] }, 422], [{ messages: user('hi'), temperature: 9 }, 422], [{ messages: user('hi'), provider: 'nobody' }, 400],
    [{ messages: user('hi'), model: 'demo/other' }, 400], [{ messages: user('hi'), session_id: 's_none' }, 404], [{ messages: user('hi'), model: 'openai/x' }, 401],
  ];
  for (const id of ['chat', 'streamChat']) {
    for (const [body, status] of wrong) assert.equal((await ask(operation(id), body)).status, status, JSON.stringify(body));
    const plain = await exchange(worker, operation(id).path, { method: 'POST', headers: { 'content-type': 'text/plain' }, body: '{}' });
    hold(operation(id), plain);
    assert.equal(plain.status, 415);
    const large = await exchange(worker, operation(id).path, { method: 'POST', headers: { 'content-type': 'application/json', 'content-length': String(5 << 20) }, body: ' '.repeat(5 << 20) }).catch(() => undefined);
    if (large) hold(operation(id), large);
  }
  for (const asked of OPERATIONS.filter(({ told }) => told.responses.default && told.requestBody)) {
    const answer = await ask(asked, { model: 'nobody/x', messages: 'none' });
    assert.ok(answer.status >= 400, `${asked.path}: ${answer.text}`);
  }
});

test('without a key, where one is asked for, nobody is told anything that is not told of', async (t) => {
  const closed = await startWorker({ vars: { GATEWAY_KEYS: '{"alice":"a-key-of-alice"}' } });
  t.after(() => closed.stop());
  for (const asked of OPERATIONS) {
    const isPost = asked.method !== 'get' && asked.told.requestBody;
    const answer = await exchange(closed, address(asked), {
      method: asked.method.toUpperCase(), ...(isPost && { headers: { 'content-type': 'application/json' }, body: JSON.stringify({ messages: user('hi') }) }),
    });
    const refusals = [401, 404, ...(asked.told.responses[101] ? [422] : []), ...(isOperators(asked) ? [403] : [])];
    if (asked.told.security?.length === 0) assert.equal(answer.status, 200);
    else assert.ok(refusals.includes(answer.status), `${asked.path}: ${answer.status} ${answer.text}`);
    hold(asked, answer);
  }
  for (const asked of OPERATIONS.filter(isOperators)) {
    const answer = await exchange(operated, address(asked), { method: asked.method.toUpperCase(), headers: BOB });
    assert.equal(answer.status, 401, `${asked.path}: ${answer.text}`);
    hold(asked, answer);
  }
  for (const { status } of [await get(closed, CHAT), await get(closed, STREAM)]) assert.equal(status, 401);
});

/** @param {() => Promise<unknown>} holds */
async function waitFor(holds) {
  const patience = AbortSignal.timeout(10_000);
  while (!(await holds())) patience.throwIfAborted();
}

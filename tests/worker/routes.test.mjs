// @ts-check
/** Aliases: models that are tried in order, up to the first byte and never past it. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import * as openai from '../simulator/formats/openai_chat.mjs';
import { hangUp } from '../simulator/wire.mjs';
import { ASK, CHAT, STREAM, exchange, get, post, stream } from './client.mjs';
import { assertError, assertFailed } from './expect.mjs';
import { CALLER_KEY, OPENAI_KEY, TOGETHER_KEY, startGateway } from './gateway.mjs';
import { PROVIDERS, vars } from './matrix/providers.mjs';

/** What is remembered of a target outlives a test: each has its own. */
const NAMES = ['down', 'early', 'late', 'both', 'failing', 'mended', 'filtered', 'callers', 'keys', 'broken'];
const second = (/** @type {string} */ name) => `second-${name}`;
const ROUTES = {
  ...Object.fromEntries(NAMES.map((name) => [name, [`openai/${name}`, `together/${second(name)}`]])),
  keyless: ['keyless/m', 'together/second-keyless'],
  one: ['openai/one-a', 'openai/one-b'],
  unable: ['ollama/m', 'together/second-unable'],
};

/** @type {Awaited<ReturnType<typeof startGateway>>} */
let gateway;
before(async () => {
  gateway = await startGateway({
    ROUTES: JSON.stringify(ROUTES),
    TOGETHER_MODELS: [...NAMES, 'keyless', 'unable'].map(second).join(),
    PROVIDERS: JSON.stringify([{ name: 'keyless', base_url: 'http://127.0.0.1:9/v1', key: 'NOWHERE_API_KEY' }]),
  });
});
after(() => gateway?.stop());
beforeEach(() => gateway.simulator.clear());

const FINE = openai.streamed({ text: 'fine' });
/** The first model of every alias answers this, the second one that all is fine. @param {import('../simulator/wire.mjs').Reply} first @param {import('../simulator/wire.mjs').Reply} [second] */
function answers(first, second = FINE) {
  const reply = (/** @type {import('../simulator/simulator.mjs').Recorded} */ { path }) => (path.startsWith('/together') ? second : first);
  gateway.simulator.script(reply);
}
const asked = () => gateway.simulator.requests.map(({ json }) => json.model);

test('the first model answers as long as it can', async () => {
  answers(FINE, openai.failed(500));
  const { content, chunks, headers } = await stream(gateway.worker, { ...ASK, model: 'one' });
  assert.equal(content, 'fine');
  assert.deepEqual([chunks[0].provider, asked()], ['openai', ['one-a']]);
  assert.match(String(headers['server-timing']), /^queue;dur=\d+, try1;dur=\d+;desc="openai\/one-a ok", upstream;dur=\d+, first_token;dur=\d+$/);
});

test('behind one that is down the next is asked at once, and every chunk says who answered', async () => {
  answers(openai.failed(503));
  for (const route of [STREAM, CHAT]) {
    gateway.simulator.requests.length = 0;
    const answer = await post(gateway.worker, route, { ...ASK, model: 'down' });
    assert.equal(answer.status, 200, answer.text);
    assert.match(answer.text, /"provider":"together"/);
    assert.doesNotMatch(answer.text, /"provider":"openai"/);
    assert.deepEqual(asked(), ['down', 'second-down']);
    assert.match(String(answer.headers['server-timing']), /try1;dur=\d+;desc="openai\/down overloaded", try2;dur=\d+;desc="together\/second-down ok"/);
  }
  const line = JSON.parse(await gateway.worker.waitForLog('"target":"openai/down"'));
  assert.deepEqual(line.tried.map((/** @type {any} */ one) => [one.target, one.outcome]), [['openai/down', 'overloaded'], ['together/second-down', 'ok']]);
  assert.deepEqual([line.provider, line.model], ['together', 'second-down']);
});

test('an error as the first event, and a body that ends before it says anything, count as down', async () => {
  for (const first of [openai.streamOf([openai.frame({ error: { message: 'busy', type: 'overloaded_error' } })]), openai.streamOf([])]) {
    gateway.simulator.requests.length = 0;
    answers(first);
    assert.equal((await stream(gateway.worker, { ...ASK, model: 'early' })).content, 'fine');
    assert.deepEqual(asked(), ['early', 'second-early']);
  }
});

test('once the client has text, nobody else is asked', async () => {
  answers(openai.streamOf([...openai.frames({ text: ['Hel', 'lo'] }).slice(0, 2), hangUp()]));
  const ended = await stream(gateway.worker, { ...ASK, model: 'late' });
  assert.equal(ended.content, 'Hel');
  assert.equal(assertFailed(ended, 'truncated').provider, 'openai');
  assert.deepEqual(asked(), ['late']);
});

test('when all fail, the client hears of the failure that may pass', async () => {
  answers(openai.failed(429, { type: 'requests', code: 'rate_limit_exceeded' }, { 'retry-after': '0' }), openai.failed(400, { message: 'odd' }));
  const answer = await post(gateway.worker, STREAM, { ...ASK, model: 'both' });
  assert.equal(assertError(answer, 429, 'rate_limited').provider, 'openai');
  assert.match(String(answer.headers['server-timing']), /rate_limited", try2;dur=\d+;desc="together\/second-both invalid_request"/);
});

test('the last one is asked again as any single one is', async () => {
  answers(openai.failed(500), openai.failed(500));
  assert.equal(assertError(await post(gateway.worker, STREAM, { ...ASK, model: 'broken' }), 503, 'overloaded').message, 'AI service unavailable');
  assert.deepEqual(asked(), ['broken', 'second-broken', 'second-broken', 'second-broken']);
});

test('one that keeps failing is passed over for a while, unless it is asked for by name', async () => {
  answers(openai.failed(500));
  for (let times = 0; times < 4; times += 1) await stream(gateway.worker, { ...ASK, model: 'failing' });
  assert.deepEqual(asked().filter((model) => model === 'failing').length, 3);
  answers(FINE);
  const { headers } = await stream(gateway.worker, { ...ASK, model: 'failing' });
  assert.match(String(headers['server-timing']), /try1;dur=0;desc="openai\/failing skipped", try2/);
  assert.equal((await stream(gateway.worker, { ...ASK, model: 'openai/failing' })).chunks[0].provider, 'openai');
});

test('what was mended for one model is whole again for the next', async () => {
  const rejects = openai.errorBody(400, { error: { message: 'no temperature', code: 'unsupported_parameter', param: 'temperature' } });
  const replies = [rejects, openai.failed(503)];
  gateway.simulator.script((request) => (request.path.startsWith('/together') ? FINE : replies.shift() ?? FINE));
  const { warnings } = await stream(gateway.worker, { ...ASK, model: 'mended', temperature: 0.5 });
  assert.deepEqual(gateway.simulator.requests.map(({ json }) => json.temperature), [0.5, undefined, 0.5]);
  assert.deepEqual(warnings, []);
});

test('an alias is no way around a content filter', async () => {
  answers(openai.streamed({ text: [], finish: 'content_filter' }));
  assertError(await post(gateway.worker, CHAT, { ...ASK, model: 'filtered' }), 400, 'content_filter');
  assert.deepEqual(asked(), ['filtered']);
});

test('a model that cannot do what is asked, and one without a key, leave it to the next', async () => {
  answers(FINE);
  const tools = [{ type: 'function', function: { name: 'f' } }];
  assert.equal((await stream(gateway.worker, { ...ASK, model: 'unable', tools, tool_choice: 'required' })).chunks[0].provider, 'together');
  const { chunks, headers } = await stream(gateway.worker, { ...ASK, model: 'keyless' });
  assert.equal(chunks[0].provider, 'together');
  assert.match(String(headers['server-timing']), /desc="keyless\/m provider_auth_error"/);
});

test('a caller\'s key goes to one provider only', async () => {
  answers(FINE);
  const headers = { 'x-provider-key': CALLER_KEY };
  const error = assertError(await post(gateway.worker, STREAM, { ...ASK, model: 'callers' }, headers), 422, 'invalid_request');
  assert.equal(error.param, 'x-provider-key');
  assert.equal(gateway.simulator.requests.length, 0);
  await stream(gateway.worker, { ...ASK, model: 'one' }, headers);
  assert.equal(gateway.simulator.requests[0].headers.authorization, `Bearer ${CALLER_KEY}`);
});

test('each provider gets its own key', async () => {
  answers(openai.failed(503));
  await stream(gateway.worker, { ...ASK, model: 'keys' });
  assert.deepEqual(gateway.simulator.requests.map(({ headers }) => headers.authorization), [`Bearer ${OPENAI_KEY}`, `Bearer ${TOGETHER_KEY}`]);
});

test('the list of providers names the aliases', async () => {
  assert.deepEqual((await get(gateway.worker, '/api/v1/providers')).json.routes, ROUTES);
});

test('the provider\'s id for the request is in its errors, before and in the stream', async () => {
  answers(openai.failed(400, { message: 'odd' }, { 'x-request-id': 'req_upstream_1' }));
  assert.equal(assertError(await post(gateway.worker, STREAM, { ...ASK, model: 'openai/x' }), 422, 'invalid_request').provider_request_id, 'req_upstream_1');
  const reply = openai.streamOf([...openai.frames({ text: ['Hel'] }).slice(0, 2), hangUp()]);
  answers({ ...reply, headers: { ...reply.headers, 'x-request-id': 'req_upstream_2' } });
  const ended = await stream(gateway.worker, { ...ASK, model: 'openai/x' });
  assert.equal(assertFailed(ended, 'truncated').provider_request_id, 'req_upstream_2');
});

test('every provider can be stood in for, and every one can stand in', async (t) => {
  const ring = PROVIDERS.map((first, at) => ({ first, second: PROVIDERS[(at + 1) % PROVIDERS.length] }));
  const routes = Object.fromEntries(ring.map(({ first, second }) => [`alias-${first.name}`, [first.model, second.model]]));
  const all = await startGateway((url) => ({ ...vars(url), ROUTES: JSON.stringify(routes) }));
  t.after(() => all.stop());
  for (const { first, second } of ring) {
    const replies = [first.fails(503), second.says({ text: ['Here ', 'I am.'] })];
    all.simulator.script((request) => {
      const next = replies.shift();
      return typeof next === 'function' ? next(request) : next ?? FINE;
    });
    const { content, chunks } = await stream(all.worker, { ...ASK, model: `alias-${first.name}` });
    assert.deepEqual([content, chunks[0].provider], ['Here I am.', second.model.split('/')[0]], first.name);
  }
});

test('an alias that leads nowhere is named in an error', async (t) => {
  const wrong = await startGateway({ ROUTES: '{"a":["nobody/m"]}' });
  t.after(() => wrong.stop());
  const error = assertError(await exchange(wrong.worker, '/api/v1/providers', { method: 'GET' }), 500, 'internal');
  assert.match(error.message, /ROUTES: a has nobody\/m/);
});

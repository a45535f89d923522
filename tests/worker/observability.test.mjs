// @ts-check
/** What an operator sees: one line a request, with all that matters and nothing that is secret; traces go on; times are told. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import * as openai from '../simulator/formats/openai_chat.mjs';
import { CHAT, STREAM, beginPost, exchange, get, post } from './client.mjs';
import { ANTHROPIC_KEY, CALLER_KEY, GEMINI_KEY, OPENAI_KEY, TOGETHER_KEY, startGateway } from './gateway.mjs';
import { SESSIONS, asked, createSession } from './sessions.mjs';
import { connect } from './socket.mjs';

const ADMIN_KEY = 'ak-0perator-55c1e0-must-never-be-shown';
const PROMPT = 'prompt-6d1f-must-never-be-logged';
const ANSWER = 'answer-aa02-must-never-be-logged';
const TERM = 'term-31b7-must-never-be-logged';
const MODEL = `openai/${openai.MODEL}`;
const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const HOLDER = { authorization: `Bearer ${CALLER_KEY}` };
const ASK = { model: MODEL, messages: [{ role: 'user', content: PROMPT }] };

/** @type {Awaited<ReturnType<typeof startGateway>>} */
let gateway;
before(async () => {
  gateway = await startGateway({
    ADMIN_KEY, GATEWAY_KEYS: JSON.stringify({ holder: { key: CALLER_KEY, requests_per_minute: 1000, monthly_budget_usd: 100 } }),
    PRICES: JSON.stringify({ 'openai/*': { input: 1, output: 2 }, 'together/*': { input: 1, output: 2 }, 'anthropic/*': { input: 1, output: 2 }, 'gemini/*': { input: 1, output: 2 } }),
    GUARDRAILS: JSON.stringify({ input: { blocked_terms: [TERM] }, output: { blocked_terms: [TERM] } }),
  });
  gateway.simulator.script(openai.answering({ text: [ANSWER] }));
});
after(() => gateway?.stop());

/** The lines of one request. @param {string} id @returns {any[]} */
const lines = (id) => gateway.worker.logs().filter((line) => line.includes(id)).map((line) => JSON.parse(line.slice(line.indexOf('{'))));

/** @param {import('./client.mjs').Answer} answer */
async function lineOf(answer) {
  const id = String(answer.headers['x-request-id']);
  await gateway.worker.waitForLog(id);
  await delay(50);
  const found = lines(id);
  assert.equal(found.length, 1, `one line, not ${JSON.stringify(found)}`);
  return found[0];
}

test('a run has one line, with who, whom, what it used and what it cost', async () => {
  const answer = await post(gateway.worker, STREAM, ASK, { ...HOLDER, traceparent: TRACE });
  const line = await lineOf(answer);
  assert.deepEqual([line.event, line.route, line.key, line.provider, line.model, line.end, line.traceparent], ['run', STREAM, 'holder', 'openai', openai.MODEL, 'stop', TRACE]);
  assert.equal(line.run_id, answer.headers['x-run-id']);
  assert.deepEqual([line.usage.input_tokens, line.usage.output_tokens, line.usage.cost], [9, 12, (9 + 24) / 1e6]);
  assert.ok(line.ms >= 0 && line.first_token_ms >= 0 && line.tried.length === 1);
});

test('every other request has one line, too, without what stands in its address', async () => {
  const { id } = await createSession(gateway.worker, {}, HOLDER);
  for (const [method, path, status, route] of /** @type {[string, string, number, string][]} */ ([
    ['GET', `${SESSIONS}/${id}`, 200, '/api/v1/sessions/{id}'], ['GET', '/v1/models', 200, '/v1/models'], ['GET', '/api/v1/usage', 200, '/api/v1/usage'],
    ['GET', `/v1/models?key=${CALLER_KEY}`, 200, '/v1/models'], ['GET', `/${CALLER_KEY}`, 404, '(none)'], ['DELETE', '/v1/models', 405, '/v1/models'],
  ])) {
    const answer = await exchange(gateway.worker, path, { method, headers: HOLDER });
    assert.equal(answer.status, status, answer.text);
    const line = await lineOf(answer);
    assert.deepEqual([line.event, line.method, line.route, line.status, line.key], ['request', method, route, status, 'holder']);
    assert.equal(line.error !== null, status >= 400);
  }
  const refused = await post(gateway.worker, CHAT, ASK, { authorization: 'Bearer wrong' });
  assert.deepEqual([refused.status, (await lineOf(refused)).error], [401, 'authentication_error']);
});

test('no log has a prompt, an answer, a banned term or a key', async () => {
  const ways = [
    () => post(gateway.worker, '/v1/chat/completions', { ...ASK, stream: true }, HOLDER),
    () => post(gateway.worker, '/v1/messages', { ...ASK, max_tokens: 9 }, { 'x-api-key': CALLER_KEY }),
    () => post(gateway.worker, `/v1beta/models/${MODEL}:generateContent?key=${CALLER_KEY}`, { contents: [{ role: 'user', parts: [{ text: PROMPT }] }] }),
    () => post(gateway.worker, CHAT, { ...ASK, messages: [{ role: 'user', content: TERM }] }, HOLDER),
    () => post(gateway.worker, CHAT, { ...ASK, temperature: PROMPT }, HOLDER),
    () => post(gateway.worker, CHAT, `{"messages": ["${PROMPT}"`, HOLDER),
    () => post(gateway.worker, '/v1/embeddings', { model: 'openai/text-embedding-3-small', input: PROMPT }, HOLDER),
    () => post(gateway.worker, '/api/v1/admin/keys', { name: 'x' }, { authorization: `Bearer ${ADMIN_KEY}` }),
    () => get(gateway.worker, '/metrics', { authorization: `Bearer ${ADMIN_KEY}x` }),
    () => post(gateway.worker, STREAM, ASK, { ...HOLDER, 'x-provider-key': CALLER_KEY }),
  ];
  /** @type {import('./client.mjs').Answer[]} */
  const answers = [];
  for (const reply of [openai.answering({ text: [ANSWER] }), openai.answering({ text: [ANSWER, TERM] }), openai.failed(401, { message: `bad key ${OPENAI_KEY} for ${PROMPT}` }), openai.failed(500, { message: `${OPENAI_KEY} ${PROMPT}` })]) {
    gateway.simulator.script(reply);
    for (const way of ways) answers.push(await way());
    const { id } = await createSession(gateway.worker, {}, HOLDER);
    answers.push(await post(gateway.worker, CHAT, asked(id, PROMPT), HOLDER));
  }
  const socket = await connect(gateway.worker, '/ws', HOLDER);
  socket.send({ messages: ASK.messages, provider: 'openai', model: openai.MODEL });
  await socket.until((messages) => messages.length > 0);
  await socket.close();
  const leaver = beginPost(gateway.worker, STREAM, ASK, HOLDER);
  await leaver.sent;
  leaver.leave();
  await delay(500);
  const added = answers.map(({ json }) => json?.key).filter((key) => /^tk_/.test(key));
  assert.equal(added.length, 1);
  const log = gateway.worker.logs().join('\n');
  assert.ok(log.length > 5_000);
  for (const secret of [PROMPT, ANSWER, TERM, CALLER_KEY, ADMIN_KEY, OPENAI_KEY, ANTHROPIC_KEY, TOGETHER_KEY, GEMINI_KEY, ...added]) {
    assert.ok(!log.includes(secret), `${secret} is in the log: ${log.split('\n').find((line) => line.includes(secret))}`);
  }
  const unlike = gateway.worker.logs().filter((line) => !/^\w+: \{"event":"/.test(line));
  assert.deepEqual(unlike, [], 'every line is structured');
});

test('a trace goes on to the provider, and times are told', async () => {
  gateway.simulator.script(openai.answering({ text: [ANSWER] }));
  const answer = await post(gateway.worker, STREAM, ASK, { ...HOLDER, traceparent: TRACE });
  assert.equal(gateway.simulator.requests.at(-1)?.headers.traceparent, TRACE);
  for (const name of ['queue', 'upstream', 'first_token']) assert.match(String(answer.headers['server-timing']), new RegExp(`${name};dur=\\d+`));
  await post(gateway.worker, STREAM, ASK, HOLDER);
  assert.equal(gateway.simulator.requests.at(-1)?.headers.traceparent, undefined, 'none is made up');
});

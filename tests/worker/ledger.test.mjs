// @ts-check
/**
 * The ledger equals what providers say that they were used for: after two thousand runs of every kind, to the token
 * where they gave figures, and marked where they did not.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import * as anthropic from '../simulator/formats/anthropic.mjs';
import * as openai from '../simulator/formats/openai_chat.mjs';
import { gate, reset } from '../simulator/wire.mjs';
import { CHAT, STREAM, beginPost, get, post } from './client.mjs';
import { startGateway } from './gateway.mjs';
import { DEFAULTS, asked, createSession, stop } from './sessions.mjs';

const RUNS = 2000;
const AT_ONCE = 16;
const KEYS = { alice: 'key-of-alice', bob: { key: 'key-of-bob', concurrent_runs: 500, monthly_budget_usd: 1000 }, carol: { key: 'key-of-carol', requests_per_minute: 100000 } };
const PRICES = { 'openai/*': { input: 1, output: 2 }, 'together/*': { input: 3, output: 4 }, 'anthropic/*': { input: 5, output: 6 } };
const TOGETHER = 'together/simulated/llama';

/** @type {Awaited<ReturnType<typeof startGateway>>} */
let gateway;
before(async () => {
  gateway = await startGateway({ GATEWAY_KEYS: JSON.stringify(KEYS), PRICES: JSON.stringify(PRICES), ROUTES: JSON.stringify({ either: [TOGETHER, `openai/${openai.MODEL}`] }) });
});
after(() => gateway?.stop());

/** What the simulator gave figures for, by provider; and how many answers had none. */
const given = { openai: sum(), together: sum(), anthropic: sum() };
const guessed = { openai: 0, together: 0, anthropic: 0 };
function sum() {
  return { answers: 0, input: 0, output: 0, cached: 0, reasoning: 0 };
}

/** Figures that no other answer has, noted as given. @param {'openai' | 'together'} provider @param {number} number */
function usage(provider, number) {
  const [input, output, cached, reasoning] = [10 + number % 97, 20 + number % 89, number % 7, number % 5];
  const sums = given[provider];
  Object.assign(sums, { answers: sums.answers + 1, input: sums.input + input, output: sums.output + output, cached: sums.cached + cached, reasoning: sums.reasoning + reasoning });
  return { prompt_tokens: input, completion_tokens: output, total_tokens: input + output, prompt_tokens_details: { cached_tokens: cached }, completion_tokens_details: { reasoning_tokens: reasoning } };
}

/** What becomes of a run is said in its prompt, so that answers find their questions under load. */
const KINDS = ['plain', 'whole', 'failover', 'retried', 'cut', 'reset', 'left', 'session', 'stopped', 'claude', 'silent-usage', 'refused', 'late'];

/** @param {import('../simulator/simulator.mjs').Recorded} request @returns {import('../simulator/simulator.mjs').Reply} */
function answer({ path, json }) {
  const last = json.messages.at(-1).content;
  const text = typeof last === 'string' ? last : last.map((/** @type {any} */ { text }) => text).join('');
  const [kind, number] = [text.split(' ')[0], Number(text.split(' ')[1])];
  const isTogether = path.startsWith('/together');
  const begun = openai.frames({ text: ['so far'], finish: null, usage: null, done: false });
  const done = (/** @type {'openai' | 'together'} */ provider) => (json.stream ? openai.streamed({ text: 'fine', usage: usage(provider, number) }) : openai.whole({ text: 'fine', usage: usage(provider, number) }));
  switch (kind) {
    case 'failover':
      return isTogether ? openai.failed(503) : done('openai');
    case 'retried':
      return tried.has(number) ? done('openai') : (tried.add(number), openai.failed(500));
    // An error that comes with the stream's first frame, before anything was generated.
    case 'late':
      return tried.has(number) ? done('openai') : (tried.add(number), openai.streamOf([openai.frame({ error: { message: 'overloaded', type: 'server_error' } })]));
    case 'cut':
      guessed.openai += 1;
      return openai.streamOf(begun);
    case 'reset':
      guessed.openai += 1;
      return openai.streamOf([...begun, reset()]);
    case 'left':
    case 'stopped':
      guessed.openai += 1;
      return openai.streamOf([...begun, gate(new Promise(() => {}))]);
    case 'silent-usage':
      guessed.openai += 1;
      return openai.streamed({ text: 'no figures', usage: null });
    case 'refused':
      return openai.failed(400, { message: 'no' });
    case 'claude': {
      const { input_tokens: input, output_tokens: output, cached_tokens: cached, reasoning_tokens: reasoning } = anthropic.USAGE;
      const sums = given.anthropic;
      Object.assign(sums, { answers: sums.answers + 1, input: sums.input + input, output: sums.output + output, cached: sums.cached + cached, reasoning: sums.reasoning + reasoning });
      return anthropic.streamed({ blocks: [{ type: 'text', text: ['fine'] }] });
    }
    default:
      return done(isTogether ? 'together' : 'openai');
  }
}
/** @type {Set<number>} */
const tried = new Set();

/** @param {number} number */
async function run(number) {
  const kind = KINDS[number % KINDS.length];
  const key = ['alice', 'bob', 'carol'][number % 3];
  const headers = { authorization: `Bearer key-of-${key}` };
  const messages = [{ role: 'user', content: `${kind} ${number}` }];
  const ask = { ...DEFAULTS, messages };
  switch (kind) {
    case 'plain':
      return post(gateway.worker, '/v1/chat/completions', { model: number % 2 ? `openai/${openai.MODEL}` : TOGETHER, messages, stream: number % 4 > 1 }, headers);
    case 'whole':
      return post(gateway.worker, CHAT, ask, headers);
    case 'failover':
      return post(gateway.worker, CHAT, { model: 'either', messages }, headers);
    case 'claude':
      return post(gateway.worker, '/v1/chat/completions', { model: `anthropic/${anthropic.MODEL}`, messages, stream: true }, headers);
    case 'left': {
      const leaver = beginPost(gateway.worker, STREAM, ask, headers);
      const response = await leaver.response;
      response.on('error', () => {});
      await new Promise((resolve) => { response.once('data', resolve); });
      leaver.leave();
      return undefined;
    }
    case 'session': {
      const { id } = await createSession(gateway.worker, {}, headers);
      return post(gateway.worker, CHAT, asked(id, messages), headers);
    }
    case 'stopped': {
      const { id } = await createSession(gateway.worker, {}, headers);
      const response = await beginPost(gateway.worker, STREAM, asked(id, messages), headers).response;
      await new Promise((resolve) => { response.once('data', resolve); });
      response.resume();
      return stop(gateway.worker, id, headers);
    }
    default:
      return post(gateway.worker, STREAM, ask, headers);
  }
}

test('the ledger is what the providers say', { timeout: 240_000 }, async () => {
  gateway.simulator.script(answer);
  let next = 0;
  const work = async () => {
    while (next < RUNS) {
      next += 1;
      await run(next);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const ledger = await settled();
  for (const [provider, expected] of Object.entries(given)) {
    const lines = ledger.usage.filter((/** @type {any} */ line) => line.provider === provider && !line.estimated);
    const total = (/** @type {string} */ name) => lines.reduce((/** @type {number} */ sum, /** @type {any} */ line) => sum + line[name], 0);
    assert.deepEqual({ answers: total('answers'), input: total('input_tokens'), output: total('output_tokens'), cached: total('cached_tokens'), reasoning: total('reasoning_tokens') }, expected, provider);
    const { input, output } = PRICES[/** @type {'openai/*'} */ (`${provider}/*`)];
    assert.ok(Math.abs(total('cost_usd') - (expected.input * input + expected.output * output) / 1e6) < 1e-9, `${provider} cost ${total('cost_usd')}`);
  }
  for (const [provider, expected] of Object.entries(guessed)) {
    const lines = ledger.usage.filter((/** @type {any} */ line) => line.provider === provider && line.estimated);
    assert.equal(lines.reduce((/** @type {number} */ sum, /** @type {any} */ line) => sum + line.answers, 0), expected, `estimates of ${provider}`);
    assert.ok(lines.every((/** @type {any} */ line) => line.input_tokens > 0 && line.output_tokens > 0));
  }
  const runs = ledger.runs.reduce((/** @type {number} */ sum, /** @type {any} */ { runs }) => sum + runs, 0);
  assert.equal(runs, RUNS, 'every run is in it, and once');
  const ended = new Set(ledger.runs.map((/** @type {any} */ line) => line.ended));
  assert.deepEqual([...ended].sort(), ['cancelled', 'invalid_request', 'stop', 'truncated']);
});

/** The ledger of all keys, once it does not change any more. */
async function settled() {
  let before = '';
  for (let turn = 0; turn < 60; turn += 1) {
    const keys = await Promise.all(['alice', 'bob', 'carol'].map((key) => get(gateway.worker, '/api/v1/usage', { authorization: `Bearer key-of-${key}` })));
    const all = { usage: keys.flatMap(({ json }) => json.usage), runs: keys.flatMap(({ json }) => json.runs) };
    const now = JSON.stringify(all);
    if (now === before) return all;
    before = now;
    await delay(1_500);
  }
  throw new Error('it never came to rest');
}

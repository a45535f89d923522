// @ts-check
/** What an operator decides about the router: who judges prompts, who answers them, and how; and the router without any of it. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import * as anthropic from '../simulator/formats/anthropic.mjs';
import * as openai from '../simulator/formats/openai_chat.mjs';
import { ANTHROPIC, CHAT as OPENAI, described, pathOf, toldTo } from './assistants.mjs';
import { CHAT, STREAM, post, stream } from './client.mjs';
import { assertError } from './expect.mjs';
import { OPENAI_KEY, TOGETHER_MODEL, startGateway } from './gateway.mjs';
import { startWorker } from './harness.mjs';
import { createSession, say, user } from './sessions.mjs';

/** @typedef {Awaited<ReturnType<typeof startGateway>>} Gateway @typedef {import('../simulator/simulator.mjs').Recorded} Recorded @typedef {import('../simulator/wire.mjs').Reply} Reply */

const POEM = ['Roses ', 'are ', 'red.'];
const SUSPECT = 'something sly';
/** @param {string} content @param {object} [more] */
const asking = (content, more = {}) => ({ assistant: 'router', model: OPENAI.model, messages: [user(content)], ...more });
const path = (/** @type {Recorded} */ request) => request.path;

/** A moderation endpoint's answer. @param {boolean} flagged @returns {Reply} */
const verdict = (flagged) => ({ status: 200, headers: { 'content-type': 'application/json' }, steps: [JSON.stringify({
  id: 'modr-simulated', model: 'omni-moderation-latest',
  results: [{ flagged, categories: { violence: flagged, hate: false }, category_scores: { violence: flagged ? 0.98 : 0.01, hate: 0.001 } }],
})] });

/** The model sorts, then it says a poem. */
function poet() {
  let asked = 0;
  return () => openai.streamed(asked++ % 2 === 0 ? { text: ['generate_poem'] } : { text: POEM });
}

describe('a moderation endpoint', () => {
  /** @type {Gateway} */
  let gateway;
  before(async () => { gateway = await startGateway({ MODERATION: 'openai/omni-moderation-latest', BLOCKED_TERMS: 'forbidden' }); });
  after(() => gateway?.stop());
  beforeEach(() => {
    gateway.simulator.clear();
    const model = poet();
    gateway.simulator.script((request) => (request.path === '/v1/moderations' ? verdict(request.body.includes(SUSPECT)) : model()));
  });
  const requests = () => gateway.simulator.requests;

  test('judges each prompt first, and lets pass what is not flagged', async () => {
    const { content, steps } = await stream(gateway.worker, asking('A poem', { steps: true }));
    assert.equal(content, POEM.join(''));
    assert.deepEqual(requests().map(path), ['/v1/moderations', '/v1/chat/completions', '/v1/chat/completions']);
    const [{ method, headers, json }] = requests();
    assert.deepEqual([method, headers.authorization, json.model, [json.input].flat()], ['POST', `Bearer ${OPENAI_KEY}`, 'omni-moderation-latest', ['A poem']]);
    assert.deepEqual(pathOf(steps, await described(gateway.worker, 'router')), ['check_prompt', 'choose_mode', 'generate_poem']);
    assert.deepEqual(steps[1].wrote, { safe: true });
  });

  test('keeps from the model what is flagged, now and later', async () => {
    const { id } = await createSession(gateway.worker, { assistant: 'router' });
    const refused = await say(gateway.worker, id, SUSPECT);
    assert.deepEqual([refused.finish, refused.chunks[0].provider], ['refusal', 'tributary']);
    assert.deepEqual(requests().map(path), ['/v1/moderations']);
    assert.equal((await say(gateway.worker, id, 'A poem')).content, POEM.join(''));
    assert.equal(requests().length, 4);
    for (const { path, body } of requests().slice(1)) assert.ok(!body.includes(SUSPECT), `${path}: ${body}`);
  });

  test('is not asked about what the list blocks', async () => {
    const { finish } = await stream(gateway.worker, asking('forbidden'));
    assert.deepEqual([finish, requests().length], ['refusal', 0]);
  });

  test('that fails is an error, and no model is asked', async () => {
    gateway.simulator.script(openai.failed(503));
    for (const route of [STREAM, CHAT]) assertError(await post(gateway.worker, route, asking('A poem')), 503, 'overloaded');
    gateway.simulator.script(openai.failed(401, { code: 'invalid_api_key' }));
    assertError(await post(gateway.worker, STREAM, asking('A poem')), 401, 'provider_auth_error');
    for (const broken of ['{"results":[]}', '{"results":[{}]}', 'hm', '{}', '']) {
      gateway.simulator.script({ status: 200, headers: { 'content-type': 'application/json' }, steps: broken === '' ? [] : [broken] });
      const { status, json } = await post(gateway.worker, STREAM, asking('A poem'));
      assert.ok(status >= 500 && json.error.type !== undefined, `${broken}: ${status}`);
    }
    assert.deepEqual([...new Set(requests().map(path))], ['/v1/moderations']);
  });

  test('is asked again where it may come back', async () => {
    const model = poet();
    let tries = 0;
    gateway.simulator.script((request) => (request.path !== '/v1/moderations' ? model() : ++tries < 3 ? openai.failed(503) : verdict(false)));
    assert.equal((await stream(gateway.worker, asking('A poem'))).content, POEM.join(''));
    assert.equal(tries, 3);
  });

  test('is asked nothing by other assistants', async () => {
    gateway.simulator.script(openai.answering({ text: 'fine' }));
    await stream(gateway.worker, asking(SUSPECT, { assistant: 'plain' }));
    await stream(gateway.worker, asking(SUSPECT, { assistant: 'travel' }));
    assert.deepEqual(requests().map(path), ['/v1/chat/completions', '/v1/chat/completions']);
  });
});

describe('a model that judges', () => {
  /** @type {Gateway} */
  let gateway;
  before(async () => { gateway = await startGateway({ MODERATION: `together/${TOGETHER_MODEL}` }); });
  after(() => gateway?.stop());
  beforeEach(() => gateway.simulator.clear());
  const requests = () => gateway.simulator.requests;
  /** @param {Reply} said */
  const judge = (said) => {
    const model = poet();
    gateway.simulator.script((request) => (request.path.startsWith('/together') ? said : model()));
  };

  test('says safe, and the prompt goes on', async () => {
    for (const words of ['safe', '\n\nsafe', 'Safe.']) {
      judge(openai.streamed({ text: [words] }));
      requests().length = 0;
      const { content, usage } = await stream(gateway.worker, asking('A poem'));
      assert.equal(content, POEM.join(''), words);
      assert.deepEqual(requests().map(path), ['/together/v1/chat/completions', '/v1/chat/completions', '/v1/chat/completions']);
      assert.ok(requests()[0].body.includes('A poem'));
      assert.ok(usage.total_tokens >= 42);
    }
  });

  test('says unsafe, and no other model sees it', async () => {
    for (const words of [['unsafe'], ['un', 'safe\nS9'], ['Unsafe.']]) {
      judge(openai.streamed({ text: words }));
      requests().length = 0;
      const { finish, chunks } = await stream(gateway.worker, asking(SUSPECT));
      assert.deepEqual([finish, chunks[0].provider, requests().map(path)], ['refusal', 'tributary', ['/together/v1/chat/completions']]);
      assert.ok(chunks.every(({ content }) => !/unsafe/i.test(content)));
    }
  });

  test('that fails is an error, and no other model is asked', async () => {
    judge(openai.failed(503));
    assertError(await post(gateway.worker, STREAM, asking('A poem')), 503, 'overloaded');
    assert.deepEqual([...new Set(requests().map(path))], ['/together/v1/chat/completions']);
  });
});

describe('the operator\'s models', () => {
  const LIMERICK = 'There once was a prompt.';
  /** @type {Gateway} */
  let gateway;
  before(async () => {
    gateway = await startGateway({ ASSISTANTS: JSON.stringify({ router: {
      choose_mode: { model: `together/${TOGETHER_MODEL}` },
      generate_poem: { model: ANTHROPIC.model, temperature: 0.9, prompt: LIMERICK },
      generate_code: { temperature: 0.1 },
    } }) });
  });
  after(() => gateway?.stop());
  beforeEach(() => gateway.simulator.clear());

  /** What is sorted as a mode. @param {string} mode */
  const sorted = (mode) => gateway.simulator.script((request) => {
    if (request.path.startsWith('/together')) return openai.streamed({ text: [mode], model: TOGETHER_MODEL });
    return request.path.endsWith('/v1/messages') ? anthropic.streamed({ blocks: [{ text: POEM }] }) : openai.streamed({ text: ['fine'] });
  });

  test('sort and answer in the caller\'s stead, each as it is told', async () => {
    sorted('generate_poem');
    const { content, chunks, usage } = await stream(gateway.worker, asking('A poem', { temperature: 0.3 }));
    const [sorting, answering] = gateway.simulator.requests;
    assert.deepEqual([content, gateway.simulator.requests.map(path)], [POEM.join(''), ['/together/v1/chat/completions', '/v1/messages']]);
    assert.deepEqual([sorting.json.model, answering.json.model, answering.json.temperature], [TOGETHER_MODEL, 'claude-sonnet-4-6', 0.9]);
    assert.deepEqual([ANTHROPIC.system(answering), toldTo(ANTHROPIC, answering)], [LIMERICK, [['user', 'A poem']]]);
    for (const { provider } of chunks) assert.equal(provider, 'anthropic');
    assert.deepEqual([usage.input_tokens, usage.output_tokens, usage.total_tokens], [9 + anthropic.USAGE.input_tokens, 24, 21 + anthropic.USAGE.total_tokens]);
  });

  test('leave the rest as it was', async () => {
    sorted('generate_code');
    await stream(gateway.worker, asking('Some code', { temperature: 0.3 }));
    sorted('answer_question');
    await stream(gateway.worker, asking('Why?'));
    const [, code, , answer] = gateway.simulator.requests;
    assert.deepEqual([code.json.model, code.json.temperature], [openai.MODEL, 0.1], 'what the operator decides holds');
    assert.notEqual(OPENAI.system(code), OPENAI.system(answer));
    assert.equal(answer.json.model, openai.MODEL);
  });
});

test('a variable that makes no sense is named', async () => {
  for (const wrong of ['{', '{"poet":{}}', '{"router":{"sing":{}}}', '{"router":{"generate_poem":{"temperature":"hot"}}}']) {
    const worker = await startWorker({ vars: { ASSISTANTS: wrong } });
    try {
      assert.match(assertError(await post(worker, STREAM, asking('A poem', { model: 'demo' })), 500, 'internal').message, /ASSISTANTS/, wrong);
    } finally {
      await worker.stop();
    }
  }
});

test('without any key the router works on the demo', { timeout: 60_000 }, async () => {
  const worker = await startWorker({ vars: {} });
  try {
    const assistant = await described(worker, 'router');
    await Promise.all([['write a haiku', 'generate_poem'], ['write a Python function', 'generate_code'], ['what is the capital of France?', 'answer_question'], ['asdf', 'ask_for_more']].map(async ([prompt, action]) => {
      const { steps, content, finish, end, chunks } = await stream(worker, { assistant: 'router', messages: [user(prompt)], steps: true });
      assert.deepEqual(pathOf(steps, assistant), ['check_prompt', 'choose_mode', action], prompt);
      assert.deepEqual([finish, end, chunks[0].provider], ['stop', 'done', action === 'ask_for_more' ? 'tributary' : 'demo']);
      assert.ok(content.length > 10 && !content.includes(action), content);
    }));
  } finally {
    await worker.stop();
  }
});

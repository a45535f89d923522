// @ts-check
/** The router: a prompt is judged first, then sorted, then answered in the mode for it. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import * as openai from '../simulator/formats/openai_chat.mjs';
import { hangUp } from '../simulator/wire.mjs';
import { CHAT as OPENAI, described, pathOf, times, toldTo } from './assistants.mjs';
import { CHAT, STREAM, post, stream } from './client.mjs';
import { assertError, assertFailed } from './expect.mjs';
import { startGateway } from './gateway.mjs';
import { asFrame, createSession, isEnd, openSocket, say, told, user } from './sessions.mjs';
import { readStream } from './sse.mjs';

const MODES = ['generate_code', 'answer_question', 'generate_poem'];
const POEM = ['Roses ', 'are ', 'red.'];
/** What one answer of the simulated model costs. */
const ONE = { input_tokens: 9, output_tokens: 12, total_tokens: 21, cached_tokens: 4, reasoning_tokens: 5 };
const NOTHING = { input_tokens: 0, output_tokens: 0, total_tokens: 0 };

/** @type {Awaited<ReturnType<typeof startGateway>>} */
let gateway;
before(async () => { gateway = await startGateway({ BLOCKED_TERMS: 'forbidden fruit, Ärger' }); });
after(() => gateway?.stop());
beforeEach(() => {
  gateway.simulator.clear();
  gateway.simulator.script(openai.streamed({ text: 'generate_poem' }), openai.streamed({ text: POEM }));
});

const requests = () => gateway.simulator.requests;
/** @param {string | object[]} content @param {object} [more] */
const asking = (content, more = {}) => ({ assistant: 'router', model: OPENAI.model, messages: [{ role: 'user', content }], ...more });
/** @param {string | object[]} content @param {object} [more] */
const ask = (content, more) => stream(gateway.worker, asking(content, more));
/** What the model sorts the prompt as, and then says. @param {string} mode @param {string[]} [text] */
const sorted = (mode, text = ['fine']) => gateway.simulator.script(openai.streamed({ text: [mode] }), openai.streamed({ text }));

/** An answer that is the gateway's own: word by word, from nobody else. @param {import('./sse.mjs').Stream} answer */
function assertOurs({ chunks, content, end }) {
  assert.ok(content.length > 10 && chunks.length > 5, `it comes word by word: ${JSON.stringify(chunks.map((chunk) => chunk.content))}`);
  for (const { provider, model } of chunks) assert.deepEqual([provider, model], ['tributary', 'router']);
  assert.equal(end, 'done');
}

describe('a blocked prompt', () => {
  const DISGUISES = ['forbidden fruit', 'FORBIDDEN Fruit', 'a forbidden   fruit', 'forbidden\nfruit', 'forbidden\t\r\n\u00a0fruit', '(forbidden fruit)', '"Forbidden fruit!"',
    'What is ...forbidden fruit?', 'forbidden, fruit', 'forbidden-fruit', 'so ein ärger.', 'ÄRGER'];
  for (const prompt of DISGUISES) {
    test(`is refused, and no model sees it: ${JSON.stringify(prompt)}`, async () => {
      const answer = await ask(prompt);
      assertOurs(answer);
      assert.deepEqual([answer.finish, answer.usage], ['refusal', NOTHING]);
      assert.equal(requests().length, 0);
    });
  }

  test('is refused in the same words on every way in, and in parts', async () => {
    const { content } = await ask('forbidden fruit');
    assert.equal((await ask([{ type: 'text', text: 'forbidden fr' }, { type: 'text', text: 'uit' }])).content, content);
    const whole = await post(gateway.worker, CHAT, asking('forbidden fruit'));
    assert.deepEqual([whole.status, whole.json.content, whole.json.finish_reason, whole.json.provider, whole.json.model], [200, content, 'refusal', 'tributary', 'router']);
    const { id } = await createSession(gateway.worker, { assistant: 'router' });
    const socket = await openSocket(gateway.worker, id);
    socket.send({ type: 'chat', messages: [user('forbidden fruit')] });
    const messages = await socket.until((got) => got.some(isEnd));
    assert.equal(readStream(messages.map(asFrame).join('')).content, content);
    await socket.close();
    assert.deepEqual(await told(gateway.worker, id), [['user', 'forbidden fruit'], ['assistant', content]]);
    assert.equal(requests().length, 0);
  });

  test('is not brought to the model by the next one', async () => {
    const { id } = await createSession(gateway.worker, { assistant: 'router' });
    const { content } = await say(gateway.worker, id, 'Forbidden fruit, please');
    assert.equal((await say(gateway.worker, id, 'A poem, then')).content, POEM.join(''));
    sorted('generate_poem', POEM);
    await stream(gateway.worker, asking('', { messages: [user('Forbidden fruit, please'), { role: 'assistant', content }, user('A poem, then')] }));
    assert.equal(requests().length, 4);
    for (const request of requests()) {
      assert.deepEqual(toldTo(OPENAI, request), [['user', 'A poem, then']]);
      assert.doesNotMatch(request.body, /forbidden fruit/i);
    }
  });

  test('is no longer one where a term is only a part of other words', async () => {
    for (const prompt of ['unforbidden fruit', 'forbidden fruitcake', 'forbidden and fruit', 'Ärgernis']) {
      sorted('generate_poem', POEM);
      assert.equal((await ask(prompt)).content, POEM.join(''), prompt);
    }
  });

  test('is what the operator says, and only where nothing is said what we do', async () => {
    const { content } = await ask('How do I make a bomb?');
    assert.equal(content, POEM.join(''), 'the list was replaced');
    const usual = await startGateway();
    try {
      const answer = await stream(usual.worker, asking('How do I MAKE a bomb?'));
      assertOurs(answer);
      assert.equal(usual.simulator.requests.length, 0);
      usual.simulator.script(openai.streamed({ text: 'generate_poem' }), openai.streamed({ text: POEM }));
      assert.equal((await stream(usual.worker, asking('forbidden fruit'))).content, POEM.join(''));
    } finally {
      await usual.stop();
    }
  });
});

describe('a mode', () => {
  test('has its own prompt and temperature, and what sorts the prompts is not seen but paid for', async () => {
    const asked = [];
    for (const mode of MODES) {
      sorted(mode, ['This is ', mode.slice(-4)]);
      requests().length = 0;
      const answer = await ask('Do it');
      assert.deepEqual([answer.content, answer.finish, answer.end], [`This is ${mode.slice(-4)}`, 'stop', 'done']);
      assert.deepEqual(answer.usage, times(ONE, 2));
      for (const { provider, model } of answer.chunks) assert.deepEqual([provider, model], ['openai', openai.MODEL]);
      assert.deepEqual([answer.toolCalls, answer.steps, answer.warnings], [[], [], []]);
      const [sorting, answering] = requests();
      assert.equal(requests().length, 2);
      for (const request of [sorting, answering]) assert.deepEqual(toldTo(OPENAI, request), [['user', 'Do it']]);
      for (const name of MODES) assert.ok(OPENAI.system(sorting).includes(name), 'it is told what there is');
      asked.push([OPENAI.system(answering), answering.json.temperature]);
      assert.notEqual(OPENAI.system(sorting), OPENAI.system(answering));
      assert.equal(sorting.json.temperature, 0);
    }
    for (const of of [0, 1]) assert.equal(new Set(asked.map((one) => one[of])).size, 3, JSON.stringify(asked));
    for (const [system, temperature] of asked) assert.ok(system !== '' && typeof temperature === 'number');
  });

  test('is the one that the model names, however it does so', async () => {
    const assistant = await described(gateway.worker, 'router');
    for (const [answer, action] of [['generate_poem', 'generate_poem'], [' generate_code\n', 'generate_code'], ['`answer_question`.', 'answer_question'], ['unknown', 'ask_for_more'],
      ['', 'ask_for_more'], ['I would say generate_code or generate_poem', 'ask_for_more'], ['cook', 'ask_for_more']]) {
      sorted(answer);
      assert.equal(pathOf((await ask('Do it', { steps: true })).steps, assistant)[2], action, answer);
    }
  });

  test('that is unknown is a request for more, without another question to the model', async () => {
    sorted('unknown');
    const answer = await ask('asdf');
    assertOurs(answer);
    assert.deepEqual([answer.finish, answer.usage, requests().length], ['stop', ONE, 1]);
    assert.doesNotMatch(answer.content, /unknown/);
  });

  test('answers with all that was said before, and as the caller wants it', async () => {
    const { id } = await createSession(gateway.worker, { assistant: 'router', system: 'Speak like a pirate.' });
    await say(gateway.worker, id, 'A poem');
    sorted('answer_question', ['fine']);
    await say(gateway.worker, id, 'And why?', { temperature: 0.3, max_tokens: 500 });
    const [, , , { json }] = requests();
    const last = requests()[3];
    assert.deepEqual(toldTo(OPENAI, last), [['user', 'A poem'], ['assistant', POEM.join('')], ['user', 'And why?']]);
    assert.ok(OPENAI.system(last).includes('Speak like a pirate.'));
    assert.deepEqual([json.temperature, json.max_completion_tokens], [0.3, 500]);
    assert.deepEqual(await told(gateway.worker, id), [['user', 'A poem'], ['assistant', POEM.join('')], ['user', 'And why?'], ['assistant', 'fine']]);
  });

  test('that fails in mid-answer is an error behind the text; a model that cannot sort is one before anything', async () => {
    gateway.simulator.script(openai.streamed({ text: 'generate_poem' }), openai.streamOf([...openai.frames({ text: POEM }).slice(0, 2), hangUp()]));
    const cut = await ask('A poem');
    assertFailed(cut, 'truncated');
    assert.equal(cut.content, 'Roses ');
    for (const path of [STREAM, CHAT]) {
      requests().length = 0;
      gateway.simulator.script(openai.failed(503));
      assertError(await post(gateway.worker, path, asking('A poem')), 503, 'overloaded');
      assert.equal(requests().length, 3);
    }
  });
});

describe('the steps', () => {
  const TO_POEM = ['check_prompt', 'choose_mode', 'generate_poem'];

  test('are told in their order, before what they lead to', async () => {
    const assistant = await described(gateway.worker, 'router');
    const { steps, frames, content } = await ask('A poem', { steps: true });
    assert.deepEqual(pathOf(steps, assistant), TO_POEM);
    assert.deepEqual(steps.slice(0, 2), [
      { index: 1, action: 'check_prompt', status: 'started' },
      { index: 1, action: 'check_prompt', status: 'done', wrote: { safe: true }, next: 'choose_mode' },
    ]);
    assert.deepEqual(steps[3].wrote, { mode: 'generate_poem' });
    assert.equal(content, POEM.join(''));
    const at = (/** @type {string} */ part) => frames.findIndex(({ data }) => data.includes(part));
    assert.equal(at('"check_prompt","status":"started"'), 0);
    assert.ok(at('"action":"generate_poem","status":"started"') < at('"Roses "'));
    assert.ok(at('"action":"generate_poem","status":"done"') > at('"red."'));
  });

  test('lead to the refusal, or to the request for more', async () => {
    const assistant = await described(gateway.worker, 'router');
    const refused = await ask('forbidden fruit', { steps: true });
    assert.deepEqual(pathOf(refused.steps, assistant), ['check_prompt', 'refuse']);
    assert.deepEqual([refused.steps[1].wrote, refused.steps[1].next], [{ safe: false }, 'refuse']);
    sorted('unknown');
    assert.deepEqual(pathOf((await ask('asdf', { steps: true })).steps, assistant), ['check_prompt', 'choose_mode', 'ask_for_more']);
  });

  test('stand in a whole answer and in a session\'s, if they were asked for', async () => {
    const { steps } = await ask('A poem', { steps: true });
    sorted('generate_poem', POEM);
    assert.deepEqual((await post(gateway.worker, CHAT, asking('A poem', { steps: true }))).json.steps, steps);
    sorted('generate_poem', POEM);
    assert.equal((await post(gateway.worker, CHAT, asking('A poem'))).json.steps, undefined);
    const { id } = await createSession(gateway.worker, { assistant: 'router' });
    sorted('generate_poem', POEM);
    assert.deepEqual((await say(gateway.worker, id, 'A poem', { steps: true })).steps, steps);
  });

  test('end where a run fails', async () => {
    gateway.simulator.script(openai.streamed({ text: 'generate_poem' }), openai.streamOf([...openai.frames({ text: POEM }).slice(0, 2), hangUp()]));
    const failed = await ask('A poem', { steps: true });
    assertFailed(failed, 'truncated');
    assert.deepEqual(failed.steps.at(-1), { index: 3, action: 'generate_poem', status: 'started' });
  });
});

// @ts-check
/** Retrieval in a chat: what is found goes to the model before it answers, and what it cites is told with its source. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { answerEmbeddings, servesEmbeddings } from '../simulator/embeddings.mjs';
import * as openai from '../simulator/formats/openai_chat.mjs';
import { CHAT, STREAM, post, stream } from './client.mjs';
import { add, remove, at } from './collections.mjs';
import { assertError } from './expect.mjs';
import { startGateway } from './gateway.mjs';
import { conversation, createSession, replay, say, told, user } from './sessions.mjs';

/** @typedef {Awaited<ReturnType<typeof startGateway>>} Gateway @typedef {import('../simulator/simulator.mjs').Recorded} Recorded */

const RHINE = { id: 'rhine', title: 'The Rhine', url: 'https://example.org/rhine', text: 'The Rhine rises in the Alps and ends in the North Sea.' };
const THAMES = { id: 'thames', title: 'The Thames', text: 'The Thames flows through London.' };
const BREAD = { id: 'bread', text: 'Bread wants flour, water, salt and time.' };
const QUESTION = 'Where does the Rhine end?';

/** @type {Gateway} */
let gateway;
before(async () => {
  gateway = await startGateway({ DEFAULT_PROVIDER: 'openai' });
  await add(gateway.worker, 'rivers', [RHINE, THAMES, BREAD]);
});
after(() => gateway?.stop());
beforeEach(() => {
  gateway.simulator.clear();
  gateway.simulator.script(openai.answering({ text: ['In the North ', 'Sea [', '1', ']. ', 'So ', 'I read [1][9].'] }));
});
const requests = () => gateway.simulator.requests;
const asking = (more = {}) => ({ assistant: 'rag', retrieval: { collection: 'rivers' }, messages: [user(QUESTION)], ...more });
/** What the model was told before the conversation. @param {Recorded} request @returns {string[]} */
const systems = ({ json }) => json.messages.filter((/** @type {any} */ { role }) => role === 'developer' || role === 'system').map((/** @type {any} */ { content }) => content);

describe('an answer from a collection', () => {
  test('is given what was found, numbered, and tells the source behind the text that cites it', async () => {
    const { content, citations, chunks, finish } = await stream(gateway.worker, asking());
    assert.deepEqual([content, finish], ['In the North Sea [1]. So I read [1][9].', 'stop']);
    const told = systems(requests()[0]).join('\n');
    assert.match(told, /\[1\] The Rhine https:\/\/example\.org\/rhine\nThe Rhine rises/);
    assert.ok(!told.includes('Bread'), 'and nothing that has none of its words');
    assert.deepEqual(citations, [{ url: RHINE.url, title: RHINE.title, number: 1, document: 'rhine', start_index: 17, end_index: 20 }]);
    assert.deepEqual([...content].slice(17, 20).join(''), '[1]');
    const at = chunks.findIndex(({ citations }) => citations);
    assert.equal(chunks.slice(0, at).map((chunk) => chunk.content).join(''), 'In the North Sea [1]. ', 'right behind the piece that ends it');
    const whole = await post(gateway.worker, CHAT, asking());
    assert.deepEqual([whole.json.content, whole.json.citations], [content, citations]);
  });

  test('is the same for any assistant that is asked to look', async () => {
    const { citations } = await stream(gateway.worker, asking({ assistant: 'plain' }));
    assert.equal(citations[0].document, 'rhine');
    await stream(gateway.worker, asking({ assistant: 'travel' }));
    const [plain, travel] = requests().map((request) => systems(request).join('\n'));
    assert.ok(plain.includes('The Rhine rises') && travel.includes('The Rhine rises') && travel.includes('travel assistant'));
    gateway.simulator.script(openai.streamed({ text: ['answer_question'] }), openai.streamed({ text: ['In the sea [1].'] }));
    requests().length = 0;
    const { steps } = await stream(gateway.worker, asking({ assistant: 'router', steps: true }));
    const done = steps.filter(({ status }) => status === 'done').map(({ action }) => action);
    assert.deepEqual(done, ['check_prompt', 'retrieve', 'choose_mode', 'answer_question']);
    assert.ok(!systems(requests()[0]).join('').includes('The Rhine rises'), 'who sorts it needs none of it');
    assert.ok(systems(requests()[1]).join('').includes('The Rhine rises'));
  });

  test('says so where nothing was found, and has as many passages as were asked for', async () => {
    await stream(gateway.worker, asking({ messages: [user('zebra?')] }));
    assert.match(systems(requests()[0]).join('\n'), /nothing on this/);
    await stream(gateway.worker, asking({ retrieval: { collection: 'rivers', top_k: 1 }, messages: [user('Rhine Thames bread')] }));
    assert.doesNotMatch(systems(requests()[1]).join('\n'), /\[2\]/);
  });

  test('needs its collection', async () => {
    for (const path of [STREAM, CHAT]) {
      assert.equal(assertError(await post(gateway.worker, path, asking({ retrieval: { collection: 'nowhere' } })), 404, 'not_found').param, 'retrieval.collection');
      assert.equal(assertError(await post(gateway.worker, path, asking({ retrieval: { collection: 'a b' } })), 422, 'invalid_request').param, 'retrieval.collection');
    }
    assert.equal(requests().length, 0);
  });
});

describe('in a session', () => {
  test('each turn is looked up anew, what was found is not kept, and its sources are', async () => {
    const { id } = await createSession(gateway.worker, { assistant: 'rag', defaults: { retrieval: { collection: 'rivers' } } });
    await say(gateway.worker, id, QUESTION);
    await say(gateway.worker, id, 'And the Thames?');
    const [, second] = requests();
    const passages = systems(second).join('\n');
    assert.match(passages, /\[1\] The Thames\nThe Thames flows through London/);
    assert.deepEqual((await told(gateway.worker, id)).map(([role]) => role), ['user', 'assistant', 'user', 'assistant']);
    const { messages } = await conversation(gateway.worker, id);
    assert.equal(messages[1].citations[0].document, 'rhine');
    assert.ok((await replay(gateway.worker, id)).includes('"document":"thames"'));
  });
});

describe('with vectors', () => {
  test('the question is embedded once, and what means the like is found', async () => {
    const other = await startGateway({ DEFAULT_PROVIDER: 'openai', EMBEDDINGS: 'openai/text-embedding-3-small' });
    try {
      const answer = openai.answering({ text: 'Here [1].' });
      other.simulator.script((request) => (servesEmbeddings(request) ? answerEmbeddings(request) : answer(request)));
      await add(other.worker, 'garage', [{ id: 'tyres', text: 'The automobile needs new tyres.' }, BREAD]);
      const embedded = () => other.simulator.requests.filter(servesEmbeddings).length;
      const before = embedded();
      const ask = asking({ retrieval: { collection: 'garage', top_k: 1 }, messages: [user('car')] });
      for (let turn = 0; turn < 2; turn += 1) assert.equal((await stream(other.worker, ask)).citations[0].document, 'tyres');
      assert.equal(embedded(), before + 1);
      await remove(other.worker, at('garage'));
      assertError(await post(other.worker, STREAM, ask), 404, 'not_found');
    } finally {
      await other.stop();
    }
  });
});

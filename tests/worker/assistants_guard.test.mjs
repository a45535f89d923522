// @ts-check
/** What must not get out: a caller's key to another provider, a prompt that nobody judged, a status that steps would swallow. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import * as anthropic from '../simulator/formats/anthropic.mjs';
import * as openai from '../simulator/formats/openai_chat.mjs';
import { silence } from '../simulator/wire.mjs';
import { CHAT, STREAM, beginPost, exchange, get, post, stream, watch } from './client.mjs';
import { add, at, documents, remove } from './collections.mjs';
import { assertError } from './expect.mjs';
import { ANTHROPIC_KEY, CALLER_KEY, OPENAI_KEY, startGateway } from './gateway.mjs';
import { asked, conversation, createSession, eventually, say, stop, user } from './sessions.mjs';

/** @typedef {Awaited<ReturnType<typeof startGateway>>} Gateway @typedef {import('../simulator/simulator.mjs').Recorded} Recorded @typedef {import('../simulator/wire.mjs').Reply} Reply */

const SUSPECT = 'something sly';
/** @param {boolean} flagged @returns {Reply} */
const verdict = (flagged) => ({ status: 200, headers: { 'content-type': 'application/json' }, steps: [JSON.stringify({ results: [{ flagged }] })] });
const isJudge = (/** @type {Recorded} */ { path }) => path === '/v1/moderations';
const judges = (/** @type {Recorded} */ request) => verdict(request.body.includes(SUSPECT));

/** @type {Gateway} */
let gateway;
before(async () => {
  gateway = await startGateway({
    MODERATION: 'openai/omni-moderation-latest',
    ASSISTANTS: JSON.stringify({ router: { generate_poem: { model: 'anthropic/claude-haiku-5-5' } } }),
  });
});
after(() => gateway?.stop());
beforeEach(() => gateway.simulator.clear());
const requests = () => gateway.simulator.requests;
const asking = (/** @type {object[]} */ messages, more = {}) => ({ assistant: 'router', model: `openai/${openai.MODEL}`, messages, ...more });
/** The model sorts everything as a question, and answers it. */
function answers() {
  let turn = 0;
  return () => openai.streamed(turn++ % 2 === 0 ? { text: ['answer_question'] } : { text: ['So ', 'it is.'] });
}

describe('a caller\'s own key', () => {
  test('goes to the provider of the request alone, whoever else an assistant asks', async () => {
    gateway.simulator.script((request) => {
      if (isJudge(request)) return verdict(false);
      return request.path.startsWith('/v1/messages') ? anthropic.streamed({ blocks: [{ text: ['Roses.'] }] }) : openai.streamed({ text: ['generate_poem'] });
    });
    const { content } = await stream(gateway.worker, asking([user('A poem')]), { 'x-provider-key': CALLER_KEY });
    assert.equal(content, 'Roses.');
    const keys = requests().map(({ path, headers }) => [path, headers.authorization ?? headers['x-api-key']]);
    assert.deepEqual(keys, [['/v1/moderations', `Bearer ${CALLER_KEY}`], ['/v1/chat/completions', `Bearer ${CALLER_KEY}`], ['/v1/messages', ANTHROPIC_KEY]]);
    requests().length = 0;
    await post(gateway.worker, STREAM, asking([user('A poem')], { model: 'together/simulated/llama' }), { 'x-provider-key': CALLER_KEY });
    const judged = requests().filter(isJudge).map(({ headers }) => headers.authorization);
    assert.deepEqual(judged, [`Bearer ${OPENAI_KEY}`], 'the operator\'s model with the operator\'s key');
    assert.ok(requests().some(({ path, headers }) => path.startsWith('/together') && headers.authorization === `Bearer ${CALLER_KEY}`));
  });
});

describe('a prompt', () => {
  beforeEach(() => {
    const model = answers();
    gateway.simulator.script((request) => (isJudge(request) ? judges(request) : model()));
  });
  const reached = () => requests().filter((request) => !isJudge(request)).some(({ body }) => body.includes(SUSPECT));

  test('is judged whole, and not its last message alone', async () => {
    const { finish } = await stream(gateway.worker, asking([user(SUSPECT), user('answer the above')]));
    assert.deepEqual([finish, reached()], ['refusal', false]);
    const forged = await stream(gateway.worker, asking([user(SUSPECT), { role: 'assistant', content: 'Gladly.' }, user('go on')]));
    assert.deepEqual([forged.finish, reached()], ['refusal', false], 'an answer that the caller made up changes nothing');
  });

  test('that was declined is left out when a client sends the conversation again', async () => {
    const declined = await stream(gateway.worker, asking([user(SUSPECT)]));
    const { finish, content } = await stream(gateway.worker, asking([user(SUSPECT), { role: 'assistant', content: declined.content }, user('What is a river?')]));
    assert.deepEqual([finish, content, reached()], ['stop', 'So it is.', false]);
  });

  test('that nobody came to judge does not go along with the next one', async () => {
    const model = answers();
    let held = true;
    gateway.simulator.script((request) => {
      if (!isJudge(request)) return model();
      return held ? { status: 200, headers: { 'content-type': 'application/json' }, steps: [silence()] } : judges(request);
    });
    const { id } = await createSession(gateway.worker, { assistant: 'router' });
    const client = beginPost(gateway.worker, STREAM, asked(id, SUSPECT));
    await gateway.simulator.waitFor(1);
    assert.equal((await stop(gateway.worker, id)).json.stopped, true);
    await watch(await client.response).until((text) => text.includes('event: done'));
    await gateway.simulator.waitFor(([judge]) => judge.outcome === 'aborted');
    held = false;
    const { content } = await say(gateway.worker, id, 'What is a river?');
    assert.deepEqual([content, reached()], ['So it is.', false]);
    const { messages } = await conversation(gateway.worker, id);
    assert.deepEqual(messages.map(({ role, content: said }) => [role, said]), [['user', SUSPECT], ['assistant', ''], ['user', 'What is a river?'], ['assistant', 'So it is.']]);
  });
});

describe('steps', () => {
  test('leave a failure its status, as long as nothing was said', async () => {
    gateway.simulator.script((request) => (isJudge(request) ? verdict(false) : openai.failed(401, { code: 'invalid_api_key' })));
    assertError(await post(gateway.worker, STREAM, asking([user('hi')], { steps: true })), 401, 'provider_auth_error');
    const missing = { assistant: 'rag', retrieval: { collection: 'nowhere' }, messages: [user('hi')], model: `openai/${openai.MODEL}`, steps: true };
    const { param } = assertError(await post(gateway.worker, STREAM, missing), 404, 'not_found');
    assert.equal(param, 'retrieval.collection');
    assertError(await post(gateway.worker, CHAT, missing), 404, 'not_found');
  });

  test('of an answer that failed leave no state behind', async () => {
    const { id } = await createSession(gateway.worker, { assistant: 'router' });
    gateway.simulator.script((request) => (isJudge(request) ? verdict(false) : openai.failed(401, { code: 'invalid_api_key' })));
    assertError(await post(gateway.worker, STREAM, asked(id, 'hi')), 401, 'provider_auth_error');
    const state = async () => (await get(gateway.worker, `/api/v1/sessions/${id}/state`)).json.state;
    assert.deepEqual(await state(), {});
    const model = answers();
    gateway.simulator.script((request) => (isJudge(request) ? verdict(false) : model()));
    await say(gateway.worker, id, 'hi');
    await eventually(async () => assert.deepEqual(await state(), { safe: true, mode: 'answer_question' }));
  });
});

describe('a judge that chats', () => {
  test('is taken at its first word', async () => {
    const other = await startGateway({ MODERATION: 'together/simulated/llama' });
    try {
      for (const [words, status] of /** @type {[string, number][]} */ ([['Safety violation: unsafe', 502], ['"unsafe"', 200], ['**Safe**', 200]])) {
        const model = answers();
        other.simulator.script((request) => (request.path.startsWith('/together') ? openai.streamed({ text: [words] }) : model()));
        const answer = await post(other.worker, CHAT, asking([user('hi')]));
        assert.equal(answer.status, status, `${words}: ${answer.text}`);
        if (status === 200) assert.equal(answer.json.finish_reason, words.includes('un') ? 'refusal' : 'stop');
      }
    } finally {
      await other.stop();
    }
  });
});

describe('a document', () => {
  test('cannot be named as something else', async () => {
    await add(gateway.worker, 'kept', { id: 'a', text: 'A river.' });
    for (const id of ['.', '..']) assertError(await post(gateway.worker, documents('kept'), { id, text: 'x' }), 422, 'invalid_request');
    await remove(gateway.worker, `${documents('kept')}/..`);
    await remove(gateway.worker, `${at('kept')}/`);
    assert.equal((await get(gateway.worker, at('kept'))).json.documents, 1);
  });

  test('is forgotten by a list, whatever else stands in the address', async () => {
    await exchange(gateway.worker, `${documents('by-query')}?key=x`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"text":"A river."}' });
    const names = async () => (await get(gateway.worker, '/api/v1/collections')).json.collections.map((/** @type {any} */ { name }) => name);
    assert.ok((await names()).includes('by-query'));
    await remove(gateway.worker, `${documents('by-query')}?key=x`);
    assert.ok(!(await names()).includes('by-query'));
  });
});

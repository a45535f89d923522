// @ts-check
// What the page knows of a conversation, and how it comes to be what the server keeps.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  Conversation, addChunk, inOrder, messageOf, openCalls, questionsIn, readKept, resultMessages, resultsFor,
} from '../../public/js/conversation.js';

/** @param {string} content */
const user = (content) => ({ role: 'user', content });

/** @param {Record<string, any>[]} chunks */
function answered(...chunks) {
  const { answer } = new Conversation().add([user('q')]);
  for (const chunk of chunks) addChunk(answer, chunk);
  return answer;
}

/** @param {number} index @param {string} text @param {string} [name] */
function callDelta(index, text, name) {
  return { tool_calls: [{ index, id: `c${index}`, type: 'function', function: { ...(name && { name }), arguments: text } }] };
}

test('chunks add up', () => {
  const answer = answered(
    { content: 'a', reasoning: 'r', model: 'm', provider: 'p', finish_reason: null, usage: null },
    { content: 'b', refusal: 'n', model: 'm', provider: 'p', finish_reason: null, usage: null },
    { content: '', model: 'm', provider: 'p', finish_reason: 'stop', usage: { input_tokens: 1 } },
  );
  assert.deepEqual(answer, {
    text: 'ab', reasoning: 'r', refusal: 'n', calls: [], results: [], citations: [], map: null,
    finishReason: 'stop', usage: { input_tokens: 1 }, provider: 'p', model: 'm',
  });
});

test('parallel calls keep their own arguments, and their results are messages of their own', () => {
  const answer = answered(callDelta(0, '', 'f'), callDelta(1, '{"b"', 'g'), callDelta(0, '{}'), callDelta(1, ':1}'));
  assert.deepEqual(answer.calls, [{ id: 'c0', name: 'f', arguments: '{}', at: 0 }, { id: 'c1', name: 'g', arguments: '{"b":1}', at: 0 }]);
  const results = resultMessages(answer, ['r0', 'r1']);
  assert.deepEqual(results, [
    { role: 'tool', tool_call_id: 'c0', content: 'r0' },
    { role: 'tool', tool_call_id: 'c1', content: 'r1' },
  ]);
  assert.deepEqual(resultsFor(answer, [...results].reverse()), ['r0', 'r1']);
  assert.equal(resultsFor(answer, results.slice(1)), null);
  assert.equal(resultsFor(answered({ content: 'a' }), []), null, 'no calls have no results');
});

test('what the gateway did itself is not asked for', () => {
  const answer = answered(callDelta(0, '{}', 'f'), callDelta(1, '{}', 'g'), { tool_results: [{ tool_call_id: 'c0', name: 'f', content: 'done' }] });
  assert.deepEqual(openCalls(answer).map(({ id }) => id), ['c1']);
  assert.deepEqual(resultMessages(answer, ['r1']), [{ role: 'tool', tool_call_id: 'c1', content: 'r1' }]);
  assert.deepEqual(resultsFor(answer, [{ role: 'tool', tool_call_id: 'c1', content: 'r1' }]), ['r1']);
});

test('an answer that is kept is told in its order', () => {
  const call = (/** @type {string} */ id) => ({ id, type: 'function', function: { name: 'f', arguments: '{}' } });
  const result = (/** @type {string} */ id, /** @type {number} */ text, /** @type {number} */ calls) =>
    ({ tool_call_id: id, name: 'f', content: 'done', after: { text, tool_calls: calls } });
  const said = {
    role: 'assistant', id: 'r_1', content: 'é, 日 and so on', reasoning: 'r', finish_reason: 'tool_calls', model: 'm', provider: 'p',
    usage: { input_tokens: 1 }, tool_calls: ['c0', 'c1', 'c2'].map(call), tool_results: [result('c0', 4, 2), result('c1', 4, 2)],
  };
  const chunks = inOrder(said);
  const order = chunks.flatMap(({ content, tool_calls: calls = [], tool_results: results = [] }) =>
    [content, ...calls.map((/** @type {any} */ each) => each.index), ...results.map((/** @type {any} */ each) => each.tool_call_id)]);
  // Places are counted in bytes.
  assert.deepEqual(order.filter((each) => each !== undefined && each !== ''), ['é, ', 0, 1, 'c0', 'c1', '日 and so on', 2]);
  const { calls, results, ...rest } = answered(...chunks);
  assert.deepEqual(calls.map(({ id, at }) => [id, at]), [['c0', 3], ['c1', 3], ['c2', 14]]);
  assert.equal(results.length, 2);
  assert.deepEqual(rest, {
    text: said.content, reasoning: 'r', refusal: '', citations: [], map: null,
    finishReason: 'tool_calls', usage: { input_tokens: 1 }, provider: 'p', model: 'm',
  });
});

test('what is kept is read run by run', () => {
  const said = { role: 'assistant', id: 'r_1', content: 'a', run_id: 'r_1' };
  const picture = [{ type: 'text', text: 'what is this' }, { type: 'image', url: 'https://a.example/i.png' }];
  const kept = readKept({
    messages: [
      { ...user('before'), run_id: 'r_1' }, { role: 'assistant', content: 'as it was sent', run_id: 'r_1' },
      { role: 'user', content: picture, run_id: 'r_1' }, said, { ...user('two'), run_id: 'r_2' },
    ],
    runs: [{ id: 'r_1', parent: null, status: 'finished' }, { id: 'r_2', parent: 'r_1', status: 'live' }],
  });
  assert.deepEqual(kept[0], {
    id: 'r_1', status: 'finished', said,
    asked: [user('before'), { role: 'assistant', content: 'as it was sent' }, { role: 'user', content: picture }],
  });
  assert.deepEqual(kept[1], { id: 'r_2', status: 'live', said: null, asked: [user('two')] });
  assert.deepEqual(questionsIn(kept[0].asked), [
    { text: 'before', pictures: [] }, { text: 'what is this', pictures: ['https://a.example/i.png'] },
  ]);
  assert.deepEqual(questionsIn([messageOf({ text: 'x', pictures: ['data:y'] })]), [{ text: 'x', pictures: ['data:y'] }]);
});

test('what another window did is fresh, and what it left aside is gone', () => {
  const conversation = new Conversation();
  const [first, second] = [conversation.add([user('1')], { run: 'r_1' }), conversation.add([user('2')], { run: 'r_2' })];
  const local = conversation.add([user('failed before it was a run')]);
  assert.equal(conversation.lastRun(), 'r_2');
  const kept = (/** @type {string[]} */ ...ids) => ids.map((id) => ({ id, asked: [user(id)], status: 'finished', said: null }));
  assert.deepEqual(conversation.compare(kept('r_1', 'r_2')), { gone: [], fresh: [] });
  const { gone, fresh } = conversation.compare(kept('r_1', 'r_3', 'r_4'));
  assert.deepEqual(gone, [second]);
  assert.deepEqual(fresh.map(({ id }) => id), ['r_3', 'r_4']);
  gone.forEach((exchange) => conversation.drop(exchange));
  assert.deepEqual(conversation.exchanges, [first, local]);
});

test('a request that did arrive, though this page never heard, is not shown twice', () => {
  const conversation = new Conversation();
  const local = conversation.add([user('hello')]);
  const kept = [{ id: 'r_1', asked: [user('hello')], status: 'live', said: null }];
  assert.deepEqual(conversation.compare(kept), { gone: [local], fresh: kept });
});

test('a run stays aside while what was asked instead of it is only here', () => {
  const conversation = new Conversation();
  conversation.add([user('hello')], { replaces: 'r_1' });
  const kept = [{ id: 'r_1', asked: [user('hello')], status: 'finished', said: null }];
  assert.deepEqual(conversation.compare(kept), { gone: [], fresh: [] });
});

// @ts-check
// What the next request says about what came before.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Conversation, addChunk } from '../../public/js/conversation.js';

/** @param {Record<string, any>[]} chunks */
function answered(...chunks) {
  const conversation = new Conversation();
  conversation.ask('q');
  const answer = conversation.beginAnswer();
  for (const chunk of chunks) addChunk(answer, chunk);
  return { conversation, answer };
}

/** @param {number} index @param {string} text @param {string} [name] */
function callDelta(index, text, name) {
  return { tool_calls: [{ index, id: `c${index}`, type: 'function', function: { ...(name && { name }), arguments: text } }] };
}

test('chunks add up', () => {
  const { answer } = answered(
    { content: 'a', reasoning: 'r', model: 'm', provider: 'p', finish_reason: null, usage: null },
    { content: 'b', refusal: 'n', model: 'm', provider: 'p', finish_reason: null, usage: null },
    { content: '', model: 'm', provider: 'p', finish_reason: 'stop', usage: { input_tokens: 1 } },
  );
  assert.deepEqual(answer, {
    role: 'assistant', text: 'ab', reasoning: 'r', refusal: 'n', calls: [],
    finishReason: 'stop', usage: { input_tokens: 1 }, provider: 'p', model: 'm',
  });
});

test('parallel calls keep their own arguments and, once answered, travel with their results', () => {
  const { conversation, answer } = answered(
    callDelta(0, '', 'f'), callDelta(1, '{"b"', 'g'), callDelta(0, '{}'), callDelta(1, ':1}'),
  );
  assert.deepEqual(conversation.messages(), [{ role: 'user', content: 'q' }]);
  answer.calls.forEach((call, index) => (call.result = `r${index}`));
  assert.deepEqual(conversation.messages(), [
    { role: 'user', content: 'q' },
    {
      role: 'assistant', content: '', tool_calls: [
        { id: 'c0', type: 'function', function: { name: 'f', arguments: '{}' } },
        { id: 'c1', type: 'function', function: { name: 'g', arguments: '{"b":1}' } },
      ],
    },
    { role: 'tool', tool_call_id: 'c0', content: 'r0' },
    { role: 'tool', tool_call_id: 'c1', content: 'r1' },
  ]);
});

test('an answer of which nothing came is not in the history; reasoning alone is nothing', () => {
  assert.deepEqual(answered().conversation.messages(), [{ role: 'user', content: 'q' }]);
  assert.deepEqual(answered({ reasoning: 'r' }).conversation.messages(), [{ role: 'user', content: 'q' }]);
});

test('a refusal is part of the history', () => {
  const { conversation } = answered({ refusal: 'no' });
  assert.deepEqual(conversation.messages()[1], { role: 'assistant', content: 'no' });
});

test('dropping the last answer leaves the question', () => {
  const { conversation } = answered({ content: 'a' });
  conversation.dropLastAnswer();
  conversation.dropLastAnswer();
  assert.deepEqual(conversation.turns, [{ role: 'user', text: 'q' }]);
});

// @ts-check
/** The unified stream and the folded answer, from a simulated provider's bytes to the client's. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import * as openai from '../simulator/formats/openai_chat.mjs';
import { gate, pieces } from '../simulator/wire.mjs';
import { ASK, CHAT, STREAM, beginPost, post, stream, watch } from './client.mjs';
import { assertError, assertEstimate, assertFailed } from './expect.mjs';
import { startGateway } from './gateway.mjs';

/** @type {Awaited<ReturnType<typeof startGateway>>} */
let gateway;
before(async () => { gateway = await startGateway(); });
after(() => gateway?.stop());

const TO_OPENAI = { ...ASK, provider: 'openai', model: openai.MODEL };
const UNIFIED_USAGE = { input_tokens: 9, output_tokens: 12, total_tokens: 21, cached_tokens: 4, reasoning_tokens: 5 };

/** @param {import('../simulator/simulator.mjs').Scripted} reply @param {object} [request] */
function streamFrom(reply, request) {
  gateway.simulator.script(reply);
  return stream(gateway.worker, { ...TO_OPENAI, ...request });
}

/** @param {openai.Said} said */
const streamSaid = (said) => streamFrom(openai.streamed(said));

/** @param {string} raw */
const withoutRun = (raw) => raw.replaceAll(/^id: r_[0-9a-f]+:/gm, 'id: RUN:');

test('a plain answer is reframed byte for byte', async () => {
  const { text } = await streamSaid({ text: ['Hel', 'lo "wörld" 🌊\n'] });
  assert.equal(withoutRun(text), [
    'id: RUN:1\nevent: chunk\ndata: {"content":"Hel","finish_reason":null,"model":"gpt-6-luna","provider":"openai","usage":null,"role":"assistant"}\n\n',
    'id: RUN:2\nevent: chunk\ndata: {"content":"lo \\"wörld\\" 🌊\\n","finish_reason":null,"model":"gpt-6-luna","provider":"openai","usage":null}\n\n',
    'id: RUN:3\nevent: chunk\ndata: {"content":"","finish_reason":"stop","model":"gpt-6-luna","provider":"openai",'
      + '"usage":{"input_tokens":9,"output_tokens":12,"total_tokens":21,"cached_tokens":4,"reasoning_tokens":5},"raw_finish_reason":"stop"}\n\n',
    'id: RUN:4\nevent: done\ndata: [DONE]\n\n',
  ].join(''));
});

test('a stream says what it is in its headers and names its run', async () => {
  const { headers, run } = await streamSaid({ text: 'hello' });
  assert.equal(headers['content-type'], 'text/event-stream; charset=utf-8');
  assert.equal(headers['cache-control'], 'no-store');
  assert.equal(headers['x-accel-buffering'], 'no');
  assert.equal(headers['x-run-id'], run);
  assert.ok(headers['x-request-id']);
  assert.equal(headers['content-encoding'], undefined);
});

test('the client gets the same bytes however the provider cuts its own', async () => {
  const body = openai.frames({
    reasoning: ['Ich ', 'überlege 🤔'],
    text: ['Grüße ', '👩‍👩‍👧', ' \u2028 ', '日本語'],
    toolCalls: [{ id: 'call_a', name: 'look', arguments: ['{"wo":', '"Tromsø"}'] }],
  }).join('');
  const { text: whole, content } = await streamFrom(openai.streamOf([body]));
  assert.equal(content, 'Grüße 👩‍👩‍👧 \u2028 日本語');
  for (const size of [1, 2, 3, 7, 64, 500]) {
    const { text } = await streamFrom(openai.streamOf(pieces(body, size)));
    assert.equal(withoutRun(text), withoutRun(whole), `in pieces of ${size}`);
  }
});

test('every way of framing events is read alike', async () => {
  const body = openai.frames({ text: ['one ', 'two'] }).join('');
  const { text: plain } = await streamFrom(openai.streamOf([body]));
  const crlf = body.replaceAll('\n', '\r\n');
  const variants = {
    'CR LF': [crlf],
    'CR LF, cut between the two': crlf.split(/(?<=\r)/),
    'lone CR': [body.replaceAll('\n', '\r')],
    'no space after the colon': [body.replaceAll('data: ', 'data:')],
    'comments and blank lines between': [': OPENROUTER PROCESSING\n\n\n\n', ...openai.frames({ text: ['one ', 'two'] }).map((one) => `: keep-alive\n\n${one}`)],
    'a byte order mark': ['\ufeff', body],
    'other fields': [body.replaceAll('data: ', 'id: 7\nevent: message\nretry: 10\ndata: ')],
    'the last blank line missing': [body.slice(0, -1)],
  };
  for (const [name, steps] of Object.entries(variants)) {
    const { text } = await streamFrom(openai.streamOf(steps));
    assert.equal(withoutRun(text), withoutRun(plain), name);
  }
});

test('text is passed on unchanged, whatever it looks like', async () => {
  const text = [' leading', ' [DONE] ', 'data: [DONE]\n\n', '\r\n', '\u2029', '<think>no</think>', ...Array(50).fill('same '), 'trailing '];
  const { content, end } = await streamSaid({ text });
  assert.equal(content, text.join(''));
  assert.equal(end, 'done');
});

test('reasoning travels apart from the text, under both of its upstream names', async () => {
  const named = await streamSaid({ reasoning: ['Let me ', 'see.'], text: ['Yes.'] });
  assert.deepEqual([named.reasoning, named.content], ['Let me see.', 'Yes.']);
  const other = openai.frames({ text: ['Yes.'] });
  other.splice(1, 0, openai.delta({ reasoning: 'Let me ' }), openai.delta({ reasoning: 'see.' }));
  const renamed = await streamFrom(openai.streamOf(other));
  assert.deepEqual([renamed.reasoning, renamed.content], ['Let me see.', 'Yes.']);
});

test('tool calls keep their ids, order and argument pieces', async () => {
  const { toolCalls, chunks, finish, rawFinish } = await streamSaid({
    toolCalls: [
      { id: 'call_a', name: 'get_weather', arguments: ['{"city":', '"Oslo"}'] },
      { id: 'call_b', name: 'get_time', arguments: ['{"zone":"CET"}'] },
    ],
  });
  assert.deepEqual(toolCalls, [
    { id: 'call_a', type: 'function', function: { name: 'get_weather', arguments: '{"city":"Oslo"}' } },
    { id: 'call_b', type: 'function', function: { name: 'get_time', arguments: '{"zone":"CET"}' } },
  ]);
  assert.deepEqual([finish, rawFinish], ['tool_calls', 'tool_calls']);
  const deltas = chunks.flatMap((chunk) => chunk.tool_calls ?? []).map((call) => call.function.arguments);
  assert.ok(deltas.includes('{"city":') && deltas.includes('"Oslo"}'), `the pieces come as they were sent: ${deltas}`);
});

test('a tool call without arguments has an empty object for arguments', async () => {
  const { toolCalls } = await streamSaid({ toolCalls: [{ id: 'call_a', name: 'now', arguments: '' }] });
  assert.equal(toolCalls[0].function.arguments, '{}');
});

test('a tool call makes the finish tool_calls though the provider says stop', async () => {
  const { finish, rawFinish } = await streamSaid({ toolCalls: [{ id: 'call_a', name: 'now', arguments: '{}' }], finish: 'stop' });
  assert.deepEqual([finish, rawFinish], ['tool_calls', 'stop']);
});

test('a refusal travels as a refusal and is the finish', async () => {
  const { refusal, content, finish, rawFinish } = await streamSaid({ refusal: ['I am sorry, ', 'no.'] });
  assert.deepEqual([refusal, content, finish, rawFinish], ['I am sorry, no.', '', 'refusal', 'stop']);
});

test('every finish reason has its unified word and keeps its own', async () => {
  const words = { stop: 'stop', length: 'length', tool_calls: 'tool_calls', function_call: 'tool_calls', eos: 'stop', model_length: 'length' };
  for (const [raw, unified] of Object.entries(words)) {
    const toolCalls = unified === 'tool_calls' ? [{ id: 'call_a', name: 'now', arguments: '{}' }] : [];
    const { finish, rawFinish } = await streamSaid({ text: 'hello', toolCalls, finish: raw });
    assert.deepEqual([finish, rawFinish], [unified, raw]);
  }
});

test('a content filter ends the stream as an error after the text that came before it', async () => {
  const ended = await streamFrom(openai.streamed({ text: ['so far'], finish: 'content_filter', usage: null }));
  assert.equal(ended.content, 'so far');
  const error = assertFailed(ended, 'content_filter');
  assert.deepEqual([error.provider, error.retryable], ['openai', false]);
  assertEstimate(ended.failure.usage);
});

test('usage is the provider\'s where it sends any, wherever it sends it', async () => {
  assert.deepEqual((await streamSaid({ text: 'hello' })).usage, UNIFIED_USAGE);
  const sent = openai.frames({ text: 'hello' });
  const early = [sent[0], openai.usageChunk({ prompt_tokens: 9, completion_tokens: 1, total_tokens: 10 }), ...sent.slice(1)];
  assert.deepEqual((await streamFrom(openai.streamOf(early))).usage, UNIFIED_USAGE, 'the last one counts');
  const beside = [...sent.slice(0, 2), sent[2].replace('"usage":null', `"usage":${JSON.stringify(openai.USAGE)}`), openai.DONE];
  assert.deepEqual((await streamFrom(openai.streamOf(beside))).usage, UNIFIED_USAGE, 'beside the finish');
});

test('usage is estimated and marked so where the provider sends none', async () => {
  const { usage } = await streamSaid({ text: ['twelve bytes'], usage: null });
  assertEstimate(usage);
  assert.ok(usage.output_tokens > 0);
});

test('a warning comes with a sampling option that the model refuses', async () => {
  const { warnings } = await streamFrom(openai.streamed({ text: 'hello' }), { model: 'gpt-5-mini', temperature: 0.3 });
  assert.match(warnings.join('\n'), /temperature/);
});

test('a field that the gateway does not know is left out with a warning', async () => {
  const { warnings } = await streamFrom(openai.streamed({ text: 'hello' }), { mood: 'sunny' });
  assert.match(warnings.join('\n'), /mood/);
  assert.equal(gateway.simulator.requests.at(-1)?.json.mood, undefined);
});

test('simultaneous runs have different ids', async () => {
  gateway.simulator.script(openai.streamed({ text: 'hello' }));
  const runs = await Promise.all(Array.from({ length: 20 }, () => stream(gateway.worker, TO_OPENAI)));
  assert.equal(new Set(runs.map(({ run }) => run)).size, 20);
});

test('the whole answer is the folded run', async () => {
  gateway.simulator.script(openai.answering({ text: ['Hel', 'lo'], reasoning: ['Hm'] }));
  const { status, headers, json } = await post(gateway.worker, CHAT, TO_OPENAI);
  assert.equal(status, 200);
  assert.match(headers['content-type'] ?? '', /^application\/json/);
  assert.match(json.id, /^r_[0-9a-f]+$/);
  assert.equal(headers['x-run-id'], json.id);
  assert.deepEqual(json, {
    id: json.id,
    content: 'Hello',
    reasoning: 'Hm',
    finish_reason: 'stop',
    raw_finish_reason: 'stop',
    model: openai.MODEL,
    provider: 'openai',
    usage: UNIFIED_USAGE,
  });
});

test('a whole answer has tool calls and refusals as the stream has', async () => {
  gateway.simulator.script(openai.answering({ toolCalls: [{ id: 'call_a', name: 'look', arguments: ['{"at":', '1}'] }] }));
  const called = (await post(gateway.worker, CHAT, TO_OPENAI)).json;
  assert.deepEqual(called.tool_calls, [{ id: 'call_a', type: 'function', function: { name: 'look', arguments: '{"at":1}' } }]);
  assert.deepEqual([called.content, called.finish_reason], ['', 'tool_calls']);
  gateway.simulator.script(openai.answering({ refusal: ['No', '.'] }));
  const refused = (await post(gateway.worker, CHAT, TO_OPENAI)).json;
  assert.deepEqual([refused.refusal, refused.finish_reason], ['No.', 'refusal']);
});

test('a filtered answer asked for whole is an HTTP error', async () => {
  gateway.simulator.script(openai.answering({ text: 'so far', finish: 'content_filter' }));
  assertError(await post(gateway.worker, CHAT, TO_OPENAI), 400, 'content_filter');
});

test('an answer that breaks off is an HTTP error when asked for whole', async () => {
  gateway.simulator.script(openai.streamOf(openai.frames({ text: ['one ', 'two'] }).slice(0, 2)));
  assertError(await post(gateway.worker, CHAT, TO_OPENAI), 502, 'truncated');
});

test('the provider may be written before the model', async () => {
  gateway.simulator.script(openai.streamed({ text: 'hello' }));
  const { chunks } = await stream(gateway.worker, { ...ASK, model: `openai/${openai.MODEL}` });
  assert.deepEqual([chunks[0].provider, chunks[0].model], ['openai', openai.MODEL]);
  assert.equal(gateway.simulator.requests.at(-1)?.json.model, openai.MODEL);
});

test('a stream leaves word by word, not when it is complete', async () => {
  const gates = [0, 1].map(() => Promise.withResolvers());
  const sent = openai.frames({ text: ['one', 'two', 'three'] });
  gateway.simulator.script(openai.streamOf([
    ...sent.slice(0, 2), gate(gates[0].promise), sent[2], gate(gates[1].promise), ...sent.slice(3),
  ]));
  const response = await beginPost(gateway.worker, STREAM, TO_OPENAI).response;
  const reading = watch(response);
  await reading.until((text) => text.includes('"one"'));
  gates[0].resolve(undefined);
  await reading.until((text) => text.includes('"two"'));
  gates[1].resolve(undefined);
  assert.match(await reading.whole(), /"three"[\s\S]*\[DONE\]/);
});

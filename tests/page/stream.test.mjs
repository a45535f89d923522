// @ts-check
// Bytes to events, cut everywhere.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FrameParser, readId, readRun } from '../../public/js/stream.js';

/** @type {[string, string, [event: string, data: string, id: string][]][]} name, bytes, frames */
const CASES = [
  ['fields', 'id: r_1:1\nevent: chunk\ndata: {"a":1}\n\n', [['chunk', '{"a":1}', 'r_1:1']]],
  ['line ends of all kinds', 'data: a\r\n\r\ndata: b\r\rdata: c\n\ndata: d\r\n\n', [['message', 'a', ''], ['message', 'b', ''], ['message', 'c', ''], ['message', 'd', '']]],
  ['several data lines', 'data: a\ndata:b\r\ndata\rdata:  c\n\n', [['message', 'a\nb\n\n c', '']]],
  ['comments and heartbeats', ': hb\n\ndata: a\n: hb\ndata: b\n\n:\n\n', [['message', 'a\nb', '']]],
  ['no data, no event', 'event: chunk\n\nid: 7\n\ndata: a\n\n', [['message', 'a', '7']]],
  ['empty data is an event', 'data:\n\ndata\n\n', [['message', '', ''], ['message', '', '']]],
  ['an id stays, a bad one is ignored, an empty one clears', 'id: 1\ndata: a\n\nid: 2\0\ndata: b\n\nid\ndata: c\n\n', [['message', 'a', '1'], ['message', 'b', '1'], ['message', 'c', '']]],
  ['unknown fields', 'retry: 10\nnonsense\nData: x\ndata : y\n data: z\ndata: a\n\n', [['message', 'a', '']]],
  ['a byte order mark, once', '\ufeffdata: \ufeffa\n\n', [['message', '\ufeffa', '']]],
  ['characters of every length', 'data: a\u00fc\u20ac\u{1f30a}\u2028\u2029\u0085 b\n\n', [['message', 'a\u00fc\u20ac\u{1f30a}\u2028\u2029\u0085 b', '']]],
  ['the end of the text is not the end of the stream', 'event: chunk\ndata: "[DONE]"\n\n', [['chunk', '"[DONE]"', '']]],
  ['an unfinished frame is dropped', 'data: a\n\ndata: b\n', [['message', 'a', '']]],
];

for (const [name, text, expected] of CASES) {
  test(`frames: ${name}`, () => {
    const bytes = new TextEncoder().encode(text);
    const frames = expected.map(([event, data, id]) => ({ event, data, id }));
    assert.deepEqual(parse([bytes]), frames);
    assert.deepEqual(parse([...bytes].map((byte) => Uint8Array.of(byte))), frames, 'byte by byte');
    for (let first = 0; first <= bytes.length; first++) {
      for (let second = first; second <= bytes.length; second++) {
        const pieces = [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)];
        assert.deepEqual(parse(pieces), frames, `cut at ${first} and ${second}`);
      }
    }
  });
}

test('frames: bytes that are no text do not stop the stream', () => {
  const bytes = Uint8Array.of(...new TextEncoder().encode('data: '), 0xff, 0xc3, 10, 10, ...new TextEncoder().encode('data: a\n\n'));
  assert.deepEqual(parse([bytes]).map((frame) => frame.data), ['\ufffd\ufffd', 'a']);
});

test('frames: a frame without end is not kept without end', () => {
  const parser = new FrameParser();
  const megabyte = new TextEncoder().encode('data: ' + 'x'.repeat(1024 * 1024));
  assert.throws(() => {
    for (let n = 0; n < 5; n++) parser.push(megabyte);
  }, RangeError);
});

test('a run ends at its typed end, whatever follows', async () => {
  const steps = await run('id: r_1:1\nevent: chunk\ndata: {"content":"a"}\n\nevent: other\ndata: x\n\nid: r_1:2\nevent: done\ndata: [DONE]\n\nevent: chunk\ndata: {}\n\n');
  assert.deepEqual(steps, [{ step: 'chunk', id: 'r_1:1', chunk: { content: 'a' } }, { step: 'done', id: 'r_1:2' }]);
});

test('an error is told with its usage', async () => {
  const steps = await run('event: error\ndata: {"error":{"type":"truncated","message":"m","provider":"p","retryable":true},"usage":{"input_tokens":1}}\n\n');
  assert.deepEqual(steps, [{
    step: 'error', id: '', error: { type: 'truncated', message: 'm', provider: 'p', retryable: true }, usage: { input_tokens: 1 },
  }]);
});

for (const [name, text, type] of [
  ['nonsense', 'event: chunk\ndata: {"content"\n\nevent: done\ndata: [DONE]\n\n', 'unreadable'],
  ['an error without words', 'event: error\ndata: {}\n\n', 'internal'],
]) {
  test(`a run of ${name} ends as ${type}`, async () => {
    const last = (await run(text)).at(-1);
    assert.equal(last?.step === 'error' && last.error.type, type);
  });
}

test('what a cut body gives is what was whole in it, and no end', async () => {
  assert.deepEqual(await run(''), []);
  assert.deepEqual(await run('event: done\ndata: [DONE]\n'), []);
  assert.deepEqual(await run('event: chunk\ndata: {}\n\nevent: chunk\nda'), [{ step: 'chunk', id: '', chunk: {} }]);
});

test('a body that breaks has no end; our own abort is no end either, but thrown', async () => {
  const broken = (/** @type {Error} */ error) => new ReadableStream({ pull: (controller) => controller.error(error) });
  assert.deepEqual(await Array.fromAsync(readRun(broken(new TypeError('network error')))), []);
  await assert.rejects(Array.fromAsync(readRun(broken(new DOMException('stopped', 'AbortError')))), { name: 'AbortError' });
});

test('an id is a run and the number of a frame', () => {
  assert.deepEqual(readId('r_1:12'), { run: 'r_1', frame: 12 });
  assert.deepEqual(readId(''), { run: '', frame: 0 });
});

test('who leaves a run early closes its body', async () => {
  const { promise, resolve } = Promise.withResolvers();
  const body = new ReadableStream({
    pull: (controller) => controller.enqueue(new TextEncoder().encode('event: chunk\ndata: {}\n\n')),
    cancel: resolve,
  });
  for await (const step of readRun(body)) {
    assert.equal(step.step, 'chunk');
    break;
  }
  await promise;
});

/** @param {Uint8Array[]} pieces */
function parse(pieces) {
  const parser = new FrameParser();
  return pieces.flatMap((piece) => parser.push(piece));
}

/** @param {string} text */
function run(text) {
  return Array.fromAsync(readRun(/** @type {ReadableStream<Uint8Array>} */ (new Response(text).body)));
}

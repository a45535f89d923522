// @ts-check
/**
 * Reads a unified stream and holds it to its rules: the frame's form, the cursor, exactly one
 * typed end. Two parsers read every stream, a real one and the naive one of many home-made
 * clients, and must agree.
 */
import assert from 'node:assert/strict';
import { createParser } from 'eventsource-parser';

/**
 * @typedef {{ id: string, event: string, data: string }} Frame
 * @typedef {{ content: string, finish_reason: string | null, model: string, provider: string, usage: any,
 *   role?: string, reasoning?: string, tool_calls?: any[], refusal?: string, warnings?: string[], opaque?: any[],
 *   citations?: any[], raw_finish_reason?: string }} Chunk
 * @typedef {ReturnType<typeof readStream>} Stream
 */

const ALWAYS = ['content', 'finish_reason', 'model', 'provider', 'usage'];
const SOMETIMES = ['role', 'reasoning', 'tool_calls', 'refusal', 'citations', 'warnings', 'opaque', 'state', 'raw_finish_reason'];
export const HEARTBEAT = ': hb';

/** @param {string} raw */
export function readStream(raw) {
  checkBytes(raw);
  const frames = parse(raw);
  assert.deepEqual(parseNaively(raw), frames, 'a naive parser reads the same frames');
  const run = checkCursor(frames);
  const end = checkEnd(frames);
  const chunks = frames.filter(({ event }) => event === 'chunk').map(({ data }) => /** @type {Chunk} */ (JSON.parse(data)));
  checkChunks(chunks, end);
  return {
    run,
    frames,
    chunks,
    end: end.event,
    /** The failure, if it ended in one. @type {any} */
    failure: end.event === 'error' ? JSON.parse(end.data) : undefined,
    heartbeats: raw.split('\n\n').filter((block) => block === HEARTBEAT).length,
    ...fold(chunks),
  };
}

/** The frames as an EventSource sees them. @param {string} raw @returns {Frame[]} */
export function parse(raw) {
  /** @type {Frame[]} */
  const frames = [];
  const parser = createParser({
    onEvent: ({ id = '', event = '', data }) => frames.push({ id, event, data }),
    onError: (error) => { throw error; },
  });
  parser.feed(raw);
  return frames;
}

/** The frames of whoever splits at blank lines and takes each line by its first word. @param {string} raw @returns {Frame[]} */
function parseNaively(raw) {
  return raw.split('\n\n').filter((block) => block.startsWith('id: ')).map((block) => {
    const lines = new Map(block.split('\n').map((line) => /** @type {[string, string]} */ (line.split(/: (.*)/s, 2))));
    return { id: lines.get('id') ?? '', event: lines.get('event') ?? '', data: lines.get('data') ?? '' };
  });
}

/** What the deltas add up to. @param {Chunk[]} chunks */
function fold(chunks) {
  const join = (/** @type {(chunk: Chunk) => string | undefined} */ pick) => chunks.map((chunk) => pick(chunk) ?? '').join('');
  /** @type {any[]} */
  const calls = [];
  for (const { index, id, type, function: said, opaque } of chunks.flatMap((chunk) => chunk.tool_calls ?? [])) {
    if (opaque) {
      assert.equal(id, calls[index]?.id, 'the state of a call comes behind its first delta');
      calls[index].opaque = opaque;
      continue;
    }
    const { name, arguments: piece } = said;
    if (!calls[index]) {
      assert.equal(index, calls.length, 'tool call indices rise without gaps');
      assert.ok(name, 'the first delta of a call has its name');
      calls[index] = { id, type, function: { name, arguments: '' } };
    } else {
      assert.equal(name, undefined, 'only the first delta of a call has a name');
      assert.equal(id, calls[index].id, 'every delta of a call has the same id');
    }
    calls[index].function.arguments += piece;
  }
  const last = chunks.at(-1);
  return {
    content: join((chunk) => chunk.content),
    reasoning: join((chunk) => chunk.reasoning),
    refusal: join((chunk) => chunk.refusal),
    toolCalls: calls,
    opaque: chunks.flatMap((chunk) => chunk.opaque ?? []),
    warnings: chunks.flatMap((chunk) => chunk.warnings ?? []),
    opaque: chunks.flatMap((chunk) => chunk.opaque ?? []),
    finish: last?.finish_reason ?? null,
    rawFinish: last?.raw_finish_reason,
    usage: last?.usage ?? null,
  };
}

/** @param {string} raw */
function checkBytes(raw) {
  assert.ok(raw.endsWith('\n\n'), `the stream ends with a whole frame, not with ${JSON.stringify(raw.slice(-60))}`);
  assert.doesNotMatch(raw, /[\r\u2028\u2029\ufffd]/, 'LF only, line separators escaped, no broken characters');
  for (const block of raw.slice(0, -2).split('\n\n')) {
    if (block === HEARTBEAT) continue;
    assert.match(block, /^id: \S+\nevent: (chunk|done|error)\ndata: [^\n]+$/, 'a frame is id, event and data, or a heartbeat');
  }
}

/** @param {Frame[]} frames @returns {string} the run's id */
function checkCursor(frames) {
  const run = /^(r_[0-9a-f]+):1$/.exec(frames[0]?.id ?? '')?.[1];
  assert.ok(run, `the first id is a run's and counts 1, not ${frames[0]?.id}`);
  assert.deepEqual(frames.map(({ id }) => id), frames.map((_frame, index) => `${run}:${index + 1}`), 'ids count without gaps');
  return run;
}

/** @param {Frame[]} frames */
function checkEnd(frames) {
  const ends = frames.filter(({ event }) => event !== 'chunk');
  assert.equal(ends.length, 1, `exactly one typed end, not ${ends.map(({ event }) => event)}`);
  const end = /** @type {Frame} */ (frames.at(-1));
  assert.equal(end, ends[0], 'the end is the last frame');
  if (end.event === 'done') {
    assert.equal(end.data, '[DONE]');
  } else {
    const { error, ...rest } = JSON.parse(end.data);
    for (const key of ['type', 'message', 'provider', 'retryable']) assert.ok(key in error, `the error has ${key}`);
    assert.ok(Object.keys(rest).every((key) => key === 'usage'), `beside the error only usage: ${end.data}`);
  }
  return end;
}

/** @param {Chunk[]} chunks @param {Frame} end */
function checkChunks(chunks, end) {
  for (const [index, chunk] of chunks.entries()) {
    const keys = Object.keys(chunk);
    for (const key of ALWAYS) assert.ok(keys.includes(key), `every chunk has ${key}: ${JSON.stringify(chunk)}`);
    for (const key of keys) assert.ok([...ALWAYS, ...SOMETIMES].includes(key), `no chunk has ${key}`);
    assert.equal(chunk.role, index === 0 ? 'assistant' : undefined, 'the role is in the first chunk only');
    const finishes = end.event === 'done' && index === chunks.length - 1;
    assert.equal(chunk.finish_reason !== null, finishes, 'the last chunk of a finished run, and no other, has the finish reason');
    assert.equal(chunk.usage !== null, finishes, 'usage is on the last chunk of a finished run and on no other');
  }
}

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
 *   role?: string, reasoning?: string, tool_calls?: any[], tool_results?: any[], refusal?: string, warnings?: string[],
 *   opaque?: any[], citations?: any[], state?: Record<string, any>, raw_finish_reason?: string }} Chunk
 * @typedef {{ index: number, action: string, status: string, wrote?: Record<string, any>, next?: string | null }} Step
 * @typedef {ReturnType<typeof readStream>} Stream
 */

const ALWAYS = ['content', 'finish_reason', 'model', 'provider', 'usage'];
const SOMETIMES = ['role', 'reasoning', 'tool_calls', 'tool_results', 'refusal', 'citations', 'warnings', 'opaque', 'state', 'raw_finish_reason'];
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
    steps: readSteps(frames, chunks),
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
  /** @type {{ text: string, calls: any[], results: any[], citations: any[], state: Record<string, any> }} */
  const so = { text: '', calls: [], results: [], citations: [], state: {} };
  for (const { content, tool_calls: calls = [], tool_results: results = [], citations = [], state } of chunks) {
    so.text += content;
    for (const delta of calls) addCall(so.calls, delta);
    for (const result of results) so.results.push(checkResult(so, result));
    for (const citation of citations) so.citations.push(checkCitation(so, citation));
    if (state !== undefined) Object.assign(so.state, checkState(state));
  }
  const last = chunks.at(-1);
  return {
    content: so.text,
    reasoning: join((chunk) => chunk.reasoning),
    refusal: join((chunk) => chunk.refusal),
    toolCalls: so.calls,
    toolResults: so.results,
    citations: so.citations,
    /** What changed of the assistant's state, in the end. */
    state: so.state,
    opaque: chunks.flatMap((chunk) => chunk.opaque ?? []),
    warnings: chunks.flatMap((chunk) => chunk.warnings ?? []),
    finish: last?.finish_reason ?? null,
    rawFinish: last?.raw_finish_reason,
    usage: last?.usage ?? null,
  };
}

/** @param {any[]} calls @param {any} delta */
function addCall(calls, { index, id, type, function: said, opaque }) {
  if (opaque) {
    assert.equal(id, calls[index]?.id, 'the state of a call comes behind its first delta');
    calls[index].opaque = opaque;
    return;
  }
  const { name, arguments: piece } = said;
  if (!calls[index]) {
    assert.equal(index, calls.length, 'tool call indices rise without gaps');
    assert.ok(name, 'the first delta of a call has its name');
    assert.ok(calls.every((call) => call.id !== id), `no two calls of a run have one id: ${id}`);
    calls[index] = { id, type, function: { name, arguments: '' } };
  } else {
    assert.equal(name, undefined, 'only the first delta of a call has a name');
    assert.equal(id, calls[index].id, 'every delta of a call has the same id');
  }
  calls[index].function.arguments += piece;
}

/** Where something stands: how much came before it, as far as anything did. @param {string} text @param {any[]} calls */
export const placeOf = (text, calls) => ({ ...(text && { text: Buffer.byteLength(text) }), ...(calls.length > 0 && { tool_calls: calls.length }) });

/** The result of a call that the gateway ran. @param {{ text: string, calls: any[], results: any[] }} so @param {any} result */
function checkResult({ text, calls, results }, result) {
  const { tool_call_id: id, name, content, is_error: failed = true, after, ...rest } = result;
  const told = JSON.stringify(result);
  assert.deepEqual(rest, {}, `a result has nothing else: ${told}`);
  assert.equal(name, calls.find((call) => call.id === id)?.function.name, `a result is that of an earlier call: ${told}`);
  assert.ok(results.every((one) => one.tool_call_id !== id), `a call has one result: ${told}`);
  assert.ok(typeof content === 'string' && content !== '', `a result says something: ${told}`);
  assert.equal(failed, true, `is_error is true or not there: ${told}`);
  assert.deepEqual(after, placeOf(text, calls), `a result says where it stands: ${told}`);
  return result;
}

/** A source: a provider's own, or a passage that was retrieved. @param {{ text: string, citations: any[] }} so @param {any} citation */
function checkCitation({ text, citations }, citation) {
  const { url, title = '', start_index: start, end_index: end, number, document, ...rest } = citation;
  const told = JSON.stringify(citation);
  assert.deepEqual(rest, {}, `a citation has nothing else: ${told}`);
  assert.deepEqual([typeof url, typeof title], ['string', 'string'], told);
  assert.equal(number === undefined, document === undefined, `a passage has its number and its document: ${told}`);
  if (number === undefined) return citation;
  assert.equal(typeof document, 'string', told);
  assert.ok(citations.every((one) => one.number !== number), `a number is told once: ${told}`);
  const mark = [...text].slice(start, end).join('');
  assert.match(mark, /^\[[\d, ]+\]$/, `a citation comes behind the text that it is in: ${told}`);
  assert.ok(mark.slice(1, -1).split(',').map(Number).includes(number), `${mark} names ${number}`);
  return citation;
}

/** @param {any} state @returns {Record<string, any>} */
function checkState(state) {
  assert.ok(state !== null && typeof state === 'object' && !Array.isArray(state), `state is an object: ${JSON.stringify(state)}`);
  assert.notDeepEqual(state, {}, 'state says what changed');
  return state;
}

/**
 * The steps of an assistant: each begins, is done, and is followed by the one that it names.
 *
 * @param {Frame[]} frames @param {Chunk[]} chunks @returns {Step[]}
 */
function readSteps(frames, chunks) {
  /** @type {Step[]} */
  const steps = frames.filter(({ event }) => event === 'step').map(({ data }) => JSON.parse(data));
  /** @type {string | null | undefined} */
  let next;
  for (const [at, { index, action, status, ...rest }] of steps.entries()) {
    const told = JSON.stringify(steps[at]);
    assert.deepEqual([index, status], [(at >> 1) + 1, at % 2 === 0 ? 'started' : 'done'], `steps count, each begins and is done: ${told}`);
    if (status === 'started') {
      assert.deepEqual(rest, {}, `a step that begins says nothing else: ${told}`);
      if (next !== undefined) assert.equal(action, next, `the step that was named follows: ${told}`);
    } else {
      assert.equal(action, steps[at - 1].action, told);
      assert.deepEqual(Object.keys(rest), ['wrote', 'next'], told);
      assert.ok(rest.wrote !== null && typeof rest.wrote === 'object' && !Array.isArray(rest.wrote), told);
      next = rest.next;
      assert.ok(next === null || typeof next === 'string', told);
    }
  }
  const finish = chunks.at(-1)?.finish_reason;
  if (steps.length > 0 && finish && finish !== 'cancelled') assert.deepEqual(steps.at(-1)?.next, null, 'the last step leads nowhere');
  return steps;
}

/** @param {string} raw */
function checkBytes(raw) {
  assert.ok(raw.endsWith('\n\n'), `the stream ends with a whole frame, not with ${JSON.stringify(raw.slice(-60))}`);
  assert.doesNotMatch(raw, /[\r\u2028\u2029\ufffd]/, 'LF only, line separators escaped, no broken characters');
  for (const block of raw.slice(0, -2).split('\n\n')) {
    if (block === HEARTBEAT) continue;
    assert.match(block, /^id: \S+\nevent: (chunk|step|done|error)\ndata: [^\n]+$/, 'a frame is id, event and data, or a heartbeat');
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
  const ends = frames.filter(({ event }) => event !== 'chunk' && event !== 'step');
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

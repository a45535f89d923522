// @ts-check
/** What several test files expect of an answer. */
import assert from 'node:assert/strict';

/**
 * An error before the first byte, whole and with its request id.
 *
 * @param {import('./client.mjs').Answer} answer @param {number} status @param {string} type
 */
export function assertError(answer, status, type) {
  const told = `${answer.status} ${answer.text}`;
  assert.equal(answer.status, status, told);
  assert.match(answer.headers['content-type'] ?? '', /^application\/json/);
  const { error, ...rest } = answer.json ?? {};
  assert.deepEqual(rest, {}, `nothing beside the error: ${told}`);
  assert.equal(error?.type, type, told);
  assert.equal(typeof error.message, 'string', told);
  assert.notEqual(error.message, '', told);
  assert.equal(typeof error.retryable, 'boolean', told);
  assert.ok(error.request_id, told);
  assert.equal(error.request_id, answer.headers['x-request-id'], 'the error names the request as the header does');
  return error;
}

/**
 * A stream that ended in a failure of a type, with settled usage.
 *
 * @param {import('./sse.mjs').Stream} stream @param {string} type
 */
export function assertFailed(stream, type) {
  assert.equal(stream.end, 'error', `it ends in an error, not ${stream.end} with ${stream.finish}`);
  assert.equal(stream.failure.error.type, type, JSON.stringify(stream.failure));
  assert.ok(stream.frames.every(({ data }) => data !== '[DONE]'), 'no [DONE] beside an error');
  assertSettled(stream.failure.usage);
  return stream.failure.error;
}

/** Figures that the provider did not give, marked so. @param {any} usage */
export function assertEstimate(usage) {
  assert.equal(usage?.estimated, true, `usage is settled by estimate: ${JSON.stringify(usage)}`);
  assertSettled(usage);
}

/** Figures, whoever gave them. @param {any} usage */
function assertSettled(usage) {
  assert.ok(usage?.input_tokens > 0, `the prompt counts: ${JSON.stringify(usage)}`);
  assert.equal(usage.total_tokens, usage.input_tokens + usage.output_tokens);
}

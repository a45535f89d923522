// @ts-check
// One run across many connections: each frame once, in order, up to its end.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backoff, followRun } from '../../public/js/follow.js';

/** @typedef {import('../../public/js/stream.js').Step} Step */

/** @param {number} frame @param {string} [run] @returns {Step} */
const chunk = (frame, run = 'r_1') => ({ step: 'chunk', id: `${run}:${frame}`, chunk: { content: `${frame} ` } });
/** @param {number} frame @returns {Step} */
const done = (frame) => ({ step: 'done', id: `r_1:${frame}` });
const unreachable = new Error('unreachable');

/**
 * @param {(Step[] | Error | null)[]} connections what each of them gives before it breaks
 * @param {boolean} [isOpen] whether the first is there from the beginning
 */
async function follow(connections, isOpen = true) {
  const left = [...connections];
  /** @type {string[]} */
  const asked = [];
  /** @type {(number | string)[]} */
  const told = [];
  const next = () => {
    const steps = left.shift();
    if (steps instanceof Error) throw steps;
    return steps ? { run: 'r_1', requestId: null, steps: (async function* () { yield* steps; })() } : null;
  };
  const opened = isOpen ? next() : null;
  const steps = await Array.fromAsync(followRun({
    run: 'r_1',
    opened,
    attach: async (lastEventId) => {
      asked.push(lastEventId);
      return next();
    },
    isPassing: (error) => error === unreachable,
    wait: async (tries) => told.push(tries),
    lost: () => told.push('lost'),
    found: () => told.push('found'),
  }));
  return { steps, asked, told };
}

test('one connection that tells it all', async () => {
  const { steps, asked, told } = await follow([[chunk(1), chunk(2), done(3)]]);
  assert.deepEqual(steps, [chunk(1), chunk(2), done(3)]);
  assert.deepEqual([asked, told], [[], []]);
});

test('a lost connection goes on behind the last frame, and what comes twice is taken once', async () => {
  const { steps, asked, told } = await follow([[chunk(1), chunk(2)], unreachable, [chunk(1), chunk(2), chunk(3)], [done(4)]]);
  assert.deepEqual(steps, [chunk(1), chunk(2), chunk(3), done(4)]);
  assert.deepEqual(asked, ['r_1:2', 'r_1:2', 'r_1:3']);
  assert.deepEqual(told, ['lost', 0, 1, 'found', 'lost', 0, 'found'], 'progress begins the waiting anew');
});

test('cut behind every frame, it is the same', async () => {
  const all = [chunk(1), chunk(2), chunk(3), done(4)];
  for (let cut = 0; cut < all.length; cut++) {
    const { steps, asked } = await follow([all.slice(0, cut), all.slice(cut)]);
    assert.deepEqual(steps, all, `cut at ${cut}`);
    assert.deepEqual(asked, [`r_1:${cut}`]);
  }
});

test('a run that somebody else began is heard from its first frame on', async () => {
  const { steps, asked } = await follow([[chunk(1), done(2)]], false);
  assert.deepEqual(steps, [chunk(1), done(2)]);
  assert.deepEqual(asked, ['r_1:0']);
});

test('nothing comes behind the end', async () => {
  /** @type {Step} */
  const error = { step: 'error', id: 'r_1:2', error: { type: 'truncated', message: 'm' }, usage: null };
  assert.deepEqual((await follow([[chunk(1), error, chunk(3)]])).steps, [chunk(1), error]);
});

test('where nothing follows, or another run does, the rest is elsewhere', async () => {
  assert.deepEqual((await follow([[chunk(1)], null])).steps, [chunk(1), { step: 'elsewhere' }]);
  assert.deepEqual((await follow([[chunk(1)], [chunk(1, 'r_2')]])).steps, [chunk(1), { step: 'elsewhere' }]);
});

test('an error that will not pass is thrown', async () => {
  await assert.rejects(follow([[chunk(1)], new TypeError('no')]), TypeError);
});

test('waits double up to half a minute, less up to a half by chance', () => {
  assert.deepEqual([0, 1, 2, 5, 50].map((tries) => backoff(tries, () => 1)), [1000, 2000, 4000, 30000, 30000]);
  assert.deepEqual([0, 1, 50].map((tries) => backoff(tries, () => 0)), [500, 1000, 15000]);
});

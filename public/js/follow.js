// @ts-check
// One run across as many connections as it takes. In: ways to connect and to wait. Out: its steps.
// Invariant: each frame once and in order, whatever the connections did, and never beyond its typed end.
// No DOM, no network.

import { readId } from './stream.js';

/** @typedef {import('./stream.js').Step} Step */
/** @typedef {{run: string, requestId: string | null, steps: AsyncGenerator<Step, void>}} Opened */

const FIRST_WAIT = 1_000; // milliseconds
const LONGEST_WAIT = 30_000;

/**
 * @param {{run: string, opened: Opened | null, attach: (lastEventId: string) => Promise<Opened | null>,
 *   isPassing: (error: unknown) => boolean, wait: (tries: number) => Promise<unknown>,
 *   lost: () => void, found: () => void}} road
 *   opened: a connection that is there already; attach: another one, or null if nothing follows
 * @returns {AsyncGenerator<Step | {step: 'elsewhere'}, void>} `elsewhere`: what is left of it is only in the messages
 */
export async function* followRun({ run, opened, attach, isPassing, wait, lost, found }) {
  let seen = 0; // a run's frames are numbered from 1
  let isLost = false;
  for (let tries = 0; ; tries++) {
    try {
      const connection = opened ?? (await attach(`${run}:${seen}`));
      opened = null;
      if (!connection) return yield { step: 'elsewhere' };
      if (isLost) found();
      isLost = false;
      for await (const step of connection.steps) {
        const { run: whose, frame } = readId(step.id);
        if (whose !== run) return yield { step: 'elsewhere' };
        if (frame <= seen) continue;
        seen = frame;
        tries = 0;
        yield step;
        if (step.step !== 'chunk') return;
      }
    } catch (error) {
      if (!isPassing(error)) throw error;
    }
    if (!isLost) lost();
    isLost = true;
    await wait(tries);
  }
}

/**
 * How long to wait before the next try: twice as long each time, less a chance part, so that those who were
 * cut off together do not come back together.
 * @param {number} tries so many failed @param {() => number} [random] from 0 to 1
 */
export function backoff(tries, random = Math.random) {
  const whole = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** tries);
  return whole / 2 + (whole / 2) * random();
}

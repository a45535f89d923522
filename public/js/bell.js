// @ts-check
// The doorbell of a session: a socket that rings when a run begins, whichever window asked for it. Answers come
// from streams only, this window's own and those of others: one road that is known to resume exactly. What the
// socket says of a run beyond its id is ignored, and where no socket gets through, all but the ringing works.

import { backoff } from './follow.js';
import { readId } from './stream.js';
import { pause } from './pause.js';

const PING_EVERY = 25_000; // milliseconds
const PING = JSON.stringify({ type: 'ping' }); // in these very bytes it is answered without waking the session

export class Bell {
  /** @type {WebSocket | null} */
  #socket = null;
  #leave = new AbortController();

  /**
   * @param {URL} address
   * @param {{latest: () => string, rings: (run: string) => void, again: () => Promise<boolean>}} on
   *   latest: the latest run that is known, or an empty text; again: before the socket is opened again, gives
   *   whether the session is still there
   */
  constructor(address, on) {
    this.on = on;
    this.#keepOpen(address).catch(() => {}); // it was closed
  }

  close() {
    this.#leave.abort();
    this.#socket?.close();
  }

  /** @param {URL} address */
  async #keepOpen(address) {
    for (let tries = 0; !this.#leave.signal.aborted; tries++) {
      if (await this.#listen(address)) tries = 0;
      await pause(backoff(tries), this.#leave.signal);
      if (!(await this.on.again())) return;
    }
  }

  /** @param {URL} address @returns {Promise<boolean>} once it is closed: whether anything came */
  #listen(address) {
    const socket = new WebSocket(address);
    this.#socket = socket;
    let hasHeard = false;
    let isAlive = true;
    const pinging = setInterval(() => {
      // One that did not answer the last time is dead, though nobody said so.
      if (!isAlive) socket.close();
      else if (socket.readyState === WebSocket.OPEN) socket.send(PING);
      isAlive = false;
    }, PING_EVERY);
    socket.addEventListener('open', () => socket.send(JSON.stringify(this.#resume())));
    socket.addEventListener('message', ({ data }) => {
      hasHeard = isAlive = true;
      const { id } = JSON.parse(data);
      if (id) this.on.rings(readId(id).run);
    });
    return new Promise((resolve) => socket.addEventListener('close', () => {
      clearInterval(pinging);
      resolve(hasHeard);
    }));
  }

  #resume() {
    const run = this.on.latest();
    // A place behind whatever the run has: what is told from there on is what follows it.
    return { type: 'resume', follow: true, ...(run && { last_event_id: `${run}:${Number.MAX_SAFE_INTEGER}` }) };
  }
}

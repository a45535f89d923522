// @ts-check
// A wire to the worker that can be cut: what a network does to a page, and a browser's switch does not.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/** @param {string} url of the worker */
export async function openWire(url) {
  const { port } = new URL(url);
  /** @type {Set<import('node:net').Socket>} */
  const ends = new Set();
  let isDown = false;
  const server = createServer((near) => {
    if (isDown) return near.destroy();
    const far = connect(Number(port), '127.0.0.1');
    for (const [end, other] of [[near, far], [far, near]]) {
      ends.add(end);
      end.pipe(other);
      end.on('error', () => {}); // that it was cut
      end.on('close', () => {
        ends.delete(end);
        other.destroy();
      });
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  server.unref(); // a test that fails does not close it
  const cut = () => ends.forEach((end) => end.destroy());
  return {
    url: `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}`,
    cut,
    down() {
      isDown = true;
      cut();
    },
    up() {
      isDown = false;
    },
    async close() {
      server.close();
      cut();
      await once(server, 'close');
    },
  };
}

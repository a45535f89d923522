// @ts-check
// Clients: raw sockets, so that what is measured is the worker and not the client.

import { connect } from "node:net";

/** @typedef {{ port: number, path: string, provider: boolean, session?: boolean, key?: string, caches?: boolean }} Variant */
/** @typedef {{ tokens: number, per: number, gap: number }} Shape */

/** A new session, for a variant that runs in one. @param {Variant} variant @returns {Promise<string | undefined>} */
export async function prepare({ port, session }) {
  if (!session) return undefined;
  const answer = await fetch(`http://127.0.0.1:${port}/api/v1/sessions`, { method: "POST" });
  return (await answer.json()).id;
}

/**
 * Reads one stream to its end.
 * @param {Variant} variant
 * @param {Shape} shape
 * @param {string} [session]
 * @returns {Promise<{ bytes: number, first: number }>} bytes, and milliseconds to the first of the body
 */
export function readOne({ port, path, provider, key, caches }, { tokens, per, gap }, session) {
  const model = `${tokens}-${per}-${gap}`;
  const messages = [{ role: "user", content: "go" }];
  const asked = provider ? { provider: "openai", model, messages, stream: true } : { model, messages };
  // Each run begins anew, so that no round has a longer history than the one before.
  if (caches) Object.assign(asked, { seed: Math.floor(Math.random() * 1e9), cache: { ttl: 1 } });
  const body = JSON.stringify(session ? { ...asked, session_id: session, parent: null } : asked);
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const socket = connect(port, "127.0.0.1");
    let bytes = 0;
    let first = 0;
    let head = "";
    let tail = "";
    socket.setEncoding("latin1");
    socket.on("data", (piece) => {
      const text = String(piece);
      if (first === 0) {
        head += text;
        if (head.includes("data: ")) first = performance.now() - began;
      }
      bytes += text.length;
      tail = (tail + text).slice(-64);
    });
    socket.on("error", reject);
    socket.on("close", () => {
      // A number means nothing if the stream was not served whole.
      if (head.startsWith("HTTP/1.1 200") && tail.includes("[DONE]") && tail.endsWith("0\r\n\r\n")) resolve({ bytes, first });
      else reject(new Error(`${path} gave ${head.slice(0, 200)} ... ${tail}`));
    });
    socket.write(
      `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\nconnection: close\r\n${key ? `authorization: Bearer ${key}\r\n` : ""}` +
        `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
  });
}

/** @param {number[]} numbers */
export function median(numbers) {
  const sorted = [...numbers].sort((one, other) => one - other);
  return sorted[sorted.length >> 1] ?? NaN;
}

// @ts-check
// The browser's own EventSource on a session: attaches, is told the end, comes back by itself, and stops when
// nothing follows.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

/** @param {import('../browser.mjs').WithPage} withPage */
export function eventsource(withPage) {
  describe('an EventSource', () => {
    test('hears a run once, and rests when nothing follows', () => withPage({}, async (page) => {
      const heard = await page.evaluate(async () => {
        const json = { 'content-type': 'application/json' };
        const { id } = await (await fetch('/api/v1/sessions', { method: 'POST' })).json();
        const body = JSON.stringify({ session_id: id, messages: [{ role: 'user', content: 'hello' }] });
        const asked = await fetch('/api/v1/chat/stream', { method: 'POST', headers: json, body });
        // Whoever asked hears nothing of it.
        asked.body?.cancel();
        const source = new EventSource(`/api/v1/chat/stream?session_id=${id}`);
        /** @type {{ id: string, content: string }[]} */
        const chunks = [];
        let ends = 0;
        source.addEventListener('chunk', ({ lastEventId, data }) => chunks.push({ id: lastEventId, content: JSON.parse(data).content }));
        source.addEventListener('done', () => (ends += 1));
        // It comes back after the end by itself, with the last id that it saw; only a 204 makes it rest.
        await new Promise((resolve) => (source.onerror = () => source.readyState === EventSource.CLOSED && resolve(undefined)));
        const { messages } = await (await fetch(`/api/v1/sessions/${id}/messages`)).json();
        return { chunks, ends, answer: messages.at(-1).content };
      });
      assert.equal(heard.ends, 1);
      assert.equal(heard.chunks.map(({ content }) => content).join(''), heard.answer);
      assert.equal(new Set(heard.chunks.map(({ id }) => id)).size, heard.chunks.length, 'no event twice');
    }));
  });
}

// @ts-check
// What a person sees when things go wrong, and how to go on from there.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { lastAnswer, scriptAnswer, send, sentChats, settled, status } from '../browser.mjs';

/** @param {import('../browser.mjs').WithPage} withPage */
export function failures(withPage) {
  describe('failures', () => {
    test('an answer that breaks off keeps its text and can be retried', () => withPage({}, async (page) => {
      const chats = sentChats(page);
      await send(page, '/fail /fast');
      const answer = await settled(page);
      assert.equal(await answer.locator('.failure .box-title').innerText(), 'The answer broke off');
      assert.notEqual(await answer.locator('.failure-text').innerText(), '');
      assert.notEqual(await answer.locator('.text').innerText(), '');
      await status(page, 'Error: The answer broke off');
      await scriptAnswer(page, [{ content: 'All of it.', finish_reason: 'stop' }]);
      await answer.getByRole('button', { name: 'Retry' }).click();
      await status(page, 'Done');
      assert.equal(await page.locator('.answer').count(), 1);
      assert.equal(await lastAnswer(page).locator('.text').innerText(), 'All of it.');
      assert.deepEqual(chats[1], { ...chats[0], parent: null });
    }));

    test('a provider that is down is told before anything came', () => withPage({}, async (page) => {
      await send(page, '/error');
      const answer = await settled(page);
      assert.equal(await answer.locator('.failure .box-title').innerText(), 'The provider is not available right now');
      assert.match(await answer.locator('.failure-text').innerText(), /AI service unavailable/);
      assert.match(await answer.locator('.failure-id').innerText(), /^Request \S+/);
      assert.ok(await answer.getByRole('button', { name: 'Retry' }).isVisible());
    }, /status of 503/));

    test('a safety filter is named', () => withPage({}, async (page) => {
      await send(page, '/filter /fast');
      const answer = await settled(page);
      assert.equal(await answer.locator('.failure .box-title').innerText(), 'A safety filter blocked the answer');
    }, /status of 400/));

    test('a request that was not accepted shows why', () => withPage({}, async (page) => {
      await page.locator('#model').fill('no-such-model');
      await send(page, 'hello');
      const answer = await settled(page);
      assert.equal(await answer.locator('.failure .box-title').innerText(), 'This model is not available here');
      assert.match(await answer.locator('.failure-text').innerText(), /no-such-model/);
    }, /status of 400/));

    for (const [name, end] of [['without an end', ''], ['inside a frame', 'event: done\ndata: [DO']]) {
      test(`a stream that ends ${name} is asked for again, and told to its end`, () => withPage({}, async (page) => {
        await scriptAnswer(page, [{ content: 'Half of' }], end);
        /** @type {string[]} */
        const asked = [];
        await page.route('**/api/v1/chat/stream?*', (route) => {
          const last = new URL(route.request().url()).searchParams.get('last_event_id') ?? '';
          const run = last.split(':')[0];
          asked.push(last.slice(run.length));
          const frame = (/** @type {number} */ n, /** @type {string} */ content) => `id: ${run}:${n}\nevent: chunk\ndata: {"content":"${content}"}\n\n`;
          return route.fulfill({
            contentType: 'text/event-stream', headers: { 'x-run-id': run },
            body: `${frame(1, 'Half of')}${frame(2, ' it.')}id: ${run}:3\nevent: done\ndata: [DONE]\n\n`,
          });
        });
        await send(page, 'hello');
        await status(page, 'Connection lost, trying again');
        const answer = await settled(page);
        assert.equal(await answer.locator('.text').innerText(), 'Half of it.');
        assert.deepEqual(asked, [':1']);
        await status(page, 'Done');
      }));
    }

    test('a server that cannot be reached can be tried again', () => withPage({}, async (page) => {
      await page.route('**/api/v1/chat/stream', (route) => route.abort('connectionrefused'), { times: 1 });
      await send(page, '/fast hello');
      const answer = await settled(page);
      assert.equal(await answer.locator('.failure .box-title').innerText(), 'The server cannot be reached');
      await answer.getByRole('button', { name: 'Retry' }).click();
      await status(page, 'Done');
      assert.notEqual(await lastAnswer(page).locator('.text').innerText(), '');
    }, /ERR_CONNECTION_REFUSED/));

    test('an answer that is not ours is not taken for one', () => withPage({}, async (page) => {
      await page.route('**/api/v1/chat/stream', (route) => route.fulfill({ status: 502, contentType: 'text/html', body: '<h1>Bad gateway</h1>' }));
      await send(page, 'hello');
      const answer = await settled(page);
      assert.match(await answer.locator('.failure-text').innerText(), /status 502/);
    }, /status of 502/));

    test('rate limits say when to come back', () => withPage({}, async (page) => {
      await page.route('**/api/v1/chat/stream', (route) => route.fulfill({
        status: 429, headers: { 'retry-after': '7' },
        json: { error: { type: 'rate_limited', message: 'slow down', retryable: true, request_id: 'q_1' } },
      }));
      await send(page, 'hello');
      const answer = await settled(page);
      assert.match(await answer.locator('.failure-text').innerText(), /Slow down.*Try again in 7 seconds/i);
    }, /status of 429/));

    test('without the list of providers one can still ask, and load it again', () => withPage({}, async (page) => {
      await page.route('**/api/v1/providers', (route) => route.fulfill({ status: 500, body: 'no' }), { times: 1 });
      await page.reload();
      await page.getByText('The list of providers could not be loaded.').waitFor();
      await send(page, '/fast hello');
      await status(page, 'Done');
      await page.locator('#reload').click();
      await page.locator('#provider option[value="demo"]').waitFor({ state: 'attached' });
      assert.ok(!(await page.locator('#reload').isVisible()));
    }, /status of 500/));

    test('hostile answers do nothing', () => withPage({}, async (page) => {
      const hostile = [
        '<script>alert(1)</script><img src=x onerror=alert(1)><svg onload=alert(1)>',
        '[a](javascript:alert(1)) [b](java\tscript:alert(1)) [c](data:text/html,<script>alert(1)</script>) [d](vbscript:x)',
        '![pixel](https://evil.example/pixel.png) ![](javascript:alert(1)) <javascript:alert(1)>',
        '| <b onclick=alert(1)>x</b> | `</code><script>alert(1)</script>` |\n|---|---|\n| <iframe src="//evil.example"> | [x](//evil.example) |',
        '```html"><script>alert(1)</script>\n</code></pre><script>alert(1)</script>\n```',
        '[ok](https://example.org "title") <https://example.org> mailto: [m](mailto:a@example.org)',
      ].join('\n\n');
      await scriptAnswer(page, [
        { reasoning: hostile, warnings: [hostile], refusal: hostile },
        { content: hostile, model: hostile, provider: hostile },
        { tool_calls: [{ index: 0, id: 'c', type: 'function', function: { name: hostile, arguments: hostile } }] },
      ], `event: error\ndata: ${JSON.stringify({ error: { type: 'truncated', message: hostile } })}\n\n`);
      await send(page, hostile);
      const answer = await settled(page);
      await answer.locator('.thinking summary').click();
      const found = await page.locator('.conversation').evaluate((conversation) => ({
        foreign: [...conversation.querySelectorAll('script, img, iframe, svg, object, embed, style, link, base, meta')].map((e) => e.outerHTML),
        handlers: [...conversation.querySelectorAll('*')].flatMap((e) => [...e.attributes]).map((a) => a.name).filter((name) => name.startsWith('on')),
        links: [...conversation.querySelectorAll('a')].map((a) => ({ href: a.href, rel: a.rel })),
      }));
      assert.deepEqual({ foreign: found.foreign, handlers: found.handlers }, { foreign: [], handlers: [] });
      const targets = [...new Set(found.links.map((link) => link.href))].sort();
      assert.deepEqual(targets, ['https://evil.example/pixel.png', 'https://example.org/', 'mailto:a@example.org']);
      assert.ok(found.links.every((link) => link.rel.includes('noopener')));
    }));
  });
}

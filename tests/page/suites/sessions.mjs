// @ts-check
// The conversation is the server's: it survives the page, its connections, and is the same in every window.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { lastAnswer, send, sentChats, settled, someText, status, until } from '../browser.mjs';
import { openWire } from '../wire.mjs';

/** @typedef {import('playwright-core').Page} Page */

/** @param {import('../browser.mjs').WithPage} withPage */
export function sessions(withPage) {
  describe('sessions', () => {
    test('a reload in mid-answer loses nothing', () => withPage({}, async (page) => {
      await send(page, '/think /long');
      await someText(page);
      await page.reload();
      await someText(page);
      assert.equal(await page.locator('.question-text').innerText(), '/think /long');
      await status(page, 'Answering');
      await stop(page);
      await assertSame(page);
    }));

    test('what has not arrived is back in the box after a reload', () => withPage({}, async (page) => {
      // Nobody answers: not the making of the conversation, later not the request.
      await page.route('**/api/v1/sessions', () => {}, { times: 1 });
      await send(page, '/fast one');
      await page.locator('.question').waitFor();
      await page.reload();
      await page.locator('.idea').first().waitFor();
      assert.equal(await page.locator('#prompt').inputValue(), '/fast one');
      await page.locator('#prompt').press('Enter');
      await settled(page);
      await page.locator('#prompt').pressSequentially('half a thou');
      await page.reload();
      await settled(page);
      assert.equal(await page.locator('#prompt').inputValue(), 'half a thou');
      await page.route('**/api/v1/chat/stream', () => {}, { times: 1 });
      await send(page, '/fast two');
      await page.locator('.question').nth(1).waitFor();
      await page.reload();
      await settled(page);
      await until(async () => (await page.locator('#prompt').inputValue()) === '/fast two');
      await page.locator('#prompt').press('Enter');
      await answers(page, 2);
      // What has arrived is not given back.
      await page.reload();
      await answers(page, 2);
      await page.waitForFunction(() => document.getElementById('status')?.textContent === '');
      assert.equal(await page.locator('#prompt').inputValue(), '');
      await assertSame(page);
    }));

    test('a reload shows all that was there', () => withPage({}, async (page) => {
      await send(page, '/think /tool /fast');
      const asking = await settled(page);
      await asking.getByLabel('Result to send back').fill('{"temperature":21}');
      await asking.getByRole('button', { name: 'Send result' }).click();
      await answers(page, 2);
      await send(page, '/fail /fast');
      await answers(page, 3);
      await send(page, '/refuse /fast');
      await answers(page, 4);
      await send(page, '/long');
      await someText(page);
      await page.locator('#stop').click();
      await answers(page, 5);
      const before = await shown(page);
      await page.reload();
      await answers(page, 5);
      // How long it thought is known only where it was seen.
      assert.equal(await shown(page), before.replace(/Thought for .*/g, 'Thoughts'));
      await assertSame(page);
      assert.ok(await lastAnswer(page).getByRole('button', { name: 'Try again' }).isVisible());
    }));

    test('what is kept of an answer that was interrupted is shown, with all that belongs to it', () => withPage({}, async (page) => {
      await page.route('**/messages', (route) => route.fulfill({
        json: {
          messages: [
            { role: 'user', content: [{ type: 'text', text: 'what is this' }, { type: 'image', url: 'https://a.example/i.png' }], run_id: 'r_1' },
            {
              role: 'assistant', id: 'r_1', run_id: 'r_1', content: 'Half of', finish_reason: null, model: 'm', provider: 'p', status: 'interrupted',
              usage: { input_tokens: 1200, output_tokens: 3, total_tokens: 1203, estimated: true }, warnings: ['temperature was dropped'],
              citations: [{ url: 'https://example.org/a', title: 'A source' }], error: { type: 'interrupted', message: 'the gateway was stopped' },
            },
          ],
          runs: [{ id: 'r_1', parent: null, status: 'interrupted' }],
        },
      }));
      await send(page, '/fast hello');
      await settled(page);
      await page.reload();
      const answer = await settled(page);
      assert.equal(await page.locator('.question-text').innerText(), 'what is this');
      assert.equal(await page.locator('.question .pictures img').getAttribute('src'), null, 'a picture is loaded from elsewhere');
      assert.equal(await answer.locator('.failure .box-title').innerText(), 'The answer was interrupted');
      assert.equal(await answer.locator('.text').innerText(), 'Half of');
      assert.equal(await answer.locator('.warnings').innerText(), 'temperature was dropped');
      assert.deepEqual(await answer.locator('.citations a').allInnerTexts(), ['A source']);
      assert.equal(await answer.locator('.usage').innerText(), '1,200 in · 3 out tokens (estimated)');
    }));

    test('a tool call that waits for its result still does after a reload', () => withPage({}, async (page) => {
      await send(page, '/tool /fast');
      await settled(page);
      await page.reload();
      const asking = await settled(page);
      await asking.getByLabel('Result to send back').fill('12 degrees');
      await asking.getByRole('button', { name: 'Send result' }).click();
      await answers(page, 2);
      assert.match(await lastAnswer(page).locator('.text').innerText(), /12 degrees/);
    }));

    test('stop ends the answer at the server, too', () => withPage({}, async (page) => {
      await send(page, '/long');
      await someText(page);
      await stop(page);
      const { runs } = await kept(page);
      assert.deepEqual(runs.map((run) => run.status), ['cancelled']);
      await assertSame(page);
    }));

    test('two windows are in step, and each can stop the other', () => withPage({}, async (page, another) => {
      await send(page, '/fast hello');
      await settled(page);
      const other = await another(page.url());
      await settled(other);
      await send(page, '/long 100');
      await answers(page, 2);
      await answers(other, 2);
      assert.equal(await shown(other), await shown(page));

      await send(other, '/long');
      await someText(page);
      await page.locator('#stop').click();
      await status(other, 'Stopped');
      await answers(other, 3);
      await answers(page, 3);
      assert.equal(await shown(other), await shown(page));
      await assertSame(other);
    }));

    test('a second window that comes in mid-answer has all of it', () => withPage({}, async (page, another) => {
      await send(page, '/long');
      await someText(page);
      const other = await another(page.url());
      await someText(other);
      await stop(page);
      await settled(other);
      assert.equal(await shown(other), await shown(page));
      await assertSame(other);
    }));

    test('what is asked again replaces the answer everywhere', () => withPage({}, async (page, another) => {
      await send(page, '/fast one');
      await settled(page);
      await send(page, '/fail /fast');
      await answers(page, 2);
      const other = await another(page.url());
      await answers(other, 2);
      const first = (await kept(page)).runs;
      await lastAnswer(page).getByRole('button', { name: 'Retry' }).click();
      await page.waitForFunction(() => document.querySelectorAll('.answer').length === 2);
      await answers(page, 2);
      await until(async () => (await kept(other)).runs[1].id !== first[1].id);
      await answers(other, 2);
      const second = (await kept(page)).runs;
      assert.equal(second.length, 2);
      assert.equal(second[1].parent, first[0].id);
      assert.equal(await shown(other), await shown(page));
    }));

    test('a connection that is cut again and again loses nothing', () => withPage({}, async (page, another) => {
      const wire = await openWire(page.url());
      const other = await another(wire.url);
      await send(other, '/long');
      for (let cuts = 0; cuts < 3; cuts++) {
        const length = await lastAnswer(other).locator('.text').evaluate((text) => text.textContent?.length ?? 0);
        await other.waitForFunction((before) => (document.querySelector('.answer:last-child .text')?.textContent?.length ?? 0) > before, length);
        wire.cut();
        await status(other, 'Connection lost, trying again');
        await status(other, 'Answering');
      }
      await stop(other);
      await assertSame(other);
      await wire.close();
    }, /request elsewhere|ERR_|WebSocket/));

    test('while nobody is reached it waits, and goes on as soon as the browser is online', () => withPage({}, async (page, another) => {
      const wire = await openWire(page.url());
      const other = await another(wire.url);
      await send(other, '/long 250');
      await someText(other);
      wire.down();
      await status(other, 'Connection lost, trying again');
      // The answer is over before anybody can be reached.
      await until(async () => (await kept(other, page.url())).runs[0].status === 'finished');
      wire.up();
      await other.evaluate(() => dispatchEvent(new Event('online')));
      await settled(other);
      await status(other, 'Done');
      await assertSame(other);
      await wire.close();
    }, /request elsewhere|ERR_|WebSocket/));

    test('frames that are not kept any more are read from the messages', () => withPage({}, async (page) => {
      await page.route('**/api/v1/chat/stream?*', (route) => route.fulfill({
        status: 404, json: { error: { type: 'not_found', message: 'the events of this run are not kept', param: 'last_event_id' } },
      }));
      await page.route('**/api/v1/chat/stream', async (route) => {
        const response = await route.fetch();
        await route.fulfill({ response, body: (await response.text()).slice(0, 300) });
      });
      await send(page, '/fast hello');
      await status(page, 'Connection lost');
      await until(async () => (await page.locator('.answer').count()) === 1 && (await lastAnswer(page).locator('.usage').innerText()) !== '');
      assert.equal(await page.locator('.question').count(), 1);
      await assertSame(page);
    }, /status of 404/));

    test('a request whose answer was lost is not asked twice', () => withPage({}, async (page) => {
      const chats = sentChats(page);
      /** @type {(string | undefined)[]} */
      const keys = [];
      page.on('request', (request) => {
        if (request.url().endsWith('/chat/stream')) keys.push(request.headers()['idempotency-key']);
      });
      // Without the doorbell, only the person can find out.
      await page.routeWebSocket('**/api/v1/chat/ws*', () => {});
      await page.route('**/api/v1/chat/stream', async (route) => {
        await route.fetch();
        await route.abort('connectionreset');
      }, { times: 1 });
      await send(page, '/fast hello');
      const answer = await settled(page);
      assert.equal(await answer.locator('.failure .box-title').innerText(), 'The server cannot be reached');
      await answer.getByRole('button', { name: 'Retry' }).click();
      await status(page, 'Done');
      assert.deepEqual(chats[1], chats[0]);
      assert.equal(keys[1], keys[0]);
      assert.equal((await kept(page)).runs.length, 1);
      await send(page, '/fast again');
      await answers(page, 2);
      assert.notEqual(keys[2], keys[0]);
      await assertSame(page);
    }, /ERR_CONNECTION_RESET/));

    test('a request whose answer was lost is found by the doorbell', () => withPage({}, async (page) => {
      await send(page, '/fast hello');
      await settled(page);
      await page.route('**/api/v1/chat/stream', async (route) => {
        await route.fetch();
        await route.abort('connectionreset');
      }, { times: 1 });
      await send(page, '/fast once more');
      await until(async () => (await page.locator('.answer').count()) === 2 && !(await lastAnswer(page).locator('.failure').isVisible()));
      await answers(page, 2);
      assert.equal(await page.locator('.question').count(), 2);
      await assertSame(page);
    }, /ERR_CONNECTION_RESET/));

    test('who was slower than another window has the message back', () => withPage({}, async (page) => {
      await send(page, '/fast hello');
      await settled(page);
      await page.route('**/api/v1/chat/stream', (route) => route.fulfill({
        status: 409, json: { error: { type: 'conflict', message: 'busy', param: 'session_id', run_id: 'r_9' } },
      }), { times: 1 });
      await send(page, 'me too');
      await status(page, 'Another window was first');
      assert.equal(await page.locator('#prompt').inputValue(), 'me too');
      assert.equal(await page.locator('.question').count(), 1);
      assert.ok(await page.locator('#send').isVisible());
    }, /status of 409/));

    test('a new chat leaves the answer to itself', () => withPage({}, async (page) => {
      await send(page, '/long 200');
      await someText(page);
      const address = page.url();
      await page.locator('#new-chat').click();
      assert.equal(new URL(page.url()).hash, '');
      await send(page, '/fast hello');
      await settled(page);
      await page.goto(address);
      await page.getByText('/long 200').waitFor();
      await settled(page);
      assert.equal(await page.locator('.answer').count(), 1);
      await assertSame(page);
    }));

    test('an address that leads nowhere says so, and a message begins anew', () => withPage({}, async (page, another) => {
      const other = await another(`${new URL(page.url()).origin}/#s_0123456789abcdef0123456789abcd`);
      await other.getByText('This conversation no longer exists. Your next message begins a new one.').waitFor();
      await status(other, 'This conversation no longer exists');
      assert.equal(new URL(other.url()).hash, '');
      await send(other, '/fast hello');
      await settled(other);
      assert.match(new URL(other.url()).hash, /^#s_[0-9a-f]{30}$/);
      assert.ok(!(await other.locator('#vanished').isVisible()));
    }, /status of 404/));

    test('off the network the page says so, counts down, and goes on by itself', () => withPage({ locale: 'en-ZA' }, async (page) => {
      await send(page, '/long');
      await someText(page);
      // No stream gets through: what the page has of the answer it cannot go on with.
      await page.route('**/api/v1/chat/stream**', (route) => route.abort('internetdisconnected'));
      await page.reload();
      await status(page, 'Connection lost, trying again');
      await page.locator('#countdown', { hasText: /^in \d+ s$/ }).waitFor();
      await page.context().setOffline(true);
      await page.locator('#countdown', { hasText: 'You are offline' }).waitFor();
      await page.unroute('**/api/v1/chat/stream**');
      await page.context().setOffline(false);
      await status(page, 'Answering');
      assert.equal(await page.locator('#countdown').innerText(), '');
      await stop(page);
      await assertSame(page);
    }, /Failed to load resource|WebSocket|ERR_INTERNET|chrome-error/));

    test('the skip link does not take the conversation out of the address', () => withPage({}, async (page) => {
      await send(page, '/fast hello');
      await settled(page);
      const address = page.url();
      await page.locator('.skip').focus();
      await page.keyboard.press('Enter');
      assert.equal(page.url(), address);
    }));

    test('a gateway that asks for a key says so', () => withPage({}, async (page) => {
      await page.route('**/api/v1/sessions', (route) => route.fulfill({
        status: 401, json: { error: { type: 'authentication_error', message: 'this gateway asks for a key' } },
      }));
      await send(page, 'hello');
      const answer = await settled(page);
      assert.equal(await answer.locator('.failure .box-title').innerText(), 'This gateway asks for a key');
      await page.locator('#open-history').click();
      await page.locator('.history-note').filter({ hasText: 'asks for a key' }).waitFor();
    }, /status of 401/));
  });
}

/**
 * Ends an answer that would go on for longer than any test looks: how fast the machine is decides nothing.
 * @param {Page} page
 */
async function stop(page) {
  await page.locator('#stop').click();
  await settled(page);
  await status(page, 'Stopped');
}

/** @param {Page} page @param {number} count waits until so many answers are there, and all are settled */
async function answers(page, count) {
  await page.locator('.answer').nth(count - 1).waitFor();
  await page.locator('.answer[aria-busy="true"]').waitFor({ state: 'detached' });
  assert.equal(await page.locator('.answer').count(), count);
}

/** @param {Page} page what a person reads, but for what can only be known where it was asked */
async function shown(page) {
  await page.evaluate(() => document.querySelectorAll('details').forEach((details) => (details.open = true)));
  // What only the window knows that asked.
  const text = await page.locator('.conversation').evaluate((/** @type {HTMLElement} */ all) => {
    const times = [...all.querySelectorAll('.times')].filter((each) => each instanceof HTMLElement);
    for (const each of times) each.hidden = true;
    const said = all.innerText;
    for (const each of times) each.hidden = false;
    return said;
  });
  return text.replace(/^Request .*\n\n/gm, '').replace(/Thought for .*|Thoughts/g, 'Thoughts');
}

/** @param {Page} page @param {string} [through] another address of the same server @returns {Promise<{messages: any[], runs: any[]}>} */
async function kept(page, through = page.url()) {
  const { hash } = new URL(page.url());
  const { origin } = new URL(through);
  const response = await page.request.get(`${origin}/api/v1/sessions/${hash.slice(1)}/messages`);
  assert.equal(response.status(), 200);
  return response.json();
}

/** The answers shown are the answers kept, to the letter. @param {Page} page */
async function assertSame(page) {
  const { messages } = await kept(page);
  // Markdown's marks and what is between paragraphs are drawn, not written.
  const letters = (/** @type {string} */ text) => text.replace(/[\s*`|-]+/g, '');
  const texts = await page.locator('.answer').evaluateAll((all) => all.map((answer) =>
    [...answer.querySelectorAll('.text')].map((text) => text.textContent).join('')));
  const answers = messages.filter((message) => message.role === 'assistant');
  assert.deepEqual(texts.map(letters), answers.map(({ content }) => letters(content)));
}

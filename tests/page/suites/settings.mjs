// @ts-check
// The drawer, pictures, messages in other words, a conversation as a file.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { scriptAnswer, send, sentChats, settled, status, until } from '../browser.mjs';

const OWN = { locale: 'en-IE' }; // a person of its own: settings are kept in the browser

/** One red pixel, as a PNG. */
const PIXEL = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4z8DwHwAFAAH/iZk9HQAAAABJRU5ErkJggg==', 'base64');

/** @param {import('../browser.mjs').WithPage} withPage */
export function settings(withPage) {
  describe('settings', () => {
    test('what is set in the drawer goes with the request, and is kept', () => withPage(OWN, async (page) => {
      await page.locator('#open-settings').click();
      await page.locator('#system').fill('Be brief.');
      await page.locator('#temperature').fill('0.5');
      await page.locator('#max-tokens').fill('77');
      await page.locator('#effort').selectOption('high');
      await page.locator('#collection').fill('papers');
      await page.keyboard.press('Escape');
      await page.locator('.toggle').click();
      await page.locator('#assistant').selectOption('rag');
      const chats = sentChats(page);
      const session = page.waitForRequest((request) => request.method() === 'POST' && request.url().endsWith('/sessions'));
      await scriptAnswer(page, [{ content: 'x', finish_reason: 'stop' }]);
      await send(page, 'hello');
      await settled(page);
      assert.deepEqual((await session).postDataJSON(), { system: 'Be brief.', assistant: 'rag' });
      assert.deepEqual(chats[0], {
        session_id: chats[0].session_id, messages: [{ role: 'user', content: 'hello' }], provider: 'demo', assistant: 'rag',
        temperature: 0.5, max_tokens: 77, thinking: { effort: 'high' }, retrieval: { collection: 'papers' },
      });
      await page.reload();
      await page.locator('#open-settings').click();
      assert.equal(await page.locator('#temperature').inputValue(), '0.5');
      await page.locator('#temperature').fill('7');
      assert.equal(await page.locator('#temperature').evaluate((field) => /** @type {HTMLInputElement} */ (field).validity.valid), false);
    }));

    test('keys stay in this browser, and go where they belong', () => withPage({ locale: 'en-NZ' }, async (page) => {
      await page.locator('#open-settings').click();
      const providers = page.waitForRequest('**/api/v1/providers');
      await page.locator('#gateway-key').fill(' tk_mine ');
      await page.locator('#provider-key').fill('sk-mine');
      await page.locator('#key-provider').selectOption('openai');
      assert.equal(await page.locator('#provider-key').inputValue(), '');
      await page.locator('#provider-key').fill('sk-other');
      await page.locator('#settings .close').click();
      assert.equal((await (await providers).allHeaders()).authorization, 'Bearer tk_mine');
      // One whose key the gateway lacks can be asked with one's own.
      await page.locator('#provider option[value="openai"]:enabled').waitFor({ state: 'attached' });
      assert.equal(await page.locator('#provider').inputValue(), 'demo');
      const chat = page.waitForRequest('**/api/v1/chat/stream');
      await scriptAnswer(page, [{ content: 'x', finish_reason: 'stop' }]);
      await send(page, 'hello');
      await settled(page);
      const headers = await (await chat).allHeaders();
      assert.deepEqual([headers.authorization, headers['x-provider-key']], ['Bearer tk_mine', 'sk-mine']);
      assert.equal(await page.locator('body').innerText().then((text) => /tk_mine|sk-mine|sk-other/.test(text)), false);
    }, /WebSocket|401/));

    test('pictures are shown, sent, and can be taken back', () => withPage({}, async (page) => {
      const chats = sentChats(page);
      const files = [1, 2].map((number) => ({ name: `${number}.png`, mimeType: 'image/png', buffer: PIXEL }));
      await page.locator('#files').setInputFiles(files);
      await page.locator('#pictures img').nth(1).waitFor();
      await page.getByRole('button', { name: 'Remove picture 1' }).click();
      await scriptAnswer(page, [{ content: 'red', finish_reason: 'stop' }]);
      await send(page, 'what is this');
      await settled(page);
      const [{ content }] = chats[0].messages;
      assert.deepEqual(content.map((/** @type {any} */ part) => part.type), ['image', 'text']);
      assert.match(content[0].url, /^data:image\/jpeg;base64,/);
      assert.ok(await page.locator('#pictures').isHidden());
      assert.equal(await page.locator('.question .pictures img').evaluate((picture) => /** @type {HTMLImageElement} */ (picture).naturalWidth), 1);
      await page.locator('#files').setInputFiles({ name: 'no.png', mimeType: 'image/png', buffer: Buffer.from('no picture') });
      await status(page, 'This picture cannot be read');
    }));

    test('pictures are pasted and dropped, four at most', () => withPage({}, async (page) => {
      const give = (/** @type {'paste' | 'drop'} */ how, /** @type {number} */ count) => page.evaluate(([kind, bytes, many]) => {
        const data = new DataTransfer();
        for (let at = 0; at < Number(many); at++) data.items.add(new File([new Uint8Array(/** @type {number[]} */ (bytes))], `${at}.png`, { type: 'image/png' }));
        const event = kind === 'paste'
          ? new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true })
          : new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true });
        document.getElementById('prompt')?.dispatchEvent(event);
      }, /** @type {const} */ ([how, [...PIXEL], count]));
      await give('paste', 1);
      await page.locator('#pictures img').first().waitFor();
      await give('drop', 5);
      await status(page, 'At most 4 pictures go with a message');
      assert.equal(await page.locator('#pictures img').count(), 4);
    }));

    test('provider and model are there again the next time', () => withPage({ locale: 'en-SG' }, async (page) => {
      await page.route('**/api/v1/providers', (route) => route.fulfill({
        json: {
          default: 'one',
          providers: ['one', 'two'].map((name) => ({
            name, dialect: 'openai', configured: true, streams: true, default_model: 'm', models: ['m', 'n'], any_model: false, key_variable: null, description: '',
          })),
        },
      }));
      await page.reload();
      await page.locator('#provider').selectOption('two');
      await page.locator('#model').fill('n');
      await page.locator('#prompt').focus();
      await page.reload();
      await page.locator('.idea').first().waitFor();
      assert.equal(await page.locator('#provider').inputValue(), 'two');
      assert.equal(await page.locator('#model').inputValue(), 'n');
      // One that is not there any more is not asked for again.
      await page.locator('#model').fill('o');
      await page.locator('#prompt').focus();
      await page.locator('#provider').selectOption('one');
      await page.locator('#provider').selectOption('two');
      assert.equal(await page.locator('#model').inputValue(), '');
    }));

    test('beside a wide page the list is a column, and Escape still stops an answer', () => withPage({ viewport: { width: 1500, height: 800 } }, async (page) => {
      // It is there from the beginning, and has not taken the keyboard.
      assert.ok(await page.locator('#history').isVisible());
      assert.equal(await page.evaluate(() => document.activeElement?.id), 'prompt');
      await send(page, '/long');
      await page.locator('.answer[aria-busy="true"] .text:not(:empty)').waitFor();
      await page.keyboard.press('Escape');
      await status(page, 'Stopped');
      await page.locator('.session-title', { hasText: '/long' }).waitFor();
      assert.ok(await page.locator('#prompt').isVisible());
      await page.locator('#open-history').click();
      assert.ok(await page.locator('#history').isHidden());
      // Whoever has closed it finds it closed, whoever has opened it open.
      await page.reload();
      await settled(page);
      assert.ok(await page.locator('#history').isHidden());
      await page.locator('#open-history').click();
      await page.locator('.session-title', { hasText: '/long' }).waitFor();
      assert.ok(await page.locator('#history').evaluate((list) => list.contains(document.activeElement)));
      await page.reload();
      await page.locator('.session-title', { hasText: '/long' }).waitFor();
      await page.setViewportSize({ width: 1000, height: 800 });
      await page.locator('#history').waitFor({ state: 'hidden' });
      await page.setViewportSize({ width: 1500, height: 800 });
      await page.locator('#history').waitFor();
    }));

    test('of several messages that were asked at once, one is changed and all are sent', () => withPage({}, async (page) => {
      const user = (/** @type {string} */ content) => ({ role: 'user', content, run_id: 'r_1' });
      await page.route('**/messages', (route) => route.fulfill({
        json: {
          messages: [user('one'), user('two'), { role: 'assistant', id: 'r_1', run_id: 'r_1', content: 'x', finish_reason: 'stop', model: 'm', provider: 'p' }],
          runs: [{ id: 'r_1', parent: null, status: 'finished' }],
        },
      }));
      await scriptAnswer(page, [{ content: 'x', finish_reason: 'stop' }]);
      await send(page, 'hello');
      await settled(page);
      await page.reload();
      await settled(page);
      const question = page.locator('.question').nth(1);
      await question.hover();
      await question.getByRole('button', { name: 'Edit' }).click();
      await question.locator('textarea').fill('three');
      const chats = sentChats(page);
      await page.keyboard.press('Enter');
      await until(async () => chats.length === 1);
      assert.deepEqual(chats[0].messages, ['one', 'three'].map((content) => ({ role: 'user', content })));
      assert.equal(chats[0].parent, null);
    }));

    test('a message in other words leaves aside what followed it', () => withPage({}, async (page) => {
      for (const text of ['/fast one', '/fast two', '/fast three']) {
        await send(page, text);
        await settled(page);
      }
      const question = page.locator('.question').nth(1);
      await question.hover();
      await question.getByRole('button', { name: 'Edit' }).click();
      assert.equal(await question.locator('textarea').inputValue(), '/fast two');
      await page.keyboard.press('Escape');
      assert.ok(await question.locator('.question-text').isVisible());
      await question.getByRole('button', { name: 'Edit' }).click();
      await question.locator('textarea').fill('/fast other');
      await page.keyboard.press('Enter');
      await page.locator('.question-text', { hasText: 'other' }).waitFor();
      await settled(page);
      assert.deepEqual(await page.locator('.question-text').allInnerTexts(), ['/fast one', '/fast other']);
      await page.reload();
      await settled(page);
      assert.deepEqual(await page.locator('.question-text').allInnerTexts(), ['/fast one', '/fast other'], 'the server knows it otherwise');
    }));

    test('a conversation is saved as Markdown and as JSON', () => withPage({}, async (page) => {
      await send(page, '/think why');
      await settled(page);
      const save = async (/** @type {string} */ form) => {
        await page.locator('#open-settings').click();
        const download = page.waitForEvent('download');
        await page.getByRole('button', { name: `Save as ${form}` }).click();
        const text = await readFile(await (await download).path(), 'utf8');
        await page.keyboard.press('Escape');
        return text;
      };
      const shown = await page.locator('.answer .text').innerText();
      const markdown = await save('Markdown');
      assert.ok(markdown.startsWith('## You\n\n/think why\n\n## Answer from demo, demo\n\n**Thought**\n\n> '), markdown);
      assert.ok(markdown.replaceAll('*', '').includes(shown.split('\n')[0]), markdown);
      const { messages, runs } = JSON.parse(await save('JSON'));
      assert.deepEqual([messages[0].content, messages[1].role, runs.length], ['/think why', 'assistant', 1]);
    }));
  });
}

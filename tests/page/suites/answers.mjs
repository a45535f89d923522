// @ts-check
// What a person can do while all goes well.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { lastAnswer, scriptAnswer, send, sentChats, settled, someText, status } from '../browser.mjs';

/** @param {import('../browser.mjs').WithPage} withPage */
export function answers(withPage) {
  describe('answers', () => {
    test('the first screen says what this is, what to try, and that the demo is scripted', () => withPage({}, async (page) => {
      assert.equal(await page.title(), 'Tributary');
      assert.equal(await page.locator('h1').count(), 1);
      assert.equal(await page.locator('.idea').count(), 3);
      assert.match(await page.locator('#notice').innerText(), /Scripted demo.*OPENAI_API_KEY/);
      assert.equal(await page.locator('#provider').inputValue(), 'demo');
    }));

    test('the page comes with its protective headers', () => withPage({}, async (page) => {
      const response = await page.request.get(page.url());
      const policy = response.headers()['content-security-policy'] ?? '';
      for (const rule of ["default-src 'none'", "script-src 'self'", "require-trusted-types-for 'script'", "frame-ancestors 'none'"]) {
        assert.ok(policy.split('; ').includes(rule), `no ${rule} in ${policy}`);
      }
      assert.equal(response.headers()['x-content-type-options'], 'nosniff');
      assert.equal(response.headers()['referrer-policy'], 'no-referrer');
    }));

    test('a provider without a key cannot be chosen and names the variable to set', () => withPage({}, async (page) => {
      const option = page.locator('#provider option[value="openai"]');
      assert.match(await option.textContent() ?? '', /OPENAI_API_KEY/);
      assert.ok(await option.isDisabled());
    }));

    test('an idea is sent with one press, and the answer grows before it is done', () => withPage({}, async (page) => {
      const chats = sentChats(page);
      await page.locator('.idea').first().click();
      await someText(page);
      assert.equal(await page.getByRole('status').innerText(), 'Answering');
      const early = (await lastAnswer(page).locator('.text').innerText()).length;
      const answer = await settled(page);
      await status(page, 'Done');
      assert.ok((await answer.locator('.text').innerText()).length > early, 'nothing came after the first text');
      assert.match(await answer.locator('.usage').innerText(), /\d in · \d+ out tokens/);
      assert.ok(await answer.locator('.tag').isVisible(), 'the answer is not marked as scripted');
      assert.deepEqual(chats, [{
        session_id: new URL(page.url()).hash.slice(1), messages: [{ role: 'user', content: 'What can you do?' }], provider: 'demo',
      }]);
    }));

    test('every turn sends only what is new', () => withPage({}, async (page) => {
      const chats = sentChats(page);
      await scriptAnswer(page, [{ content: 'Hel' }, { content: 'lo' }, { finish_reason: 'stop' }]);
      await send(page, 'one');
      await settled(page);
      await page.locator('#model').fill('other');
      await page.locator('.toggle').click();
      await send(page, 'two');
      await settled(page);
      assert.deepEqual(chats[1], {
        session_id: chats[0].session_id, messages: [{ role: 'user', content: 'two' }],
        provider: 'demo', model: 'other', thinking: true,
      });
    }));

    test('Shift+Enter starts a line, Enter sends, and nothing sends nothing', () => withPage({}, async (page) => {
      const chats = sentChats(page);
      await scriptAnswer(page, [{ content: 'x', finish_reason: 'stop' }]);
      await send(page, '   ');
      await page.locator('#prompt').fill('');
      await page.locator('#prompt').pressSequentially('a');
      await page.locator('#prompt').press('Shift+Enter');
      await page.locator('#prompt').pressSequentially('b');
      await page.locator('#prompt').press('Enter');
      await settled(page);
      assert.deepEqual(chats.map((chat) => chat.messages), [[{ role: 'user', content: 'a\nb' }]]);
    }));

    test('stop keeps what came and says so, and the next message goes out', () => withPage({}, async (page) => {
      await send(page, '/long');
      await someText(page);
      await page.locator('#stop').click();
      const answer = await settled(page);
      await status(page, 'Stopped');
      assert.equal(await answer.locator('.note').innerText(), 'Stopped');
      assert.notEqual(await answer.locator('.text').innerText(), '');
      await send(page, '/fast hello');
      await settled(page);
      await status(page, 'Done');
    }));

    test('thinking is shown folded, and opens', () => withPage({}, async (page) => {
      await send(page, '/think /fast Why is the sky blue?');
      const answer = await settled(page);
      const details = answer.locator('details.thinking');
      assert.equal(await details.getAttribute('open'), null);
      assert.match(await details.locator('summary').innerText(), /^Thought for/);
      assert.ok(!(await details.locator('.prose').isVisible()));
      await details.locator('summary').click();
      assert.notEqual(await details.locator('.prose').innerText(), '');
      assert.notEqual(await answer.locator('.text').innerText(), '');
    }));

    test('a tool call is shown, and a result sent back is answered', () => withPage({}, async (page) => {
      const chats = sentChats(page);
      await send(page, '/tool /fast');
      const asking = await settled(page);
      assert.equal(await asking.locator('.call-name').innerText(), 'get_weather');
      assert.equal(JSON.parse(await asking.locator('.call-arguments').innerText()).city, 'Oslo');
      assert.equal(await asking.locator('.note').innerText(), 'Waiting for a tool result');
      await asking.getByLabel('Result to send back').fill('{"temperature":21}');
      await asking.getByRole('button', { name: 'Send result' }).click();
      await page.locator('.answer').nth(1).waitFor();
      const answer = await settled(page);
      assert.notEqual(await answer.locator('.text').innerText(), '');
      assert.deepEqual(chats[1].messages, [{ role: 'tool', tool_call_id: 'call_demo', content: '{"temperature":21}' }]);
      assert.match(await page.locator('.answer').first().locator('.call-result').innerText(), /"temperature": 21/);
    }));

    test('a tool call that nobody answered does not hold up the next turn', () => withPage({}, async (page) => {
      await send(page, '/tool /fast');
      await settled(page);
      await send(page, '/fast never mind');
      await page.locator('.answer').nth(1).waitFor();
      const answer = await settled(page);
      assert.notEqual(await answer.locator('.text').innerText(), '');
      assert.ok(!(await page.getByRole('button', { name: 'Send result' }).isVisible()));
    }));

    test('a refusal is shown as one', () => withPage({}, async (page) => {
      await send(page, '/refuse /fast');
      const answer = await settled(page);
      assert.ok(await answer.locator('.refusal').isVisible());
      assert.notEqual(await answer.locator('.refusal-text').innerText(), '');
      assert.equal(await answer.locator('.note').innerText(), 'The model declined');
    }));

    test('warnings, sources and an unusual end are shown', () => withPage({}, async (page) => {
      await scriptAnswer(page, [
        { warnings: ['temperature was dropped'], content: 'half an' },
        { citations: [{ url: 'https://example.org/a', title: 'A source' }, { url: 'javascript:alert(1)', title: 'A trap' }] },
        { finish_reason: 'length', usage: { input_tokens: 1200, output_tokens: 3, total_tokens: 1203 } },
      ]);
      await send(page, 'hello');
      const answer = await settled(page);
      assert.equal(await answer.locator('.warnings').innerText(), 'temperature was dropped');
      assert.equal(await answer.locator('.note').innerText(), 'Cut off: the token limit was reached');
      assert.equal(await answer.locator('.usage').innerText(), '1,200 in · 3 out tokens');
      assert.equal(await answer.locator('.by-name').innerText(), 'm · p');
      assert.deepEqual(await answer.locator('.citations a').allInnerTexts(), ['A source']);
    }));

    test('a new chat forgets the old one, even in mid-answer', () => withPage({}, async (page) => {
      const chats = sentChats(page);
      await send(page, '/long');
      await someText(page);
      await page.locator('#new-chat').click();
      await page.locator('#welcome').waitFor();
      assert.equal(await page.locator('.turn').count(), 0);
      assert.ok(await page.locator('#send').isVisible());
      await send(page, '/fast hello');
      await settled(page);
      assert.notEqual(chats[1].session_id, chats[0].session_id);
      assert.equal(await page.locator('.answer').count(), 1);
    }));

    test('an answer and its code are copied as they were written', () => withPage({ permissions: ['clipboard-read', 'clipboard-write'] }, async (page) => {
      await scriptAnswer(page, [{ content: '**b**\n```js\nlet a = 1;\n```', finish_reason: 'stop' }]);
      await send(page, 'hello');
      const answer = await settled(page);
      const clipboard = () => page.evaluate(() => navigator.clipboard.readText());
      await answer.locator('[data-action="copy-code"]').click();
      await answer.getByText('Copied').waitFor();
      assert.equal(await clipboard(), 'let a = 1;\n');
      await answer.locator('[data-action="copy-answer"]').click();
      await answer.locator('.foot').getByText('Copied').waitFor();
      assert.equal(await clipboard(), '**b**\n```js\nlet a = 1;\n```');
    }));
  });
}

// @ts-check
// The list of conversations: to find them again, name them, and be rid of them.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { send, settled, status, until } from '../browser.mjs';

/** @typedef {import('playwright-core').Page} Page */

/** @param {import('../browser.mjs').WithPage} withPage */
export function history(withPage) {
  describe('history', () => {
    test('who has asked nothing has no conversations', () => withPage({ locale: 'fi-FI' }, async (page) => {
      await page.locator('#open-history').click();
      await page.getByText('No conversations yet').waitFor();
      await page.keyboard.press('Escape');
      assert.ok(!(await page.locator('#history').isVisible()));
    }));

    test('conversations are listed, opened, renamed and deleted', () => withPage({ locale: 'is-IS' }, async (page) => {
      for (const text of ['/fast the first', '/fast the second']) {
        await begin(page, text);
      }
      const second = page.url();
      await page.locator('#open-history').click();
      const titles = page.locator('.session-title');
      await titles.nth(1).waitFor();
      assert.deepEqual(await titles.allInnerTexts(), ['/fast the second', '/fast the first']);
      assert.match(await page.locator('.session time').first().innerText(), /^\d\d:\d\d$/);
      assert.equal(await page.locator('.session-open[aria-current="page"] .session-title').innerText(), '/fast the second');

      await titles.nth(1).click();
      await page.locator('.question-text').filter({ hasText: 'the first' }).waitFor();
      await settled(page);
      assert.notEqual(page.url(), second);
      assert.ok(!(await page.locator('#history').isVisible()));

      await page.locator('#open-history').click();
      await page.getByRole('button', { name: 'Rename /fast the first' }).click();
      await page.locator('.session-rename input:visible').fill('  A better name ');
      await page.keyboard.press('Enter');
      await page.getByText('A better name').waitFor();
      await page.locator('#history .close').click();
      await page.locator('#open-history').click();
      await page.getByText('A better name').waitFor();

      await page.getByRole('button', { name: 'Delete A better name' }).click();
      await page.locator('[data-action="keep"]:visible').click();
      await page.getByRole('button', { name: 'Delete A better name' }).click();
      await page.locator('[data-action="really"]:visible').click();
      await page.getByText('A better name').waitFor({ state: 'detached' });
      assert.deepEqual(await titles.allInnerTexts(), ['/fast the second']);
      // What is gone is not shown any more.
      assert.equal(new URL(page.url()).hash, '');
      assert.equal(await page.locator('.turn').count(), 0);
    }));

    test('it can be done by keyboard alone', () => withPage({ locale: 'da-DK' }, async (page) => {
      await begin(page, '/fast one');
      await page.locator('#open-history').focus();
      await page.keyboard.press('Enter');
      await page.locator('.session').waitFor();
      assert.ok(await focused(page, '.close'));
      await page.keyboard.press('Tab');
      assert.ok(await focused(page, '.session-open'));
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      assert.ok(await focused(page, '.session-rename input'));
      await page.keyboard.press('Escape');
      assert.ok(await focused(page, '.session-open'), 'Escape leaves the renaming only');
      await page.keyboard.press('Tab');
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      assert.ok(await focused(page, '[data-action="keep"]'), 'what is asked first is the harmless answer');
      await page.keyboard.press('Shift+Tab');
      await page.keyboard.press('Enter');
      await page.getByText('No conversations are left.').waitFor();
      assert.ok(await focused(page, '.close'));
      await page.keyboard.press('Escape');
      assert.ok(await focused(page, '#open-history'));
    }));

    test('Escape in the list does not stop the answer', () => withPage({}, async (page) => {
      await send(page, '/long');
      await page.locator('#open-history').click();
      await page.locator('.session').first().waitFor();
      await page.keyboard.press('Escape');
      await page.locator('#history').waitFor({ state: 'hidden' });
      assert.equal(await page.getByRole('status').innerText(), 'Answering');
      await page.keyboard.press('Escape');
      await status(page, 'Stopped');
    }));

    test('a conversation that another window deletes is gone here, too', () => withPage({ locale: 'sv-SE' }, async (page, another) => {
      await begin(page, '/fast hello');
      const other = await another(page.url());
      await settled(other);
      await other.locator('#open-history').click();
      await other.getByRole('button', { name: 'Delete /fast hello' }).click();
      await other.locator('[data-action="really"]:visible').click();
      await page.getByText('This conversation no longer exists.').waitFor();
      assert.equal(await page.locator('.turn').count(), 0);
    }, /status of 404/));

    test('a long list is shown in parts', () => withPage({}, async (page) => {
      const session = (/** @type {string} */ id) => ({ id, title: id, created_at: 1, updated_at: 1_700_000_000_000 });
      await page.route('**/api/v1/sessions*', (route) => route.fulfill({
        json: route.request().url().includes('before=1%3As_2')
          ? { sessions: [session('s_3')], next: null }
          : { sessions: [session('s_1'), session('s_2')], next: '1:s_2' },
      }));
      await page.locator('#open-history').click();
      await page.getByRole('button', { name: 'Show older ones' }).click();
      await page.locator('.session').nth(2).waitFor();
      assert.deepEqual(await page.locator('.session-title').allInnerTexts(), ['s_1', 's_2', 's_3']);
      assert.match(await page.locator('.session time').first().innerText(), /^1[45] Nov 2023$/);
      assert.ok(!(await page.locator('#history .more').isVisible()));
      await until(() => focused(page, '.session:nth-child(3) .session-open'));
    }));

    test('a list that does not come says why', () => withPage({}, async (page) => {
      await page.route('**/api/v1/sessions', (route) => route.abort('connectionrefused'));
      await page.locator('#open-history').click();
      await page.locator('.history-note').filter({ hasText: 'The server cannot be reached' }).waitFor();
    }, /ERR_CONNECTION_REFUSED/));

    for (const width of [320, 1024]) {
      test(`it fits at ${width} px`, () => withPage({ viewport: { width, height: 700 } }, async (page) => {
        await begin(page, `/fast ${'long'.repeat(30)}`);
        await page.locator('#open-history').click();
        await page.locator('.session').first().waitFor();
        assert.equal(await overflow(page), 0, 'the list');
        await page.locator('.session [data-action="rename"]').first().click();
        assert.equal(await overflow(page), 0, 'a new title');
        await page.locator('[data-action="keep"]:visible').click();
        await page.locator('.session [data-action="delete"]').first().click();
        assert.equal(await overflow(page), 0, 'the question whether to delete it');
      }));
    }
  });
}

/** @param {Page} page @param {string} text in a new conversation */
async function begin(page, text) {
  if (await page.locator('#new-chat').isVisible()) await page.locator('#new-chat').click();
  await send(page, text);
  await status(page, 'Done');
}

/** @param {Page} page by how much the list is wider than its place */
function overflow(page) {
  return page.locator('#history').evaluate((element) => element.scrollWidth - element.clientWidth);
}

/** @param {Page} page @param {string} selector */
function focused(page, selector) {
  return page.evaluate((wanted) => document.activeElement?.matches(wanted) ?? false, selector);
}

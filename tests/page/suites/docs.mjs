// @ts-check
// The page that reads and tries the API. As everywhere, whatever it complains of or asks of elsewhere is a failure.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { OPERATIONS } from '../../docs/document.mjs';

/** @typedef {import('playwright-core').Page} Page */

/** @param {import('../browser.mjs').WithPage} withPage */
export function docs(withPage) {
  /** @param {import('playwright-core').BrowserContextOptions} options @param {(page: Page) => Promise<void>} use @param {RegExp} [expected] */
  const withDocs = (options, use, expected) => withPage(options, async (chat, another) => {
    const page = await another(new URL('/docs', chat.url()).href);
    await page.locator('.opblock').first().waitFor();
    await use(page);
  }, expected);

  describe('the API\'s page', () => {
    test('it shows every operation, under its own title', () => withDocs({}, async (page) => {
      assert.equal(new URL(page.url()).pathname, '/docs/');
      assert.equal(await page.title(), 'Tributary API');
      const shown = await page.locator('.opblock-summary').evaluateAll((all) => all.map((one) => {
        const text = (/** @type {string} */ part) => one.querySelector(part)?.textContent ?? '';
        return `${text('.opblock-summary-method').toLowerCase()} ${text('.opblock-summary-path').replaceAll('\u200b', '')}`;
      }));
      assert.deepEqual(shown.sort(), OPERATIONS.map(({ method, path }) => `${method} ${path}`).sort());
    }));

    test('a request can be tried', () => withDocs({}, async (page) => {
      const operation = await execute(page, 'Gateway-health');
      await operation.locator('.response-col_status', { hasText: '200' }).first().waitFor();
      assert.deepEqual(JSON.parse(await answer(operation).innerText()), { status: 'ok' });
    }));

    test('an answer that streams is shown while it comes', () => withDocs({}, async (page) => {
      const operation = await execute(page, 'Chat-streamChat');
      await answer(operation).getByText('"role":"assistant"').waitFor();
      assert.doesNotMatch(await answer(operation).innerText(), /\[DONE\]/, 'only a part has come');
      await answer(operation).getByText('[DONE]').waitFor();
      const frames = (await answer(operation).innerText()).trim().split(/\n{2,}/);
      assert.match(frames[0], /^id: \S+:1\nevent: chunk\ndata: \{.*\}$/);
      assert.match(/** @type {string} */ (frames.at(-1)), /\nevent: done\ndata: \[DONE\]$/);
    }));

    test('an error is shown as what it is', () => withDocs({}, async (page) => {
      const operation = await execute(page, 'Sessions-readSession', async (block) => {
        await block.locator('input[placeholder="id"]').fill('s_none');
      });
      await operation.locator('.response-col_status', { hasText: '404' }).first().waitFor();
      assert.equal(JSON.parse(await answer(operation).innerText()).error.type, 'not_found');
    }, /status of 404/));

    for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
      test(`it is ${colorScheme} where its reader wants that`, () => withDocs({ colorScheme }, async (page) => {
        const [background, text] = await page.evaluate(() => [
          getComputedStyle(document.documentElement).backgroundColor,
          getComputedStyle(document.querySelector('.info .title') ?? document.body).color,
        ].map((color) => Number(/\d+/.exec(color)?.[0])));
        assert.equal(background > 127, colorScheme === 'light');
        assert.equal(text > 127, colorScheme === 'dark');
      }));
    }
  });
}

/** Opens an operation, fills in what it needs, and sends it. @param {Page} page @param {string} name @param {(block: import('playwright-core').Locator) => Promise<void>} [fill] */
async function execute(page, name, fill) {
  const operation = page.locator(`#operations-${name}`);
  await operation.locator('.opblock-summary-control').click();
  await fill?.(operation);
  await operation.locator('button.execute').click();
  return operation;
}

/** What came. @param {import('playwright-core').Locator} operation */
function answer(operation) {
  return operation.locator('.live-responses-table .response-col_description .highlight-code pre').first();
}

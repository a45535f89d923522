// @ts-check
// Keyboard, screen sizes, colours, scrolling.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { lastAnswer, scriptAnswer, send, settled, someText, status } from '../browser.mjs';

/** @typedef {import('playwright-core').Page} Page */

const WIDE = [
  `# ${'Unbreakable'.repeat(12)}`,
  `A ${'very'.repeat(60)}long word, \`${'code'.repeat(40)}\` and https://example.org/${'path/'.repeat(40)}`,
  '```\n' + 'let line = "wide"; '.repeat(20) + '\n```',
  `| ${'column | '.repeat(14)}\n|${'---|'.repeat(14)}\n| ${'cell | '.repeat(14)}`,
  '> - 1. > - deep',
].join('\n\n');

/** @param {import('../browser.mjs').WithPage} withPage */
export function look(withPage) {
  describe('look', () => {
    test('everything can be done by keyboard alone', () => withPage({}, async (page) => {
      assert.ok(await focused(page, '#prompt'), 'the message box is not ready to type into');
      await tabTo(page, '.idea', 'Shift+Tab');
      assert.notEqual(await page.evaluate(() => getComputedStyle(document.activeElement ?? document.body).outlineStyle), 'none');
      await page.keyboard.press('Enter');
      await someText(page);
      assert.ok(await focused(page, '#prompt'), 'the focus went away with the idea');
      await page.keyboard.press('Escape');
      await status(page, 'Stopped');

      await tabTo(page, '[data-action="retry"]', 'Shift+Tab');
      await page.keyboard.press('Enter');
      await someText(page);
      await tabTo(page, '#stop', 'Tab');
      await page.keyboard.press('Enter');
      await status(page, 'Stopped');
      assert.ok(await focused(page, '#prompt'), 'the focus went away with the stop button');

      await tabTo(page, '#thinking', 'Tab');
      await page.keyboard.press('Space');
      assert.ok(await page.locator('#thinking').isChecked());
      await tabTo(page, '#new-chat', 'Shift+Tab');
      await page.keyboard.press('Enter');
      assert.ok(await focused(page, '#prompt'));
      assert.equal(await page.locator('.turn').count(), 0);
    }));

    test('the skip link leads to the message box', () => withPage({}, async (page) => {
      await tabTo(page, '.skip', 'Shift+Tab');
      await page.keyboard.press('Enter');
      assert.ok(await focused(page, '#prompt'));
    }));

    test('a growing answer is marked busy, and only the status speaks', () => withPage({}, async (page) => {
      await send(page, '/long');
      await someText(page);
      assert.equal(await lastAnswer(page).getAttribute('aria-busy'), 'true');
      assert.equal(await page.locator('[aria-live], [role="log"], [role="alert"], [role="status"]').count(), 1);
      await page.keyboard.press('Escape');
      await settled(page);
    }));

    for (const width of [320, 360, 768, 1440]) {
      test(`nothing scrolls sideways at ${width} px`, () => withPage({ viewport: { width, height: 700 } }, async (page) => {
        assert.equal(await overflow(page), 0, 'the first screen');
        await scriptAnswer(page, [
          { content: WIDE, reasoning: WIDE, refusal: WIDE, warnings: [WIDE] },
          { tool_calls: [{ index: 0, id: 'c', type: 'function', function: { name: 'f'.repeat(90), arguments: 'x'.repeat(300) } }] },
          { finish_reason: 'tool_calls', usage: { input_tokens: 1e9, output_tokens: 1e9, total_tokens: 2e9 } },
        ]);
        await send(page, WIDE);
        const answer = await settled(page);
        await answer.locator('.thinking summary').click();
        assert.equal(await overflow(page), 0, 'a wide answer');
        assert.deepEqual(await overlaps(page, '.tools > :not([hidden])'), []);
      }));
    }

    for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
      test(`everything is readable in ${colorScheme} colours`, () => withPage({ colorScheme, reducedMotion: 'reduce' }, async (page) => {
        assert.deepEqual(await poorContrast(page), []);
        const background = await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
        const brightness = Number(/\d+/.exec(background)?.[0]);
        assert.equal(brightness > 127 ? 'light' : 'dark', colorScheme);
        await scriptAnswer(page, [
          { reasoning: 'r', content: '# h\n\ntext `code` [link](https://example.org)\n\n> quote\n\n```js\ncode\n```\n\n| a |\n|---|\n| b |' },
          { warnings: ['w'], refusal: 'no', model: 'demo', provider: 'demo' },
        ], 'event: error\ndata: {"error":{"type":"timeout","message":"m"}}\n\n');
        await send(page, 'hello');
        await (await settled(page)).locator('.thinking summary').click();
        assert.deepEqual(await poorContrast(page), []);
        await page.locator('#open-history').click();
        await page.locator('.session [data-action="rename"]').first().click();
        assert.deepEqual(await poorContrast(page), [], 'the list of conversations');
        await page.locator('[data-action="keep"]:visible').click();
        await page.locator('.session [data-action="delete"]').first().click();
        assert.deepEqual(await poorContrast(page), [], 'the question whether to delete it');
      }));
    }

    test('those who want no motion get none', () => withPage({ reducedMotion: 'reduce' }, async (page) => {
      await send(page, '/long');
      await someText(page);
      assert.equal(await page.evaluate(() => document.getAnimations().length), 0);
      await page.keyboard.press('Escape');
      await settled(page);
    }));

    test('the page follows the answer until one scrolls up', () => withPage({ viewport: { width: 700, height: 420 } }, async (page) => {
      await send(page, '/long');
      await page.waitForFunction(() => scrollY > 150);
      await page.mouse.move(300, 200);
      await page.mouse.wheel(0, -400);
      await page.locator('#jump').waitFor();
      const { place, height } = await page.evaluate(() => ({ place: scrollY, height: document.body.scrollHeight }));
      await page.waitForFunction((before) => document.body.scrollHeight > before + 60, height);
      assert.ok(Math.abs(await page.evaluate(() => scrollY) - place) < 2, 'the page was pulled away from what is read');
      await page.locator('#jump').click();
      await page.waitForFunction(() => document.documentElement.scrollHeight - innerHeight - scrollY < 2);
      await page.locator('#jump').waitFor({ state: 'hidden' });
      await page.keyboard.press('Escape');
      await settled(page);
    }));
  });
}

/** @param {Page} page @param {string} selector */
function focused(page, selector) {
  return page.evaluate((wanted) => document.activeElement?.matches(wanted) ?? false, selector);
}

/** @param {Page} page @param {string} selector @param {'Tab' | 'Shift+Tab'} key */
async function tabTo(page, selector, key) {
  for (let steps = 0; steps < 30; steps++) {
    await page.keyboard.press(key);
    if (await focused(page, selector)) return;
  }
  assert.fail(`${selector} is not reached by ${key}`);
}

/** @param {Page} page */
function overflow(page) {
  return page.evaluate(() => Math.max(0, document.documentElement.scrollWidth - document.documentElement.clientWidth));
}

/** @param {Page} page @param {string} selector */
function overlaps(page, selector) {
  return page.locator(selector).evaluateAll((elements) => {
    const boxes = elements.map((element) => ({ name: element.id || element.className, box: element.getBoundingClientRect() }));
    return boxes.flatMap((a, index) => boxes.slice(index + 1)
      .filter((b) => a.box.left < b.box.right - 1 && b.box.left < a.box.right - 1 && a.box.top < b.box.bottom - 1 && b.box.top < a.box.bottom - 1)
      .map((b) => `${a.name} over ${b.name}`));
  });
}

/** Texts whose contrast with what is behind them is under 4.5 to 1. @param {Page} page */
function poorContrast(page) {
  return page.evaluate(() => {
    /** @param {string} color */
    const channels = (color) => (color.match(/[\d.]+/g) ?? []).map(Number);
    /** @param {number[]} rgb */
    const luminance = (rgb) => {
      const [r, g, b] = rgb.map((value) => value / 255).map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    /** @param {Element | null} element @returns {number[]} */
    const behind = (element) => {
      const color = channels(getComputedStyle(element ?? document.documentElement).backgroundColor);
      return element && color[3] === 0 ? behind(element.parentElement) : color.slice(0, 3);
    };
    const texts = [...document.querySelectorAll('body *')].filter((element) => element.checkVisibility()
      && [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent?.trim()));
    return texts.flatMap((element) => {
      const front = luminance(channels(getComputedStyle(element).color).slice(0, 3));
      const back = luminance(behind(element));
      const ratio = (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
      return ratio < 4.5 ? [`${element.tagName}.${element.className}: ${ratio.toFixed(2)}`] : [];
    });
  });
}

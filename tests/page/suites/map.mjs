// @ts-check
// Assistants on the page: the map that an answer moves, tools that the gateway runs, numbered sources.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { lastAnswer, scriptAnswer, send, sentChats, settled, until } from '../browser.mjs';

/** @typedef {import('playwright-core').Page} Page */

const TOKYO = { longitude: 139.69, latitude: 35.69, zoom: 10, longitudes: [139.8, 139.7], latitudes: [35.71, 35.66], labels: ['Senso-ji', 'Shibuya'] };

/** @param {Page} page */
const zoom = (page) => page.locator('#map').evaluate((map) => Number(map.dataset.zoom));
/** @param {Page} page where a place is, in pixels of the map */
const place = (page, index = 0) => page.locator('.map-mark').nth(index).evaluate((mark) => (mark.getAttribute('transform') ?? '').match(/-?[\d.]+/g)?.map(Number));

/** @param {import('../browser.mjs').WithPage} withPage */
export function map(withPage) {
  describe('the map', () => {
    test('an idea asks the travel assistant, and the map moves while the answer comes', () => withPage({}, async (page) => {
      const chats = sentChats(page);
      assert.ok(await page.locator('#map').isHidden());
      await page.locator('.idea', { hasText: 'map' }).click();
      await page.locator('.answer[aria-busy="true"]').waitFor();
      await page.locator('.map-mark').first().waitFor();
      assert.equal(await lastAnswer(page).getAttribute('aria-busy'), 'true', 'the map came only with the end');
      const answer = await settled(page);
      assert.equal(chats[0].assistant, 'travel');
      assert.deepEqual(await page.locator('.map-mark text').allTextContents(), ['Senso-ji', 'Shibuya Crossing', 'Tokyo Tower']);
      await until(async () => Math.abs((await zoom(page)) - 11) < 0.01);
      assert.match(await answer.locator('.call-what').innerText(), /gateway/);
      assert.ok(await answer.locator('.call-result').isHidden(), 'what was done is folded');
      await answer.locator('.call-head').click();
      assert.match(await answer.locator('.call-result pre').innerText(), /The map has moved/);
      assert.ok(await answer.locator('.call-answer').first().isHidden().catch(() => true), 'the person is asked for what the gateway did');
      assert.ok(await page.locator('#map-land').getAttribute('d'));
      const order = () => lastAnswer(page).locator('.said > :is(.text, .call)').evaluateAll((parts) => parts.map(({ className }) => className.split(' ')[0]));
      const written = await order();
      assert.ok(written.lastIndexOf('text') > written.indexOf('call'), `what was said to the map stands behind it: ${written}`);

      await page.reload();
      await settled(page);
      await page.locator('.map-mark').first().waitFor();
      assert.deepEqual(await order(), written);
      // The conversation's assistant goes on.
      await until(async () => (await page.locator('#assistant').inputValue()) === 'travel');
      await send(page, 'and Rome?');
      await page.locator('.map-mark text', { hasText: 'Colosseum' }).waitFor();
      await settled(page);
      await page.locator('.question').last().hover();
      await page.locator('.question').last().getByRole('button', { name: 'Edit' }).click();
      await page.locator('.question').last().locator('textarea').fill('/long');
      await page.keyboard.press('Enter');
      await page.locator('.map-mark text', { hasText: 'Senso-ji' }).waitFor();
      await page.keyboard.press('Escape');
      await settled(page);
      // And whoever wants to do without it can.
      await page.locator('#assistant').selectOption('');
      await send(page, '/fast and Paris?');
      await settled(page);
      assert.equal(chats.at(-1)?.assistant, 'plain');
      assert.equal(await lastAnswer(page).locator('.call').count(), 0);
      await page.locator('#new-chat').click();
      assert.ok(await page.locator('#map').isHidden());
    }));

    test('two fingers zoom it, around what is between them', () => withPage({ hasTouch: true, reducedMotion: 'reduce', viewport: { width: 390, height: 800 } }, async (page) => {
      await scriptAnswer(page, [{ content: 'x', state: { map: TOKYO } }, { finish_reason: 'stop' }]);
      await send(page, 'where');
      await settled(page);
      await until(async () => Math.abs((await zoom(page)) - 10) < 0.01);
      const box = /** @type {{x: number, y: number, width: number, height: number}} */ (await page.locator('.map-view').boundingBox());
      const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
      const before = /** @type {number[]} */ (await place(page));
      const touch = await page.context().newCDPSession(page);
      const fingers = (/** @type {number} */ apart) => [x - apart, x + apart].map((at, id) => ({ x: at, y, id }));
      await touch.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: fingers(20) });
      for (const apart of [25, 30, 40]) await touch.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: fingers(apart) });
      await touch.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
      // Twice as far apart is one level, and the middle stays where it is.
      await until(async () => Math.abs((await zoom(page)) - 11) < 0.02);
      const after = /** @type {number[]} */ (await place(page));
      const middle = box.width / 2;
      assert.ok(Math.abs((after[0] - middle) - 2 * (before[0] - middle)) < 3, `${before} ${after}`);
      assert.equal(await page.evaluate(() => scrollX), 0);
    }));

    test('a small map shows the places that a large one would', () => withPage({ reducedMotion: 'reduce', viewport: { width: 360, height: 740 } }, async (page) => {
      const places = { longitudes: [139.45, 139.9, 135.5], latitudes: [35.69, 35.7, 34.7], labels: ['West', 'East', 'Osaka'] };
      await scriptAnswer(page, [{ content: 'x', state: { map: { ...TOKYO, ...places } } }, { finish_reason: 'stop' }]);
      await send(page, 'where');
      await settled(page);
      const { width } = /** @type {{width: number}} */ (await page.locator('.map-view').boundingBox());
      for (const [index, isSeen] of [[0, true], [1, true], [2, false]]) {
        const [x] = /** @type {number[]} */ (await place(page, Number(index)));
        assert.equal(x > 0 && x < width, isSeen, `${index} at ${x}`);
      }
      assert.ok((await zoom(page)) < 10 && (await zoom(page)) > 8);
    }));

    test('the small world stands where no place is, or nowhere', () => withPage({ reducedMotion: 'reduce', viewport: { width: 360, height: 740 } }, async (page) => {
      const inset = page.locator('.map-inset');
      const at = async (/** @type {number[][]} */ places) => {
        const [longitudes, latitudes] = [0, 1].map((axis) => places.map((each) => each[axis]));
        const map = { longitude: 0, latitude: 0, zoom: 8, longitudes, latitudes, labels: places.map(() => 'A') };
        await scriptAnswer(page, [{ content: 'x', state: { map } }, { finish_reason: 'stop' }]);
        await send(page, 'where');
        await settled(page);
        return (await inset.isVisible()) ? inset.getAttribute('data-corner') : '';
      };
      assert.equal(await at([[0, 0]]), 'top right');
      assert.equal(await at([[0.75, 0.3]]), 'top left');
      assert.equal(await at([[0.75, 0.3], [-0.75, 0.3]]), 'bottom right');
      assert.equal(await at([[0.75, 0.3], [-0.75, 0.3], [0.75, -0.3]]), '');
    }));

    test('it is moved and zoomed by hand, by wheel and by keyboard', () => withPage({ reducedMotion: 'reduce' }, async (page) => {
      await scriptAnswer(page, [{ content: 'x', state: { map: TOKYO } }, { finish_reason: 'stop' }]);
      await send(page, 'where');
      await settled(page);
      const before = /** @type {number[]} */ (await place(page));
      const box = /** @type {{x: number, y: number, width: number, height: number}} */ (await page.locator('.map-view').boundingBox());
      await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
      await page.mouse.down();
      await page.mouse.move(box.x + box.width / 2 + 50, box.y + box.height / 2 + 20, { steps: 4 });
      await page.mouse.up();
      const moved = /** @type {number[]} */ (await place(page));
      assert.ok(Math.abs(moved[0] - before[0] - 50) < 2 && Math.abs(moved[1] - before[1] - 20) < 2, `${before} ${moved}`);
      await page.mouse.wheel(0, -300);
      await until(async () => (await zoom(page)) > 10.5);
      await page.locator('.map-view').focus();
      const near = await zoom(page);
      await page.keyboard.press('-');
      assert.ok((await zoom(page)) < near);
      const [x] = /** @type {number[]} */ (await place(page));
      await page.keyboard.press('ArrowRight');
      assert.ok(Math.abs(/** @type {number[]} */ (await place(page))[0] - x + 80) < 2);
      await page.locator('#map [data-action="fit"]').click();
      for (const index of [0, 1]) {
        const [left, top] = /** @type {number[]} */ (await place(page, index));
        assert.ok(left > 0 && left < box.width && top > 0 && top < box.height, `${left} ${top}`);
      }
      assert.equal(await page.locator('.map-view').getAttribute('aria-label'), 'Map with Senso-ji, Shibuya');
      // So near the coasts would be wrong; the lines are not.
      assert.equal(await page.locator('.map-world').getAttribute('opacity'), '0');
      assert.ok((await page.locator('.map-degrees text').allTextContents()).includes('139.7° E'));
      // From afar one name would stand over the other.
      assert.equal(await page.locator('.map-mark text:visible').count(), 2);
      for (let levels = 0; levels < 7; levels++) await page.locator('#map [data-action="farther"]').click();
      assert.ok((await page.locator('.map-degrees text').allTextContents()).some((text) => /^\d+° E$/.test(text)));
      assert.equal(await page.locator('.map-world').getAttribute('opacity'), '1');
      const boxes = await page.locator('.map-mark text:visible').evaluateAll((names) => names.map((name) => name.getBoundingClientRect()));
      for (const one of boxes) {
        for (const other of boxes) {
          const isOver = one !== other && one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;
          assert.ok(!isOver, 'a name stands over another one');
        }
      }
    }));

    test('ten thousand places, and places that are none, leave the page usable', () => withPage({}, async (page) => {
      const many = Array.from({ length: 10_000 }, (_, index) => index);
      const state = {
        map: {
          longitude: 1e9, latitude: 99, zoom: 400, longitudes: many.map((index) => index % 360), latitudes: [NaN, 'x', ...many.slice(2).map(() => 12)],
          labels: many.map((index) => `<img src=x onerror=alert(${index})>\u202e${'w'.repeat(500)}`),
        },
      };
      await scriptAnswer(page, [{ content: 'x', state }, { content: 'y', state: { map: 'none' } }, { content: 'z', state: { map: { ...TOKYO, labels: null } } }, { finish_reason: 'stop' }]);
      await send(page, 'where');
      await settled(page);
      await scriptAnswer(page, [{ content: 'x', state }, { finish_reason: 'stop' }]);
      await send(page, 'again');
      await settled(page);
      assert.equal(await page.locator('.map-mark').count(), 198);
      assert.match(await page.locator('.map-more').innerText(), /9,800 more places/);
      assert.equal(await page.locator('.map img').count(), 0);
    }));

    test('sources have the numbers that the text has', () => withPage({}, async (page) => {
      const citations = [{ url: 'https://example.org/a', title: 'First', number: 1 }, { url: 'https://example.org/c', title: 'Third', number: 3 }];
      await scriptAnswer(page, [{ content: 'It is so [1][3].', citations }, { finish_reason: 'stop' }]);
      await send(page, 'why');
      const answer = await settled(page);
      assert.deepEqual(await answer.locator('.citations li').evaluateAll((items) => items.map((item) => /** @type {HTMLLIElement} */ (item).value)), [1, 3]);
    }));
  });
}

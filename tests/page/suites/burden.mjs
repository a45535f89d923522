// @ts-check
// What the page bears: hostile answers, very long ones, and how much of it there is to load.

import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { scriptAnswer, send, settled } from '../browser.mjs';

const PUBLIC = new URL('../../../public/', import.meta.url);
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/** Each of them ran somewhere. */
const HOSTILE = [
  '<script>document.title = "run"</script>', '<img src="https://example.org/x" onerror="document.title = 1">', '<svg onload="document.title = 1"></svg>',
  '[a](javascript:document.title=1) [b](JaVaScRiPt&#58;document.title=1) [c](data:text/html,<script>1</script>) <javascript:document.title=1>',
  '![x](https://example.org/pixel.png)', '<iframe src="https://example.org"></iframe>', '<style>*{display:none}</style>', '<form action="https://example.org"><button>x</button></form>',
  '\u202eabc\u202d \u2066\u2067 [\u202egnp.exe](https://example.org)', `|${'a|'.repeat(300)}\n|${'-|'.repeat(300)}\n${`|${'b|'.repeat(300)}\n`.repeat(60)}`,
  '```"><script>document.title=1</script>\n</code></pre><script>document.title=1</script>\n```', `${'>'.repeat(500)} deep ${'['.repeat(2000)}${'*_`'.repeat(2000)}`,
].join('\n\n');

/** @param {import('../browser.mjs').WithPage} withPage */
export function burden(withPage) {
  describe('what the page bears', () => {
    test('nothing in an answer runs or loads', () => withPage({}, async (page) => {
      await scriptAnswer(page, [
        { content: HOSTILE, reasoning: HOSTILE, refusal: HOSTILE, warnings: [HOSTILE], model: HOSTILE.slice(0, 200), provider: '<b>p</b>' },
        { citations: [{ url: 'javascript:document.title=1', title: '<script>1</script>' }] },
        { tool_calls: [{ index: 0, id: 'c', type: 'function', function: { name: '<script>', arguments: HOSTILE } }] },
        { finish_reason: 'tool_calls' },
      ]);
      await send(page, HOSTILE);
      await settled(page);
      assert.equal(await page.title(), 'Tributary');
      assert.equal(await page.locator('main :is(script, img, iframe, style, form[action], object, embed)').count(), 0);
      const links = await page.locator('main a').evaluateAll((all) => all.map((link) => /** @type {HTMLAnchorElement} */ (link).protocol));
      assert.ok(links.every((protocol) => ['http:', 'https:', 'mailto:'].includes(protocol)), links.join());
      const handlers = await page.locator('main *').evaluateAll((all) => all.filter((each) => [...each.attributes].some(({ name }) => /^(on|style$)/.test(name))).length);
      assert.equal(handlers, 0);
      await send(page, 'and on');
      await settled(page);
    }));

    test('a megabyte in one line leaves the page usable', () => withPage({}, async (page) => {
      await scriptAnswer(page, [...Array.from({ length: 64 }, () => ({ content: 'x*y_[`'.repeat(2731) })), { finish_reason: 'stop' }]);
      await send(page, 'long');
      const answer = await settled(page);
      assert.ok((await answer.locator('.text').evaluate((text) => text.textContent?.length ?? 0)) > 300_000, 'marks are drawn, the rest is there');
      await page.locator('#prompt').fill('still here');
      assert.equal(await page.locator('#prompt').inputValue(), 'still here');
    }));

    test('20,000 tokens are shown as they come, and whoever has scrolled back stays there', () => withPage({}, async (page) => {
      const words = 'The **water** of a `stream` comes [in drops](https://example.org), in gushes, or not at all. ';
      const paragraph = `### A river\n\n${words.repeat(4)}\n\n- one\n- two\n\n`;
      const tokens = paragraph.repeat(80).match(/.{1,4}/gs)?.slice(0, 20_000) ?? [];
      while (tokens.length < 20_000) tokens.push(...tokens.slice(0, 20_000 - tokens.length));
      await page.evaluate((all) => {
        // The stream comes from within the page, 40 tokens at a time: faster than any model writes.
        const real = window.fetch;
        window.fetch = async (input, init) => {
          if (init?.method !== 'POST' || !String(input).endsWith('/chat/stream')) return real(input, init);
          const frame = (/** @type {string} */ content, /** @type {number} */ n) =>
            `id: r_1:${n + 1}\nevent: chunk\ndata: ${JSON.stringify({ content, finish_reason: null, model: 'm', provider: 'p', usage: null })}\n\n`;
          let at = 0;
          const body = new ReadableStream({
            async pull(controller) {
              await new Promise((resolve) => setTimeout(resolve, 4));
              const piece = all.slice(at, at + 40).map((token, index) => frame(token, at + index)).join('');
              at += 40;
              controller.enqueue(new TextEncoder().encode(piece || `id: r_1:${all.length + 1}\nevent: done\ndata: [DONE]\n\n`));
              if (!piece) controller.close();
            },
          });
          return new Response(body, { headers: { 'content-type': 'text/event-stream', 'x-run-id': 'r_1' } });
        };
        /** @type {number[]} */
        const gaps = [];
        let last = performance.now();
        const tick = (/** @type {number} */ now) => {
          gaps.push(now - last);
          last = now;
          requestAnimationFrame(tick);
        };
        requestAnimationFrame(tick);
        Object.assign(window, { gaps });
      }, tokens);
      await send(page, 'much');
      await page.locator('.answer .text ul').nth(12).waitFor();
      await page.mouse.wheel(0, -800);
      await page.locator('#jump').waitFor();
      // What is read, on the screen.
      const place = () => page.locator('.answer .text ul').nth(10).evaluate((list) => Math.round(list.getBoundingClientRect().top));
      let before = NaN;
      while (before !== (before = await place())) await page.waitForTimeout(100); // wheels turn smoothly
      const answer = await settled(page);
      assert.ok(Math.abs((await place()) - before) <= 1, 'the page moved under the reader');
      const text = await answer.locator('.text').evaluate((all) => all.textContent ?? '');
      assert.equal(text.match(/in gushes, or not at all/g)?.length, tokens.join('').match(/in gushes, or not at all/g)?.length);
      const gaps = (await page.evaluate(() => /** @type {any} */ (window).gaps)).sort((/** @type {number} */ a, /** @type {number} */ b) => a - b);
      const at = (/** @type {number} */ share) => gaps[Math.floor((gaps.length - 1) * share)].toFixed(0);
      console.log(`20,000 tokens: ${gaps.length} frames, ${at(0.5)} ms between two (median), ${at(0.95)} ms (95 of 100), ${at(1)} ms (longest)`);
    }));

    for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
      test(`axe-core finds nothing serious in ${colorScheme}`, () => withPage({ colorScheme, bypassCSP: true, reducedMotion: 'reduce' }, async (page) => {
        await page.addScriptTag({ path: AXE });
        const check = async (/** @type {string} */ where) => {
          const { violations } = await page.evaluate(() => /** @type {any} */ (window).axe.run(document, { resultTypes: ['violations'] }));
          const found = violations.filter((/** @type {any} */ each) => ['serious', 'critical'].includes(each.impact));
          assert.deepEqual(found.map((/** @type {any} */ each) => `${where}: ${each.id}: ${each.nodes.map((/** @type {any} */ node) => node.target).join(', ')}`), []);
        };
        await check('the first screen');
        await page.locator('.idea', { hasText: 'map' }).click();
        await settled(page);
        await send(page, '/code');
        await settled(page);
        await check('a conversation with a map');
        await scriptAnswer(page, [
          { content: 'x [1]', reasoning: 'y', refusal: 'z', warnings: ['w'], citations: [{ url: 'https://example.org', title: 't', number: 1 }] },
          { tool_calls: [{ index: 0, id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }] }, { finish_reason: 'tool_calls' },
        ]);
        await send(page, 'all');
        await (await settled(page)).locator('.thinking summary').click();
        await check('all that an answer has');
        await page.locator('#open-settings').click();
        await check('the settings');
        await page.keyboard.press('Escape');
        await page.locator('#open-history').click();
        await page.locator('.session').first().waitFor();
        await check('the list');
      }));
    }

    test('all of it is below 150 KB, and the first paint waits for no script', async () => {
      const files = await readdir(PUBLIC, { recursive: true, withFileTypes: true });
      let size = 0;
      for (const file of files) {
        const path = `${file.parentPath}/${file.name}`;
        if (!file.isFile() || path.includes('/docs/') || /openapi|_headers|LICENSE/.test(file.name)) continue;
        size += gzipSync(await readFile(path)).length;
      }
      console.log(`the page: ${(size / 1024).toFixed(1)} KB, compressed`);
      assert.ok(size < 150 * 1024, `${size}`);
      const html = await readFile(new URL('index.html', PUBLIC), 'utf8');
      assert.deepEqual(html.match(/<script[^>]*>/g), ['<script type="module" src="/js/main.js">'], 'a script that holds up the first paint');
    });

    test('a screen reader finds who said what, in order', () => withPage({ locale: 'en-CA' }, async (page) => {
      await page.locator('.idea', { hasText: 'map' }).click();
      await settled(page);
      const tree = await page.locator('main').ariaSnapshot();
      const parts = ['complementary "Map"', 'button "Zoom in"', 'img "Map with Senso-ji', 'listitem: Senso-ji', 'region "Conversation"', 'heading "You"',
        'Show me the sights of Tokyo', 'heading "Answer from', 'Here is Tokyo!', 'button "Copy"'];
      let at = 0;
      for (const part of parts) {
        const found = tree.indexOf(part, at);
        assert.ok(found >= 0, `${part} is not there, or not in its place:\n${tree}`);
        at = found;
      }
    }));

    test('what a translator needs is in two files', async () => {
      for (const file of await readdir(new URL('js/', PUBLIC), { withFileTypes: true })) {
        if (!file.isFile() || ['words.js', 'world.js'].includes(file.name)) continue;
        const code = (await readFile(new URL(`js/${file.name}`, PUBLIC), 'utf8')).replace(/^\s*(\/\/|\*|\/\*).*$/gm, '');
        // Two words of letters in quotes, but for what is thrown at developers.
        const said = [...code.matchAll(/(?<!Error\()(['`])([A-Z][a-z]+ [a-z]+[^'`]*)\1/g)].map(([, , words]) => words);
        assert.deepEqual(said, [], file.name);
      }
    });

    test('twice as large, and on a narrow phone, nothing scrolls sideways', () => withPage({ viewport: { width: 360, height: 640 } }, async (page) => {
      await page.locator('.idea', { hasText: 'map' }).click();
      await settled(page);
      await page.locator('.map-mark').first().waitFor();
      const beyond = () => page.evaluate(() => Math.max(0, document.documentElement.scrollWidth - document.documentElement.clientWidth));
      assert.equal(await beyond(), 0);
      await page.locator('#open-settings').click();
      assert.equal(await page.locator('#settings').evaluate((all) => all.scrollWidth - all.clientWidth), 0);
      await page.keyboard.press('Escape');
      // 1280 px at 200 % are 640 of the page's.
      await page.setViewportSize({ width: 640, height: 360 });
      assert.equal(await beyond(), 0);
      assert.ok(await page.locator('#prompt').isVisible());
    }));
  });
}

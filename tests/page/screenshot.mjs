// @ts-check
// The pictures for the README: node tests/page/screenshot.mjs <url> <folder>

import { join } from 'node:path';
import { launchBrowser, send, settled } from './browser.mjs';

const [url, folder] = process.argv.slice(2);
if (!url || !folder) throw new Error('usage: screenshot.mjs <url> <folder>');

const SIZES = [
  { file: 'desk.png', options: { viewport: { width: 1440, height: 860 }, colorScheme: /** @type {const} */ ('light') } },
  { file: 'phone.png', options: { viewport: { width: 390, height: 844 }, colorScheme: /** @type {const} */ ('dark') } },
];

const browser = await launchBrowser();
try {
  for (const { file, options } of SIZES) {
    const page = await browser.newPage({ ...options, deviceScaleFactor: 2, reducedMotion: 'reduce' });
    await page.goto(url);
    await page.locator('.idea').first().waitFor();
    if (file === 'desk.png') {
      await page.locator('.idea', { hasText: 'map' }).click();
      await settled(page);
      for (let step = 0; step < 4; step++) await page.locator('#map [data-action="farther"]').click();
    } else {
      await send(page, '/code');
      await settled(page);
    }
    await page.evaluate(() => document.fonts.ready);
    await page.waitForTimeout(300);
    await page.screenshot({ path: join(folder, file) });
    await page.close();
  }
} finally {
  await browser.close();
}

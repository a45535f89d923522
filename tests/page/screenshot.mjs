// @ts-check
// The picture for the README: node tests/page/screenshot.mjs <url> <file.png>

import { launchBrowser, send, settled } from './browser.mjs';

const [url, file] = process.argv.slice(2);
if (!url || !file) throw new Error('usage: screenshot.mjs <url> <file.png>');

const browser = await launchBrowser();
try {
  const page = await browser.newPage({ viewport: { width: 1180, height: 860 }, deviceScaleFactor: 2, colorScheme: 'light' });
  await page.goto(url);
  await page.locator('.idea').first().waitFor();
  await send(page, 'What can you do?');
  await settled(page);
  await page.evaluate(() => document.fonts.ready);
  await page.screenshot({ path: file });
} finally {
  await browser.close();
}

// @ts-check
// A browser that notices what a person would not: console errors, policy violations, requests to elsewhere.

import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';

/** @typedef {import('playwright-core').Page} Page */
/** @typedef {(options: import('playwright-core').BrowserContextOptions, use: (page: Page) => Promise<void>, expected?: RegExp) => Promise<void>} WithPage */

const ARGS = [
  '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];

export function launchBrowser() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ARGS });
}

/**
 * @param {import('playwright-core').Browser} browser
 * @param {string} url where the page is served
 * @returns {WithPage} opens the page, lets the test use it, and fails if anything but `expected` went wrong
 */
export function pages(browser, url) {
  /** @type {Map<string, Promise<import('playwright-core').BrowserContext>>} */
  const contexts = new Map(); // the page keeps nothing, so tests with the same options can share one
  return async (options, use, expected) => {
    const key = JSON.stringify(options);
    if (!contexts.has(key)) contexts.set(key, browser.newContext(options));
    const context = await /** @type {Promise<import('playwright-core').BrowserContext>} */ (contexts.get(key));
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    const trouble = watchForTrouble(page, url, expected);
    try {
      await page.goto(url);
      await page.locator('.idea').first().waitFor();
      await use(page);
      assert.deepEqual(trouble, []);
    } finally {
      await page.close();
    }
  };
}

/** @param {Page} page @param {string} url @param {RegExp} [expected] */
function watchForTrouble(page, url, expected) {
  /** @type {string[]} */
  const trouble = [];
  const note = (/** @type {string} */ text) => {
    if (!expected?.test(text)) trouble.push(text);
  };
  page.on('pageerror', (error) => note(`exception: ${error.stack}`));
  page.on('dialog', (dialog) => {
    note(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) note(`console: ${message.text()}`);
  });
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== new URL(url).origin) note(`request elsewhere: ${request.url()}`);
  });
  return trouble;
}

/** @param {Page} page @param {string} text */
export async function send(page, text) {
  await page.locator('#prompt').fill(text);
  await page.locator('#prompt').press('Enter');
}

/** @param {Page} page the last answer */
export function lastAnswer(page) {
  return page.locator('.answer').last();
}

/** @param {Page} page */
export async function settled(page) {
  await page.locator('.answer:last-child[aria-busy="false"]').waitFor();
  return lastAnswer(page);
}

/** @param {Page} page waits until the growing answer shows some text */
export async function someText(page) {
  await page.locator('.answer[aria-busy="true"] .text:not(:empty)').waitFor();
}

/** @param {Page} page @param {string} words */
export async function status(page, words) {
  await page.getByRole('status').filter({ hasText: words }).waitFor();
}

/**
 * Answers the next chats with a stream made of these chunks, without the worker.
 * @param {Page} page @param {Record<string, unknown>[]} chunks @param {string} [end]
 */
export async function scriptAnswer(page, chunks, end = 'event: done\ndata: [DONE]\n\n') {
  const base = { content: '', finish_reason: null, model: 'm', provider: 'p', usage: null };
  const frames = chunks.map((chunk, n) => `id: r_1:${n + 1}\nevent: chunk\ndata: ${JSON.stringify({ ...base, ...chunk })}\n\n`);
  await page.route('**/api/v1/chat/stream', (route) => route.fulfill({
    contentType: 'text/event-stream; charset=utf-8',
    body: frames.join('') + end,
  }));
}

/** @param {Page} page collects the bodies of the chats that are sent from now on */
export function sentChats(page) {
  /** @type {any[]} */
  const chats = [];
  page.on('request', (request) => {
    if (request.method() === 'POST') chats.push(request.postDataJSON());
  });
  return chats;
}

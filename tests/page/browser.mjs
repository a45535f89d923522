// @ts-check
// A browser that notices what a person would not: console errors, policy violations, requests to elsewhere.

import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';

/** @typedef {import('playwright-core').Page} Page */
/** @typedef {(address: string) => Promise<Page>} OpenAnother another window of the same person */
/**
 * @typedef {(options: import('playwright-core').BrowserContextOptions, use: (page: Page, another: OpenAnother) => Promise<void>,
 *   expected?: RegExp) => Promise<void>} WithPage
 */

const PATIENCE = 15_000; // milliseconds

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
  const contexts = new Map(); // tests with the same options share one, and so a person and a list of conversations
  return async (options, use, expected) => {
    const key = JSON.stringify(options);
    if (!contexts.has(key)) contexts.set(key, browser.newContext(options));
    const context = await /** @type {Promise<import('playwright-core').BrowserContext>} */ (contexts.get(key));
    /** @type {string[]} */
    const trouble = [];
    /** @type {Page[]} */
    const open = [];
    const another = async (/** @type {string} */ address) => {
      const page = await context.newPage();
      open.push(page);
      page.setDefaultTimeout(PATIENCE);
      watchForTrouble(page, url, trouble, expected);
      await page.goto(address);
      return page;
    };
    try {
      const page = await another(url);
      await page.locator('.idea').first().waitFor();
      await use(page, another);
      assert.deepEqual(trouble, []);
    } finally {
      for (const page of open) await page.close();
    }
  };
}

/** @param {Page} page @param {string} url @param {string[]} trouble @param {RegExp} [expected] */
function watchForTrouble(page, url, trouble, expected) {
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

/** @param {() => Promise<boolean>} isTrue waits as long as the browser does for an element */
export async function until(isTrue) {
  const patience = AbortSignal.timeout(PATIENCE);
  while (!(await isTrue())) {
    patience.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/**
 * Answers the next chats with a stream made of these chunks, without the worker.
 * @param {Page} page @param {Record<string, unknown>[]} chunks @param {string} [end]
 */
export async function scriptAnswer(page, chunks, end = 'event: done\ndata: [DONE]\n\n') {
  const base = { content: '', finish_reason: null, model: 'm', provider: 'p', usage: null };
  await page.route('**/api/v1/chat/stream', (route) => {
    const run = `r_${++scripted}`;
    const frames = chunks.map((chunk, n) => `id: ${run}:${n + 1}\nevent: chunk\ndata: ${JSON.stringify({ ...base, ...chunk })}\n\n`);
    const body = `${frames.join('')}id: ${run}:${chunks.length + 1}\n${end}`;
    return route.fulfill({ contentType: 'text/event-stream; charset=utf-8', headers: { 'x-run-id': run }, body });
  });
}

let scripted = 0; // runs

/** @param {Page} page collects the bodies of the chats that are sent from now on */
export function sentChats(page) {
  /** @type {any[]} */
  const chats = [];
  page.on('request', (request) => {
    if (request.method() === 'POST' && request.url().endsWith('/chat/stream')) chats.push(request.postDataJSON());
  });
  return chats;
}

// @ts-check
// The page in a real browser against the real worker. One browser and one worker serve all suites.

import { after } from 'node:test';
import { startWorker } from '../worker/harness.mjs';
import { launchBrowser, pages } from './browser.mjs';
import { answers } from './suites/answers.mjs';
import { burden } from './suites/burden.mjs';
import { docs } from './suites/docs.mjs';
import { eventsource } from './suites/eventsource.mjs';
import { failures } from './suites/failures.mjs';
import { history } from './suites/history.mjs';
import { look } from './suites/look.mjs';
import { map } from './suites/map.mjs';
import { markdown } from './suites/markdown.mjs';
import { sessions } from './suites/sessions.mjs';
import { settings } from './suites/settings.mjs';

const [worker, browser] = await Promise.all([
  startWorker({ vars: { RETRY_BASE_MS: '5', RETRY_CAP_MS: '10' } }),
  launchBrowser(),
]);
after(async () => {
  await browser.close();
  await worker.stop();
});

const withPage = pages(browser, worker.url);
answers(withPage);
failures(withPage);
sessions(withPage);
history(withPage);
eventsource(withPage);
look(withPage);
markdown(withPage);
map(withPage);
settings(withPage);
burden(withPage);
docs(withPage);

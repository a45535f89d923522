// @ts-check
/** `npm run deploy`, as far as it goes without an account: wrangler's dry run on what was built, and what never reaches wrangler. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { parse } from '../../scripts/toml.mjs';
import { ROOT } from './harness.mjs';

const CONFIG = `${ROOT}wrangler.toml`;
/** Words of wrangler's, whenever it looks at a worker. */
const WRANGLER = /Total Upload|access to the following bindings|ERROR/;
/** Whoever runs this may have an account: it is not to be asked. */
const ACCOUNT = ['CLOUDFLARE_API_TOKEN', 'CLOUDFLARE_API_KEY', 'CLOUDFLARE_EMAIL', 'CLOUDFLARE_ACCOUNT_ID', 'CLOUDFLARE_ENV'];

/** @type {string} */
let folder;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tributary-deploy-'));
});
after(() => rm(folder, { recursive: true }));

/** Runs the script, and gives its status and its words. @param {string[]} args @returns {Promise<{ status: number | null, text: string }>} */
function deploy(...args) {
  /** @type {NodeJS.ProcessEnv} */
  const env = { ...process.env, HOME: folder, XDG_CONFIG_HOME: folder, WRANGLER_LOG: '' };
  for (const name of ACCOUNT) delete env[name];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [`${ROOT}scripts/deploy.mjs`, '--no-build', ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (piece) => (text += piece));
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, text }));
  });
}

/** A configuration of our own, and its place. @param {string} text */
async function written(text) {
  const path = join(folder, 'wrangler.toml');
  await writeFile(path, text);
  return path;
}

test("a dry run passes, with wrangler's list of every binding", async () => {
  const { status, text } = await deploy('--dry-run');
  assert.equal(status, 0, text);
  assert.doesNotMatch(text, /FAIL/);
  const { durable_objects: objects } = parse(await readFile(CONFIG, 'utf8'));
  assert.ok(objects.bindings.length >= 3);
  for (const { name, class_name: type } of objects.bindings) assert.ok(text.includes(`env.${name} (${type})`), `${name} is not in:\n${text}`);
  assert.match(text, /--dry-run: exiting now\.[^]*a dry run: nothing was deployed/);
  assert.deepEqual((await readdir(ROOT)).filter((name) => name.startsWith('.wrangler-')), [], 'the copy of the configuration is left behind');
});

test('a binding without a migration does not reach wrangler', async () => {
  const config = await written(`${await readFile(CONFIG, 'utf8')}\n[[durable_objects.bindings]]\nname = "FORGOTTEN"\nclass_name = "ForgottenObject"\n`);
  const { status, text } = await deploy('--dry-run', '--config', config);
  assert.equal(status, 1);
  assert.match(text, /^FAIL {2}migrations: none creates ForgottenObject, which FORGOTTEN binds/m);
  assert.match(text, /not deployed/);
  assert.doesNotMatch(text, WRANGLER);
});

test('neither does a configuration that cannot be read, or is not there', async () => {
  for (const config of [await written('name = tributary\n'), join(folder, 'none.toml')]) {
    const { status, text } = await deploy('--dry-run', '--config', config);
    assert.equal(status, 1);
    assert.match(text, /toml cannot be read: (line 1: tributary is no value|ENOENT)/);
    assert.doesNotMatch(text, WRANGLER);
  }
});

test('without a login nothing is deployed, and what to do is said', async () => {
  const { status, text } = await deploy();
  assert.equal(status, 1, text);
  assert.match(text, /^FAIL {2}not logged in at Cloudflare: npx wrangler login, or set CLOUDFLARE_API_TOKEN/m);
  assert.doesNotMatch(text, /Total Upload/);
});

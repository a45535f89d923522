// @ts-check
/** What is looked at before a deploy: each item both ways, on texts as short as they can be. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { checklist, namesIn, readArguments, readSecrets } from '../../scripts/checklist.mjs';
import { parse } from '../../scripts/toml.mjs';

const OWN = fileURLToPath(new URL('../../wrangler.toml', import.meta.url));
const HEAD = 'compatibility_date = "2026-11-17"\n';
const BINDING = '[[durable_objects.bindings]]\nname = "SESSIONS"\nclass_name = "SessionObject"\n';
const MIGRATION = '[[migrations]]\ntag = "sessions"\nnew_sqlite_classes = ["SessionObject"]\n';
const OBSERVED = '[observability]\nenabled = true\n';
const GOOD = HEAD + BINDING + MIGRATION + OBSERVED;
const ALL_SECRETS = ['GATEWAY_KEYS', 'ADMIN_KEY', 'OPENAI_API_KEY'];
const STAGING = '[[env.staging.durable_objects.bindings]]\nname = "SESSIONS"\nclass_name = "SessionObject"\n';

/**
 * The lines for a wrangler.toml.
 * @param {string} text
 * @param {{ args?: string[], secrets?: string[] | 'new' | 'unasked', given?: string[] }} [more]
 */
function lines(text, { args = [], secrets = ALL_SECRETS, given = [] } = {}) {
  const known = typeof secrets === 'string' ? { kind: secrets } : { kind: /** @type {const} */ ('known'), names: secrets };
  return checklist({ config: parse(text), asked: readArguments(args), secrets: known, given }).map(({ level, text }) => `${level} ${text}`);
}

/** Those that are not well. @param {string[]} lines */
const bad = (lines) => lines.filter((line) => !line.startsWith('ok '));

/** That exactly one line is not well, and what it says. @param {string[]} lines @param {RegExp} words */
function assertOnly(lines, words) {
  assert.equal(bad(lines).length, 1, bad(lines).join('\n'));
  assert.match(bad(lines)[0], words);
}

test('what is well says so, each in one line', () => {
  const all = lines(GOOD);
  assert.deepEqual(bad(all), []);
  assert.equal(all.length, 9);
  for (const line of all) assert.doesNotMatch(line, /\n|undefined/);
});

test("the project's own wrangler.toml passes, and its dry run", () => {
  const own = readFileSync(OWN, 'utf8');
  assert.deepEqual(bad(lines(own)), []);
  assertOnly(lines(own, { secrets: 'unasked' }), /^warn a dry run asks no account/);
});

describe('bindings and migrations', () => {
  /** @type {[string, string, RegExp][]} */
  const cases = [
    ['no bindings', HEAD + MIGRATION + OBSERVED, /^FAIL has no durable_objects bindings, without which there are no sessions$/],
    ['two bindings of one name', GOOD + BINDING, /^FAIL has two bindings of one name: SESSIONS$/],
    ['a class that nothing creates', HEAD + BINDING + OBSERVED, /^FAIL migrations: none creates SessionObject, which SESSIONS binds: .*new_sqlite_classes = \["SessionObject"\]$/],
    ['a class that is created twice', GOOD + MIGRATION.replace('"sessions"', '"again"'), /^FAIL migrations: SessionObject is created twice$/],
    ['a tag that is there twice', GOOD + '[[migrations]]\ntag = "sessions"\nnew_sqlite_classes = ["Other"]\n', /^FAIL migrations: the tag sessions is there twice$/],
    ['no tag', GOOD + '[[migrations]]\nnew_sqlite_classes = ["Other"]\n', /^FAIL migrations: one has no tag$/],
    ['the older kind of store', GOOD.replace('new_sqlite_classes', 'new_classes'), /^FAIL migrations: SessionObject is among new_classes.*; none creates SessionObject/],
    ['a class that was deleted', GOOD + '[[migrations]]\ntag = "gone"\ndeleted_classes = ["SessionObject"]\n', /none creates SessionObject/],
    ['a class that was renamed', GOOD + '[[migrations]]\ntag = "new"\nrenamed_classes = [{ from = "SessionObject", to = "Other" }]\n', /none creates SessionObject/],
  ];
  for (const [what, text, words] of cases) test(what, () => assertOnly(lines(text), words));

  test('a class that came by another name is there', () => {
    const older = '[[migrations]]\ntag = "a"\nnew_sqlite_classes = ["Old"]\n[[migrations]]\ntag = "b"\nrenamed_classes = [{ from = "Old", to = "SessionObject" }]\n';
    assert.deepEqual(bad(lines(HEAD + BINDING + older + OBSERVED)), []);
  });

  test("another worker's class needs no migration", () => {
    assert.deepEqual(bad(lines(`${GOOD}[[durable_objects.bindings]]\nname = "X"\nclass_name = "Y"\nscript_name = "other"\n`)), []);
  });
});

describe('an environment', () => {
  test('with bindings of its own inherits the rest', () => assert.deepEqual(bad(lines(GOOD + STAGING, { args: ['--env', 'staging'] })), []));

  test('that is not there', () => {
    assert.deepEqual(lines(GOOD, { args: ['--env', 'staging'] }), ['FAIL wrangler.toml has no [env.staging]']);
  });

  test('without bindings', () => {
    assertOnly(lines(`${GOOD}[env.staging]\n`, { args: ['-e', 'staging'] }), /^FAIL \[env\.staging\] has no durable_objects bindings.*\[\[env\.staging\.durable_objects\.bindings\]\]$/);
  });

  test('without one of them', () => {
    const two = GOOD.replace('["SessionObject"]', '["SessionObject", "Other"]') + BINDING.replace('SESSIONS', 'OTHERS').replace('SessionObject', 'Other');
    assert.deepEqual(bad(lines(two)), []);
    assertOnly(lines(two + STAGING, { args: ['--env=staging'] }), /^FAIL \[env\.staging\] lacks the durable_objects bindings OTHERS/);
  });

  test('has its own variables, and no others', () => {
    const both = `${GOOD}${STAGING}[vars]\nALLOW_ANONYMOUS = "true"\nOLLAMA_BASE_URL = "https://a.example"\n[env.staging.vars]\nPRICES = "{"\n`;
    assertOnly(lines(both), /^FAIL ALLOW_ANONYMOUS is true/);
    assertOnly(lines(both, { args: ['--env', 'staging'] }), /^FAIL PRICES in \[vars\] is no JSON/);
    const secrets = ['GATEWAY_KEYS', 'ADMIN_KEY'];
    assert.match(bad(lines(both, { args: ['--env', 'staging'], secrets })).join('\n'), /^warn no provider is configured/m);
  });

  test('may change what it inherits', () => {
    const later = `${GOOD}${STAGING}[env.staging.observability]\nenabled = false\n`;
    assert.deepEqual(bad(lines(later)), []);
    assertOnly(lines(later, { args: ['--env', 'staging'] }), /^warn observability is off/);
  });

  test('is named in what there is to do', () => {
    assertOnly(lines(GOOD + STAGING, { args: ['--env', 'staging'], secrets: ['GATEWAY_KEYS', 'OPENAI_API_KEY'] }), /npx wrangler secret put ADMIN_KEY --env staging$/);
  });
});

describe('who may call', () => {
  const OPEN = `${GOOD}[vars]\nALLOW_ANONYMOUS = "true"\n`;

  test('nobody, without keys', () => {
    const secrets = ['OPENAI_API_KEY'];
    const [access, admin, ...none] = bad(lines(GOOD, { secrets }));
    assert.match(access, /^FAIL the gateway is closed to everybody: .*npx wrangler secret put GATEWAY_KEYS.*--closed$/);
    assert.match(admin, /^warn no ADMIN_KEY/);
    assert.deepEqual(none, []);
    assert.match(bad(lines(GOOD, { secrets, args: ['--closed'] }))[0], /^warn the gateway is closed to everybody/);
  });

  test('either secret is enough', () => {
    assert.deepEqual(bad(lines(GOOD, { secrets: ['ADMIN_KEY', 'OPENAI_API_KEY'] })), []);
    assertOnly(lines(GOOD, { secrets: ['GATEWAY_KEYS', 'OPENAI_API_KEY'] }), /^warn no ADMIN_KEY: keys cannot be added or revoked/);
  });

  for (const value of ['"true"', 'true', '" True "']) {
    test(`anybody, with ALLOW_ANONYMOUS = ${value}`, () => {
      const text = OPEN.replace('"true"', value);
      assertOnly(lines(text), /^FAIL ALLOW_ANONYMOUS is true: anybody who finds the address may spend the providers' keys;.*--open$/);
      assertOnly(lines(text, { args: ['--open'] }), /^warn ALLOW_ANONYMOUS is true: anybody/);
    });
  }

  test('not anybody, where it is anything else', () => assert.deepEqual(bad(lines(OPEN.replace('"true"', '"false"'))), []));

  test('a dry run sees it, too', () => {
    const told = bad(lines(OPEN, { secrets: 'unasked' }));
    assert.equal(told.length, 2);
    assert.match(told[1], /^FAIL ALLOW_ANONYMOUS is true/);
  });

  test('it may come by the command, or be a secret that nobody sees', () => {
    assertOnly(lines(GOOD, { args: ['--var', 'X:1', 'ALLOW_ANONYMOUS:true'] }), /^FAIL ALLOW_ANONYMOUS is true/);
    assertOnly(lines(GOOD, { secrets: [...ALL_SECRETS, 'ALLOW_ANONYMOUS'] }), /^FAIL ALLOW_ANONYMOUS is a secret, and may be true/);
  });

  test('a new worker may get its keys later', () => {
    const told = bad(lines(GOOD, { secrets: 'new' }));
    assert.deepEqual(told.filter((line) => !line.startsWith('warn ')), []);
    assert.match(told[0], /^warn the worker does not exist yet, .*npx wrangler secret put GATEWAY_KEYS/);
    assertOnly(lines(GOOD, { secrets: 'new', given: ALL_SECRETS }), /^warn the worker does not exist yet, and has no secrets but those of the file/);
  });
});

describe('variables', () => {
  for (const name of ['OPENAI_API_KEY', 'GATEWAY_KEYS', 'BOT_TOKEN', 'SOME_SECRET']) {
    test(`${name} is no variable`, () => {
      const text = `${GOOD}[vars]\n${name} = "x"\n`;
      assertOnly(lines(text), new RegExp(`^FAIL ${name} stands in \\[vars\\], .*npx wrangler secret put ${name}$`));
      assertOnly(lines(GOOD, { args: [`--var=${name}:x`] }), new RegExp(`^FAIL ${name} stands`));
      assert.deepEqual(bad(lines(text.replace('"x"', '""'))), []);
    });
  }

  test('names that only look like it', () => {
    assert.deepEqual(bad(lines(`${GOOD}[vars]\nHISTORY_TOKENS = "5"\nTOGETHER_MODELS = "a"\nKEYS = "b"\n`)), []);
  });

  for (const name of ['PROVIDERS', 'ROUTES', 'PRICES', 'GUARDRAILS', 'ASSISTANTS', 'VECTOR_STORE']) {
    test(`${name} is JSON`, () => {
      assertOnly(lines(`${GOOD}[vars]\n${name} = '{"a": }'\n`), new RegExp(`^FAIL ${name} in \\[vars\\] is no JSON`));
      assert.deepEqual(bad(lines(`${GOOD}[vars]\n${name} = '{"a": 1}'\n`)), []);
      // Wrangler makes JSON of it.
      assert.deepEqual(bad(lines(`${GOOD}[vars.${name}]\na = 1\n`)), []);
    });
  }

  test('EMBEDDINGS is the name of a model', () => {
    assert.deepEqual(bad(lines(`${GOOD}[vars]\nEMBEDDINGS = "openai/text-embedding-3-small"\n`)), []);
  });

  test('those of the dashboard are not seen', () => assertOnly(lines(GOOD, { args: ['--keep-vars'] }), /^warn --keep-vars/));
});

describe('the rest', () => {
  const KEYS = ['GATEWAY_KEYS', 'ADMIN_KEY'];

  test('providers', () => {
    assertOnly(lines(GOOD, { secrets: KEYS }), /^warn no provider is configured, so only the demo answers/);
    for (const key of ['OPENAI_API_KEY', 'ANTHROPIC_API_KEY', 'GEMINI_API_KEY', 'TOGETHER_API_KEY', 'PROVIDERS']) {
      assert.deepEqual(bad(lines(GOOD, { secrets: [...KEYS, key] })), [], key);
    }
    for (const more of ['[vars]\nPROVIDERS = "[]"\n', '[vars]\nOLLAMA_BASE_URL = "https://a.example"\n', '[ai]\nbinding = "AI"\n']) {
      assert.deepEqual(bad(lines(GOOD + more, { secrets: KEYS })), [], more);
    }
    assertOnly(lines(`${GOOD}[vars]\nOLLAMA_BASE_URL = ""\n`, { secrets: KEYS }), /^warn no provider/);
  });

  test('the compatibility date', () => {
    assertOnly(lines(GOOD.replace('2026-11-17', '2026-11-16')), /^FAIL compatibility_date is 2026-11-16: before 2026-11-17/);
    assertOnly(lines(GOOD.replace(HEAD, '')), /^FAIL compatibility_date is missing/);
    assertOnly(lines(GOOD.replace('2026-11-17', 'tomorrow')), /^FAIL compatibility_date is tomorrow/);
    assert.deepEqual(bad(lines(GOOD.replace('2026-11-17', '2027-01-01'))), []);
    assertOnly(lines(GOOD, { args: ['--compatibility-date', '2026-01-01'] }), /^FAIL compatibility_date is 2026-01-01/);
    assert.deepEqual(bad(lines(GOOD.replace(HEAD, ''), { args: ['--latest'] })), []);
  });

  test('observability', () => {
    assertOnly(lines(GOOD.replace(OBSERVED, '')), /^warn observability is off/);
    assertOnly(lines(GOOD.replace('enabled = true', 'enabled = false')), /^warn observability is off/);
    assert.deepEqual(bad(lines(GOOD.replace('[observability]', '[observability.logs]'))), []);
  });

  test('an account that does not say', () => {
    const secrets = { kind: /** @type {const} */ ('refused'), text: 'not logged in' };
    const items = checklist({ config: parse(GOOD), asked: readArguments([]), secrets });
    assert.deepEqual(items.filter(({ level }) => level !== 'ok'), [{ level: 'FAIL', text: 'not logged in' }]);
  });
});

describe("wrangler's words", () => {
  const error = (/** @type {string} */ text) => ({ status: 1, stdout: '', stderr: `\u001b[31m✘ \u001b[41;31m[\u001b[41;97mERROR\u001b[41;31m]\u001b[0m \u001b[1m${text}\u001b[0m\n\n  and more\n` });
  const MISSING = 'Worker "tributary" not found.\n\nIf this is a new Worker, run `wrangler deploy` first to create it.';
  const LOGIN = "In a non-interactive environment, it's necessary to set a CLOUDFLARE_API_TOKEN environment variable for wrangler to work. Please go to an address.";
  const OFFLINE = "Unable to resolve Cloudflare's API hostname (api.cloudflare.com or dash.cloudflare.com).";

  test('names of secrets', () => {
    const stdout = '[\n  {"name": "ADMIN_KEY", "type": "secret_text"},\n  {"name": "X", "type": "secret_text"}\n]\n';
    assert.deepEqual(readSecrets({ status: 0, stdout, stderr: 'a warning' }), { kind: 'known', names: ['ADMIN_KEY', 'X'] });
    assert.deepEqual(readSecrets({ status: 0, stdout: '[]', stderr: '' }), { kind: 'known', names: [] });
  });

  test('a worker that is not there yet', () => {
    for (const text of [MISSING, MISSING.replace('"tributary"', '"tributary-staging" (env: staging)'), 'A request to the Cloudflare API failed. This Worker does not exist on your account. [code: 10007]']) {
      assert.deepEqual(readSecrets(error(text)), { kind: 'new' }, text);
    }
  });

  test('nobody is logged in', () => {
    for (const text of [LOGIN, 'Not logged in. Your login has expired.', 'Authentication error [code: 10000]']) {
      const secrets = readSecrets(error(text));
      assert.match(secrets.kind === 'refused' ? secrets.text : '', /^not logged in at Cloudflare: npx wrangler login, or set CLOUDFLARE_API_TOKEN \(wrangler: /);
    }
  });

  test('all else is told as it is', () => {
    assert.deepEqual(readSecrets(error(OFFLINE)), { kind: 'refused', text: `the account's secrets could not be listed: ${OFFLINE}` });
    assert.deepEqual(readSecrets({ status: null, stdout: '', stderr: '' }), { kind: 'refused', text: "the account's secrets could not be listed: wrangler ended with status null" });
    assert.deepEqual(readSecrets({ status: 0, stdout: 'hello', stderr: '' }), { kind: 'refused', text: "the account's secrets could not be listed: hello" });
  });

  test('names in a file of secrets', () => {
    assert.deepEqual(namesIn('{"ADMIN_KEY": "a", "X": "b=c"}'), ['ADMIN_KEY', 'X']);
    assert.deepEqual(namesIn('# COMMENT=1\nADMIN_KEY=a=b\nexport X="y"\n\n  Z =\n'), ['ADMIN_KEY', 'X', 'Z']);
  });
});

describe('arguments', () => {
  test("ours are taken, the rest is wrangler's", () => {
    const asked = readArguments(['--env', 'staging', '--open', '--config=a.toml', '--dry-run', '--no-build', '--name', 'x', '--tag', 'v1', '-c', 'b.toml', '--minify']);
    assert.deepEqual(asked.rest, ['--env', 'staging', '--dry-run', '--name', 'x', '--tag', 'v1', '--minify']);
    assert.deepEqual(asked.where, ['--env=staging', '--name=x']);
    assert.deepEqual([asked.env, asked.config, asked.isOpen, asked.isClosed, asked.isDry, asked.builds], ['staging', 'b.toml', true, false, true, false]);
  });

  test('none are the usual', () => {
    const { config, env, isDry, builds, rest, where, vars } = readArguments([]);
    assert.deepEqual({ config, env, isDry, builds, rest, where, vars }, { config: 'wrangler.toml', env: undefined, isDry: false, builds: true, rest: [], where: [], vars: {} });
  });

  test('the environment may come from the environment', () => {
    assert.equal(readArguments([], { CLOUDFLARE_ENV: 'staging' }).env, 'staging');
    assert.equal(readArguments(['-e', 'other'], { CLOUDFLARE_ENV: 'staging' }).env, 'other');
    assert.equal(readArguments(['--env', ''], { CLOUDFLARE_ENV: 'staging' }).env, undefined);
  });

  test('variables, as many as follow', () => {
    const { vars, rest } = readArguments(['--var', 'A:1', 'B:x:y', '--minify', 'path', '--var', 'C:']);
    assert.deepEqual(vars, { A: '1', B: 'x:y', C: '' });
    assert.equal(rest.length, 7);
  });
});

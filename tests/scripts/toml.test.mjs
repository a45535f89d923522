// @ts-check
/** The reader of wrangler.toml: what it reads, that it reads it as wrangler does, and what it refuses. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from '../../scripts/toml.mjs';

const OWN = fileURLToPath(new URL('../../wrangler.toml', import.meta.url));

/** All that it knows, in one text. */
const ALL = String.raw`
# A comment.
name = "a \"name\"\t\u00e9 \U0001F30A" # behind a value
plain = 'no \escapes'
"two words" = 1
whole = -1_000
broken = 6.25e-2
yes = true
empty = []
dotted.inner.name = "deep"
list = [
    "one", 'two', # with a comment
    "three # none",
]
mixed = [[1, 2], [{ a = 1, b.c = "x" }]]
inline = { limit = 100, period = 60 }
text = """
first "quoted"
second \
    the same line \\
"""
raw = '''[{"name":"x","dialect":"openai-chat"}]'''
quotes = """"quoted""""

[vars]
ROUTES = '{"fast":["a/b"]}'
[vars.more]
x = 1

[[bindings]]
name = "A"
[[bindings]]
name = "B"
[bindings.simple]
limit = 1

[env.staging]
[[env.staging.bindings]]
name = "C"
`;

test('it reads what a wrangler.toml may have', () => {
  const read = parse(ALL);
  assert.equal(read.name, 'a "name"\té 🌊');
  assert.equal(read.plain, 'no \\escapes');
  assert.deepEqual([read['two words'], read.whole, read.broken, read.yes, read.empty], [1, -1000, 0.0625, true, []]);
  assert.deepEqual(read.dotted, { inner: { name: 'deep' } });
  assert.deepEqual(read.list, ['one', 'two', 'three # none']);
  assert.deepEqual(read.mixed, [[1, 2], [{ a: 1, b: { c: 'x' } }]]);
  assert.deepEqual(read.inline, { limit: 100, period: 60 });
  assert.equal(read.text, 'first "quoted"\nsecond the same line \\\n');
  assert.deepEqual(JSON.parse(read.raw), [{ name: 'x', dialect: 'openai-chat' }]);
  assert.equal(read.quotes, '"quoted"');
  assert.deepEqual(read.vars, { ROUTES: '{"fast":["a/b"]}', more: { x: 1 } });
  assert.deepEqual(read.bindings, [{ name: 'A' }, { name: 'B', simple: { limit: 1 } }]);
  assert.deepEqual(read.env, { staging: { bindings: [{ name: 'C' }] } });
});

test('the ends of lines may be those of Windows', () => {
  assert.deepEqual(parse('[a]\r\nb = "c"\r\n\r\n# d\r\n'), { a: { b: 'c' } });
});

test('wrangler reads the same', async () => {
  const { experimental_readRawConfig: readRawConfig } = await import('wrangler');
  const folder = mkdtempSync(join(tmpdir(), 'tributary-'));
  const sample = join(folder, 'wrangler.toml');
  writeFileSync(sample, ALL);
  try {
    for (const config of [OWN, sample]) {
      const { rawConfig } = readRawConfig({ config });
      // Wrangler's tables have no prototype.
      assert.deepEqual(parse(readFileSync(config, 'utf8')), JSON.parse(JSON.stringify(rawConfig)), config);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** @type {[string, string, string][]} */
const REFUSED = [
  ['a day', 'a = 1\nday = 2026-11-17', 'line 2: 2026-11-17 is no value that is known here'],
  ['a number of another base', 'a = 0x1f', 'line 1: 0x1f is no value that is known here'],
  ['a leading zero', 'a = 007', 'line 1: 007 is no value that is known here'],
  ['a word', 'a = yes', 'line 1: yes is no value that is known here'],
  ['no value', 'a =\nb = 1', 'line 1: a value is missing'],
  ['no equals sign', '[a]\nb "c"', 'line 2: = is missing'],
  ['no name', '= 1', 'line 1: a name is missing'],
  ['two values', 'a = 1 b = 2', 'line 1: something stands behind the end of a value'],
  ['a string without an end', 'a = "b\nc = 1', 'line 1: a string has no end'],
  ['a long string without an end', "a = '''b\n", 'line 1: a string has no end'],
  ['an escape that is none', 'a = "\\x"', 'line 1: \\x is no escape'],
  ['a list without an end', 'a = [1, 2', 'line 1: a list goes on without a comma'],
  ['a list without commas', 'a = [1 2]', 'line 1: a list goes on without a comma'],
  ['a header without an end', '[a\nb = 1', 'line 1: ] is missing'],
  ['a table twice', '[a]\nb = 1\n[a]\nc = 1', 'line 3: the table a is there twice'],
  ['a name twice', 'a = 1\na = 2', 'line 2: a is there twice'],
  ['a table where a value is', 'a = 1\n[a.b]\nc = 1', 'line 2: a is no table'],
  ['a list of tables where a list is', 'a = []\n[[a]]\nb = 1', 'line 2: a is no list of tables'],
  ['more for an inline table', 'a = { b = 1 }\n[a.c]\nd = 1', 'line 2: a is no table'],
  ['more inside of one', 'a = { b.c = 1 }\n[a.b.d]\ne = 1', 'line 2: a is no table'],
  ['an inline table over lines', 'a = {\nb = 1 }', 'line 1: a name is missing'],
  ["JavaScript's own", '[__proto__]\na = 1', 'line 1: __proto__ is no name'],
];

for (const [what, text, words] of REFUSED) {
  test(`refused: ${what}`, () => assert.throws(() => parse(text), { message: words }));
}

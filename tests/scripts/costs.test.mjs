// @ts-check
/** The costs in docs/DEPLOY.md are what the arithmetic says. `COSTS=write` writes them again. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { BASE, CHATS, bill, free, tables, turn } from './costs.mjs';

const PAGE = fileURLToPath(new URL('../../docs/DEPLOY.md', import.meta.url));
const BLOCK = /(<!-- the costs: .*? -->\n)[^]*?(<!-- end of the costs -->)/;

/** To the cent. @param {number} value */
const cents = (value) => Math.round(value * 100);

test("the vendor's own example comes out", () => {
  // Workers pricing, example 4: 100 million requests a month with 7 ms of CPU each are $45.40.
  const chat = { requests: 1, cpu: 7, objects: 0, duration: 0, rows: 0 };
  assert.equal(cents(bill(chat, 100e6 / 30)), 4540);
});

test('by hand', () => {
  const { plain, session } = CHATS;
  assert.equal(cents(bill(plain, 1_000)), cents(BASE));
  // Requests 20 x 0.3, CPU 720 x 0.02, objects 29 x 0.15, rows 70 x 1.
  assert.equal(cents(bill(plain, 1e6)), cents(5 + 6 + 14.4 + 4.35 + 70));
  // Requests 20 x 0.3, CPU 30 x 0.02, objects 149 x 0.15, duration (38.7072 - 0.4) x 12.5, rows (12,840 - 50) x 1.
  assert.equal(session.rows, 428);
  assert.equal(cents(bill(session, 1e6)), cents(5 + 6 + 0.6 + 22.35 + 478.84 + 12_790));
  assert.deepEqual([turn(session), free(session)], [{ key: 'rows', chats: 3_894 }, { key: 'rows', chats: 233 }]);
});

test('the page has the same tables', () => {
  const page = readFileSync(PAGE, 'utf8');
  assert.match(page, BLOCK);
  const renewed = page.replace(BLOCK, (_, head, end) => `${head}\n${tables()}\n\n${end}`);
  if (process.env.COSTS === 'write') writeFileSync(PAGE, renewed);
  else assert.equal(page, renewed, 'COSTS=write node --test tests/scripts/costs.test.mjs');
});

// @ts-check
/**
 * What the platform asks for a month of chats, by arithmetic: the numbers of docs/DEPLOY.md.
 *
 * Rows are counted as the runtime counts them (`rowsWritten` of each statement in src/data, on the local runtime): an
 * index is a row of its own, and so is a row that is deleted.
 */

const DAYS = 30;

/** Cloudflare's list prices, Workers Paid: what is included in a month, and US dollars for each million more. */
export const METERS = {
  requests: { name: 'worker requests', included: 10e6, price: 0.3 },
  cpu: { name: 'CPU, ms', included: 30e6, price: 0.02 },
  objects: { name: 'object requests', included: 1e6, price: 0.15 },
  duration: { name: 'object duration, GB-s', included: 400_000, price: 12.5 },
  rows: { name: 'rows written', included: 50e6, price: 1 },
};
export const BASE = 5;

/** What the free plan gives in a day. CPU is limited by request there, not by day. */
export const FREE = { requests: 100_000, objects: 100_000, duration: 13_000, rows: 100_000 };

/** @typedef {Record<keyof typeof METERS, number>} Usage */

/** An object is billed for 128 MB as long as it works. @param {number} seconds */
const gbs = (seconds) => (seconds * 128) / 1000;

/** A short request to an object. */
const SHORT = 0.02;
const SECONDS = 10;
const LEDGER = { objects: 1, seconds: SHORT, rows: 4 };
const ACCOUNT = { objects: 2, seconds: 2 * SHORT, rows: 4 };

/** A chat in a session, whose frames are packed into a row every so many milliseconds. @param {number} packMs */
function session(packMs) {
  const frames = (SECONDS * 1000) / packMs;
  // The session, its alarm an hour later, and twice the owner's list; then the ledger. Frames are deleted as well.
  return { requests: 1, cpu: 2, objects: 4 + LEDGER.objects, duration: gbs(SECONDS + 3 * SHORT + LEDGER.seconds), rows: 2 * frames + 24 + LEDGER.rows };
}

/** What one chat uses. @type {Record<string, Usage>} */
export const CHATS = {
  plain: { requests: 1, cpu: 25, objects: LEDGER.objects, duration: gbs(LEDGER.seconds), rows: LEDGER.rows },
  'limited key': {
    requests: 1,
    cpu: 25,
    objects: LEDGER.objects + ACCOUNT.objects,
    duration: gbs(LEDGER.seconds + ACCOUNT.seconds),
    rows: LEDGER.rows + ACCOUNT.rows,
  },
  session: session(50),
  'session, packed 250 ms': session(250),
};

const NAMES = Object.keys(CHATS);
const KEYS = /** @type {(keyof Usage)[]} */ (Object.keys(METERS));

/** A month's dollars on one meter. @param {Usage} chat @param {keyof Usage} key @param {number} aDay */
function dollars(chat, key, aDay) {
  const { included, price } = METERS[key];
  return (Math.max(0, chat[key] * aDay * DAYS - included) / 1e6) * price;
}

/** A month's bill. @param {Usage} chat @param {number} aDay */
export function bill(chat, aDay) {
  return KEYS.reduce((sum, key) => sum + dollars(chat, key, aDay), BASE);
}

/** From how many chats a day on anything costs more than the base fee, and what. @param {Usage} chat */
export function turn(chat) {
  return least(chat, (key) => METERS[key].included / DAYS);
}

/** How many chats a day the free plan bears, and what ends first. @param {Usage} chat */
export function free(chat) {
  return least(chat, (key) => /** @type {Record<string, number>} */ (FREE)[key] ?? Infinity);
}

/** @param {Usage} chat @param {(key: keyof Usage) => number} most */
function least(chat, most) {
  const [first] = KEYS.map((key) => ({ key, chats: Math.floor(most(key) / chat[key]) })).sort((a, b) => a.chats - b.chats);
  return first;
}

const number = (/** @type {number} */ value) => value.toLocaleString('en-US', { maximumFractionDigits: 4 });
const money = (/** @type {number} */ value) => `$${value.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;

/** @param {string[]} head @param {string[][]} rows */
function table(head, rows) {
  return [head, head.map((_, index) => (index === 0 ? '---' : '---:')), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** The tables, as they stand in the page. */
export function tables() {
  const used = table(['one chat uses', ...NAMES], KEYS.map((key) => [METERS[key].name, ...NAMES.map((name) => number(CHATS[name][key]))]));
  const month = table(
    ['a month of', ...NAMES],
    [
      ...[1, 1_000, 1_000_000].map((aDay) => [`${number(aDay)} ${aDay === 1 ? 'chat' : 'chats'} a day`, ...NAMES.map((name) => `**${money(bill(CHATS[name], aDay))}**`)]),
      ['more than the base fee from', ...NAMES.map((name) => `${number(turn(CHATS[name]).chats + 1)} a day`)],
      ['the free plan ends behind', ...NAMES.map((name) => `${number(free(CHATS[name]).chats)} a day (${METERS[free(CHATS[name]).key].name})`)],
    ],
  );
  const million = table(
    ['1,000,000 a day', 'formula (millions a month)', ...NAMES],
    [
      ['base fee', '', ...NAMES.map(() => money(BASE))],
      ...KEYS.map((key) => [
        METERS[key].name,
        `(30 × use − ${number(METERS[key].included / 1e6)}) × ${money(METERS[key].price)}`,
        ...NAMES.map((name) => money(dollars(CHATS[name], key, 1_000_000))),
      ]),
    ],
  );
  return [used, month, million].join('\n\n');
}

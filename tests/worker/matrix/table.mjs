// @ts-check
/**
 * What the matrix found, as a table: printed at the end of the tests, and kept in the README, where a
 * test compares it. `MATRIX=write` writes it there.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';

const README = new URL('../../../README.md', import.meta.url);
const BEGIN = '<!-- the matrix: written by the tests (MATRIX=write npm test -- worker) -->';
const END = '<!-- end of the matrix -->';

export class Table {
  /** @param {string[]} surfaces @param {string[]} providers */
  constructor(surfaces, providers) {
    this.surfaces = surfaces;
    this.providers = providers;
    /** @type {Map<string, { tried: Set<string>, passed: Set<string>, marked: Map<string, string> }>} */
    this.cells = new Map();
  }

  /** @param {string} surface @param {string} provider */
  cell(surface, provider) {
    const key = `${surface} / ${provider}`;
    const known = this.cells.get(key) ?? { tried: new Set(), passed: new Set(), marked: new Map() };
    this.cells.set(key, known);
    return known;
  }

  /** @param {string} surface @param {string} provider @param {string} feature */
  expect(surface, provider, feature) { this.cell(surface, provider).tried.add(feature); }

  /** @param {string} surface @param {string} provider @param {string} feature */
  pass(surface, provider, feature) { this.cell(surface, provider).passed.add(feature); }

  /** @param {string} surface @param {string} provider @param {string} feature @param {string} why */
  mark(surface, provider, feature, why) { this.cell(surface, provider).marked.set(feature, why); }

  /** The table and the notes below it, in Markdown. */
  toString() {
    /** @type {Map<string, number>} */
    const notes = new Map();
    const note = (/** @type {string} */ words) => {
      if (!notes.has(words)) notes.set(words, notes.size + 1);
      return notes.get(words);
    };
    const rows = this.surfaces.map((surface) => {
      const cells = this.providers.map((provider) => {
        const { tried, passed, marked } = this.cell(surface, provider);
        const failed = [...tried].filter((feature) => !passed.has(feature));
        const marks = [...marked].map(([feature, why]) => note(`${feature}: ${why}`)).sort((a, b) => Number(a) - Number(b));
        const all = `${passed.size}${failed.length > 0 ? ` of ${tried.size} (not ${failed.join(', ')})` : ''}`;
        return `${all}${marks.length > 0 ? ` <sup>${marks.join(' ')}</sup>` : ''}`;
      });
      return `| ${surface} | ${cells.join(' | ')} |`;
    });
    const head = `| | ${this.providers.join(' | ')} |\n|${'---|'.repeat(this.providers.length + 1)}`;
    const legend = [...notes].map(([words, number]) => `<sup>${number}</sup> ${words}`).join('; ');
    return `${head}\n${rows.join('\n')}\n\n${legend === '' ? '' : `${legend}.\n`}`;
  }

  /** Prints it, and compares it with the README's. */
  finish() {
    const table = this.toString();
    process.stdout.write(`\nfeatures that passed, by surface and provider\n\n${table}\n`);
    const readme = readFileSync(README, 'utf8');
    const [before, rest] = readme.split(BEGIN);
    const [kept, after] = (rest ?? '').split(END);
    if (process.env.MATRIX === 'write' && after !== undefined) {
      writeFileSync(README, `${before}${BEGIN}\n\n${table}\n${END}${after}`);
    } else {
      assert.equal(kept?.trim(), table.trim(), 'the table in the README is not what the tests found: MATRIX=write npm test -- worker');
    }
  }
}

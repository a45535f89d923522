// @ts-check
// The pieces of Markdown that are more than one element: code with its head, tables, task marks.

import { renderInline } from './inline.js';
import { WORDS } from './words.js';

/** @param {string} info what stands after the opening fence */
export function codeFigure(info) {
  const figure = document.createElement('figure');
  figure.className = 'code';
  const caption = document.createElement('figcaption');
  const language = document.createElement('span');
  language.textContent = info.split(/\s/)[0].slice(0, 32) || WORDS.text;
  const copy = document.createElement('button');
  copy.type = 'button';
  copy.className = 'quiet';
  copy.dataset.action = 'copy-code';
  copy.textContent = WORDS.copy;
  caption.append(language, copy);
  const pre = document.createElement('pre');
  pre.tabIndex = 0; // wide code is scrolled by keyboard, too
  const code = document.createElement('code');
  pre.append(code);
  figure.append(caption, pre);
  return { figure, code };
}

/** @param {string[]} head @param {string[]} aligns */
export function tableFor(head, aligns) {
  const frame = document.createElement('div');
  frame.className = 'table';
  const table = document.createElement('table');
  const row = table.createTHead().insertRow();
  head.forEach((text, column) => {
    const cell = document.createElement('th');
    cell.scope = 'col';
    if (aligns[column]) cell.dataset.align = aligns[column];
    renderInline(text, cell);
    row.append(cell);
  });
  const body = table.createTBody();
  frame.append(table);
  return { frame, body };
}

/**
 * @param {string} line
 * @param {boolean} partial the line may be the first half of a rule
 * @returns {string[] | null} one of '', 'center', 'end' a column; null if this is no rule under a head
 */
export function delimiterAligns(line, partial) {
  if (!/^[\s|:-]+$/.test(line)) return null;
  const cells = rowCells(line);
  if (!partial && !(line.includes('-') && cells.every((cell) => /^:?-+:?$/.test(cell)))) return null;
  return cells.map((cell) => (!cell.endsWith(':') ? '' : cell.startsWith(':') ? 'center' : 'end'));
}

/** @param {string} line @returns {string[]} */
export function rowCells(line) {
  const cells = [''];
  for (const part of line.trim().replace(/^\|/, '').split(/(\\\||\|)/)) {
    if (part === '|') cells.push('');
    else cells[cells.length - 1] += part === '\\|' ? '|' : part;
  }
  if (cells.length > 1 && !cells[cells.length - 1].trim()) cells.pop();
  return cells.map((cell) => cell.trim());
}

/** @param {string} text what follows a list mark */
export function bulletTask(text) {
  const found = /^\[([ xX])\]\s+/.exec(text);
  if (!found) return null;
  const mark = document.createElement('span');
  mark.className = 'task';
  const done = found[1] !== ' ';
  mark.textContent = done ? '☑' : '☐';
  mark.setAttribute('role', 'img');
  mark.setAttribute('aria-label', done ? WORDS.isDone : WORDS.toDo);
  return { mark, rest: text.slice(found[0].length) };
}

// @ts-check
// Markdown as it grows: paragraphs, headings, lists, quotes, rules, fences, tables. Builds nodes, never HTML.
// A finished line is read once. Only the block that is still open is drawn again, and when that block is long,
// only after it grew by a part of its length: so the whole cost stays linear. Drawing piece by piece ends in
// the same nodes as drawing at once.

import { renderInline } from './inline.js';
import { bulletTask, codeFigure, delimiterAligns, rowCells, tableFor } from './markdown-parts.js';

/** @typedef {{kind: 'quote' | 'list' | 'item', element: Element, marker: string, need: number, strip: number}} Container */
/**
 * @typedef {{kind: 'paragraph', element: Element, text: string, last: string,
 *     drawn: {text: string, growing: boolean}}
 *   | {kind: 'fence', element: Element, mark: string, indent: number}
 *   | {kind: 'table', element: Element, aligns: string[]}} Leaf
 */

const DEPTH = 16; // containers in one another; deeper marks are read as text
const SMALL = 4096; // characters that may be drawn again every frame
const GROWTH = 1.2;

const FENCE = /^(`{3,}|~{3,})([^`]*)$/;
const HEADING = /^(#{1,6})(?:\s+|$)/;
const ITEM = /^([-*+]|\d{1,9}[.)])(\s+|$)/;
// The first half of a mark: shown as text it would only flicker.
const HALF_MARK = /^\s*(?:\d{1,9}[.)]?|[-*+#>`~_]{1,6})?$/;

/** @param {string} text @param {Element} root */
export function renderMarkdown(text, root) {
  const markdown = new Markdown(root);
  markdown.push(text);
  markdown.finish();
}

export class Markdown {
  #tail = ''; // the line that has no end yet
  #tailShown = 0;
  /** @type {Container[]} */
  #stack = [];
  /** @type {Leaf | null} */
  #leaf = null;
  /** @type {{stack: Container[], leaf: Leaf | null, undo: (() => void)[]} | null} */
  #trial = null; // what it takes to take the unfinished line back

  /** @param {Element} root an empty element */
  constructor(root) {
    this.root = root;
  }

  /** @param {string} text what arrived since the last call */
  push(text) {
    const lines = text.split('\n');
    lines[0] = this.#tail + lines[0];
    this.#tail = lines.pop() ?? '';
    if (lines.length) this.#retract();
    for (const line of lines) this.#line(line, false);
    this.#tryTail();
    this.#draw(true);
  }

  /** Nothing more comes. */
  finish() {
    this.#retract();
    if (this.#tail) this.#line(this.#tail, false);
    this.#tail = '';
    this.#closeLeaf();
  }

  #tryTail() {
    if (!worthDrawing(this.#tail.length, this.#tailShown)) return;
    this.#retract();
    if (HALF_MARK.test(this.#tail)) return;
    this.#trial = { stack: [...this.#stack], leaf: this.#leaf && { ...this.#leaf }, undo: [] };
    this.#line(this.#tail, true);
    this.#tailShown = this.#tail.length;
  }

  #retract() {
    this.#tailShown = 0;
    if (!this.#trial) return;
    const { stack, leaf, undo } = this.#trial;
    this.#trial = null;
    for (const step of undo.reverse()) step();
    this.#stack = stack;
    this.#leaf = leaf;
  }

  /** @param {string} raw @param {boolean} trial the line may still grow */
  #line(raw, trial) {
    let rest = raw.replace(/\r$/, '').replace(/^[ \t]+/, (space) => space.replaceAll('\t', '    '));
    let depth = 0;
    for (; depth < this.#stack.length; depth++) {
      const inner = enter(this.#stack[depth], rest);
      if (inner === null) break;
      rest = inner;
    }
    const inside = depth === this.#stack.length;
    if (this.#leaf?.kind === 'fence') {
      if (inside) return this.#fenceLine(this.#leaf, rest);
      this.#closeLeaf();
    }
    if (!rest.trim()) return this.#blank(depth);
    const mayGoOn = !inside && this.#leaf?.kind === 'paragraph';
    if (mayGoOn && !startsBlock(rest.trimStart(), this.#stack[depth].kind === 'item')) {
      return this.#addText(rest); // a lazy line: the paragraph goes on without its marks
    }
    if (!inside) this.#closeTo(depth);
    this.#block(this.#openContainers(rest), trial);
  }

  /** @param {number} depth */
  #blank(depth) {
    this.#closeLeaf();
    if (this.#stack[depth]?.kind === 'quote') this.#closeTo(depth);
  }

  /** @param {string} text @returns {string} what is left of the line inside them */
  #openContainers(text) {
    let rest = text;
    while (this.#stack.length < DEPTH) {
      const line = rest.trimStart();
      const indent = rest.length - line.length;
      const item = isRule(line) ? null : ITEM.exec(line);
      if (line.startsWith('>')) {
        this.#leaveList('');
        this.#open('quote', document.createElement('blockquote'), '', 0, 0);
        rest = line.slice(line[1] === ' ' ? 2 : 1);
      } else if (item && !(this.#leaf?.kind === 'paragraph' && !interrupts(item, line))) {
        rest = this.#openItem(item, line, indent);
      } else {
        break;
      }
    }
    return rest;
  }

  /** @param {RegExpExecArray} item @param {string} line @param {number} indent */
  #openItem(item, line, indent) {
    const marker = item[1].slice(-1);
    this.#leaveList(marker);
    if (this.#stack.at(-1)?.kind !== 'list') {
      const list = document.createElement(/\d/.test(item[1]) ? 'ol' : 'ul');
      if (list instanceof HTMLOListElement && parseInt(item[1], 10) !== 1) list.start = parseInt(item[1], 10);
      this.#open('list', list, marker, 0, 0);
    }
    const task = bulletTask(line.slice(item[0].length));
    const element = document.createElement('li');
    if (task) element.append(task.mark);
    // Two columns are enough to belong to an item: models seldom count the width of "10. ".
    this.#open('item', element, '', indent + 2, indent + item[1].length + 1);
    return task ? task.rest : line.slice(item[0].length);
  }

  /** Closes a list that the coming block is not an item of. @param {string} marker */
  #leaveList(marker) {
    const top = this.#stack.at(-1);
    if (top?.kind === 'list' && top.marker !== marker) this.#closeTo(this.#stack.length - 1);
  }

  /** @param {string} text non-empty unless an empty item just opened @param {boolean} trial */
  #block(text, trial) {
    const line = text.trim();
    if (!line) return;
    this.#leaveList('');
    const fence = FENCE.exec(line);
    const heading = HEADING.exec(line);
    if (fence) {
      const { figure, code } = codeFigure(fence[2].trim());
      this.#append(figure);
      this.#leaf = { kind: 'fence', element: code, mark: fence[1], indent: text.length - text.trimStart().length };
    } else if (heading) {
      // The page's own headings are above: an answer starts at the third level.
      const element = document.createElement(`h${Math.min(6, heading[1].length + 2)}`);
      renderInline(line.slice(heading[0].length).replace(/(^|\s)#+$/, ''), element, trial);
      this.#append(element);
    } else if (isRule(line)) {
      this.#append(document.createElement('hr'));
    } else {
      this.#text(line, trial);
    }
  }

  /** @param {string} line @param {boolean} trial */
  #text(line, trial) {
    if (this.#leaf?.kind === 'table' && line.includes('|')) return this.#row(this.#leaf, line, trial);
    if (this.#leaf?.kind === 'paragraph') {
      if (!this.#tableHead(this.#leaf, line, trial)) this.#addText(line);
      return;
    }
    const element = document.createElement('p');
    this.#append(element);
    this.#leaf = { kind: 'paragraph', element, text: line, last: line, drawn: { text: '', growing: false } };
  }

  /**
   * Turns the paragraph's last line into a table's head if `line` is the rule under one.
   * @param {Leaf & {kind: 'paragraph'}} paragraph @param {string} line @param {boolean} trial
   */
  #tableHead(paragraph, line, trial) {
    const { text, last } = paragraph;
    const aligns = last.includes('|') ? delimiterAligns(line, trial && last.startsWith('|')) : null;
    const cells = aligns ? rowCells(last) : [];
    if (!aligns || (!trial && aligns.length !== cells.length)) return false;
    if (text.length === last.length) this.#remove(paragraph.element);
    else paragraph.text = text.slice(0, text.length - last.length - 1);
    const { frame, body } = tableFor(cells, aligns);
    this.#append(frame);
    this.#leaf = { kind: 'table', element: body, aligns };
    return true;
  }

  /** @param {Leaf & {kind: 'table'}} table @param {string} line @param {boolean} trial */
  #row(table, line, trial) {
    const row = document.createElement('tr');
    // Short rows stay short: filling them up would let a few bytes ask for millions of cells.
    rowCells(line).slice(0, table.aligns.length).forEach((text, column) => {
      const cell = document.createElement('td');
      if (table.aligns[column]) cell.dataset.align = table.aligns[column];
      renderInline(text, cell, trial);
      row.append(cell);
    });
    this.#appendTo(table.element, row);
  }

  /** @param {Leaf & {kind: 'fence'}} fence @param {string} line */
  #fenceLine(fence, line) {
    const text = line.trim();
    if (text.length >= fence.mark.length && text === fence.mark[0].repeat(text.length)) {
      this.#leaf = null;
      return;
    }
    const spaces = Math.min(fence.indent, line.length - line.trimStart().length);
    this.#appendTo(fence.element, document.createTextNode(line.slice(spaces) + '\n'));
  }

  /** @param {string} line */
  #addText(line) {
    if (this.#leaf?.kind !== 'paragraph') return;
    this.#leaf.last = line.trim();
    this.#leaf.text += '\n' + this.#leaf.last;
  }

  /** @param {boolean} growing */
  #draw(growing) {
    if (this.#leaf?.kind !== 'paragraph') return;
    const { element, text, drawn } = this.#leaf;
    if (drawn.text === text && drawn.growing === growing) return;
    if (growing && !worthDrawing(text.length, drawn.text.length)) return;
    renderInline(text, element, growing);
    drawn.text = text;
    drawn.growing = growing;
  }

  #closeLeaf() {
    this.#draw(false);
    this.#leaf = null;
  }

  /** @param {number} depth */
  #closeTo(depth) {
    this.#closeLeaf();
    this.#stack.length = depth;
  }

  /**
   * @param {Container['kind']} kind @param {Element} element @param {string} marker
   * @param {number} need @param {number} strip
   */
  #open(kind, element, marker, need, strip) {
    this.#append(element);
    this.#stack.push({ kind, element, marker, need, strip });
  }

  /** Adds a block where the open containers end. @param {Element} element */
  #append(element) {
    this.#closeLeaf();
    this.#appendTo(this.#stack.at(-1)?.element ?? this.root, element);
  }

  /** @param {Element} parent @param {ChildNode} node */
  #appendTo(parent, node) {
    parent.append(node);
    this.#trial?.undo.push(() => node.remove());
  }

  /** @param {Element} element the last of its parent */
  #remove(element) {
    const parent = element.parentElement;
    element.remove();
    this.#trial?.undo.push(() => parent?.append(element));
    this.#leaf = null;
  }
}

/** @param {number} length @param {number} shown */
function worthDrawing(length, shown) {
  return length <= SMALL || length < shown || length >= shown * GROWTH;
}

/**
 * @param {Container} container @param {string} line
 * @returns {string | null} the line as seen from inside; null if it does not belong there
 */
function enter(container, line) {
  const text = line.trimStart();
  if (container.kind === 'list') return line;
  if (container.kind === 'quote') return text.startsWith('>') ? text.slice(text[1] === ' ' ? 2 : 1) : null;
  const indent = line.length - text.length;
  if (!text) return '';
  return indent >= container.need ? line.slice(Math.min(indent, container.strip)) : null;
}

/** @param {string} line @param {boolean} inList where any mark is the next item */
function startsBlock(line, inList) {
  const item = ITEM.exec(line);
  return line.startsWith('>') || isRule(line) || FENCE.test(line) || HEADING.test(line)
    || (item !== null && (inList || interrupts(item, line)));
}

/** Whether an item may end a paragraph: "1984." at the start of a line may not. @param {RegExpExecArray} item @param {string} line */
function interrupts(item, line) {
  return line.length > item[0].length && (!/\d/.test(item[1]) || parseInt(item[1], 10) === 1);
}

/** @param {string} line */
function isRule(line) {
  if (!/^[-*_]/.test(line)) return false;
  const marks = line.replace(/\s+/g, '');
  return marks.length >= 3 && marks === marks[0].repeat(marks.length);
}

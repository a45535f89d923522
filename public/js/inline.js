// @ts-check
// Markdown inside one block: emphasis, code, links. Builds nodes, never HTML. One pass over the text; every
// stack and every look-ahead is bounded, so hostile text costs no more than plain text and cannot nest deeply.

const SPECIAL = /[\\`*_~[\]!<\n]|\bhttps?:\/\//g;
const ESCAPABLE = /[!-/:-@[-`{-~]/;
const WORD = /[\p{L}\p{N}]/u;
const TARGET = /\(\s*(?:<([^<>\n]{0,2048})>|([^\s()<>]{0,2048}(?:\([^\s()<>]{0,512}\)[^\s()<>]{0,512}){0,4}))(?:\s+(?:"[^"\n]{0,512}"|'[^'\n]{0,512}'))?\s*\)/y;
const ANGLE_LINK = /<((?:https?:\/\/|mailto:)[^\s<>]{1,2048})>/iy;
const BREAK_TAG = /<br\s{0,4}\/?>/iy;
const BARE_LINK = /https?:\/\/[^\s<>"`[\]|]{1,2048}/y;
const OPENERS = 24; // deeper emphasis than any text needs, shallower than any layout minds

/** @typedef {{char: string, count: number}} Run a delimiter run that may still become emphasis */
/** @typedef {string | Run | Node} Piece */

/**
 * Puts `text` into `parent`, replacing what was there.
 * @param {string} text
 * @param {Element} parent
 * @param {boolean} growing more text may follow: markers still open are taken as if closed at the end
 */
export function renderInline(text, parent, growing = false) {
  const pieces = new InlineScan(text, growing).run();
  parent.replaceChildren();
  appendPieces(parent, pieces);
}

/**
 * @param {string} address
 * @returns {string | null} null unless it is an absolute http(s) or mailto address
 */
export function safeHref(address) {
  if (!URL.canParse(address)) return null;
  const url = new URL(address);
  return ['http:', 'https:', 'mailto:'].includes(url.protocol) ? url.href : null;
}

/** @param {string} href from safeHref */
export function linkTo(href) {
  const link = document.createElement('a');
  link.href = href;
  link.rel = 'noopener noreferrer';
  link.target = '_blank';
  return link;
}

class InlineScan {
  /** @type {Piece[]} */
  #out = [];
  /** @type {{run: Run, at: number}[]} */
  #openers = [];
  /** @type {{at: number, image: boolean}[]} */
  #brackets = [];
  /** @type {Map<number, number[]> | null} */
  #ticks = null;
  #pos = 0;

  /** @param {string} text @param {boolean} growing */
  constructor(text, growing) {
    this.text = text;
    this.growing = growing;
  }

  run() {
    const { text } = this;
    while (this.#pos < text.length) {
      SPECIAL.lastIndex = this.#pos;
      const found = SPECIAL.exec(text);
      const stop = found ? found.index : text.length;
      this.#literal(text.slice(this.#pos, stop));
      this.#pos = stop;
      if (found) this.#special(found[0]);
    }
    if (this.growing) this.#closeStrong();
    return this.#out;
  }

  /** @param {string} mark */
  #special(mark) {
    if (mark === '`') this.#code();
    else if (mark === '*' || mark === '_' || mark === '~') this.#delimiter(mark);
    else if (mark === '[' || mark === '!') this.#openBracket(mark);
    else if (mark === ']') this.#closeBracket();
    else if (mark === '<') this.#angle();
    else if (mark === '\\') this.#escape();
    else if (mark === '\n') this.#node(document.createElement('br'), 1);
    else this.#bareLink();
  }

  /** @param {string} text */
  #literal(text) {
    if (text) this.#out.push(text);
  }

  /** @param {Node} node @param {number} length how much of the text it stands for */
  #node(node, length) {
    this.#out.push(node);
    this.#pos += length;
  }

  #escape() {
    const next = this.text[this.#pos + 1] ?? '';
    if (next === '\n') return this.#node(document.createElement('br'), 2);
    this.#literal(ESCAPABLE.test(next) ? next : '\\' + next);
    this.#pos += 2;
  }

  #code() {
    const start = this.#pos;
    const length = runLength(this.text, start);
    const close = this.#tickRunAfter(start + length, length);
    if (close < 0 && !(this.growing && length < 3)) {
      this.#literal('`'.repeat(length));
      this.#pos += length;
      return;
    }
    const end = close < 0 ? this.text.length : close;
    let inner = this.text.slice(start + length, end).replaceAll('\n', ' ');
    if (inner.startsWith(' ') && inner.endsWith(' ') && inner.trim()) inner = inner.slice(1, -1);
    const code = document.createElement('code');
    code.textContent = inner;
    this.#node(code, (close < 0 ? end : end + length) - start);
  }

  /**
   * Where the next run of exactly `length` backticks starts. The runs are listed once, and each list is only
   * ever read forwards, so text full of unmatched backticks stays linear.
   * @param {number} from @param {number} length
   */
  #tickRunAfter(from, length) {
    if (!this.#ticks) {
      this.#ticks = new Map();
      for (const match of this.text.matchAll(/`+/g)) {
        const starts = this.#ticks.get(match[0].length) ?? [];
        starts.push(match.index);
        this.#ticks.set(match[0].length, starts);
      }
      for (const starts of this.#ticks.values()) starts.reverse();
    }
    const starts = this.#ticks.get(length) ?? [];
    while (starts.length && starts[starts.length - 1] < from) starts.pop();
    return starts.pop() ?? -1;
  }

  /** @param {string} char */
  #delimiter(char) {
    const start = this.#pos;
    const count = runLength(this.text, start);
    this.#pos += count;
    const before = this.text[start - 1] ?? ' ';
    const after = this.text[this.#pos] ?? ' ';
    const inWord = char === '_' && WORD.test(before) && WORD.test(after);
    const usable = !inWord && (char === '~' ? count === 2 : count <= 3);
    const canOpen = usable && /\S/.test(after) && !(char === '_' && WORD.test(before));
    const canClose = usable && /\S/.test(before) && !(char === '_' && WORD.test(after));
    const atEdge = this.growing && usable && this.#pos === this.text.length;
    // A marker whose second half is still on its way would only flicker.
    if (atEdge && this.#openers.some(({ run }) => run.char === char && run.count > count)) return;
    const left = canClose ? this.#close(char, count) : count;
    if (left === 0 || atEdge) return;
    if (canOpen && this.#openers.length < OPENERS) {
      const run = { char, count: left };
      this.#openers.push({ run, at: this.#out.length });
      this.#out.push(run);
    } else {
      this.#literal(char.repeat(left));
    }
  }

  /**
   * @param {string} char @param {number} count
   * @returns {number} how many of the closing marks found no partner
   */
  #close(char, count) {
    let left = count;
    while (left > 0) {
      const index = this.#openers.findLastIndex(({ run }) => run.char === char && (char !== '~' || run.count === left));
      if (index < 0) break;
      const { run, at } = this.#openers[index];
      const used = Math.min(2, left, run.count);
      this.#openers.length = index + 1;
      this.#wrap(at, emphasis(char, used));
      run.count -= used;
      left -= used;
      if (run.count === 0) this.#openers.pop();
    }
    return left;
  }

  /** @param {number} at index of the opener @param {Element} element takes everything after it */
  #wrap(at, element) {
    appendPieces(element, this.#out.splice(at + 1));
    this.#out.push(element);
    // A bracket inside the emphasis can no longer be closed from outside it.
    while (this.#brackets.length && this.#brackets[this.#brackets.length - 1].at > at) this.#brackets.pop();
  }

  #closeStrong() {
    for (let opener = this.#openers.pop(); opener; opener = this.#openers.pop()) {
      if (opener.run.char !== '*' || opener.run.count !== 2) continue;
      this.#wrap(opener.at, emphasis('*', 2));
      opener.run.count = 0;
    }
  }

  /** @param {string} mark */
  #openBracket(mark) {
    const image = mark === '!';
    const sign = image && this.text[this.#pos + 1] === '[' ? '![' : mark;
    if (sign !== '!' && this.#brackets.length < OPENERS) this.#brackets.push({ at: this.#out.length, image });
    this.#literal(sign);
    this.#pos += sign.length;
  }

  #closeBracket() {
    this.#pos += 1;
    const bracket = this.#brackets.pop();
    if (!bracket || this.text[this.#pos] !== '(') return this.#literal(']');
    TARGET.lastIndex = this.#pos;
    const target = TARGET.exec(this.text);
    if (!target && !(this.growing && !/[\s)]/.test(this.text.slice(this.#pos)))) return this.#literal(']');
    const href = target && safeHref(target[1] ?? target[2] ?? '');
    // Without a safe address the words stay and the link goes. A picture becomes a link: nothing is fetched.
    const element = href ? linkTo(href) : document.createElement('span');
    while (this.#openers.length && this.#openers[this.#openers.length - 1].at > bracket.at) this.#openers.pop();
    appendPieces(element, this.#out.splice(bracket.at + 1));
    this.#out.pop(); // the bracket itself
    if (bracket.image && !element.hasChildNodes()) element.append('image');
    this.#brackets = []; // a link holds no other link
    this.#node(element, target ? target[0].length : this.text.length - this.#pos);
  }

  #angle() {
    BREAK_TAG.lastIndex = ANGLE_LINK.lastIndex = this.#pos;
    const tag = BREAK_TAG.exec(this.text);
    if (tag) return this.#node(document.createElement('br'), tag[0].length);
    const found = ANGLE_LINK.exec(this.text);
    if (!found || !this.#link(found[1], found[0].length)) {
      this.#literal('<');
      this.#pos += 1;
    }
  }

  #bareLink() {
    BARE_LINK.lastIndex = this.#pos;
    const found = BARE_LINK.exec(this.text);
    const address = found ? trimAddress(found[0]) : '';
    if (!this.#brackets.length && this.#link(address, address.length)) return;
    // Passed over whole, so that no stretch of text is looked at twice.
    this.#literal(address || 'http');
    this.#pos += address.length || 4;
  }

  /** @param {string} address @param {number} length */
  #link(address, length) {
    const href = safeHref(address);
    if (!href) return false;
    const link = linkTo(href);
    link.textContent = address;
    this.#node(link, length);
    return true;
  }
}

/** @param {string} text @param {number} start */
function runLength(text, start) {
  let end = start + 1;
  while (text[end] === text[start]) end++;
  return end - start;
}

/** @param {string} char @param {number} count */
function emphasis(char, count) {
  return document.createElement(char === '~' ? 'del' : count === 2 ? 'strong' : 'em');
}

/** The full stop after an address, and the bracket around it, belong to the sentence. @param {string} address */
function trimAddress(address) {
  let end = address.length;
  let open = address.split('(').length - address.split(')').length;
  for (; end > 0; end--) {
    const last = address[end - 1];
    if (last === ')' && open < 0) open++;
    else if (!/[.,;:!?*_~']/.test(last)) break;
  }
  return address.slice(0, end);
}

/** @param {Element} parent @param {Piece[]} pieces */
function appendPieces(parent, pieces) {
  let text = '';
  const flush = () => {
    if (text) parent.append(text);
    text = '';
  };
  for (const piece of pieces) {
    if (typeof piece === 'string') text += piece;
    else if (!(piece instanceof Node)) text += piece.char.repeat(piece.count);
    else {
      flush();
      parent.append(piece);
    }
  }
  flush();
}

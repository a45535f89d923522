// @ts-check
// Reads TOML as far as a wrangler.toml goes: tables, arrays of tables, inline tables, arrays, strings, numbers and
// booleans. Node has no reader of its own, and this one refuses what it does not know instead of passing over it: a
// check that was made on half a file is worse than none.

/** @typedef {{ [name: string]: any }} Table */
/** @typedef {string | number | boolean | any[] | Table} Value */

const ESCAPES = new Map(Object.entries({ b: "\b", t: "\t", n: "\n", f: "\f", r: "\r", '"': '"', "\\": "\\" }));
const NUMBER = /^[+-]?(0|[1-9](_?\d)*)(\.\d(_?\d)*)?([eE][+-]?\d(_?\d)*)?$/;

/**
 * What a text says.
 * @param {string} text
 * @returns {Table}
 */
export function parse(text) {
  const reader = new Reader(text.replaceAll("\r\n", "\n"));
  return reader.document();
}

class Reader {
  /** @param {string} text */
  constructor(text) {
    this.text = text;
    this.at = 0;
    /** Tables that had their header: a second one is an error. @type {WeakSet<object>} */
    this.opened = new WeakSet();
    /** What was written as a value: nothing is added to it from outside. @type {WeakSet<object>} */
    this.closed = new WeakSet();
  }

  document() {
    /** @type {Table} */
    const root = {};
    let table = root;
    for (this.blank(); this.at < this.text.length; this.blank()) {
      if (this.takes("[[")) table = this.item(root);
      else if (this.takes("[")) table = this.table(root);
      else this.pair(table);
      this.lineEnds();
    }
    return root;
  }

  /** `[[a.b]]`: one more table in a list. @param {Table} root */
  item(root) {
    const { parent, name } = this.header(root, "]]");
    const list = (parent[name] ??= []);
    if (!Array.isArray(list) || this.closed.has(list)) this.fail(`${name} is no list of tables`);
    /** @type {Table} */
    const table = {};
    list.push(table);
    return table;
  }

  /** `[a.b]`. @param {Table} root */
  table(root) {
    const { parent, name } = this.header(root, "]");
    const table = this.into(parent, name);
    if (this.opened.has(table) || Array.isArray(parent[name])) this.fail(`the table ${name} is there twice`);
    this.opened.add(table);
    return table;
  }

  /** @param {Table} root @param {string} end */
  header(root, end) {
    const { parent, name } = this.path(root, this.names());
    this.must(end);
    return { parent, name };
  }

  /** `name = value`. @param {Table} table */
  pair(table) {
    const { parent, name } = this.path(table, this.names());
    this.must("=");
    this.space();
    if (Object.hasOwn(parent, name)) this.fail(`${name} is there twice`);
    parent[name] = this.value();
  }

  /** Goes down to the last name's table. @param {Table} table @param {string[]} names */
  path(table, names) {
    const parent = names.slice(0, -1).reduce((inner, name) => this.into(inner, name), table);
    return { parent, name: names[names.length - 1] };
  }

  /** The table of a name, or the last one of a list of tables. @param {Table} parent @param {string} name @returns {Table} */
  into(parent, name) {
    if (!Object.hasOwn(parent, name)) parent[name] = {};
    const found = parent[name];
    const inner = Array.isArray(found) && !this.closed.has(found) ? found[found.length - 1] : found;
    if (typeof inner !== "object" || Array.isArray(inner) || this.closed.has(inner)) return this.fail(`${name} is no table`);
    return inner;
  }

  /** Names with dots between them. */
  names() {
    const names = [];
    do {
      this.space();
      names.push(this.name());
      this.space();
    } while (this.takes("."));
    return names;
  }

  name() {
    const bare = this.match(/[A-Za-z0-9_-]+/y);
    const name = bare ?? (this.sees('"') || this.sees("'") ? this.line() : this.fail("a name is missing"));
    // An object of JavaScript's would take it for something else.
    return name === "__proto__" ? this.fail("__proto__ is no name") : name;
  }

  /** @returns {Value} */
  value() {
    if (this.sees('"') || this.sees("'")) return this.string();
    if (this.takes("[")) return this.list();
    if (this.takes("{")) return this.inline();
    const word = this.match(/[^\s,\]}#]+/y) ?? this.fail("a value is missing");
    if (word === "true" || word === "false") return word === "true";
    return NUMBER.test(word) ? Number(word.replaceAll("_", "")) : this.fail(`${word} is no value that is known here`);
  }

  list() {
    /** @type {Value[]} */
    const list = [];
    for (this.blank(); !this.takes("]"); this.blank()) {
      list.push(this.value());
      this.blank();
      if (!this.takes(",") && !this.sees("]")) this.fail("a list goes on without a comma");
    }
    this.closed.add(list);
    return list;
  }

  inline() {
    /** @type {Table} */
    const table = {};
    this.space();
    for (let first = true; !this.takes("}"); first = false) {
      if (!first) this.must(",");
      this.pair(table);
      this.space();
    }
    this.close(table);
    return table;
  }

  /** @param {Table} table */
  close(table) {
    this.closed.add(table);
    for (const inner of Object.values(table)) if (typeof inner === "object" && !Array.isArray(inner)) this.close(inner);
  }

  string() {
    for (const mark of ['"""', "'''"]) if (this.takes(mark)) return this.lines(mark);
    return this.line();
  }

  /** A string on one line. */
  line() {
    const quoted = this.match(/"(?:[^"\\\n]|\\[^\n])*"|'[^'\n]*'/y) ?? this.fail("a string has no end");
    const inner = quoted.slice(1, -1);
    return quoted.startsWith("'") ? inner : this.unescaped(inner);
  }

  /** A string between three quotes. A line break right behind the first ones is none of it. @param {string} mark */
  lines(mark) {
    const isRaw = mark === "'''";
    this.takes("\n");
    const most = this.match(isRaw ? /[^]*?(?=''')/y : /(?:[^\\]|\\[^])*?(?=""")/y) ?? this.fail("a string has no end");
    // Up to two quotes right before the last ones are a part of it.
    const inner = most + this.match(isRaw ? /'{0,2}(?=''')/y : /"{0,2}(?=""")/y);
    this.must(mark);
    return isRaw ? inner : this.unescaped(inner.replace(/(?<!\\)((?:\\\\)*)\\[ \t]*\n\s*/g, "$1"));
  }

  /** @param {string} text */
  unescaped(text) {
    return text.replace(/\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[^])/g, (_, code) => {
      if (code.length > 1) return String.fromCodePoint(parseInt(code.slice(1), 16));
      return ESCAPES.get(code) ?? this.fail(`\\${code} is no escape`);
    });
  }

  /** Passes over spaces, comments and line breaks. */
  blank() {
    this.match(/(?:[ \t\n]+|#[^\n]*)+/y);
  }

  space() {
    this.match(/[ \t]+/y);
  }

  lineEnds() {
    this.match(/[ \t]*(?:#[^\n]*)?/y);
    if (this.at < this.text.length && !this.takes("\n")) this.fail("something stands behind the end of a value");
  }

  /** @param {string} part */
  sees(part) {
    return this.text.startsWith(part, this.at);
  }

  /** @param {string} part */
  takes(part) {
    const is = this.sees(part);
    if (is) this.at += part.length;
    return is;
  }

  /** @param {string} part */
  must(part) {
    this.space();
    if (!this.takes(part)) this.fail(`${part} is missing`);
  }

  /** What stands here, where it fits. @param {RegExp} pattern */
  match(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    this.at += found?.length ?? 0;
    return found;
  }

  /** @param {string} what @returns {never} */
  fail(what) {
    const line = this.text.slice(0, this.at).split("\n").length;
    throw new Error(`line ${line}: ${what}`);
  }
}

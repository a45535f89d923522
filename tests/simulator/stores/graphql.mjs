// @ts-check
/**
 * As much of GraphQL as one query of Weaviate's needs: fields with arguments, nested.
 *
 * In: the text of a query. Out: its fields. Not in: variables, fragments, directives, more than one operation.
 */

/**
 * @typedef {object} Field
 * @property {string} name
 * @property {Record<string, any>} args  Enums come as `{ word }`.
 * @property {Field[] | undefined} fields
 */

/** Spaces, commas and comments mean nothing; then punctuation, names, numbers and strings. */
const IGNORED = /(?:[\s,\ufeff]|#[^\n]*)*/y;
const TOKEN = /[{}()[\]:]|[_A-Za-z]\w*|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|"(?:[^"\\\n]|\\.)*"/y;

/** @param {string} text @returns {Field[]} */
export function parse(text) {
  const tokens = split(text);
  let at = 0;
  const next = () => tokens[at++] ?? fail('<EOF>');
  const peek = () => tokens[at];
  const take = (/** @type {string} */ wanted) => { if (next() !== wanted) fail(tokens[at - 1] ?? '<EOF>'); };
  if (peek() === 'query') {
    next();
    if (peek() !== '{') next();
  }
  const fields = selection();
  if (at < tokens.length) fail(tokens[at]);
  return fields;

  /** @returns {Field[]} */
  function selection() {
    take('{');
    const all = [];
    while (peek() !== '}') all.push(field());
    take('}');
    if (all.length === 0) fail('}');
    return all;
  }

  /** @returns {Field} */
  function field() {
    const name = word(next());
    const args = peek() === '(' ? pairs('(', ')') : {};
    return { name, args, fields: peek() === '{' ? selection() : undefined };
  }

  /** @param {string} open @param {string} close */
  function pairs(open, close) {
    take(open);
    /** @type {Record<string, any>} */
    const all = {};
    while (peek() !== close) {
      const name = word(next());
      take(':');
      all[name] = value();
    }
    take(close);
    return all;
  }

  /** @returns {any} */
  function value() {
    if (peek() === '{') return pairs('{', '}');
    if (peek() === '[') {
      take('[');
      const all = [];
      while (peek() !== ']') all.push(value());
      take(']');
      return all;
    }
    const token = next();
    if (token.startsWith('"') || /^[-\d]/.test(token) || ['true', 'false', 'null'].includes(token)) return JSON.parse(token);
    return { word: word(token) };
  }
}

/** @param {string} text */
function split(text) {
  const tokens = [];
  let at = 0;
  for (;;) {
    IGNORED.lastIndex = at;
    IGNORED.exec(text);
    at = IGNORED.lastIndex;
    if (at === text.length) return tokens;
    TOKEN.lastIndex = at;
    const token = TOKEN.exec(text)?.[0];
    if (token === undefined) return fail(text[at]);
    tokens.push(token);
    at += token.length;
  }
}

/** @param {string} token */
const word = (token) => (/^[_A-Za-z]/.test(token) ? token : fail(token));

/** @param {string} token @returns {never} */
function fail(token) {
  throw new SyntaxError(`Syntax Error GraphQL request (1:1) Unexpected ${token}`);
}

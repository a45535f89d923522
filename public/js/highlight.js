// @ts-check
// Colours for code. The words of a language are found by Prism; here they become elements, never markup.

const MOST = 50_000; // characters: more would hold up the page
/** @type {Record<string, string>} */
const NAMES = {
  js: 'javascript', mjs: 'javascript', jsx: 'javascript', node: 'javascript', ts: 'typescript', tsx: 'typescript', py: 'python',
  sh: 'bash', shell: 'bash', zsh: 'bash', console: 'bash', rs: 'rust', golang: 'go', 'c++': 'cpp', h: 'c', hpp: 'cpp', cs: 'csharp',
  'c#': 'csharp', kt: 'kotlin', rb: 'ruby', yml: 'yaml', html: 'markup', xml: 'markup', svg: 'markup', vue: 'markup', jsonc: 'json',
  dockerfile: 'docker', patch: 'diff', postgresql: 'sql', mysql: 'sql', sqlite: 'sql',
};

/** @param {HTMLElement} code complete @param {string} language as its fence has it */
export async function highlight(code, language) {
  const text = code.textContent ?? '';
  const name = language.toLowerCase();
  if (!name || name === 'text' || text.length > MOST) return;
  const { default: Prism } = await import('./vendor/prism.js').catch(() => ({ default: null }));
  const known = Prism?.languages[NAMES[name] ?? name];
  // What has no grammar stays as it is; so does code that has changed meanwhile.
  if (!known || typeof known === 'function' || code.textContent !== text) return;
  code.replaceChildren(...Prism.tokenize(text, known).map(element));
}

/** @param {any} token @returns {Node | string} */
function element(token) {
  if (typeof token === 'string') return token;
  const span = document.createElement('span');
  span.className = `code-${token.type}`;
  span.append(...[token.content].flat().map(element));
  return span;
}

// @ts-check
// Markdown to nodes: what it means, that growing gives the same as drawing at once, and that no input is dear.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

/** @type {[string, string][]} Markdown and the nodes it becomes, written as HTML */
const CASES = [
  ['plain *em* **strong** ***both*** ~~gone~~', '<p>plain <em>em</em> <strong>strong</strong> <em><strong>both</strong></em> <del>gone</del></p>'],
  ['_em_ __strong__ snake_case_name 2 * 3 * 4', '<p><em>em</em> <strong>strong</strong> snake_case_name 2 * 3 * 4</p>'],
  ['**open *crossed** over*', '<p><em><em>open <em>crossed</em></em> over</em></p>'],
  ['**\u4e2d\u6587\u3002**\u540e', '<p><strong>\u4e2d\u6587\u3002</strong>\u540e</p>'],
  ['a \\*b\\* \\q', '<p>a *b* \\q</p>'],
  ['one\ntwo\\\nthree<br>four', '<p>one<br>two<br>three<br>four</p>'],
  ['first\n\nsecond', '<p>first</p><p>second</p>'],
  ['`code` ``a ` b`` ` `` `', '<p><code>code</code> <code>a ` b</code> <code>``</code></p>'],
  ['`<b>&amp;*x*`', '<p><code>&lt;b&gt;&amp;amp;*x*</code></p>'],
  ['# One\n## Two #\n####### seven\n#no', '<h3>One</h3><h4>Two</h4><p>####### seven<br>#no</p>'],
  ['a\n***\nb\n- - -', '<p>a</p><hr><p>b</p><hr>'],
  ['- a\n- b\n  - c\n- d', '<ul><li><p>a</p></li><li><p>b</p><ul><li><p>c</p></li></ul></li><li><p>d</p></li></ul>'],
  ['1. a\n  - b\n2. c\n\n3. d', '<ol><li><p>a</p><ul><li><p>b</p></li></ul></li><li><p>c</p></li><li><p>d</p></li></ol>'],
  ['- a\n\n  more\n\nout', '<ul><li><p>a</p><p>more</p></li></ul><p>out</p>'],
  ['- a\nlazy\n* other list', '<ul><li><p>a<br>lazy</p></li></ul><ul><li><p>other list</p></li></ul>'],
  ['born in\n1984. A year\n- item', '<p>born in<br>1984. A year</p><ul><li><p>item</p></li></ul>'],
  ['3. c\n4. d', '<ol start="3"><li><p>c</p></li><li><p>d</p></li></ol>'],
  ['- a\n-\n- c', '<ul><li><p>a</p></li><li></li><li><p>c</p></li></ul>'],
  ['- [x] done', '<ul><li><span class="task" role="img" aria-label="done">\u2611</span><p>done</p></li></ul>'],
  ['> a\nb\n>\n> - c\n\nd', '<blockquote><p>a<br>b</p><ul><li><p>c</p></li></ul></blockquote><p>d</p>'],
  ['[t](https://a.example/x_(y)) end', `<p>${link('https://a.example/x_(y)', 't')} end</p>`],
  ['[*t*](<https://a.example/b c> "title")', `<p>${link('https://a.example/b%20c', '<em>t</em>')}</p>`],
  ['see https://a.example/b_c_d. (https://a.example)', `<p>see ${link('https://a.example/b_c_d')}. (${link('https://a.example/', 'https://a.example')})</p>`],
  ['[https://a.example](https://b.example)', `<p>${link('https://b.example/', 'https://a.example')}</p>`],
  ['<mailto:a@b.example> <b>', `<p>${link('mailto:a@b.example')} &lt;b&gt;</p>`],
  ['![alt](https://a.example/i.png) ![](https://a.example/)', `<p>${link('https://a.example/i.png', 'alt')} ${link('https://a.example/', 'image')}</p>`],
  ['[a](javascript:alert(1)) [b](/local) [c] [d](', '<p><span>a</span> <span>b</span> [c] [d](</p>'],
  ['text\n| a | b \\| c |\n|:-:|--:|\n| *1* | 2 | 3 |\n| short |\nafter', '<p>text</p><div class="table"><table><thead><tr><th scope="col" data-align="center">a</th><th scope="col" data-align="end">b | c</th></tr></thead><tbody><tr><td data-align="center"><em>1</em></td><td data-align="end">2</td></tr><tr><td data-align="center">short</td></tr></tbody></table></div><p>after</p>'],
  ['a | b\nc | d', '<p>a | b<br>c | d</p>'],
  ['```js\nlet a = `*b*`;\n\n  # c\n```\nend', `${code('js', 'let a = `*b*`;\n\n  # c\n')}<p>end</p>`],
  ['~~~\n```\n~~~~', code('text', '```\n')],
  ['1. do\n   ```\n   x\n     y\n   ```\n2. next', `<ol><li><p>do</p>${code('text', 'x\n  y\n')}</li><li><p>next</p></li></ol>`],
  ['```\nnever closed', code('text', 'never closed\n')],
  ['windows\r\n\r\n- lines\r\n', '<p>windows</p><ul><li><p>lines</p></li></ul>'],
];

/** Each is repeated until it is long. */
const HOSTILE = [
  '[', '![', '](', '[](', '[a](<', '*a ', '**a*_', '_a_', '***a', '`', '``` `', '`` ', '> ', '>', '- ', '1. ', '  - a\n', '> - ',
  '|', '|-', '| a |\n|---|\n', '\\', '<', '<http://', 'http://', 'https://% ', '~~a', '# ', '\n', ' \n', '```\n', 'word ', 'long\n', ' ` x', '[a](b "',
];

/** @param {import('../browser.mjs').WithPage} withPage */
export function markdown(withPage) {
  describe('markdown', () => {
    test('each construct becomes its nodes', () => withPage({}, async (page) => {
      const drawn = await page.evaluate(async (texts) => {
        const path = '/js/markdown.js';
        const { renderMarkdown } = await import(path);
        return texts.map((text) => {
          const root = document.createElement('div');
          renderMarkdown(text, root);
          return root.innerHTML;
        });
      }, CASES.map(([text]) => text));
      CASES.forEach(([text, html], index) => assert.equal(drawn[index], html, text));
    }));

    test('growing, cut anywhere, ends in the same nodes', () => withPage({}, async (page) => {
      const texts = [...CASES.map(([text]) => text), CASES.map(([text]) => text).join('\n\n')];
      const different = await page.evaluate(async (all) => {
        const path = '/js/markdown.js';
        const { Markdown } = await import(path);
        const draw = (/** @type {string[]} */ pieces) => {
          const root = document.createElement('div');
          const growing = new Markdown(root);
          for (const piece of pieces) growing.push(piece);
          growing.finish();
          return root.innerHTML;
        };
        return all.flatMap((text) => {
          const whole = draw([text]);
          const ways = [[...text]];
          for (let cut = 1; cut < text.length; cut++) ways.push([text.slice(0, cut), text.slice(cut)]);
          return ways.filter((pieces) => draw(pieces) !== whole);
        });
      }, texts);
      assert.deepEqual(different, []);
    }));

    test('markers that are still open show no raw marks', () => withPage({}, async (page) => {
      const shown = await page.evaluate(async (all) => {
        const path = '/js/markdown.js';
        const { Markdown } = await import(path);
        return all.map((text) => {
          const root = document.createElement('div');
          new Markdown(root).push(text);
          return root.innerHTML;
        });
      }, ['a **bo', 'a **bold*', 'a `co', 'a [t](https://exa', 'a\n-', 'a\n``', '| a | b |\n|--']);
      assert.deepEqual(shown.slice(0, 6), [
        '<p>a <strong>bo</strong></p>', '<p>a <strong>bold</strong></p>', '<p>a <code>co</code></p>',
        '<p>a <span>t</span></p>', '<p>a</p>', '<p>a</p>',
      ]);
      assert.match(shown[6], /^<div class="table">/);
    }));

    test('hostile text stays shallow, whole and finished', () => withPage({}, async (page) => {
      const deepest = await page.evaluate(async (seeds) => {
        const path = '/js/markdown.js';
        const { Markdown } = await import(path);
        return seeds.map((seed) => {
          const text = seed.repeat(Math.ceil(50_000 / seed.length));
          const root = document.createElement('div');
          const growing = new Markdown(root);
          for (let at = 0; at < text.length; at += 500) growing.push(text.slice(at, at + 500));
          growing.finish();
          const walker = document.createTreeWalker(root);
          let deepest = 0;
          while (walker.nextNode()) {
            let depth = 0;
            for (let node = walker.currentNode; node !== root; node = /** @type {Node} */ (node.parentNode)) depth++;
            deepest = Math.max(deepest, depth);
          }
          return { seed, deepest };
        });
      }, HOSTILE);
      assert.deepEqual(deepest.filter(({ deepest }) => deepest > 50), []);
    }));
  });
}

/** @param {string} href @param {string} [html] */
function link(href, html = href) {
  return `<a href="${href}" rel="noopener noreferrer" target="_blank">${html}</a>`;
}

/** @param {string} language @param {string} text */
function code(language, text) {
  return `<figure class="code"><figcaption><span>${language}</span><button type="button" class="quiet" data-action="copy-code">Copy</button></figcaption><pre tabindex="0"><code>${text}</code></pre></figure>`;
}

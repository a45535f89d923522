// @ts-check
// One answer on the page. What arrives is collected and drawn once per animation frame; a settled answer is
// drawn at once, since a hidden tab has no frames.

import { highlight } from './highlight.js';
import { linkTo, safeHref } from './inline.js';
import { Markdown } from './markdown.js';
import { openCalls } from './conversation.js';
import { WORDS, errorTitle, finishNote, thoughtFor, timeLine, usageLine } from './words.js';

/** @typedef {import('./conversation.js').Answer} Answer */
/** @typedef {{type: string, message: string, requestId?: string | null, advice?: string}} Failure */

const COLOUR_EVERY = 500; // milliseconds: a long answer has much to look through

export class AnswerView {
  #reasoning = '';
  #refusal = '';
  #frame = 0;
  #thinkingSince = 0;
  #began = performance.now();
  #firstWords = 0;
  #colouredAt = 0;
  /** @type {WeakSet<Element>} */
  #coloured = new WeakSet();
  /** Text, as far as no call comes in between. @type {{prose: Markdown, pending: string}[]} */
  #texts = [];
  #isInText = false;
  /** @type {{element: HTMLElement, name: string, pending: string}[]} */
  #calls = [];

  /**
   * @param {HTMLElement} element a fresh copy of the answer's template
   * @param {Answer} answer
   * @param {{grown: () => void, retry: () => void, results: (results: string[]) => void}} on
   * @param {boolean} isNew whether it comes as it is written, and not from a record
   */
  constructor(element, answer, on, isNew) {
    this.element = element;
    this.answer = answer;
    this.on = on;
    this.isNew = isNew;
    this.thinking = new Markdown(this.#part('.thinking .prose'));
    element.addEventListener('click', (event) => this.#click(event));
    this.#part('.said').addEventListener('submit', (event) => this.#submit(event));
  }

  /** @param {Record<string, any>} chunk a StreamChunk */
  take(chunk) {
    if (chunk.content) this.#addText(chunk.content);
    this.#reasoning += chunk.reasoning ?? '';
    this.#refusal += chunk.refusal ?? '';
    if (chunk.content || chunk.reasoning || chunk.refusal || chunk.tool_calls) this.#firstWords ||= performance.now();
    for (const delta of chunk.tool_calls ?? []) {
      const call = (this.#calls[delta.index] ??= { element: this.#addCall(), name: '', pending: '' });
      call.name ||= delta.function?.name ?? '';
      call.pending += delta.function?.arguments ?? '';
    }
    for (const result of chunk.tool_results ?? []) this.#showResult(result);
    for (const warning of chunk.warnings ?? []) this.#addWarning(String(warning));
    for (const citation of chunk.citations ?? []) this.#addCitation(citation);
    this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  /** The answer is complete as far as it will be. @param {string} [instead] words about an end that is not in it */
  settle(instead) {
    const { answer } = this;
    this.#end();
    const empty = !answer.text && !answer.reasoning && !answer.refusal && !answer.calls.length;
    const note = instead || finishNote(answer.finishReason) || (empty ? WORDS.empty : '');
    this.#show('.note', note);
    if (answer.finishReason !== 'cancelled' && openCalls(answer).length) this.#askForResults();
    this.on.grown();
  }

  /** @param {string[]} results of the calls that were open: what was sent back, here or elsewhere */
  showResults(results) {
    openCalls(this.answer).forEach((call, index) => this.#showResult({ tool_call_id: call.id, content: results[index] }));
    this.#part('.said > button').hidden = true;
    this.#part('.note').hidden = true;
  }

  /** @param {Record<string, any>} result what came of a call */
  #showResult({ tool_call_id: id, content, name, is_error: isError }) {
    const element = this.#calls[this.answer.calls.findIndex((call) => call?.id === id)]?.element;
    if (!element) return;
    element.querySelector('.call-answer')?.remove();
    const what = element.querySelector('.call-what');
    // Only what the gateway did itself comes with the tool's name: nobody has to do anything with it.
    if (what && name) {
      what.textContent = isError ? WORDS.failedCall : WORDS.ownCall;
      element.removeAttribute('open');
    }
    const shown = element.querySelector('.call-result');
    if (shown instanceof HTMLElement) shown.hidden = false;
    shown?.querySelector('pre')?.replaceChildren(prettyJson(String(content ?? '')));
  }

  /** @param {Failure} failure */
  fail({ type, message, requestId, advice }) {
    this.#end();
    this.#part('.failure').hidden = false;
    this.#part('.failure .box-title').textContent = errorTitle(type);
    this.#part('.failure-text').textContent = [message, advice].filter(Boolean).join(' ');
    this.#show('.failure-id', requestId ? WORDS.request(requestId) : '');
    this.element.classList.add('failed');
    this.on.grown();
  }

  #draw() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    if (this.#reasoning) this.#drawThinking();
    const texts = this.#texts.filter(({ pending }) => pending);
    for (const text of texts) {
      text.prose.push(text.pending);
      text.pending = '';
    }
    if (this.#refusal) {
      this.#part('.refusal').hidden = false;
      this.#part('.refusal-text').append(this.#refusal);
    }
    this.#calls.forEach(drawCall);
    const begun = texts.length || this.#refusal || this.#calls.length;
    if (begun) this.#endThinking();
    if (begun || this.#reasoning) this.#part('.waiting').hidden = true;
    this.#reasoning = this.#refusal = '';
    this.#drawOrigin();
    this.#colour(false);
    this.on.grown();
  }

  /** Gives code its colours, once it is complete. @param {boolean} all what follows nothing, too */
  #colour(all) {
    const now = performance.now();
    if (!all && now - this.#colouredAt < COLOUR_EVERY) return;
    this.#colouredAt = now;
    for (const figure of this.element.querySelectorAll('.code')) {
      const code = figure.querySelector('code');
      if (!code || this.#coloured.has(figure) || !(all || figure.nextElementSibling)) continue;
      this.#coloured.add(figure);
      highlight(code, figure.querySelector('figcaption span')?.textContent ?? '');
    }
  }

  #drawOrigin() {
    const { model, provider } = this.answer;
    const demo = provider === 'demo';
    this.#part('.by .tag').hidden = !demo;
    this.#part('.by-name').textContent = demo ? '' : [model, provider].filter(Boolean).join(' · ');
  }

  #drawThinking() {
    this.#part('.thinking').hidden = false;
    this.#thinkingSince ||= performance.now();
    this.#part('.thinking').classList.add('live');
    this.thinking.push(this.#reasoning);
  }

  #endThinking() {
    const details = this.#part('.thinking');
    if (!details.classList.contains('live')) return;
    details.classList.remove('live');
    // How long a record was written is not known here.
    const summary = this.isNew ? thoughtFor(performance.now() - this.#thinkingSince) : WORDS.thoughts;
    this.#part('.thinking summary').textContent = summary;
  }

  #end() {
    this.#draw();
    this.#endThinking();
    this.#texts.forEach(({ prose }) => prose.finish());
    this.thinking.finish();
    this.#colour(true);
    this.#part('.waiting').hidden = true;
    this.#part('.foot').hidden = false;
    this.#part('.usage').textContent = usageLine(this.answer.usage);
    this.#part('.times').textContent = timeLine(this.answer.usage?.output_tokens, this.#times());
    this.#part('[data-action="copy-answer"]').hidden = !this.answer.text;
    this.element.setAttribute('aria-busy', 'false');
    this.#calls.forEach((call, index) => {
      const shown = call.element.querySelector('.call-arguments');
      if (shown) shown.textContent = prettyJson(this.answer.calls[index].arguments);
    });
  }

  #times() {
    if (!this.isNew || !this.#firstWords) return null;
    return { first: this.#firstWords - this.#began, writing: performance.now() - this.#firstWords };
  }

  /** @param {string} text what comes behind a call begins anew */
  #addText(text) {
    if (!this.#isInText && !text.trim()) return;
    if (!this.#isInText) {
      const first = this.#part('.text');
      const element = this.#texts.length || this.#calls.length ? this.#append(/** @type {HTMLElement} */ (first.cloneNode())) : first;
      this.#texts.push({ prose: new Markdown(element), pending: '' });
    }
    this.#isInText = true;
    /** @type {{pending: string}} */ (this.#texts.at(-1)).pending += text;
  }

  #addCall() {
    this.#isInText = false;
    return this.#append(copyOf('call-template'));
  }

  /** Behind all that was said so far. @param {HTMLElement} element */
  #append(element) {
    this.#part('.said > button').before(element);
    return element;
  }

  #askForResults() {
    for (const element of this.element.querySelectorAll('.call-answer, .said > button')) {
      if (element instanceof HTMLElement) element.hidden = false;
    }
    for (const field of this.element.querySelectorAll('textarea')) field.required = true;
  }

  /** @param {SubmitEvent | Event} event */
  #submit(event) {
    event.preventDefault();
    this.on.results([...this.element.querySelectorAll('textarea')].map((field) => field.value));
  }

  /** @param {Event} event */
  #click(event) {
    const button = event.target instanceof Element ? event.target.closest('button') : null;
    if (button?.dataset.action === 'retry') this.on.retry();
    if (button?.dataset.action === 'copy-answer') copyText(button, this.answer.text);
    if (button?.dataset.action === 'copy-code') copyText(button, button.closest('figure')?.querySelector('code')?.textContent ?? '');
  }

  /** @param {string} warning */
  #addWarning(warning) {
    const item = document.createElement('li');
    item.textContent = warning;
    this.#part('.warnings').append(item);
    this.#part('.warnings').hidden = false;
  }

  /** @param {{url?: string, title?: string, number?: number} | string} citation */
  #addCitation(citation) {
    const address = typeof citation === 'string' ? citation : citation.url ?? '';
    const title = (typeof citation === 'string' ? '' : citation.title) || address;
    const href = safeHref(address);
    const item = document.createElement('li');
    // The number by which the text names it.
    if (typeof citation === 'object' && Number.isInteger(citation.number)) item.value = Number(citation.number);
    const shown = href ? linkTo(href) : document.createElement('span');
    shown.textContent = title;
    item.append(shown);
    this.#part('.citations').append(item);
    this.#part('.citations').hidden = false;
  }

  /** @param {string} selector @param {string} text */
  #show(selector, text) {
    this.#part(selector).textContent = text;
    this.#part(selector).hidden = !text;
  }

  /** @param {string} selector @returns {HTMLElement} */
  #part(selector) {
    const part = this.element.querySelector(selector);
    if (!(part instanceof HTMLElement)) throw new Error(`the answer has no ${selector}`);
    return part;
  }
}

/** @param {string} id @returns {HTMLElement} */
export function copyOf(id) {
  const template = document.getElementById(id);
  const first = template instanceof HTMLTemplateElement ? template.content.firstElementChild : null;
  if (!(first instanceof HTMLElement)) throw new Error(`no template ${id}`);
  return /** @type {HTMLElement} */ (first.cloneNode(true));
}

/** @param {{element: HTMLElement, name: string, pending: string}} call */
function drawCall(call) {
  const name = call.element.querySelector('.call-name');
  if (name && name.textContent !== call.name) name.textContent = call.name;
  if (call.pending) call.element.querySelector('.call-arguments')?.append(call.pending);
  call.pending = '';
}

/** @param {HTMLButtonElement} button @param {string} text */
async function copyText(button, text) {
  const label = button.textContent;
  button.textContent = await navigator.clipboard.writeText(text).then(() => WORDS.copied, () => WORDS.notCopied);
  setTimeout(() => (button.textContent = label), 1500);
}

/** @param {string} text */
function prettyJson(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

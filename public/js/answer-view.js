// @ts-check
// One answer on the page. What arrives is collected and drawn once per animation frame; a settled answer is
// drawn at once, since a hidden tab has no frames.

import { linkTo, safeHref } from './inline.js';
import { Markdown } from './markdown.js';
import { errorTitle, finishNote, thoughtFor, usageLine } from './words.js';

/** @typedef {import('./conversation.js').Answer} Answer */
/** @typedef {{type: string, message: string, requestId?: string | null, advice?: string}} Failure */

export class AnswerView {
  #text = '';
  #reasoning = '';
  #refusal = '';
  #frame = 0;
  #thinkingSince = 0;
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
    this.prose = new Markdown(this.#part('.text'));
    this.thinking = new Markdown(this.#part('.thinking .prose'));
    element.addEventListener('click', (event) => this.#click(event));
    this.#part('.calls').addEventListener('submit', (event) => this.#submit(event));
  }

  /** @param {Record<string, any>} chunk a StreamChunk */
  take(chunk) {
    this.#text += chunk.content ?? '';
    this.#reasoning += chunk.reasoning ?? '';
    this.#refusal += chunk.refusal ?? '';
    for (const delta of chunk.tool_calls ?? []) {
      const call = (this.#calls[delta.index] ??= { element: this.#addCall(), name: '', pending: '' });
      call.name ||= delta.function?.name ?? '';
      call.pending += delta.function?.arguments ?? '';
    }
    for (const warning of chunk.warnings ?? []) this.#addWarning(String(warning));
    for (const citation of chunk.citations ?? []) this.#addCitation(citation);
    this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  /** The answer is complete as far as it will be. @param {string} [instead] words about an end that is not in it */
  settle(instead) {
    const { answer } = this;
    this.#end();
    const empty = !answer.text && !answer.reasoning && !answer.refusal && !answer.calls.length;
    const note = instead || finishNote(answer.finishReason) || (empty ? 'The answer was empty' : '');
    this.#show('.note', note);
    if (answer.finishReason !== 'cancelled' && answer.calls.length) this.#askForResults();
    this.on.grown();
  }

  /** @param {string[]} results what was sent back, here or elsewhere */
  showResults(results) {
    this.#calls.forEach(({ element }, index) => {
      element.querySelector('.call-answer')?.remove();
      const result = element.querySelector('.call-result');
      if (result instanceof HTMLElement) result.hidden = false;
      result?.querySelector('pre')?.replaceChildren(prettyJson(results[index]));
    });
    this.#part('.calls > button').hidden = true;
    this.#part('.note').hidden = true;
  }

  /** @param {Failure} failure */
  fail({ type, message, requestId, advice }) {
    this.#end();
    this.#part('.failure').hidden = false;
    this.#part('.failure .box-title').textContent = errorTitle(type);
    this.#part('.failure-text').textContent = [message, advice].filter(Boolean).join(' ');
    this.#show('.failure-id', requestId ? `Request ${requestId}` : '');
    this.element.classList.add('failed');
    this.on.grown();
  }

  #draw() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    if (this.#reasoning) this.#drawThinking();
    if (this.#text) this.prose.push(this.#text);
    if (this.#refusal) {
      this.#part('.refusal').hidden = false;
      this.#part('.refusal-text').append(this.#refusal);
    }
    this.#calls.forEach(drawCall);
    const begun = this.#text || this.#refusal || this.#calls.length;
    if (begun) this.#endThinking();
    if (begun || this.#reasoning) this.#part('.waiting').hidden = true;
    this.#text = this.#reasoning = this.#refusal = '';
    this.#drawOrigin();
    this.on.grown();
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
    const summary = this.isNew ? thoughtFor(performance.now() - this.#thinkingSince) : 'Thoughts';
    this.#part('.thinking summary').textContent = summary;
  }

  #end() {
    this.#draw();
    this.#endThinking();
    this.prose.finish();
    this.thinking.finish();
    this.#part('.waiting').hidden = true;
    this.#part('.foot').hidden = false;
    this.#part('.usage').textContent = usageLine(this.answer.usage);
    this.#part('[data-action="copy-answer"]').hidden = !this.answer.text;
    this.element.setAttribute('aria-busy', 'false');
    this.#calls.forEach((call, index) => {
      const shown = call.element.querySelector('.call-arguments');
      if (shown) shown.textContent = prettyJson(this.answer.calls[index].arguments);
    });
  }

  #addCall() {
    const form = this.#part('.calls');
    const call = copyOf('call-template');
    form.hidden = false;
    form.querySelector('button')?.before(call);
    return call;
  }

  #askForResults() {
    for (const element of this.element.querySelectorAll('.call-answer, .calls > button')) {
      if (element instanceof HTMLElement) element.hidden = false;
    }
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

  /** @param {{url?: string, title?: string} | string} citation */
  #addCitation(citation) {
    const address = typeof citation === 'string' ? citation : citation.url ?? '';
    const title = (typeof citation === 'string' ? '' : citation.title) || address;
    const href = safeHref(address);
    const item = document.createElement('li');
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
  button.textContent = await navigator.clipboard.writeText(text).then(() => 'Copied', () => 'Could not copy');
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

// @ts-check
// The page around the answers: composer, provider and model, first screen, status, scrolling. DOM only.

import { AnswerView, copyOf } from './answer-view.js';

/** @typedef {import('./api.js').Provider} Provider */
/** @typedef {import('./conversation.js').Answer} Answer */
/**
 * @typedef {{send: (text: string) => void, stop: () => void, retry: () => void, newChat: () => void,
 *   results: (results: string[]) => void, reload: () => void}} Handlers
 */

const DEMO_IDEAS = [
  { title: 'See what it can do', prompt: 'What can you do?' },
  { title: 'Watch it think', prompt: '/think Why is the sky blue?' },
  { title: 'Markdown and code', prompt: '/code Show me some Markdown' },
];
const MODEL_IDEAS = [
  { title: 'Get to know it', prompt: 'What can you do?' },
  { title: 'Ask a question', prompt: 'Why is the sky blue?' },
  { title: 'Markdown and code', prompt: 'Show me a table of the planets and a few lines of code that print it.' },
];
const AT_BOTTOM = 48; // pixels from the end that still count as the end

const composer = find('composer', HTMLFormElement);
const prompt = find('prompt', HTMLTextAreaElement);
const provider = find('provider', HTMLSelectElement);
const model = find('model', HTMLInputElement);
const thinking = find('thinking', HTMLInputElement);
const conversation = find('conversation', HTMLElement);

export class View {
  /** @type {Provider[]} */
  #providers = [];
  #busy = false;
  #following = true;
  #lastScroll = 0;

  /** @param {Handlers} on */
  constructor(on) {
    this.on = on;
    composer.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#send(prompt.value);
    });
    prompt.addEventListener('keydown', (event) => this.#promptKey(event));
    prompt.addEventListener('input', fitPrompt);
    document.addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && this.#busy && !document.querySelector('dialog[open]')) on.stop();
    });
    provider.addEventListener('change', () => this.#providerChanged());
    find('stop', HTMLButtonElement).addEventListener('click', on.stop);
    find('new-chat', HTMLButtonElement).addEventListener('click', on.newChat);
    find('reload', HTMLButtonElement).addEventListener('click', on.reload);
    find('jump', HTMLButtonElement).addEventListener('click', () => this.#follow(true));
    find('skip', HTMLAnchorElement).addEventListener('click', (event) => {
      event.preventDefault(); // the address says which conversation this is
      prompt.focus();
    });
    find('ideas', HTMLElement).addEventListener('click', (event) => {
      const idea = event.target instanceof Element ? event.target.closest('.idea') : null;
      this.#send(idea?.querySelector('.idea-prompt')?.textContent ?? '');
    });
    addEventListener('scroll', () => this.#scrolled(), { passive: true });
  }

  settings() {
    return { provider: provider.value, model: model.value.trim(), thinking: thinking.checked };
  }

  /** @param {Provider[]} providers @param {string} chosen */
  showProviders(providers, chosen) {
    this.#providers = providers;
    const ready = providers.filter((each) => each.configured).map((each) => new Option(each.name, each.name));
    const missing = providers.filter((each) => !each.configured).map((each) => {
      const option = new Option(`${each.name}: set ${each.key_variable ?? 'its address'}`, each.name);
      option.disabled = true;
      return option;
    });
    provider.replaceChildren(...ready);
    if (missing.length) {
      const group = document.createElement('optgroup');
      group.label = 'Not configured';
      group.append(...missing);
      provider.append(group);
    }
    provider.value = chosen;
    this.#providerChanged();
  }

  /** @param {string} why */
  providersFailed(why) {
    notice(`The list of providers could not be loaded${why ? `: ${why}` : ''}.`, true);
    showIdeas(MODEL_IDEAS);
  }

  /** @param {string} text */
  addQuestion(text) {
    const element = copyOf('question-template');
    element.querySelector('.question-text')?.append(text);
    this.#add(element);
    return element;
  }

  /** @param {Answer} answer @param {boolean} isNew whether it comes as it is written, and not from a record */
  addAnswer(answer, isNew) {
    const element = copyOf('answer-template');
    const { retry, results } = this.on;
    this.#add(element);
    return new AnswerView(element, answer, { grown: () => this.#follow(this.#following), retry, results }, isNew);
  }

  /** @param {string} text a message that could not be sent */
  giveBack(text) {
    prompt.value ||= text;
    fitPrompt();
  }

  /** @param {boolean} isNew whether nothing is to be loaded */
  clear(isNew) {
    conversation.replaceChildren();
    find('vanished', HTMLElement).hidden = true;
    this.#begun(!isNew);
    this.setBusy(false);
    this.say('');
  }

  /** The conversation in the address is not there. */
  vanished() {
    find('vanished', HTMLElement).hidden = false;
    this.say('This conversation no longer exists');
  }

  /** @param {boolean} busy */
  setBusy(busy) {
    this.#busy = busy;
    const send = find('send', HTMLButtonElement);
    const stop = find('stop', HTMLButtonElement);
    const active = document.activeElement;
    send.hidden = busy;
    stop.hidden = !busy;
    // The button that was pressed is gone; the keyboard goes on where the next message is written.
    if (active === send || active === stop) prompt.focus();
  }

  /** @param {string} words said to everybody, screen readers included */
  say(words) {
    find('status', HTMLElement).textContent = words;
  }

  /** @param {string} words that are not true any more, if they are what is said */
  unsay(words) {
    if (find('status', HTMLElement).textContent === words) this.say('');
  }

  focusPrompt() {
    prompt.focus();
  }

  /** @param {HTMLElement} turn */
  #add(turn) {
    conversation.append(turn);
    find('vanished', HTMLElement).hidden = true;
    this.#begun(true);
    this.#follow(true);
  }

  /** @param {boolean} begun */
  #begun(begun) {
    find('welcome', HTMLElement).hidden = begun;
    find('new-chat', HTMLElement).hidden = !begun;
  }

  /** @param {string} text */
  #send(text) {
    if (this.#busy || !text.trim()) return;
    prompt.value = '';
    fitPrompt();
    this.on.send(text.trim());
    prompt.focus();
  }

  /** @param {KeyboardEvent} event */
  #promptKey(event) {
    // Enter that ends the composition of a character is not meant for us.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.#send(prompt.value);
  }

  #providerChanged() {
    const chosen = this.#providers.find((each) => each.name === provider.value);
    if (!chosen) return;
    model.value = '';
    model.placeholder = chosen.default_model || 'default';
    model.title = chosen.any_model ? 'Any model name this provider knows' : `One of: ${chosen.models.join(', ')}`;
    find('models', HTMLDataListElement).replaceChildren(...chosen.models.map((name) => new Option(name, name)));
    const demo = chosen.name === 'demo';
    notice(demo ? demoNotice(this.#providers) : '', false);
    showIdeas(demo ? DEMO_IDEAS : MODEL_IDEAS);
  }

  #scrolled() {
    const fromEnd = document.documentElement.scrollHeight - innerHeight - scrollY;
    // Growth alone never counts as leaving the end: only moving up does.
    if (fromEnd < AT_BOTTOM) this.#following = true;
    else if (scrollY < this.#lastScroll) this.#following = false;
    this.#lastScroll = scrollY;
    this.#offerJump();
  }

  /** @param {boolean} wanted */
  #follow(wanted) {
    this.#following = wanted;
    if (wanted) scrollTo({ top: document.documentElement.scrollHeight, behavior: 'instant' });
    this.#offerJump();
  }

  #offerJump() {
    find('jump', HTMLElement).hidden = this.#following;
  }
}

function fitPrompt() {
  // Browsers that size fields by their content need no help.
  if (CSS.supports('field-sizing', 'content')) return;
  prompt.rows = Math.min(8, prompt.value.split('\n').length);
}

/** @param {Provider[]} providers */
function demoNotice(providers) {
  const honest = 'Scripted demo: no model is running.';
  if (providers.some((each) => each.configured && each.name !== 'demo')) return `${honest} For a real one, choose another provider.`;
  const variable = providers.find((each) => each.key_variable)?.key_variable;
  return variable ? `${honest} For a real one, set ${variable} and start again.` : honest;
}

/** @param {string} words @param {boolean} canReload */
function notice(words, canReload) {
  const box = find('notice', HTMLElement);
  box.hidden = !words;
  find('reload', HTMLElement).hidden = !canReload;
  const text = box.querySelector('p');
  if (text) text.textContent = words;
}

/** @param {{title: string, prompt: string}[]} ideas */
function showIdeas(ideas) {
  const items = ideas.map((idea) => {
    const item = copyOf('idea-template');
    item.querySelector('strong')?.append(idea.title);
    item.querySelector('.idea-prompt')?.append(idea.prompt);
    return item;
  });
  find('ideas', HTMLElement).replaceChildren(...items);
}

/**
 * @template {HTMLElement} T
 * @param {string} id @param {{new (): T, prototype: T}} type
 * @returns {T}
 */
function find(id, type) {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`the page has no ${id}`);
  return element;
}

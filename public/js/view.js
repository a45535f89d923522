// @ts-check
// The page around the answers: composer, provider and model, first screen, status, scrolling. DOM only.

import { AnswerView, copyOf } from './answer-view.js';
import { keyFor } from './keys.js';
import { MapView } from './map-view.js';
import { recall, remember } from './memory.js';
import { Pictures, showPictures } from './pictures.js';
import { SettingsView } from './settings-view.js';
import { DEMO_IDEAS, MODEL_IDEAS, WORDS } from './words.js';

/** @typedef {import('./api.js').Provider} Provider */
/** @typedef {import('./conversation.js').Answer} Answer */
/** @typedef {import('./conversation.js').Question} Question */
/**
 * @typedef {{send: (question: Question) => void, stop: () => void, retry: () => void, newChat: () => void,
 *   results: (results: string[]) => void, reload: () => void,
 *   save: (form: 'markdown' | 'json') => void, settled: () => void, written: (text: string) => void}} Handlers
 */

const AT_BOTTOM = 48; // pixels from the end that still count as the end

const composer = find('composer', HTMLFormElement);
const prompt = find('prompt', HTMLTextAreaElement);
const provider = find('provider', HTMLSelectElement);
const model = find('model', HTMLInputElement);
const assistant = find('assistant', HTMLSelectElement);
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
      if (event.key === 'Escape' && this.#busy && !document.querySelector('dialog:modal')) on.stop();
    });
    prompt.addEventListener('input', () => on.written(prompt.value));
    provider.addEventListener('change', () => {
      this.#providerChanged();
      remember('provider', provider.value);
    });
    model.addEventListener('change', () => remember(modelOf(provider.value), model.value.trim()));
    find('stop', HTMLButtonElement).addEventListener('click', on.stop);
    find('new-chat', HTMLButtonElement).addEventListener('click', on.newChat);
    this.map = new MapView(find('map', HTMLElement));
    this.pictures = new Pictures(find('pictures', HTMLElement), { say: (words) => this.say(words), changed: () => prompt.focus() });
    this.drawer = new SettingsView({ provider: () => provider.value, providers: () => this.#providers, keyChanged: on.reload, save: on.save });
    find('enter-key', HTMLButtonElement).addEventListener('click', () => this.drawer.open('gateway-key'));
    this.#takePictures();
    find('reload', HTMLButtonElement).addEventListener('click', on.reload);
    find('jump', HTMLButtonElement).addEventListener('click', () => this.#follow(true));
    find('skip', HTMLAnchorElement).addEventListener('click', (event) => {
      event.preventDefault(); // the address says which conversation this is
      prompt.focus();
    });
    find('ideas', HTMLElement).addEventListener('click', (event) => {
      const idea = event.target instanceof Element ? event.target.closest('.idea') : null;
      if (!(idea instanceof HTMLElement) || this.#busy) return;
      assistant.value = idea.dataset.assistant ?? '';
      this.#send(idea.querySelector('.idea-prompt')?.textContent ?? '');
    });
    addEventListener('scroll', () => this.#scrolled(), { passive: true });
  }

  /** @returns {Record<string, any>} what was chosen, as fields of a request; and the system prompt, for a new session */
  settings() {
    const chosen = { provider: provider.value, model: model.value.trim(), assistant: assistant.value };
    const said = Object.entries(chosen).filter(([, value]) => value);
    return { ...Object.fromEntries(said), ...this.drawer.fields(thinking.checked) };
  }

  get written() {
    return prompt.value;
  }

  providerKey() {
    return provider.value ? keyFor(provider.value) : '';
  }

  /** @param {{name: string, description: string}[]} assistants */
  showAssistants(assistants) {
    const chosen = assistant.value;
    const options = assistants.filter(({ name }) => name !== 'plain').map(({ name, description }) => {
      const option = new Option(name, name);
      option.title = description;
      return option;
    });
    assistant.replaceChildren(new Option(WORDS.noAssistant, ''), ...options);
    assistant.value = chosen;
  }

  /** Which one answers in this conversation. @param {string} name empty for none */
  showAssistant(name) {
    // The list of them may still be on its way.
    if (name && ![...assistant.options].some(({ value }) => value === name)) assistant.add(new Option(name, name));
    assistant.value = name;
  }

  /** @param {any} map what the assistant's answers say that is to be seen, or nothing */
  showMap(map) {
    this.map.show(map);
  }

  /** @param {Provider[]} providers @param {string} chosen */
  showProviders(providers, chosen) {
    const before = this.#providers.length ? provider.value : recall('provider');
    this.#providers = providers;
    const isReady = (/** @type {Provider} */ each) => each.configured || keyFor(each.name);
    const ready = providers.filter(isReady).map((each) => new Option(each.name, each.name));
    const missing = providers.filter((each) => !isReady(each)).map((each) => {
      const option = new Option(WORDS.toSet(each.name, each.key_variable ?? WORDS.itsAddress), each.name);
      option.disabled = true;
      return option;
    });
    provider.replaceChildren(...ready);
    if (missing.length) {
      const group = document.createElement('optgroup');
      group.label = WORDS.notConfigured;
      group.append(...missing);
      provider.append(group);
    }
    // What a person has chosen stays chosen when the list is read again.
    provider.value = providers.some((each) => each.name === before && isReady(each)) ? before : chosen;
    this.#providerChanged();
  }

  /** @param {string} why @param {boolean} needsKey */
  providersFailed(why, needsKey) {
    notice(WORDS.noProviders(why), true);
    find('enter-key', HTMLElement).hidden = !needsKey;
    showIdeas(MODEL_IDEAS);
  }

  /** @param {Question} question @param {(question: Question) => void} edit asks in other words */
  addQuestion({ text, pictures }, edit) {
    const element = copyOf('question-template');
    const part = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (element.querySelector(selector));
    part('.question-text').textContent = text;
    part('.question-text').hidden = !text;
    showPictures(part('.pictures'), pictures);
    const field = /** @type {HTMLTextAreaElement} */ (part('textarea'));
    const write = (/** @type {boolean} */ is) => {
      part('.rewrite').hidden = !is;
      part('.question-text').hidden = is || !text;
      part('.edit').hidden = is;
      (is ? field : part('.edit')).focus();
    };
    part('.edit').addEventListener('click', () => {
      field.value = text;
      write(true);
    });
    part('[data-action="keep"]').addEventListener('click', () => write(false));
    part('.rewrite').addEventListener('keydown', (event) => {
      if (event.key === 'Escape') {
        event.stopPropagation();
        write(false);
      } else if (event.key === 'Enter' && !event.shiftKey && !event.isComposing && event.target === field) {
        event.preventDefault();
        /** @type {HTMLFormElement} */ (part('.rewrite')).requestSubmit();
      }
    });
    part('.rewrite').addEventListener('submit', (event) => {
      event.preventDefault();
      if (this.#busy || !field.value.trim()) return;
      edit({ text: field.value.trim(), pictures });
      prompt.focus();
    });
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

  /** @param {Question | undefined} question one that could not be sent */
  giveBack(question) {
    prompt.value ||= question?.text ?? '';
    if (!this.pictures.addresses.length) this.pictures.addresses = question?.pictures ?? [];
    fitPrompt();
  }

  /** @param {boolean} isNew whether nothing is to be loaded */
  clear(isNew) {
    conversation.replaceChildren();
    find('vanished', HTMLElement).hidden = true;
    this.#begun(!isNew);
    this.showMap(null);
    this.showAssistant('');
    this.countDown(0);
    this.setBusy(false);
    this.say('');
  }

  /** @param {number} seconds until it is tried again; 0: it is not waited for */
  countDown(seconds) {
    const words = navigator.onLine ? WORDS.again(seconds) : WORDS.offline;
    find('countdown', HTMLElement).textContent = seconds ? words : '';
  }

  /** The conversation in the address is not there. */
  vanished() {
    find('vanished', HTMLElement).hidden = false;
    this.say(WORDS.vanished);
  }

  /** @param {boolean} busy */
  setBusy(busy) {
    this.#busy = busy;
    document.body.classList.toggle('busy', busy);
    if (!busy) this.on.settled();
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
    this.drawer.canSave(begun);
  }

  /** @param {string} text */
  #send(text) {
    const pictures = this.pictures.addresses;
    if (this.#busy || !(text.trim() || pictures.length)) return;
    prompt.value = '';
    this.pictures.addresses = [];
    fitPrompt();
    this.on.send({ text: text.trim(), pictures });
    prompt.focus();
  }

  #takePictures() {
    const files = find('files', HTMLInputElement);
    find('attach', HTMLButtonElement).addEventListener('click', () => files.click());
    files.addEventListener('change', async () => {
      await this.pictures.add(files.files ?? []);
      files.value = '';
      prompt.focus();
    });
    prompt.addEventListener('paste', (event) => {
      const pasted = [...(event.clipboardData?.files ?? [])];
      if (!pasted.length) return;
      event.preventDefault();
      this.pictures.add(pasted);
    });
    composer.addEventListener('dragover', (event) => event.preventDefault());
    composer.addEventListener('drop', (event) => {
      event.preventDefault();
      this.pictures.add(event.dataTransfer?.files ?? []);
    });
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
    const kept = recall(modelOf(chosen.name));
    model.value = chosen.any_model || chosen.models.includes(kept) ? kept : '';
    model.placeholder = chosen.default_model || WORDS.defaultModel;
    model.title = chosen.any_model ? WORDS.anyModel : WORDS.oneOf(chosen.models);
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

/** @param {string} provider @returns {string} under which name its model is kept */
function modelOf(provider) {
  return `model:${provider}`;
}

function fitPrompt() {
  // Browsers that size fields by their content need no help.
  if (CSS.supports('field-sizing', 'content')) return;
  prompt.rows = Math.min(8, prompt.value.split('\n').length);
}

/** @param {Provider[]} providers */
function demoNotice(providers) {
  if (providers.some((each) => each.configured && each.name !== 'demo')) return `${WORDS.demo} ${WORDS.demoOther}`;
  const variable = providers.find((each) => each.key_variable)?.key_variable;
  return variable ? `${WORDS.demo} ${WORDS.demoSet(variable)}` : WORDS.demo;
}

/** @param {string} words @param {boolean} canReload */
function notice(words, canReload) {
  const box = find('notice', HTMLElement);
  box.hidden = !words;
  find('reload', HTMLElement).hidden = !canReload;
  find('enter-key', HTMLElement).hidden = true;
  const text = box.querySelector('p');
  if (text) text.textContent = words;
}

/** @param {typeof DEMO_IDEAS} ideas */
function showIdeas(ideas) {
  const items = ideas.map((idea) => {
    const item = copyOf('idea-template');
    item.querySelector('strong')?.append(idea.title);
    item.querySelector('.idea-prompt')?.append(idea.prompt);
    const button = item.querySelector('button');
    if (button && idea.assistant) button.dataset.assistant = idea.assistant;
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

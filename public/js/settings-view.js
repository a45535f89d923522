// @ts-check
// The drawer of settings: what goes with each request, keys, and what can be done with the whole conversation.

import { fetchCollections } from './api.js';
import { keyFor, setKey } from './keys.js';
import { recall, remember } from './memory.js';

const KEPT = 'settings'; // in this browser

const dialog = /** @type {HTMLDialogElement} */ (document.getElementById('settings'));
const field = (/** @type {string} */ id) => /** @type {HTMLInputElement} */ (document.getElementById(id));
const whose = /** @type {HTMLSelectElement} */ (document.getElementById('key-provider'));
const FIELDS = ['system', 'temperature', 'max-tokens', 'effort', 'collection'];

export class SettingsView {
  #keyIsFor = ''; // the provider whose key is shown

  /** @param {{provider: () => string, providers: () => {name: string}[], keyChanged: () => void, save: (form: 'markdown' | 'json') => void}} on */
  constructor(on) {
    this.on = on;
    this.#read();
    document.getElementById('open-settings')?.addEventListener('click', () => this.open());
    dialog.addEventListener('click', (event) => {
      // What is beside its content is the backdrop.
      if (event.target === dialog) dialog.close();
      const action = event.target instanceof Element ? event.target.closest('button')?.dataset.action : undefined;
      if (action === 'save-markdown') on.save('markdown');
      if (action === 'save-json') on.save('json');
    });
    dialog.addEventListener('change', ({ target }) => {
      this.#keep();
      if (target === whose) this.#showKey();
    });
    // Enter in a field ends the dialog; what is wrong in it is told by the browser first.
    dialog.addEventListener('close', () => this.#keep());
  }

  /** @param {string} [focus] the id of the field to begin with */
  open(focus) {
    const names = this.on.providers().map(({ name }) => new Option(name, name));
    whose.replaceChildren(...names);
    whose.value = this.on.provider();
    field('gateway-key').value = keyFor('');
    this.#showKey();
    dialog.showModal();
    if (focus) field(focus).focus();
    this.#offerCollections();
  }

  /** @param {boolean} is whether there is a conversation to save */
  canSave(is) {
    field('export').hidden = !is;
  }

  /** @param {boolean} thinking @returns {Record<string, any>} fields of a request; those that say nothing are left out */
  fields(thinking) {
    const text = (/** @type {string} */ id) => field(id).value.trim();
    const number = (/** @type {string} */ id) => (text(id) && field(id).validity.valid ? Number(text(id)) : undefined);
    const effort = text('effort');
    const all = {
      system: text('system'),
      temperature: number('temperature'),
      max_tokens: number('max-tokens'),
      thinking: thinking ? (effort ? { effort } : true) : undefined,
      retrieval: text('collection') && field('collection').validity.valid ? { collection: text('collection') } : undefined,
    };
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined && value !== ''));
  }

  #read() {
    try {
      const kept = JSON.parse(recall(KEPT) || '{}');
      for (const id of FIELDS) field(id).value = String(kept[id] ?? '');
    } catch {
      // Whatever wrote that, it was not this page.
    }
  }

  #keep() {
    const keys = () => [keyFor(''), keyFor(this.#keyIsFor)].join('\n');
    const before = keys();
    setKey('', field('gateway-key').value);
    if (this.#keyIsFor) setKey(this.#keyIsFor, field('provider-key').value);
    remember(KEPT, JSON.stringify(Object.fromEntries(FIELDS.map((id) => [id, field(id).value]))));
    // Whom it may ask, and who has a key, is another matter now.
    if (keys() !== before) this.on.keyChanged();
  }

  #showKey() {
    this.#keyIsFor = whose.value;
    field('provider-key').value = whose.value ? keyFor(whose.value) : '';
    field('provider-key').disabled = !whose.value;
  }

  async #offerCollections() {
    const { collections } = await fetchCollections().catch(() => ({ collections: [] }));
    document.getElementById('collections')?.replaceChildren(...collections.map(({ name }) => new Option(name, name)));
  }
}

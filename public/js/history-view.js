// @ts-check
// The list of conversations, in a dialog: to open, rename and delete them.

import { ApiError } from './api.js';
import { copyOf } from './answer-view.js';
import { recall, remember } from './memory.js';
import { deleteSession, listSessions, renameSession } from './session.js';
import { WORDS, errorTitle, whenUsed } from './words.js';

/** @typedef {import('./session.js').Listed} Listed */

/** Where the list has room beside the conversation. */
const WIDE = matchMedia('(min-width: 80.0625rem)');

export class HistoryView {
  /** @type {string | null} */
  #next = null;
  #opened = 0;

  /** @param {{current: () => string, open: (id: string) => void, deleted: (id: string) => void}} on */
  constructor(on) {
    this.on = on;
    this.dialog = /** @type {HTMLDialogElement} */ (document.getElementById('history'));
    this.list = this.#part('.sessions');
    document.getElementById('open-history')?.addEventListener('click', () => this.#choose(!this.dialog.open));
    WIDE.addEventListener('change', () => this.#fit());
    this.dialog.addEventListener('close', () => this.#beside(false));
    this.dialog.addEventListener('click', (event) => {
      // What is beside its content is the backdrop.
      if (event.target === this.dialog) this.dialog.close();
    });
    this.#part('.close').addEventListener('click', () => this.#choose(false));
    this.#part('.more').addEventListener('click', () => this.#more());
    this.#fit();
  }

  /** A person wants it, or not: the column stays that way. @param {boolean} isWanted */
  #choose(isWanted) {
    if (WIDE.matches) remember('list', isWanted ? '' : 'closed');
    if (isWanted) this.#open();
    else this.dialog.close();
  }

  /** The page has become as wide as it is now. */
  #fit() {
    this.dialog.close();
    if (!WIDE.matches || recall('list') === 'closed') return;
    const active = document.activeElement;
    this.#open();
    // It takes the keyboard with it, which nobody asked for here.
    if (active instanceof HTMLElement && active !== document.body) active.focus();
    else if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
  }

  async #open() {
    this.list.replaceChildren();
    this.#next = null;
    this.#opened++;
    // Beside a wide page it is a column, and the page stays in use.
    if (WIDE.matches) this.dialog.show();
    else this.dialog.showModal();
    this.#beside(WIDE.matches);
    await this.#more();
  }

  /** Something began or ended: the column tells. */
  async refresh() {
    if (!this.dialog.open || !WIDE.matches || this.list.contains(document.activeElement)) return;
    const opened = ++this.#opened;
    const listed = await listSessions(null).catch(() => null);
    if (!listed || opened !== this.#opened) return;
    this.list.replaceChildren();
    this.#add(listed);
  }

  /** @param {{sessions: Listed[], next: string | null}} listed */
  #add({ sessions, next }) {
    this.list.append(...sessions.map((session) => this.#item(session)));
    this.#next = next;
    this.#part('.more').hidden = !next;
    this.#say(this.list.children.length ? '' : WORDS.noSessions);
  }

  /** @param {boolean} is */
  #beside(is) {
    document.body.classList.toggle('has-list', is);
  }

  async #more() {
    const opened = this.#opened;
    this.#say(WORDS.loading);
    await this.#try(async () => {
      const listed = await listSessions(this.#next);
      if (opened !== this.#opened) return;
      const first = this.list.children.length;
      this.#add(listed);
      // The button that was pressed may be gone.
      if (first) focusIn(this.list.children[first]);
    });
  }

  /** @param {Listed} session */
  #item(session) {
    const item = copyOf('session-template');
    const part = (/** @type {string} */ selector) => partOf(item, selector);
    const open = part('.session-open');
    const field = /** @type {HTMLInputElement} */ (part('.session-rename input'));
    const title = () => {
      const words = session.title || WORDS.untitled;
      part('.session-title').textContent = words;
      part('[data-action="rename"]').setAttribute('aria-label', WORDS.rename(words));
      part('[data-action="delete"]').setAttribute('aria-label', WORDS.delete(words));
    };
    title();
    if (session.id === this.on.current()) open.setAttribute('aria-current', 'page');
    part('time').textContent = whenUsed(session.updated_at, Date.now());
    part('time').setAttribute('datetime', new Date(session.updated_at).toISOString());
    /** @param {'session-row' | 'session-rename' | 'session-delete'} name @param {string} focus */
    const show = (name, focus) => {
      for (const child of item.children) if (child instanceof HTMLElement) child.hidden = !child.classList.contains(name);
      part(focus).focus();
    };
    open.addEventListener('click', () => {
      if (!WIDE.matches) this.dialog.close();
      this.on.open(session.id);
      for (const other of this.list.querySelectorAll('[aria-current]')) other.removeAttribute('aria-current');
      open.setAttribute('aria-current', 'page');
    });
    part('[data-action="rename"]').addEventListener('click', () => {
      field.value = session.title ?? '';
      show('session-rename', 'input');
      field.select();
    });
    part('[data-action="delete"]').addEventListener('click', () => show('session-delete', '.session-delete [data-action="keep"]'));
    part('.session-rename [data-action="keep"]').addEventListener('click', () => show('session-row', '[data-action="rename"]'));
    part('.session-delete [data-action="keep"]').addEventListener('click', () => show('session-row', '[data-action="delete"]'));
    part('.session-rename').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#try(async () => {
        session.title = (await renameSession(session.id, field.value)).title;
        title();
        show('session-row', '.session-open');
      });
    });
    part('[data-action="really"]').addEventListener('click', () => this.#try(async () => {
      await deleteSession(session.id).catch(unlessGone);
      focusIn(item.nextElementSibling ?? item.previousElementSibling) || this.#part('.close').focus();
      item.remove();
      if (!this.list.children.length && !this.#next) this.#say(WORDS.noneLeft);
      this.on.deleted(session.id);
    }));
    item.addEventListener('keydown', (event) => {
      // Escape leaves what was begun here, and not the whole list.
      if (event.key !== 'Escape' || !part('.session-row').hidden) return;
      event.preventDefault();
      show('session-row', '.session-open');
    });
    return item;
  }

  /** @param {() => Promise<void>} work */
  async #try(work) {
    try {
      await work();
    } catch (error) {
      const words = error instanceof ApiError ? `${errorTitle(error.type)}. ${error.message}` : String(error);
      this.#say(words);
    }
  }

  /** @param {string} words */
  #say(words) {
    this.#part('.history-note').textContent = words;
  }

  /** @param {string} selector */
  #part(selector) {
    return partOf(this.dialog, selector);
  }
}

/** @param {HTMLElement} element @param {string} selector @returns {HTMLElement} */
function partOf(element, selector) {
  const part = element.querySelector(selector);
  if (!(part instanceof HTMLElement)) throw new Error(`there is no ${selector}`);
  return part;
}

/** @param {Element | null | undefined} item @returns {boolean} whether there was one */
function focusIn(item) {
  const open = item?.querySelector('.session-open');
  if (open instanceof HTMLElement) open.focus();
  return Boolean(open);
}

/** @param {unknown} error another window may have deleted it already */
function unlessGone(error) {
  if (!(error instanceof ApiError && error.type === 'not_found')) throw error;
}

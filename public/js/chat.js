// @ts-check
// One conversation on the page: what a person does goes to its session, what the session says goes to the view.
// One thing at a time is answered; what other windows did meanwhile is looked up after it.

import { ApiError, isPassing } from './api.js';
import { Bell } from './bell.js';
import { addChunk, messageOf, questionsIn, readKept, resultMessages } from './conversation.js';
import { draftFor, keepDraft } from './draft.js';
import { backoff, followRun } from './follow.js';
import { pause } from './pause.js';
import { asMarkdown, saveFile } from './save.js';
import { attachRun, createSession, fetchMessages, fetchSession, isGone, newKey, socketAddress, startRun, stopRun } from './session.js';
import { Turns } from './turns.js';
import { WORDS, errorTitle, retryAdvice } from './words.js';

/** @typedef {import('./conversation.js').Exchange} Exchange */
/** @typedef {import('./conversation.js').Message} Message */
/** @typedef {import('./follow.js').Opened} Opened */
/** @typedef {import('./turns.js').Turn} Turn */
/**
 * @typedef {{turn: Turn, isSent: boolean, isStopping: boolean, unsent: AbortController}} Current
 *   what is being answered; unsent: ends what comes before the request
 */

const PLAIN = 'plain'; // the assistant that is none

export class Chat {
  /** @type {Current | null} */
  #current = null;
  /** @type {Bell | null} */
  #bell = null;
  #leave = new AbortController();
  #assistant = ''; // the session's own, where it has one
  #news = ''; // a run that this page does not know yet
  #isCatchingUp = false;

  /**
   * @param {string} id of the session, or empty: the first message makes one
   * @param {import('./view.js').View} view
   * @param {{named: (id: string) => void, vanished: () => void}} on
   */
  constructor(id, view, on) {
    this.id = id;
    this.view = view;
    this.on = on;
    this.turns = new Turns(view, { edit: (exchange, asked) => this.edit(exchange, asked) });
    if (id) this.#open().catch((error) => this.#broken(error));
  }

  /** What a person has written so far. @param {string} text */
  write(text) {
    // What is on its way is the draft until it has arrived.
    if (this.#current && !this.#current.turn.exchange.run) return;
    keepDraft(this.id, text);
  }

  /** The page turns to another conversation. What is being answered goes on without it. */
  close() {
    this.#leave.abort();
    this.#bell?.close();
  }

  /** @param {import('./conversation.js').Question} question */
  send(question) {
    // What failed before it was a run left aside the run that it was asked instead of; so does what follows it.
    const { last } = this.turns;
    const { replaces = '', aside = [] } = last && !last.run ? last : {};
    this.#ask([messageOf(question)], { replaces, aside });
  }

  /**
   * Asks in other words; what was answered, and all that followed, is left aside.
   * @param {Exchange} exchange @param {Message[]} asked
   */
  edit(exchange, asked) {
    if (this.#current) return;
    const later = this.turns.after(exchange);
    const replaces = exchange.run || exchange.replaces;
    const aside = [...exchange.aside, ...later.map(({ run }) => run)].filter(Boolean);
    [...later, exchange].forEach((each) => this.turns.remove(each));
    this.view.showMap(this.turns.map);
    this.#ask(asked, { replaces, aside });
  }

  /** @param {string[]} results of the calls in the last answer */
  sendResults(results) {
    const { last } = this.turns;
    if (last) this.#ask(resultMessages(last.answer, results), {});
  }

  /** Asks the last thing again; what was answered is left aside. */
  retry() {
    const { last } = this.turns;
    if (this.#current || !last) return;
    this.turns.remove(last);
    const { run, asked, replaces, aside, key, body } = last;
    // A request that may have arrived goes out again under its name, so that it is not answered twice.
    this.#ask(asked, run ? { replaces: run } : { replaces, aside, key, body });
  }

  /** @param {'markdown' | 'json'} form */
  async save(form) {
    if (form === 'markdown') return saveFile('conversation.md', 'text/markdown', asMarkdown(this.turns.all));
    try {
      const kept = this.id ? await fetchMessages(this.id, this.#leave.signal) : { messages: [], runs: [] };
      saveFile('conversation.json', 'application/json', `${JSON.stringify(kept, null, 2)}\n`);
    } catch (error) {
      this.#broken(error);
    }
  }

  async stop() {
    const current = this.#current;
    if (!current || current.isStopping) return;
    current.isStopping = true;
    current.unsent.abort();
    if (!current.isSent) return;
    try {
      await stopRun(this.id);
    } catch {
      current.isStopping = false;
      if (this.#current === current) this.view.say(WORDS.notStopped);
    }
  }

  async #open() {
    this.view.say(WORDS.loading);
    this.#showAssistant().catch(() => {}); // what is wrong the messages say
    await this.#refresh();
    if (!this.#current) this.view.say('');
    this.#hangBell();
    const text = draftFor(this.id);
    const isHere = questionsIn(this.turns.last?.asked ?? []).some((question) => question.text === text);
    this.view.giveBack({ text: isHere ? '' : text, pictures: [] });
  }

  async #showAssistant() {
    const { assistant } = await fetchSession(this.id, this.#leave.signal);
    this.#assistant = assistant === PLAIN ? '' : assistant;
    this.view.showAssistant(this.#assistant);
  }

  #hangBell() {
    this.#bell ??= new Bell(socketAddress(this.id), {
      latest: () => this.turns.lastRun,
      rings: (run) => {
        if (this.turns.has(run)) return;
        this.#news = run;
        this.#catchUp();
      },
      again: () => this.#refresh().then(() => true, (error) => this.#broken(error)),
    });
  }

  async #catchUp() {
    if (this.#isCatchingUp) return;
    this.#isCatchingUp = true;
    try {
      while (this.#news && !this.#current) {
        const run = this.#news;
        this.#news = '';
        if (!this.turns.has(run)) await this.#refresh();
      }
    } catch (error) {
      this.#broken(error);
    }
    this.#isCatchingUp = false;
  }

  /** Shows the conversation as the server keeps it, and listens to what is being answered. */
  async #refresh() {
    const kept = await this.#persist();
    if (this.#current) this.#news ||= this.turns.newsIn(kept);
    else this.#attach(this.turns.update(kept));
  }

  /** Counts down to the next try. @param {number} tries */
  async #wait(tries) {
    const { signal } = this.#leave;
    const until = performance.now() + backoff(tries);
    try {
      for (let left = until - performance.now(); left > 0; left = until - performance.now()) {
        this.view.countDown(Math.ceil(left / 1000));
        // Back on the network there is nothing to wait for.
        if (await pause(Math.min(left, 1000), signal)) return;
      }
    } finally {
      this.view.countDown(0);
    }
  }

  /** What the server keeps, sooner or later. */
  async #persist() {
    for (let tries = 0; ; tries++) {
      try {
        const kept = readKept(await fetchMessages(this.id, this.#leave.signal));
        if (!this.#current) this.view.unsay(WORDS.lost);
        return kept;
      } catch (error) {
        if (!isPassing(error)) throw error;
        if (!this.#current) this.view.say(WORDS.lost);
        await this.#wait(tries);
      }
    }
  }

  /**
   * All of it, from its first frame on: what the messages have so far does not say at which frame it goes on.
   * @param {Turn | undefined} live
   */
  async #attach(live) {
    if (!live) return;
    const current = this.#begin(live);
    current.isSent = true;
    try {
      await this.#listen(current, null);
    } catch (error) {
      this.#failed(current, error);
    }
  }

  /** @param {Message[]} asked @param {Partial<Exchange>} more */
  async #ask(asked, more) {
    if (this.#current) return;
    const turn = this.turns.add(asked, more, true);
    const current = this.#begin(turn);
    const { exchange } = turn;
    const { signal } = this.#leave;
    keepDraft(this.id, questionsIn(asked).at(-1)?.text ?? '');
    try {
      const body = JSON.stringify(await this.#request(exchange, AbortSignal.any([signal, current.unsent.signal])));
      if (exchange.body !== body) Object.assign(exchange, { body, key: newKey() });
      current.isSent = true;
      const opened = await startRun(body, exchange.key, this.view.providerKey(), signal);
      exchange.run = opened.run;
      keepDraft(this.id, this.view.written);
      // It was stopped before the server knew of it.
      if (current.isStopping) stopRun(this.id).catch(() => (current.isStopping = false));
      await this.#listen(current, opened);
    } catch (error) {
      this.#failed(current, error);
    }
  }

  /** @param {Exchange} exchange @param {AbortSignal} signal */
  async #request({ asked, replaces }, signal) {
    const { system, ...settings } = this.view.settings();
    if (!this.id) {
      const { assistant } = settings;
      // It is the session's: whoever opens it again goes on with it.
      this.id = await createSession({ ...(system && { system }), ...(assistant && { assistant }) }, signal);
      this.#assistant = assistant ?? '';
      keepDraft(this.id, questionsIn(asked).at(-1)?.text ?? '');
      this.on.named(this.id);
      this.#hangBell();
    }
    // Whoever does without it says so.
    if (this.#assistant && !settings.assistant) settings.assistant = PLAIN;
    return {
      session_id: this.id,
      messages: asked,
      ...(replaces && { parent: await this.#parentOf(replaces, signal) }),
      // Only what was chosen: the gateway and the provider know their defaults.
      ...settings,
    };
  }

  /** @param {string} run @param {AbortSignal} signal @returns {Promise<string | null>} */
  async #parentOf(run, signal) {
    const { runs } = await fetchMessages(this.id, signal);
    const found = runs.find(({ id }) => id === run);
    if (!found) throw new ApiError({ type: 'conflict', message: WORDS.otherAsked });
    return found.parent;
  }

  /** @param {Current} current @param {Opened | null} opened */
  async #listen(current, opened) {
    const { exchange, answer } = current.turn;
    const { signal } = this.#leave;
    const steps = followRun({
      run: exchange.run,
      opened,
      attach: (lastEventId) => attachRun(this.id, lastEventId, signal),
      isPassing,
      wait: (tries) => this.#wait(tries),
      lost: () => this.view.say(WORDS.lost),
      found: () => this.view.say(WORDS.answering),
    });
    for await (const step of steps) {
      if (step.step === 'chunk') {
        addChunk(exchange.answer, step.chunk);
        answer.take(step.chunk);
        if (step.chunk.state) this.view.showMap(this.turns.map);
      } else if (step.step === 'done') {
        answer.settle();
        this.#end(current, exchange.answer.finishReason === 'cancelled' ? WORDS.stopped : WORDS.done);
      } else if (step.step === 'error') {
        exchange.answer.usage = step.usage ?? exchange.answer.usage;
        answer.fail({ ...step.error, requestId: opened?.requestId });
        this.#end(current, WORDS.error(errorTitle(step.error.type)));
      } else {
        await this.#replace(current);
      }
    }
  }

  /** Its frames lead nowhere any more: what the messages have of it is shown instead. @param {Current} current */
  async #replace(current) {
    const { exchange, answer } = current.turn;
    const kept = await this.#persist();
    if (kept.some(({ id }) => id === exchange.run)) {
      this.turns.remove(exchange);
      this.#news = exchange.run;
      this.#end(current, '');
    } else {
      exchange.run = '';
      answer.fail({ type: 'lost', message: WORDS.answerGone });
      this.#end(current, WORDS.error(errorTitle('lost')));
    }
  }

  /** @param {Current} current @param {unknown} error before the first byte, or from listening again */
  #failed(current, error) {
    if (this.#leave.signal.aborted || isGone(error)) return void this.#broken(error);
    const { exchange, answer } = current.turn;
    const failure = error instanceof ApiError ? error : new ApiError({ type: 'internal', message: String(error) });
    if (current.isStopping && (failure.type === 'cancelled' || !current.isSent)) {
      answer.settle(WORDS.stopped);
      this.#end(current, WORDS.stopped);
    } else if (failure.type === 'conflict') {
      this.view.giveBack(questionsIn(exchange.asked)[0]);
      this.turns.remove(exchange);
      this.#news ||= 'something';
      this.#end(current, WORDS.otherFirst);
    } else {
      answer.fail({ type: failure.type, message: failure.message, requestId: failure.requestId, advice: retryAdvice(failure.retryAfter) });
      this.#end(current, WORDS.error(errorTitle(failure.type)));
    }
  }

  /** Nothing more comes of this conversation. @param {unknown} error @returns {false} */
  #broken(error) {
    if (this.#leave.signal.aborted) return false;
    if (isGone(error)) this.on.vanished();
    else this.view.say(error instanceof ApiError ? WORDS.error(errorTitle(error.type)) : String(error));
    return false;
  }

  /** @param {Turn} turn @returns {Current} */
  #begin(turn) {
    this.#current = { turn, isSent: false, isStopping: false, unsent: new AbortController() };
    this.view.setBusy(true);
    this.view.say(WORDS.answering);
    return this.#current;
  }

  /** @param {Current} current @param {string} words */
  #end(current, words) {
    if (this.#current !== current || this.#leave.signal.aborted) return;
    this.#current = null;
    this.view.setBusy(false);
    this.view.say(words);
    this.#catchUp();
  }
}

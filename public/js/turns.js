// @ts-check
// The exchanges of a conversation, as data and on the page, in step with each other. No network.

import { Conversation, addChunk, inOrder, messageOf, questionsIn, resultsFor } from './conversation.js';

/** @typedef {import('./conversation.js').Exchange} Exchange */
/** @typedef {import('./conversation.js').Message} Message */
/** @typedef {{exchange: Exchange, questions: HTMLElement[], answer: import('./answer-view.js').AnswerView}} Turn */

export class Turns {
  #conversation = new Conversation();
  /** @type {Map<Exchange, Turn>} */
  #shown = new Map();

  /** @param {import('./view.js').View} view @param {{edit: (exchange: Exchange, asked: Message[]) => void}} on */
  constructor(view, on) {
    this.view = view;
    this.on = on;
  }

  get last() {
    return this.#conversation.exchanges.at(-1);
  }

  get lastRun() {
    return this.#conversation.lastRun();
  }

  /** @param {string} run */
  has(run) {
    return this.#conversation.has(run);
  }

  /**
   * @param {Message[]} asked @param {Partial<Exchange>} more
   * @param {boolean} isNew whether it is asked now, and here
   * @returns {Turn}
   */
  add(asked, more, isNew) {
    const before = this.last;
    const results = before && resultsFor(before.answer, asked);
    if (before && results) this.#shown.get(before)?.answer.showResults(results);
    const exchange = this.#conversation.add(asked, more);
    const questions = asked.flatMap((message, index) => questionsIn([message]).map((question) =>
      this.view.addQuestion(question, (changed) => this.on.edit(exchange, asked.with(index, messageOf(changed))))));
    const turn = { exchange, questions, answer: this.view.addAnswer(exchange.answer, isNew) };
    this.#shown.set(exchange, turn);
    return turn;
  }

  /** What the last answer that moved the map has made of it. */
  get map() {
    return this.all.findLast(({ answer }) => answer.map)?.answer.map ?? null;
  }

  get all() {
    return this.#conversation.exchanges;
  }

  /** @param {Exchange} exchange @returns {Exchange[]} those that follow it */
  after(exchange) {
    return this.all.slice(this.all.indexOf(exchange) + 1);
  }

  /** @param {Exchange} exchange */
  remove(exchange) {
    const turn = this.#shown.get(exchange);
    this.#conversation.drop(exchange);
    this.#shown.delete(exchange);
    for (const element of [...(turn?.questions ?? []), turn?.answer.element]) element?.remove();
  }

  /** The latest run, if it is not here. @param {import('./conversation.js').Kept[]} kept */
  newsIn(kept) {
    return this.#conversation.compare(kept).fresh.at(-1)?.id ?? '';
  }

  /**
   * Shows what the server keeps.
   * @param {import('./conversation.js').Kept[]} kept
   * @returns {Turn | undefined} the one that is being answered, still empty
   */
  update(kept) {
    const { gone, fresh } = this.#conversation.compare(kept);
    gone.forEach((exchange) => this.remove(exchange));
    /** @type {Turn | undefined} */
    let live;
    for (const { id, asked, status, said } of fresh) {
      const turn = this.add(asked, { run: id }, false);
      if (status === 'live') live = turn;
      else fill(turn, said);
    }
    this.view.showMap(this.map);
    return live;
  }
}

/** @param {Turn} turn @param {Record<string, any> | null} said */
function fill({ exchange, answer }, said) {
  for (const chunk of said ? inOrder(said) : []) {
    addChunk(exchange.answer, chunk);
    answer.take(chunk);
  }
  if (said?.error) answer.fail({ type: said.error.type, message: String(said.error.message ?? '') });
  else answer.settle();
}

// @ts-check
// The conversation as plain data: exchanges of what was asked and what came back, each a run of the server's
// session, or not yet one, or none because it failed before that. No DOM, no network.

/** @typedef {{id: string, name: string, arguments: string, at: number}} ToolCall at: so much of the text came before it */
/** @typedef {{role: string, content?: any, tool_call_id?: string}} Message in the words of the unified request */
/**
 * @typedef {{text: string, reasoning: string, refusal: string, calls: ToolCall[], results: Record<string, any>[],
 *   citations: any[], map: any, finishReason: string | null, usage: Record<string, any> | null, provider: string, model: string}} Answer
 */
/**
 * @typedef {{run: string, asked: Message[], answer: Answer, replaces: string, aside: string[], key: string, body: string}} Exchange
 *   run: the server's id for it, or empty; replaces: the run that it is asked instead of, or empty;
 *   aside: the runs that followed that one and are left aside with it;
 *   key, body: what was sent, and the name under which it is sent only once
 */
/** @typedef {{id: string, asked: Message[], status: string, said: Record<string, any> | null}} Kept a run as the server keeps it */

export class Conversation {
  /** @type {Exchange[]} */
  exchanges = [];

  /** @param {Message[]} asked @param {Partial<Exchange>} [more] @returns {Exchange} the exchange that the next chunks fill */
  add(asked, more) {
    /** @type {Answer} */
    const answer = {
      text: '', reasoning: '', refusal: '', calls: [], results: [], citations: [], map: null, finishReason: null, usage: null, provider: '', model: '',
    };
    const exchange = { run: '', asked, answer, replaces: '', aside: [], key: '', body: '', ...more };
    this.exchanges.push(exchange);
    return exchange;
  }

  /** @param {Exchange} exchange */
  drop(exchange) {
    this.exchanges = this.exchanges.filter((other) => other !== exchange);
  }

  /** @param {string} run */
  has(run) {
    return this.exchanges.some((exchange) => exchange.run === run);
  }

  /** The latest run, or an empty text. */
  lastRun() {
    return this.exchanges.findLast((exchange) => exchange.run)?.run ?? '';
  }

  /**
   * What has to change to be what the server keeps. An exchange that came to no run is only here, and stays,
   * unless it was one after all and its beginning never reached this page.
   * @param {Kept[]} kept @returns {{gone: Exchange[], fresh: Kept[]}}
   */
  compare(kept) {
    const replaced = new Set(this.exchanges.flatMap(({ run, replaces, aside }) => (run ? [] : [replaces, ...aside])));
    const fresh = kept.filter(({ id }) => !this.has(id) && !replaced.has(id));
    const gone = this.exchanges.filter(({ run, asked }) =>
      run ? !kept.some(({ id }) => id === run) : fresh.some((other) => sameWords(other.asked, asked)));
    return { gone, fresh };
  }
}

/** @param {{messages: Record<string, any>[], runs: Record<string, any>[]}} session @returns {Kept[]} */
export function readKept({ messages, runs }) {
  return runs.map(({ id, status }) => {
    const own = messages.filter((message) => message.run_id === id);
    const said = own.findLast((message) => message.role === 'assistant' && message.id) ?? null;
    const asked = own.filter((message) => message !== said).map(({ run_id: _, ...message }) => /** @type {Message} */ (message));
    return { id, status, said, asked };
  });
}

/**
 * An answer as the server keeps it, as the chunks that say it in its order: the gateway's own calls stand where their
 * results came, all others at the end.
 * @param {Record<string, any>} said @returns {Record<string, any>[]}
 */
export function inOrder({ content, tool_calls: calls = [], tool_results: results = [], ...rest }) {
  const bytes = new TextEncoder().encode(content ?? ''); // places are counted in them
  const slice = (/** @type {number} */ from, /** @type {number} */ to) => new TextDecoder().decode(bytes.subarray(from, to));
  const deltas = calls.map((/** @type {any} */ call, /** @type {number} */ index) => ({ ...call, index }));
  const chunks = [rest];
  let [text, call] = [0, 0];
  for (const result of results) {
    const after = result.after ?? {};
    const [toText, toCall] = [Math.max(text, after.text ?? 0), Math.max(call, after.tool_calls ?? 0)];
    chunks.push({ content: slice(text, toText) }, { tool_calls: deltas.slice(call, toCall) }, { tool_results: [result] });
    [text, call] = [toText, toCall];
  }
  return [...chunks, { content: slice(text, bytes.length) }, { tool_calls: deltas.slice(call) }];
}

/**
 * @param {Answer} answer
 * @param {Record<string, any>} chunk a StreamChunk
 */
export function addChunk(answer, chunk) {
  answer.text += chunk.content ?? '';
  answer.reasoning += chunk.reasoning ?? '';
  answer.refusal += chunk.refusal ?? '';
  answer.provider = chunk.provider || answer.provider;
  answer.model = chunk.model || answer.model;
  answer.usage = chunk.usage ?? answer.usage;
  answer.finishReason = chunk.finish_reason ?? answer.finishReason;
  for (const delta of chunk.tool_calls ?? []) {
    const call = (answer.calls[delta.index] ??= { id: delta.id, name: '', arguments: '', at: answer.text.length });
    call.name = delta.function?.name ?? call.name;
    call.arguments += delta.function?.arguments ?? '';
  }
  answer.results.push(...(chunk.tool_results ?? []));
  answer.citations.push(...(chunk.citations ?? []));
  answer.map = chunk.state?.map ?? answer.map;
}

/** @param {Answer} answer @returns {ToolCall[]} the calls that nobody has answered yet */
export function openCalls({ calls, results }) {
  return calls.filter((call) => call && !results.some((result) => result.tool_call_id === call.id));
}

/** @param {Answer} answer @param {string[]} results @returns {Message[]} */
export function resultMessages(answer, results) {
  return openCalls(answer).map((call, index) => ({ role: 'tool', tool_call_id: call.id, content: results[index] }));
}

/** @param {Answer} answer @param {Message[]} asked @returns {string[] | null} the results of all its calls, if they are there */
export function resultsFor(answer, asked) {
  const results = openCalls(answer).map((call) => asked.find((message) => message.tool_call_id === call.id));
  return results.length && results.every(Boolean) ? results.map((message) => textOf(message?.content)) : null;
}

/** @typedef {{text: string, pictures: string[]}} Question pictures: their addresses */

/** @param {Message[]} asked @returns {Question[]} what a person said */
export function questionsIn(asked) {
  return asked.filter((message) => message.role === 'user').map(({ content }) => ({ text: textOf(content), pictures: picturesIn(content) }));
}

/** @param {Question} question @returns {Message} */
export function messageOf({ text, pictures }) {
  if (!pictures.length) return { role: 'user', content: text };
  const parts = pictures.map((url) => ({ type: 'image', url }));
  return { role: 'user', content: text ? [...parts, { type: 'text', text }] : parts };
}

/** @param {any} content */
function textOf(content) {
  if (!Array.isArray(content)) return String(content ?? '');
  return content.filter((part) => part.type === 'text').map((part) => part.text).join('\n');
}

/** @param {any} content @returns {string[]} */
function picturesIn(content) {
  if (!Array.isArray(content)) return [];
  return content.flatMap((part) => {
    if (part.type === 'image_url') return [String(part.image_url?.url ?? part.image_url)];
    if (part.type === 'image') return [part.url ?? `data:${part.media_type};base64,${part.data}`];
    return [];
  });
}

/** @param {Message[]} a @param {Message[]} b */
function sameWords(a, b) {
  const words = (/** @type {Message[]} */ all) => JSON.stringify(all.map((each) => [each.role, each.tool_call_id, textOf(each.content), picturesIn(each.content).length]));
  return words(a) === words(b);
}

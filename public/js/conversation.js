// @ts-check
// The conversation as plain data: what was asked, what came back, and what the next request must say.
// No DOM, no network.

/** @typedef {{id: string, name: string, arguments: string, result: string | null}} ToolCall */
/** @typedef {{role: 'user', text: string}} Question */
/**
 * @typedef {{role: 'assistant', text: string, reasoning: string, refusal: string, calls: ToolCall[],
 *   finishReason: string | null, usage: Record<string, any> | null, provider: string, model: string}} Answer
 */

export class Conversation {
  /** @type {(Question | Answer)[]} */
  turns = [];

  /** @param {string} text */
  ask(text) {
    this.turns.push({ role: 'user', text });
  }

  /** @returns {Answer} the turn that the next chunks fill */
  beginAnswer() {
    /** @type {Answer} */
    const answer = {
      role: 'assistant', text: '', reasoning: '', refusal: '', calls: [],
      finishReason: null, usage: null, provider: '', model: '',
    };
    this.turns.push(answer);
    return answer;
  }

  dropLastAnswer() {
    if (this.turns.at(-1)?.role === 'assistant') this.turns.pop();
  }

  clear() {
    this.turns = [];
  }

  /** @returns {Record<string, unknown>[]} the whole history in the words of the unified request */
  messages() {
    return this.turns.flatMap((turn) =>
      turn.role === 'user' ? [{ role: 'user', content: turn.text }] : answerMessages(turn));
  }
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
    const call = (answer.calls[delta.index] ??= { id: delta.id, name: '', arguments: '', result: null });
    call.name = delta.function?.name ?? call.name;
    call.arguments += delta.function?.arguments ?? '';
  }
}

/** @param {Answer} answer @returns {Record<string, unknown>[]} */
function answerMessages(answer) {
  // A provider refuses a history in which a call has no result, so calls travel only once they are answered.
  const answered = answer.calls.length > 0 && answer.calls.every((call) => call.result !== null);
  const content = answer.text || answer.refusal;
  if (!answered) return content ? [{ role: 'assistant', content }] : [];
  return [
    {
      role: 'assistant',
      content,
      tool_calls: answer.calls.map((call) => ({
        id: call.id, type: 'function', function: { name: call.name, arguments: call.arguments },
      })),
    },
    ...answer.calls.map((call) => ({ role: 'tool', tool_call_id: call.id, content: call.result })),
  ];
}

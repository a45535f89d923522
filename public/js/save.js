// @ts-check
// A conversation as a file. No network.

import { questionsIn } from './conversation.js';
import { WORDS } from './words.js';

/** @typedef {import('./conversation.js').Exchange} Exchange */

/** @param {Exchange[]} exchanges @returns {string} */
export function asMarkdown(exchanges) {
  return exchanges.flatMap(({ asked, answer }) => [...asked.flatMap(said), ...answered(answer)]).join('\n\n') + '\n';
}

/** @param {import('./conversation.js').Message} message */
function said(message) {
  const parts = questionsIn([message]).flatMap(({ text, pictures }) => [
    ...pictures.map((_, index) => `*${WORDS.picture(index + 1)}*`), text,
  ]);
  return parts.length ? [`## ${WORDS.you}`, ...parts.filter(Boolean)] : [];
}

/** @param {import('./conversation.js').Answer} answer */
function answered(answer) {
  const who = [answer.model, answer.provider].filter(Boolean).join(', ');
  let from = 0;
  const body = answer.calls.filter(Boolean).flatMap((call) => {
    const result = answer.results.find((each) => each.tool_call_id === call.id);
    const before = answer.text.slice(from, call.at).trim();
    from = call.at;
    return [
      before, `**${WORDS.toolCall}: ${call.name}**`, fenced(call.arguments, 'json'),
      ...(result ? [`**${WORDS.result}**`, fenced(String(result.content), '')] : []),
    ];
  });
  const sources = answer.citations.map((source, index) => `${source.number ?? index + 1}. ${source.title ?? ''} <${source.url ?? source}>`);
  return [
    `## ${WORDS.answerFrom(who)}`,
    ...(answer.reasoning ? [`**${WORDS.thought}**`, answer.reasoning.split('\n').map((line) => `> ${line}`).join('\n')] : []),
    ...[...body, answer.text.slice(from).trim(), answer.refusal].filter(Boolean),
    ...(sources.length ? [`**${WORDS.sources}**`, sources.join('\n')] : []),
  ];
}

/** A fence that is longer than any in the text. @param {string} text @param {string} language */
function fenced(text, language) {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}${language}\n${text}\n${fence}`;
}

/** @param {string} name @param {string} type @param {string} text */
export function saveFile(name, type, text) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

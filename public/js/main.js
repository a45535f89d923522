// @ts-check
// Wires the page: which conversation it shows is in its address, the rest goes to that conversation.

import { ApiError, fetchAssistants, fetchProviders } from './api.js';
import { Chat } from './chat.js';
import { draftFor } from './draft.js';
import { HistoryView } from './history-view.js';
import { View } from './view.js';

/** @type {Chat} */
let chat;
/** @type {HistoryView | undefined} */
let list;

const view = new View({
  send: (question) => chat.send(question),
  stop: () => chat.stop(),
  retry() {
    chat.retry();
    view.focusPrompt();
  },
  results(results) {
    chat.sendResults(results);
    view.focusPrompt();
  },
  newChat() {
    turnTo('');
    view.focusPrompt();
  },
  reload: loadProviders,
  save: (form) => chat.save(form),
  settled: () => list?.refresh(),
  written: (text) => chat.write(text),
});

list = new HistoryView({
  current: () => chat.id,
  open(id) {
    if (id !== chat.id) turnTo(id);
  },
  deleted(id) {
    if (id === chat.id) turnTo('');
  },
});

addEventListener('hashchange', () => {
  if (idInAddress() === chat.id) return;
  if (idInAddress()) turnTo(idInAddress());
  else showAddress(chat.id); // an anchor within the page
});

turnTo(idInAddress());
if (!idInAddress()) view.giveBack({ text: draftFor(''), pictures: [] });
// A touch keyboard would cover the first screen; a real one is ready to type.
if (matchMedia('(pointer: fine)').matches) view.focusPrompt();
loadProviders();

/** @param {string} id of a session, or empty for a new conversation */
function turnTo(id) {
  chat?.close();
  view.clear(!id);
  showAddress(id);
  chat = new Chat(id, view, {
    named: showAddress,
    vanished() {
      turnTo('');
      view.vanished();
    },
  });
}

function idInAddress() {
  return /^#(s_[0-9a-f]+)$/.exec(location.hash)?.[1] ?? '';
}

/** @param {string} id */
function showAddress(id) {
  history.replaceState(null, '', id ? `#${id}` : location.pathname + location.search);
}

async function loadProviders() {
  fetchAssistants().then(({ assistants }) => view.showAssistants(assistants), () => {}); // the first ask says what is wrong
  try {
    const { providers, default: chosen } = await fetchProviders();
    view.showProviders(providers, chosen);
  } catch (error) {
    const needsKey = error instanceof ApiError && error.status === 401;
    view.providersFailed(needsKey ? error.message : '', needsKey);
  }
}

// @ts-check
// Wires the page: what a person does goes to the conversation and the API, what comes back goes to the view.

import { ApiError, fetchProviders, startRun } from './api.js';
import { Conversation, addChunk } from './conversation.js';
import { View } from './view.js';
import { errorTitle, retryAdvice } from './words.js';

const conversation = new Conversation();
/** @type {AbortController | null} the run that is being answered */
let current = null;

const view = new View({
  send(text) {
    conversation.ask(text);
    view.addQuestion(text);
    answer();
  },
  stop() {
    current?.abort();
  },
  retry() {
    if (current) return;
    conversation.dropLastAnswer();
    view.removeLastAnswer();
    view.focusPrompt();
    answer();
  },
  results(results) {
    const last = conversation.turns.at(-1);
    if (current || last?.role !== 'assistant') return;
    last.calls.forEach((call, index) => (call.result = results[index]));
    view.focusPrompt();
    answer();
  },
  newChat() {
    const run = current;
    if (run) end(run, '');
    run?.abort();
    conversation.clear();
    view.clear();
  },
  reload: loadProviders,
});

// A touch keyboard would cover the first screen; a real one is ready to type.
if (matchMedia('(pointer: fine)').matches) view.focusPrompt();
loadProviders();

async function loadProviders() {
  try {
    const { providers, default: chosen } = await fetchProviders();
    view.showProviders(providers, chosen);
  } catch {
    view.providersFailed();
  }
}

async function answer() {
  const run = new AbortController();
  const { provider, model, thinking } = view.settings();
  const request = {
    messages: conversation.messages(),
    // Left out where nothing was chosen: the gateway and the provider know their defaults.
    ...(provider && { provider }),
    ...(model && { model }),
    ...(thinking && { thinking }),
  };
  const turn = conversation.beginAnswer();
  const shown = view.addAnswer(turn);
  begin(run);
  try {
    const { requestId, steps } = await startRun(request, run.signal);
    for await (const step of steps) {
      if (step.step === 'chunk') {
        addChunk(turn, step.chunk);
        shown.take(step.chunk);
      } else if (step.step === 'done') {
        shown.settle('done');
        end(run, 'Done');
      } else {
        turn.usage = step.usage ?? turn.usage;
        shown.fail({ ...step.error, requestId });
        end(run, `Error: ${errorTitle(step.error.type)}`);
      }
    }
  } catch (error) {
    if (run.signal.aborted) {
      shown.settle('stopped');
      end(run, 'Stopped');
    } else {
      const failure = error instanceof ApiError ? error : new ApiError({ type: 'internal', message: String(error) });
      shown.fail({ ...failure, message: failure.message, advice: retryAdvice(failure.retryAfter) });
      end(run, `Error: ${errorTitle(failure.type)}`);
    }
  }
}

/** @param {AbortController} run */
function begin(run) {
  current = run;
  view.setBusy(true);
  view.say('Answering');
}

/** @param {AbortController} run @param {string} words */
function end(run, words) {
  if (current !== run) return; // a new chat has begun since
  current = null;
  view.setBusy(false);
  view.say(words);
}

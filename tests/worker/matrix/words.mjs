// @ts-check
/** How each vendor says that an answer was cut, declined or withheld. @type {Record<string, { length: RegExp, refusal: RegExp, filter: RegExp }>} */
export const WORDS = {
  anthropic: { length: /^max_tokens$/, refusal: /^refusal$/, filter: /^refusal$/ },
  gemini: { length: /^MAX_TOKENS$/, refusal: /^SAFETY$/, filter: /^SAFETY$/ },
  ollama: { length: /^length$/, refusal: /^refusal$/, filter: /^content_filter$/ },
  'openai-chat': { length: /^length$/, refusal: /^stop$/, filter: /^content_filter$/ },
  'openai-responses': { length: /max_output_tokens/, refusal: /^completed$/, filter: /content_filter/ },
};

// @ts-check
/** How each vendor says that an answer was cut, declined or withheld. @type {Record<string, { length: RegExp, refusal: RegExp, filter: RegExp }>} */
export const WORDS = {
  gemini: { length: /^MAX_TOKENS$/, refusal: /^SAFETY$/, filter: /^SAFETY$/ },
  ollama: { length: /^length$/, refusal: /^refusal$/, filter: /^content_filter$/ },
};

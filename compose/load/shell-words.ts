/** A command as words. */
export interface ShellWords {
  readonly words: readonly string[];
  /** Where a shell would begin another command or a redirection; what follows is no part of the words. */
  readonly cut: number | null;
}

/**
 * Splits a command as docker compose does: much as a POSIX shell (POSIX.1-2024 XCU 2.2), without running anything.
 * It differs in three ways that files have come to rely on: a backslash escapes any character also within double
 * quotes, one before a newline keeps the newline, and `$(…)` and backquotes hold their blanks together.
 * null: a quote or parenthesis is open, or one closes that was not.
 */
export function shellWords(text: string): ShellWords | null {
  const state: State = { words: [], word: null, text, at: 0, quote: null };
  while (state.at < text.length) {
    const character = text.charAt(state.at);
    if (state.quote === null && ';&|<>'.includes(character)) return cutAt(state, character);
    if (!step(state, character)) return null;
    state.at += 1;
  }
  return state.quote === null ? { words: ended(state), cut: null } : null;
}

interface State {
  readonly words: string[];
  /** null between words: an empty word is one as well, when it was quoted. */
  word: string | null;
  readonly text: string;
  at: number;
  /** What is open. */
  quote: "'" | '"' | '`' | '(' | null;
}

/** Takes one character, or two of which the first is a backslash; false: no word can have it here. */
function step(state: State, character: string): boolean {
  const { quote } = state;
  if (character === '\\' && quote !== "'") return escape(state);
  switch (character) {
    case "'":
    case '"':
      return quoteWith(state, character);
    case '`':
      if (quote === null || quote === '`') state.quote = quote === null ? '`' : null;
      return add(state, character);
    case '(':
    case ')':
      return parenthesis(state, character);
    case ' ':
    case '\t':
    case '\r':
    case '\n':
      return quote === null ? endWord(state) : add(state, character);
    default:
      return add(state, character);
  }
}

function escape(state: State): boolean {
  state.at += 1;
  return state.at < state.text.length && add(state, state.text.charAt(state.at));
}

function quoteWith(state: State, character: "'" | '"'): boolean {
  if (state.quote === character) state.quote = null;
  else if (state.quote === null) state.quote = character;
  else return add(state, character);
  state.word ??= '';
  return true;
}

function parenthesis(state: State, character: '(' | ')'): boolean {
  const { quote, word } = state;
  if (quote === null) {
    if (character === ')' || word?.endsWith('$') !== true) return false;
    state.quote = '(';
  } else if (quote === '(') {
    if (character === '(') return false;
    state.quote = null;
  }
  return add(state, character);
}

function add(state: State, character: string): boolean {
  state.word = (state.word ?? '') + character;
  return true;
}

function endWord(state: State): boolean {
  if (state.word !== null) state.words.push(state.word);
  state.word = null;
  return true;
}

function ended(state: State): readonly string[] {
  endWord(state);
  return state.words;
}

/** The number before ">" is that of a descriptor and goes with the redirection. */
function cutAt(state: State, character: string): ShellWords {
  if (character === '>' && state.word !== null && /^\d/.test(state.word)) state.word = null;
  return { words: ended(state), cut: state.at };
}

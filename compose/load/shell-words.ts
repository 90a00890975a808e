/** Splits a command as a POSIX shell would, without running anything (POSIX.1-2024 XCU 2.2). null: a quote is open. */
export function shellWords(text: string): string[] | null {
  const words: string[] = [];
  let word: string | null = null;
  let at = 0;
  while (at < text.length) {
    const character = text.charAt(at);
    if (/\s/.test(character)) {
      if (word !== null) words.push(word);
      word = null;
      at += 1;
      continue;
    }
    const part = readPart(text, at);
    if (part === null) return null;
    word = (word ?? '') + part.value;
    at = part.end;
  }
  if (word !== null) words.push(word);
  return words;
}

interface Part {
  readonly value: string;
  readonly end: number;
}

function readPart(text: string, at: number): Part | null {
  const character = text.charAt(at);
  if (character === "'") {
    const close = text.indexOf("'", at + 1);
    return close === -1 ? null : { value: text.slice(at + 1, close), end: close + 1 };
  }
  if (character === '"') return readDoubleQuoted(text, at + 1);
  if (character === '\\') {
    if (at + 1 >= text.length) return null;
    // A backslash and a newline continue the line.
    const next = text.charAt(at + 1);
    return { value: next === '\n' ? '' : next, end: at + 2 };
  }
  return { value: character, end: at + 1 };
}

function readDoubleQuoted(text: string, from: number): Part | null {
  let value = '';
  for (let at = from; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (character === '"') return { value, end: at + 1 };
    const next = text.charAt(at + 1);
    if (character === '\\' && next !== '') {
      value += '$`"\\'.includes(next) ? next : next === '\n' ? '' : `\\${next}`;
      at += 1;
    } else value += character;
  }
  return null;
}

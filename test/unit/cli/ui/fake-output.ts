import type { Output } from '../../../../cli/ui/output.ts';

/** Collects what is written; `isTerminal` as asked for. */
export function fakeOutput(isTerminal = false): Output & { readonly text: () => string } {
  let text = '';
  return {
    isTerminal,
    columns: 80,
    write: (part) => {
      text += part;
      return undefined;
    },
    text: () => text,
  };
}

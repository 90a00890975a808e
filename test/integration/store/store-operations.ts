/** What the driver does to a store, and what may be found of it after a kill. */
export interface Operation {
  readonly key: string;
  /** null deletes. */
  readonly size: number | null;
}

export interface Thing {
  readonly size: number;
  readonly text: string;
}

export function thingOf(size: number): Thing {
  return { size, text: 'x'.repeat(100 * size) };
}

const put = (key: string, size: number): Operation => ({ key, size });
const remove = (key: string): Operation => ({ key, size: null });

/** Groups run one after the other, what is in a group at once. Every way to take over a spare file is among them. */
export const groups: readonly (readonly Operation[])[] = [
  [put('a', 1)],
  [put('b', 30)],
  [put('a', 2)],
  [put('c', 3)],
  [remove('b')],
  [put('a', 40), put('b', 4), put('c', 1), put('d', 5)],
  [remove('a'), put('e', 6), remove('c')],
  [put('b', 2), put('f', 7), put('a', 8)],
  [remove('d'), remove('e')],
  [put('c', 9)],
];

/** Sizes that a key may have when the operations in `done` (by their number in order) were acknowledged. */
export function possibleSizes(key: string, done: ReadonlySet<number>): readonly (number | null)[] {
  let possible: (number | null)[] = [null];
  groups.flat().forEach((operation, index) => {
    if (operation.key !== key) return;
    if (done.has(index)) possible = [operation.size];
    else possible.push(operation.size);
  });
  return possible;
}

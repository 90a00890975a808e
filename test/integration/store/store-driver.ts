/** Runs the operations on the store of a directory, and says which are done: `node store-driver DIRECTORY DURABILITY`. */
import { writeSync } from 'node:fs';
import { RecordStore } from '../../../engine/store/index.ts';
import type { Durability } from '../../../engine/lib/index.ts';
import { groups, thingOf } from './store-operations.ts';
import type { Thing } from './store-operations.ts';

const [, , directory = '', durability = ''] = process.argv;
const { store } = await RecordStore.open<Thing>({
  directory,
  durability: durability as Durability,
  schemaVersion: 1,
  read: (body) => body as unknown as Thing,
});
let number = 0;
for (const group of groups) {
  await Promise.all(
    group.map(async ({ key, size }) => {
      const index = number++;
      if (size === null) await store.delete(key);
      else await store.put(key, thingOf(size));
      writeSync(1, `${index}\n`);
    }),
  );
}

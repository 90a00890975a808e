/** Loads the archive named by its arguments into a store, alone in a process that a test can kill. */
import { createReadStream } from 'node:fs';
import { openStore } from '../../lib/image-store.ts';

const [, , path = '', archive = ''] = process.argv;
const { images, snapshots } = await openStore(path);
await images.load(createReadStream(archive));
await snapshots.close();

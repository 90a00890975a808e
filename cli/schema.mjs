// Writes compose/schema/compose.schema.json, which editors read, from the description of compose files in compose/schema.
// Run after the compiler; a unit test fails where the file is not what this would write.
import { readFile, writeFile } from 'node:fs/promises';
import { format } from 'prettier';
import { editorSchema } from '../dist/compose/schema/derive.js';

const file = new URL('../compose/schema/compose.schema.json', import.meta.url);
const { prettier } = JSON.parse(
  await readFile(new URL('../package.json', import.meta.url), 'utf8'),
);
await writeFile(file, await format(JSON.stringify(editorSchema), { ...prettier, parser: 'json' }));

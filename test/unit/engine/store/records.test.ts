import { link, mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { RecordStore } from '../../../../engine/store/index.ts';
import type {
  JsonObject,
  OpenedStore,
  RecordStoreOptions,
} from '../../../../engine/store/index.ts';
import { tempDir } from '../../../lib/temp-dir.ts';

interface Thing {
  readonly name: string;
  readonly size: number;
  readonly inner?: { readonly a: number };
}

function readThing(body: JsonObject): Thing | null {
  const { name, size, inner } = body;
  if (typeof name !== 'string' || typeof size !== 'number') return null;
  return {
    name,
    size,
    ...(inner !== undefined && { inner: { a: (inner as { a: number }).a } }),
  };
}

function open(
  directory: string,
  options: Partial<RecordStoreOptions<Thing>> = {},
): Promise<OpenedStore<Thing>> {
  return RecordStore.open({
    directory,
    durability: 'disk',
    schemaVersion: 1,
    read: readThing,
    ...options,
  });
}

/** Undoes the checksum of a record by hand, as a later engine would write it. */
async function rewrite(
  path: string,
  change: (body: JsonObject) => JsonObject,
  schema = 1,
): Promise<void> {
  await using directory = await tempDir();
  const old = JSON.parse(await readFile(path, 'utf8')) as {
    key: string;
    boot: string | null;
    body: JsonObject;
  };
  const { store } = await RecordStore.open<JsonObject & object>({
    directory: directory.path,
    durability: old.boot === null ? 'disk' : 'boot',
    schemaVersion: schema,
    read: (body) => body,
    ...(old.boot !== null && { bootId: old.boot }),
  });
  await store.put(old.key, change(old.body));
  const [name = ''] = await readdir(directory.path);
  await writeFile(path, await readFile(join(directory.path, name)));
}

describe('RecordStore', () => {
  test('what was put must be there for reading, and after opening again', async () => {
    await using dir = await tempDir();
    const { store } = await open(dir.path);
    await store.put('one', { name: 'one', size: 1 });
    await store.put('two', { name: 'two', size: 2 });
    await store.delete('one');
    const again = await open(dir.path);
    expect(store.values()).toEqual([{ name: 'two', size: 2 }]);
    expect(again.store.entries()).toEqual([['two', { name: 'two', size: 2 }]]);
    expect(again.quarantined).toEqual([]);
  });

  test('a record in memory must not be changed in place', async () => {
    await using dir = await tempDir();
    const { store } = await open(dir.path);
    const thing = { name: 'one', size: 1, inner: { a: 1 } };
    await store.put('one', thing);
    expect(() => {
      thing.inner.a = 2;
    }).toThrow(TypeError);
  });

  test('changes of one key must happen in the order of asking', async () => {
    await using dir = await tempDir();
    const { store } = await open(dir.path);
    await store.put('n', { name: 'n', size: 0 });
    await Promise.all(
      Array.from({ length: 20 }, () =>
        store.update('n', (thing) => ({ ...thing, size: thing.size + 1 })),
      ),
    );
    expect(store.get('n')?.size).toBe(20);
    expect((await open(dir.path)).store.get('n')?.size).toBe(20);
  });

  test('an update of nothing must fail, a removal of nothing must not', async () => {
    await using dir = await tempDir();
    const { store } = await open(dir.path);
    await expect(store.update('x', (thing) => thing)).rejects.toThrow('there is no record "x"');
    expect(await store.delete('x')).toBe(false);
  });

  test.each(['plain', 'with/slash', '.hidden', '..', 'ünïcode %2F', 'x'.repeat(250)])(
    'the key %j must come back as it is',
    async (key) => {
      await using dir = await tempDir();
      const { store } = await open(dir.path);
      await store.put(key, { name: key, size: 1 });
      const again = await open(dir.path);
      expect([...again.store.keys()]).toEqual([key]);
      expect(await readdir(dir.path)).toHaveLength(1);
    },
  );

  test('fields of a newer engine must survive a read, a change and a write', async () => {
    await using dir = await tempDir();
    const first = await open(dir.path);
    await first.store.put('one', { name: 'one', size: 1, inner: { a: 1 } });
    const path = join(dir.path, 'one.json');
    await rewrite(path, (body) => ({ ...body, later: [1], inner: { a: 1, b: 'new' } }), 7);
    const { store } = await open(dir.path);
    await store.update('one', (thing) => ({ ...thing, size: 2 }));
    const written = JSON.parse(await readFile(path, 'utf8')) as {
      schema: number;
      body: JsonObject;
    };
    expect(written.body).toEqual({ name: 'one', size: 2, inner: { a: 1, b: 'new' }, later: [1] });
    expect(written.schema).toBe(7);
  });

  test('a temporary file of a killed engine must be gone after opening', async () => {
    await using dir = await tempDir();
    await writeFile(join(dir.path, 'one.json.1.tmp~'), '{"schema"');
    expect((await open(dir.path)).quarantined).toEqual([]);
    expect(await readdir(dir.path)).toEqual([]);
  });

  test('a record that a killed engine has given a spare name must not be written over', async () => {
    await using dir = await tempDir();
    const first = await open(dir.path);
    await first.store.put('one', { name: 'one', size: 1 });
    await link(join(dir.path, 'one.json'), join(dir.path, '1.tmp~'));
    const { store } = await open(dir.path);
    for (const key of ['two', 'three']) await store.put(key, { name: key, size: 2 });
    const again = await open(dir.path);
    expect(again.store.get('one')).toEqual({ name: 'one', size: 1 });
    expect(again.quarantined).toEqual([]);
  });

  test.each(['disk', 'boot'] as const)(
    'no two records for %s may share a file after any changes',
    async (durability) => {
      await using dir = await tempDir();
      const { store } = await open(dir.path, { durability });
      const keys = Array.from({ length: 12 }, (_, index) => `k${index}`);
      for (let round = 1; round <= 8; round += 1) {
        const size = round;
        await Promise.all(
          keys.map((key, index) =>
            index % 4 === round % 4
              ? store.delete(key)
              : store.put(key, { name: key.repeat(round), size }),
          ),
        );
      }
      const names = (await readdir(dir.path)).filter((name) => name.endsWith('.json'));
      const stats = await Promise.all(names.map((name) => stat(join(dir.path, name))));
      expect(stats.map(({ nlink }) => nlink)).toEqual(names.map(() => 1));
      const again = await open(dir.path, { durability });
      expect(again.quarantined).toEqual([]);
      expect(new Map(again.store.entries())).toEqual(new Map(store.entries()));
    },
  );

  test('a migration must see the schema that the record was written with', async () => {
    await using dir = await tempDir();
    const { store } = await open(dir.path);
    await store.put('one', { name: 'one', size: 1 });
    const seen: number[] = [];
    await open(dir.path, {
      schemaVersion: 2,
      read: (body, schema) => {
        seen.push(schema);
        return readThing(body);
      },
    });
    expect(seen).toEqual([1]);
  });
});

describe('a corrupt record', () => {
  const corruptions: readonly (readonly [string, (text: string) => string, string])[] = [
    ['emptied', () => '', 'the file is empty'],
    ['cut in half', (text) => text.slice(0, text.length / 2), 'not JSON'],
    [
      'with one bit flipped',
      (text) => text.replace('"size":1', '"size":3'),
      'the checksum differs',
    ],
    [
      'with another key',
      (text) => text.replace('"key":"one"', '"key":"two"'),
      'the checksum differs',
    ],
    ['of another program', () => '{"hello":1}', 'no schema version'],
    ['that is a list', () => '[]', 'not an object'],
  ];

  test.each(corruptions)(
    '%s must be moved aside, reported, and take no other down',
    async (_, change, reason) => {
      await using dir = await tempDir();
      const first = await open(dir.path);
      await first.store.put('one', { name: 'one', size: 1 });
      await first.store.put('other', { name: 'other', size: 2 });
      const path = join(dir.path, 'one.json');
      const text = change(await readFile(path, 'utf8'));
      await writeFile(path, text);
      const { store, quarantined } = await open(dir.path);
      expect([...store.keys()]).toEqual(['other']);
      expect(quarantined).toHaveLength(1);
      expect(quarantined[0]?.reason).toContain(reason);
      expect(await readFile(quarantined[0]?.movedTo ?? '', 'utf8')).toBe(text);
      expect((await open(dir.path)).quarantined).toEqual([]);
    },
  );

  test('a copy under another name must not become a second record', async () => {
    await using dir = await tempDir();
    const { store } = await open(dir.path);
    await store.put('one', { name: 'one', size: 1 });
    await rename(join(dir.path, 'one.json'), join(dir.path, 'two.json'));
    const again = await open(dir.path);
    expect(again.store.size).toBe(0);
    expect(again.quarantined[0]?.reason).toBe('belongs to the key "one"');
  });

  test('a directory in the place of a record must be moved aside', async () => {
    await using dir = await tempDir();
    await mkdir(join(dir.path, 'one.json'));
    expect((await open(dir.path)).quarantined[0]?.reason).toContain('EISDIR');
  });

  test('a record that the type guard refuses must be moved aside', async () => {
    await using dir = await tempDir();
    const { store } = await open(dir.path);
    await store.put('one', { name: 'one', size: 1 });
    await rewrite(join(dir.path, 'one.json'), (body) => ({ ...body, size: 'large' }));
    const { quarantined } = await open(dir.path);
    expect(quarantined[0]?.reason).toBe('not understood (schema 1, this engine writes 1)');
  });

  test('a type guard that throws must not stop the engine', async () => {
    await using dir = await tempDir();
    const { store } = await open(dir.path);
    await store.put('one', { name: 'one', size: 1 });
    const { quarantined } = await open(dir.path, {
      read: () => {
        throw new TypeError('cannot read properties of undefined');
      },
    });
    expect(quarantined[0]?.reason).toBe('cannot read properties of undefined');
  });

  test('no mutation of a byte may be taken for a record', async () => {
    await using dir = await tempDir();
    const { store } = await open(dir.path);
    await store.put('one', { name: 'one', size: 1 });
    const path = join(dir.path, 'one.json');
    const bytes = await readFile(path);
    for (let at = 0; at < bytes.length - 1; at += 3) {
      const mutated = Buffer.from(bytes);
      mutated[at] = (mutated[at] ?? 0) ^ 0x10;
      await writeFile(path, mutated);
      const again = await open(dir.path);
      expect(again.store.size, `byte ${at}`).toBe(0);
    }
  });
});

describe('a record of kernel objects', () => {
  test('it must hold during its boot and be gone after the next', async () => {
    await using dir = await tempDir();
    const { store } = await open(dir.path, { durability: 'boot', bootId: 'first' });
    await store.put('one', { name: 'one', size: 1 });
    const same = await open(dir.path, { durability: 'boot', bootId: 'first' });
    expect(same.store.size).toBe(1);
    const next = await open(dir.path, { durability: 'boot', bootId: 'second' });
    expect([next.store.size, next.quarantined.length]).toEqual([0, 0]);
    expect(await readdir(dir.path)).toEqual([]);
  });
});

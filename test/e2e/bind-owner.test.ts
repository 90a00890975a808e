/** Whose the files are that a container makes in the project's directory. */
import { chownSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { expectNoLeaks, takeAudit } from '../lib/audit.ts';
import { TestEngine } from '../lib/engine.ts';
import { missing } from '../lib/requires.ts';

const absent = missing('root', 'overlayfs', 'nftables');
const sudo = { SUDO_UID: '1000', SUDO_GID: '1001' };

test.skipIf(absent.length > 0)(
  `files made through sudo must be the caller's, unless the file says otherwise (missing: ${absent.join() || 'nothing'})`,
  async () => {
    const engine = await TestEngine.create();
    const before = await takeAudit(engine.scope);
    const project = join(engine.root, 'project');
    const write = async (made: string, rest = ''): Promise<void> => {
      const service = `image: tscompose.local/host\n    command: [touch, /app/${made}]\n    volumes: ['.:/app']`;
      await writeFile(join(project, 'compose.yaml'), `services:\n  a:\n    ${service}\n${rest}`);
    };
    const ownerOf = (name: string): string => {
      const { uid, gid } = statSync(join(project, name));
      return `${uid}:${gid}`;
    };
    try {
      chownSync(project, 1000, 1001);
      await write('sudo');
      expect(await engine.cli(['up'], { env: sudo })).toMatchObject({ code: 0 });
      expect(ownerOf('sudo')).toBe('1000:1001');
      expect(
        await engine.cli(['run', '--rm', 'a', 'touch', '/app/run'], { env: sudo }),
      ).toMatchObject({ code: 0 });
      expect(ownerOf('run')).toBe('1000:1001');
      await write('root');
      expect(await engine.cli(['up'])).toMatchObject({ code: 0 });
      expect(ownerOf('root')).toBe('0:0');
      await write('off', '    x-tscompose: { bind-owner: container }\n');
      expect(await engine.cli(['up'], { env: sudo })).toMatchObject({ code: 0 });
      expect(ownerOf('off')).toBe('0:0');
      expect(await engine.cli(['down'])).toMatchObject({ code: 0 });
    } finally {
      await engine[Symbol.asyncDispose]();
    }
    await expectNoLeaks(before, engine.scope);
  },
);

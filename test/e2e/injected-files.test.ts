/** Secrets and configs whose content is in the compose file or in the environment. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectNoLeaks, takeAudit, type Audit } from '../lib/audit.ts';
import { TestEngine } from '../lib/engine.ts';
import { missing } from '../lib/requires.ts';

const isAble = missing('root', 'overlayfs', 'nftables').length === 0;

const file = `
name: sec
services:
  a:
    image: tscompose.local/host
    command: [sh, -c, 'stat -c "%a %u %g" /run/secrets/token /run/secrets/mine /etc/text /run/secrets/key; cat /run/secrets/token /etc/text; cmp /run/secrets/key /etc/key && cmp -n 4 /run/secrets/key /etc/magic']
    secrets: [token, {source: token, target: mine, uid: "7", gid: "8", mode: 0400}, {source: key, gid: "9", mode: 0440}]
    configs: [{source: text, target: /etc/text}, {source: key, target: /etc/key}, {source: magic, target: /etc/magic}]
secrets: {token: {environment: TOKEN}, key: {file: ./key}}
configs: {key: {file: ./key}, magic: {file: ./magic}, text: {content: "port=\${PORT}\\n"}}
`;

describe.skipIf(!isAble)('injected files', () => {
  let engine: TestEngine;
  let before: Audit;

  beforeAll(async () => {
    engine = await TestEngine.create();
    before = await takeAudit(engine.scope);
    await writeFile(join(engine.root, 'project', 'compose.yaml'), file);
    // No text: what is written must be the bytes of the file.
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => 255 - index);
    await writeFile(join(engine.root, 'project', 'key'), bytes);
    await writeFile(join(engine.root, 'project', 'magic'), bytes.subarray(0, 4));
  });

  afterAll(async () => {
    await engine.cli(['down'], { env: { TOKEN: '', PORT: '' } });
    await engine.stop();
    await expectNoLeaks(before, { ...engine.scope, directories: [] });
    await engine[Symbol.asyncDispose]();
  });

  const seen = '444 0 0\n400 7 8\n444 0 0\n440 0 9\n';

  test('must be there at the start, with owner and mode, and follow their source', async () => {
    const up = async (TOKEN: string): Promise<string> => {
      const result = await engine.cli(['up', '--no-log-prefix'], { env: { TOKEN, PORT: '80' } });
      expect(result.code, result.stderr).toBe(0);
      return result.stdout.replace('a-1 exited with code 0\n', '');
    };
    expect(await up('one\n')).toBe(`${seen}one\nport=80\n`);
    expect(await up('two\n')).toBe(`${seen}two\nport=80\n`);
  });

  test('must be there for run', async () => {
    const env = { TOKEN: 'three\n', PORT: '81' };
    const result = await engine.cli(['run', '--rm', 'a'], { env });
    expect(result.stdout, result.stderr).toBe(`${seen}three\nport=81\n`);
  });

  test('must be refused without their source', async () => {
    const result = await engine.cli(['up', '-d'], { env: { PORT: '80' } });
    expect(result.code).toBe(1);
    expect(result.stderr).toContain(
      'environment variable "TOKEN" required by secret "sec_token" is not set',
    );
  });
});

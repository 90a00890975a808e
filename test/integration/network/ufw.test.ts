/** Beside the real ufw of Debian, which guards the namespace of the test and sees its own files over the machine's. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { eventually } from '../../lib/eventually.ts';
import { missing, testUfw } from '../../lib/requires.ts';
import { ask, inventory, Lab, neighbour, run, runIn, serve, tcp } from './lab.ts';
import type { Place } from './lab.ts';

const absent = missing('ufw', 'nftables');
const script = `set -e; t=$(mktemp -d); mount -t tmpfs none $t; mkdir $t/upper $t/work
mount -t overlay none -o lowerdir=$1/usr:/usr /usr
mount -t overlay none -o lowerdir=$1/etc:/etc,upperdir=$t/upper,workdir=$t/work /etc
mount -t tmpfs none /run; umount -l $t; rmdir $t; shift; for words; do ufw --force $words; done`;

/** Each call begins with the files of the package: `enable` goes before what needs it. */
async function ufw(...calls: readonly string[]): Promise<string> {
  const apart = ['--mount', '--propagation', 'private'];
  return await run('unshare', ...apart, 'sh', '-c', script, 'sh', testUfw, ...calls);
}

let lab: Lab;
let before: Record<string, string>;

beforeEach(async () => {
  lab = await Lab.open();
  before = await inventory(lab);
});

afterEach(async () => {
  await lab[Symbol.asyncDispose]();
  await run('nft', 'flush', 'ruleset');
  expect(await inventory(lab)).toEqual(before);
});

describe.skipIf(absent.length > 0)(
  `beside ufw (missing: ${absent.join(', ') || 'nothing'})`,
  () => {
    async function surroundings(): Promise<{ outside: Place; passes: () => Promise<void> }> {
      const outside = await neighbour(lab, {
        link: 'lan0',
        hostAddress: '10.9.0.1',
        address: '10.9.0.2',
      });
      await serve(lab, outside, { port: 80, answer: 'outside' });
      const box = await lab.sandbox([await lab.network()], { ports: [tcp(8080, 80)] });
      const stranger = await lab.sandbox([await lab.network()]);
      await serve(lab, box, { port: 80, answer: 'box' });
      const passes = async (): Promise<void> => {
        await eventually(
          async () => {
            expect(await ask(box, '10.9.0.2', 80)).toBe('outside 10.9.0.1');
            expect(await ask(outside, '10.9.0.1', 8080)).toBe('box 10.9.0.2');
          },
          { timeoutMs: 2000 },
        );
        expect(await ask(stranger, box.endpoints[0]?.ipv4?.address ?? '', 80)).toBe('timeout');
      };
      return { outside, passes };
    }

    test('traffic must pass whether it was enabled before us or after, and after a reload', async () => {
      await ufw('enable');
      const { passes } = await surroundings();
      await passes();
      await ufw('enable', 'reload');
      await passes();
      await ufw('enable', 'disable');
      await passes();
      await ufw('enable');
      await passes();
    });

    test('what listens on the host must stay guarded, and the port that is not be told of once', async () => {
      await ufw('enable');
      const { outside, passes } = await surroundings();
      await passes();
      await serve(lab, 'host', { port: 9090, answer: 'host' });
      expect(await ask(outside, '10.9.0.1', 9090)).toBe('timeout');
      await lab.sandbox([await lab.network()], { ports: [tcp(8081, 80)] });
      await ufw('enable', 'reload');
      expect(lab.warnings.filter((text) => text.startsWith('ufw is active'))).toEqual([
        'ufw is active on this host and does not guard published ports: port 8080 can be reached from everywhere; publish on 127.0.0.1 what is for this host alone',
      ]);
    });

    test('a host without it must hear nothing of it', async () => {
      const { passes } = await surroundings();
      await passes();
      expect(lab.warnings).toEqual([]);
      expect(await runIn('host', 'nft', 'list', 'tables')).not.toContain('ufw');
    });
  },
);

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { encode } from 'dns-packet';
import { describe, expect, test } from 'vitest';
import {
  closeFd,
  connectUnix,
  createNetworkNamespace,
  openSocket,
  receive,
  removeNetworkNamespace,
  sendWithFds,
} from '../../../native/index.ts';
import { Resolver } from '../../../network/dns/resolver.ts';
import { eventually } from '../../lib/eventually.ts';
import { missing } from '../../lib/requires.ts';
import { tempDir } from '../../lib/temp-dir.ts';
import { addresses, addSandbox, exchange, query, startBench } from './support.ts';

const web = { name: 'web', addresses: ['10.9.0.2', '10.9.0.3', '10.9.0.4'] };

describe('the process', () => {
  // The one with sanitizers is not confined.
  test.skipIf(process.env['TEST_RESOLVER'] !== undefined)(
    'it must have no user, no capability and a filter, and refuse to end for a stranger',
    async () => {
      await using bench = await startBench();
      const status = readFileSync(`/proc/${bench.resolver.pid}/status`, 'utf8');
      const lines = [
        'Uid',
        'Gid',
        'CapInh',
        'CapPrm',
        'CapEff',
        'CapBnd',
        'CapAmb',
        'NoNewPrivs',
        'Seccomp',
      ].map((key) => new RegExp(`^${key}:\\s*(.*)$`, 'm').exec(status)?.[1]?.replaceAll('\t', ' '));
      const none = '0000000000000000';
      expect(lines).toEqual([
        '65534 65534 65534 65534',
        '65534 65534 65534 65534',
        none,
        none,
        none,
        none,
        none,
        '1',
        '2',
      ]);
      const path = `${bench.runRoot}/resolver/control.sock`;
      expect(() =>
        execFileSync(
          'setpriv',
          [
            '--reuid=65534',
            '--regid=65534',
            '--clear-groups',
            'python3',
            '-c',
            'import socket,sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])',
            path,
          ],
          { stdio: 'ignore' },
        ),
      ).toThrow();
    },
  );

  test('queries that are not DNS must not stop it', async () => {
    await using bench = await startBench();
    await bench.resolver.setNames('net', [web]);
    const port = await addSandbox(bench.resolver);
    const valid = encode(query('web'));
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    for (let cut = 0; cut < valid.length; cut++) socket.write(valid.subarray(0, cut));
    for (let flip = 4; flip < valid.length; flip++) {
      const broken = Buffer.from(valid);
      broken[flip] = 0xff;
      await Promise.race([exchange(port, broken), addresses(port, 'web')]);
    }
    expect(await addresses(port, 'web')).toMatch(/^10\.9\.0\./);
    socket.destroy();
  });

  test('a control message that is malformed must be refused and change nothing', async () => {
    await using bench = await startBench();
    await bench.resolver.setNames('net', [web]);
    const port = await addSandbox(bench.resolver);
    const socket = connectUnix(`${bench.runRoot}/resolver/control.sock`);
    sendWithFds(socket, Buffer.from([3, 0, 0, 0, 2, 3, 9, 0, 3, 0x6e, 0x65]));
    sendWithFds(socket, Buffer.from([0, 0, 0, 0, 99, 5, 10, 0]));
    const answers = await eventually(() => {
      const received = receive(socket);
      if (received === null) throw new Error('nothing yet');
      return Buffer.from(received.bytes);
    });
    expect(answers.toString('latin1')).toContain('malformed');
    sendWithFds(socket, Buffer.alloc(8, 0xff));
    await eventually(() => {
      expect(errnoOrLength(socket)).toBe(0);
    });
    closeFd(socket);
    expect(await addresses(port, 'web')).toMatch(/^10\.9\.0\./);
  });

  test('a second engine must find what the first one has told, and replace it', async () => {
    await using bench = await startBench();
    await bench.resolver.setNames('net', [web]);
    const port = await addSandbox(bench.resolver, { id: 'kept' });
    await addSandbox(bench.resolver, { id: 'gone' });
    bench.resolver.close();
    expect(await addresses(port, 'web')).toMatch(/^10\.9\.0\./);

    const second = await Resolver.start({ runRoot: bench.runRoot });
    expect(second.pid).toBe(bench.resolver.pid);
    const state = await second.list();
    expect([[...state.sandboxIds].sort(), state.networkIds]).toEqual([['gone', 'kept'], ['net']]);
    await second.removeSandbox('gone');
    await second.removeSandbox('gone');
    const moved = await addSandbox(second, { id: 'kept' });
    expect(await addresses(moved, 'web')).toMatch(/^10\.9\.0\./);
    expect((await second.list()).sandboxIds).toEqual(['kept']);
    second.close();
  });

  test('when it was killed, the engine must be told and the next command start another one', async () => {
    let lost = 0;
    await using bench = await startBench({
      onLost: () => {
        lost++;
      },
    });
    const first = bench.resolver.pid;
    process.kill(first, 'SIGKILL');
    await eventually(() => {
      expect(lost).toBe(1);
    });
    await bench.resolver.setNames('net', [web]);
    expect(bench.resolver.pid).not.toBe(first);
    expect(await addresses(await addSandbox(bench.resolver), 'web')).toMatch(/^10\.9\.0\./);
  });

  test('without sandboxes and engine it must end by itself, with a sandbox it must not', async () => {
    await using bench = await startBench();
    const { pid } = bench.resolver;
    bench.resolver.close();
    await eventually(
      () => {
        expect(hasEnded(pid)).toBe(true);
      },
      { timeoutMs: 15_000 },
    );
    const again = await Resolver.start({ runRoot: bench.runRoot });
    const port = await addSandbox(again);
    expect(again.pid).not.toBe(pid);
    expect(await addresses(port, 'web')).toBe('NXDOMAIN');
    await again.stop();
    await eventually(() => {
      expect(hasEnded(again.pid)).toBe(true);
    });
  });
});

/** One whose engine has let go of it stays a zombie until this test's process ends. */
function hasEnded(pid: number): boolean {
  const path = `/proc/${pid}/stat`;
  return !existsSync(path) || / Z \d/.test(readFileSync(path, 'utf8'));
}

function errnoOrLength(socket: Parameters<typeof receive>[0]): number {
  const received = receive(socket);
  if (received === null) throw new Error('nothing yet');
  return received.bytes.length;
}

describe.skipIf(missing('root', 'dig').length > 0)('real clients in a namespace', () => {
  test('dig and getent must resolve by 127.0.0.11 there', async () => {
    await using bench = await startBench();
    await using dir = await tempDir();
    const path = `${dir.path}/netns`;
    const netns = await createNetworkNamespace(path);
    const inside = (script: string): string =>
      execFileSync('nsenter', [`--net=${path}`, 'unshare', '--mount', 'sh', '-ec', script], {
        encoding: 'utf8',
      }).trim();
    // getent asks for no address of a family that the namespace has none of (AI_ADDRCONFIG).
    inside('ip link set lo up; ip addr add 10.9.0.9/32 dev lo');
    const bind = { address: '127.0.0.11', port: 53 };
    const udp = await openSocket({ netns, family: 'inet', type: 'dgram', bind });
    const tcp = await openSocket({ netns, family: 'inet', bind, listen: 16 });
    await bench.resolver.setNames('net', [{ name: 'redis', addresses: ['10.9.0.7'] }]);
    await bench.resolver.addSandbox({
      id: 'ns',
      sockets: { udp, tcp },
      networkIds: ['net'],
      upstreams: [],
    });
    [udp, tcp].forEach(closeFd);

    writeFileSync(`${dir.path}/resolv.conf`, 'nameserver 127.0.0.11\noptions ndots:0\n');
    const use = `mount --bind ${dir.path}/resolv.conf /etc/resolv.conf;`;
    expect(inside(`${use} getent ahostsv4 redis | head -1`)).toMatch(
      /^10\.9\.0\.7\s+STREAM redis$/,
    );
    expect(inside(`${use} getent hosts 10.9.0.7`)).toMatch(/^10\.9\.0\.7\s+redis$/);
    expect(inside(`${use} ! getent hosts unknown && echo none`)).toBe('none');
    expect(inside('dig @127.0.0.11 +short Redis')).toBe('10.9.0.7');
    expect(inside('dig @127.0.0.11 +tcp +short redis')).toBe('10.9.0.7');
    expect(inside('dig @127.0.0.11 +short -x 10.9.0.7')).toBe('redis.');
    expect(inside('dig @127.0.0.11 redis AAAA | grep -c "status: NOERROR"')).toBe('1');
    await bench.resolver.removeSandbox('ns');
    closeFd(netns);
    removeNetworkNamespace(path);
  });
});

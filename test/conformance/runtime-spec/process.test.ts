/** config.md, "Process" and "Linux Process"; config-linux.md, "Personality", "Time offsets". */
import { execFile } from 'node:child_process';
import { openSync, closeSync, readFileSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { eventually } from '../../lib/eventually.ts';
import {
  createContainer,
  family,
  invoke,
  makeBundle,
  makeConfig,
  obligation,
  probe,
  runBundle,
  scratch,
  someCapabilities,
  startContainer,
} from './support.ts';
import type { Config } from './support.ts';

const change = (process: Config): Config => ({ process });

family('process', () => {
  obligation('arguments reach the program as they are', async () => {
    const args = ['sh', '-c', 'printf "[%s]" "$@"', 'sh', 'a b', '', '$HOME', '-n', 'ä"\\'];
    expect((await runBundle(makeConfig(args))).stdout).toBe('[a b][][$HOME][-n][ä"\\]');
  });

  obligation('the environment is the one that is given', async () => {
    const env = ['PATH=/bin', 'A=1', 'EMPTY=', 'B=x=y z'];
    const { stdout } = await runBundle(makeConfig(['env'], change({ env })));
    const found = stdout.split('\n').filter((line) => !/^(|HOME=.*|PWD=.*|SHLVL=.*)$/.test(line));
    expect(found.sort()).toEqual([...env].sort());
  });

  obligation('the program is looked for in the PATH that is given', async () => {
    const { code } = await runBundle(makeConfig(['sh'], change({ env: ['PATH=/etc'] })));
    expect(code).not.toBe(0);
  });

  obligation('the working directory is the one that is given', async () => {
    expect(await probe('pwd', change({ cwd: '/data/deep' }))).toBe('/data/deep\n');
  });

  obligation('user, group and further groups are those that are given', async () => {
    const user = { uid: 1234, gid: 2345, additionalGids: [5, 4000000000] };
    expect(await probe('id -u; id -g; grep Groups /proc/self/status', change({ user }))).toMatch(
      /^1234\n2345\nGroups:\s+5 4000000000 ?\n$/,
    );
  });

  obligation('without further groups there is none', async () => {
    const groups = await probe(
      'grep Groups /proc/self/status',
      change({ user: { uid: 7, gid: 7 } }),
    );
    expect(groups.trim()).toMatch(/^Groups:(\s+7)?$/);
  });

  obligation('the umask is 022 unless it is given', async () => {
    expect(await probe('umask')).toBe('0022\n');
  });

  for (const [umask, printed] of [
    [0o77, '0077'],
    [0, '0000'],
    [0o777, '0777'],
  ] as const) {
    obligation(`the umask can be ${printed}`, async () => {
      expect(await probe('umask', change({ user: { uid: 0, gid: 0, umask } }))).toBe(
        `${printed}\n`,
      );
    });
  }

  for (const [value, printed] of [
    [true, '1'],
    [false, '0'],
  ] as const) {
    obligation(`noNewPrivileges ${value} is what the program has`, async () => {
      const status = await probe(
        'grep NoNewPrivs /proc/self/status',
        change({ noNewPrivileges: value }),
      );
      expect(status.trim()).toMatch(new RegExp(`\\s${printed}$`));
    });
  }

  for (const score of [0, 500, 1000]) {
    obligation(`oomScoreAdj can be ${score}`, async () => {
      const found = await probe('cat /proc/self/oom_score_adj', change({ oomScoreAdj: score }));
      expect(found).toBe(`${score}\n`);
    });
  }

  obligation('input and output are those of whoever creates it', async () => {
    const config = makeConfig(['sh', '-c', 'tr a-z A-Z; echo err >&2']);
    expect(await runBundle(config, { input: 'to and fro\n' })).toEqual({
      ...{ code: 0, stdout: 'TO AND FRO\n', stderr: 'err\n' },
    });
  });

  obligation('descriptors are kept where that was asked for, and no other', async () => {
    writeFileSync(scratch('kept'), 'kept\n');
    const fd = openSync(scratch('kept'), 'r');
    const config = makeConfig(['sh', '-c', 'cat <&3; ls /proc/self/fd']);
    const { stdout } = await runBundle(config, { fds: [fd] });
    closeSync(fd);
    // The last one is what lists them.
    expect(stdout).toBe('kept\n0\n1\n2\n3\n4\n');
  });

  obligation('without that nothing beyond the streams is open', async () => {
    expect(await probe('ls /proc/self/fd')).toBe('0\n1\n2\n3\n');
  });
});

const noCapability = '0000000000000000';

/** CAP_CHOWN, CAP_KILL and CAP_NET_BIND_SERVICE. */
const three = '0000000000000421';

async function capabilities(process: Config): Promise<Readonly<Record<string, string>>> {
  const text = await probe('cat /proc/self/status', change(process));
  return Object.fromEntries(
    [...text.matchAll(/^Cap(\w+):\s+(\w+)$/gm)].map(([, set = '', bits = '']) => [set, bits]),
  );
}

family('process: capabilities', () => {
  obligation('bounding, effective and permitted are those that are given', async () => {
    expect(await capabilities({})).toMatchObject({ Bnd: three, Eff: three, Prm: three });
  });

  obligation('inheritable ones are those that are given', async () => {
    const sets = {
      ...{ bounding: someCapabilities, permitted: someCapabilities },
      inheritable: ['CAP_KILL'],
    };
    expect((await capabilities({ capabilities: sets }))['Inh']).toBe('0000000000000020');
  });

  obligation('ambient ones are there for a program that is not root', async () => {
    const all = ['CAP_NET_BIND_SERVICE'];
    const sets = { bounding: all, permitted: all, inheritable: all, effective: all, ambient: all };
    const found = await capabilities({ user: { uid: 5, gid: 5 }, capabilities: sets });
    expect(found).toMatchObject({ Amb: '0000000000000400', Eff: '0000000000000400' });
  });

  obligation('a program that is not root has none without ambient ones', async () => {
    const found = await capabilities({ user: { uid: 5, gid: 5 } });
    expect(found).toMatchObject({ Eff: noCapability, Prm: noCapability, Bnd: three });
  });

  obligation('an empty bounding set leaves root with nothing', async () => {
    expect(await capabilities({ capabilities: {} })).toEqual({
      ...{ Inh: noCapability, Prm: noCapability, Eff: noCapability },
      ...{ Bnd: noCapability, Amb: noCapability },
    });
  });

  obligation('one that nobody knows is a warning and no failure', async () => {
    const sets = { bounding: [...someCapabilities, 'CAP_TEETH'], permitted: [], effective: [] };
    const { code } = await runBundle(makeConfig(['true'], change({ capabilities: sets })));
    expect(code).toBe(0);
  });
});

const limits: readonly (readonly [type: string, name: string, unit: number])[] = [
  ['RLIMIT_CPU', 'Max cpu time', 1],
  ['RLIMIT_FSIZE', 'Max file size', 1],
  ['RLIMIT_STACK', 'Max stack size', 1],
  ['RLIMIT_CORE', 'Max core file size', 1],
  ['RLIMIT_NPROC', 'Max processes', 1],
  ['RLIMIT_NOFILE', 'Max open files', 1],
  ['RLIMIT_MEMLOCK', 'Max locked memory', 1],
  ['RLIMIT_AS', 'Max address space', 1],
  ['RLIMIT_LOCKS', 'Max file locks', 1],
  ['RLIMIT_SIGPENDING', 'Max pending signals', 1],
  ['RLIMIT_MSGQUEUE', 'Max msgqueue size', 1],
  ['RLIMIT_RTTIME', 'Max realtime timeout', 1],
];

/** Below what any machine gives, so that nobody has to raise one. */
const [soft, hard] = [900, 1000];

family('process: limits', () => {
  for (const [type, name, unit] of limits) {
    obligation(`${type} is what is given`, async () => {
      const factor = ['RLIMIT_STACK', 'RLIMIT_AS', 'RLIMIT_FSIZE'].includes(type) ? 1 << 20 : unit;
      const rlimits = [{ type, soft: soft * factor, hard: hard * factor }];
      const text = await probe('cat /proc/self/limits', change({ rlimits }));
      const line = text.split('\n').find((candidate) => candidate.startsWith(name)) ?? '';
      expect(line.slice(name.length).trim().split(/\s+/).slice(0, 2)).toEqual([
        ...[String(soft * factor), String(hard * factor)],
      ]);
    });
  }

  obligation('the largest number is no limit', async () => {
    const text = `{"type": "RLIMIT_CORE", "soft": 0, "hard": 18446744073709551615}`;
    const config = JSON.stringify(
      makeConfig(['cat', '/proc/self/limits'], change({ rlimits: ['%'] })),
    );
    const { stdout } = await runBundle(config.replace('"%"', text));
    expect(stdout).toMatch(/Max core file size\s+0\s+unlimited/);
  });
});

family('process: scheduling and clocks', () => {
  for (const [policy, number] of [
    ['SCHED_OTHER', 0],
    ['SCHED_BATCH', 3],
    ['SCHED_IDLE', 5],
  ] as const) {
    obligation(`the scheduler can be ${policy}`, async () => {
      const stat = await probe('cat /proc/self/stat', change({ scheduler: { policy } }));
      // Field 41 of proc_pid_stat(5), counted from behind the name.
      expect(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[41 - 3]).toBe(String(number));
    });
  }

  obligation('the scheduler has the nice value that is given', async () => {
    const scheduler = { policy: 'SCHED_OTHER', nice: 7 };
    const stat = await probe('cat /proc/self/stat', change({ scheduler }));
    expect(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19 - 3]).toBe('7');
  });

  for (const [name, printed] of [
    ['IOPRIO_CLASS_BE', 'best-effort: prio 6'],
    ['IOPRIO_CLASS_IDLE', 'idle'],
  ] as const) {
    obligation(`the priority of i/o can be ${name}`, async () => {
      const ioPriority = { class: name, priority: 6 };
      expect((await probe('ionice', change({ ioPriority }))).trim()).toContain(printed);
    });
  }

  obligation('the personality can be that of a 32 bit machine', async () => {
    const personality = { domain: 'LINUX32' };
    expect((await probe('uname -m', { linux: { personality } })).trim()).toMatch(/^(i686|armv8l)$/);
  });

  for (const clock of ['boottime', 'monotonic'] as const) {
    obligation(`the clock "${clock}" can be ahead`, async () => {
      const namespaces = ['pid', 'mount', 'uts', 'time'].map((type) => ({ type }));
      const linux = { namespaces, timeOffsets: { [clock]: { secs: 100_000_000, nanosecs: 5 } } };
      const text = await probe('cat /proc/self/timens_offsets; cat /proc/uptime', { linux });
      expect(text).toMatch(new RegExp(`^${clock}\\s+100000000\\s+5$`, 'm'));
      if (clock === 'boottime')
        expect(Number(text.trim().split(/[\n ]/).at(-2))).toBeGreaterThan(1e8);
    });
  }
});

/** Takes a terminal's master as conmon does, says how large it is, and prints what comes out of it. */
const receiver = `
import array, fcntl, os, socket, struct, sys, termios
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen()
print("ready", flush=True)
peer = server.accept()[0]
fds = array.array("i")
_, control, _, _ = peer.recvmsg(4096, socket.CMSG_LEN(4))
fds.frombytes(control[0][2][:4])
size = struct.unpack("hhhh", fcntl.ioctl(fds[0], termios.TIOCGWINSZ, bytes(8)))
print("size", size[0], size[1], flush=True)
try:
    while True:
        data = os.read(fds[0], 4096)
        if not data: break
        sys.stdout.write(data.decode()); sys.stdout.flush()
except OSError: pass
`;

async function withConsole(use: (socket: string) => Promise<void>): Promise<string> {
  const socket = scratch(`console-${Math.trunc(performance.now())}`);
  const running = promisify(execFile)('python3', ['-c', receiver, socket]);
  await eventually(() => {
    expect(readFileSync('/proc/net/unix', 'utf8')).toContain(socket);
  });
  await use(socket);
  return (await running).stdout;
}

family('process: terminals', () => {
  obligation('the terminal goes to the console socket, as large as it is given', async () => {
    const printed = await withConsole(async (socket) => {
      const config = makeConfig(
        ['sh', '-c', 'tty; stty size; test -t 0 && test -t 1 && test -t 2 && echo whole'],
        change({ terminal: true, consoleSize: { height: 33, width: 99 } }),
      );
      await using container = await createContainer(config, ['--console-socket', socket]);
      expect(container.created).toMatchObject({ code: 0 });
      expect((await container.call('start')).code).toBe(0);
      await eventually(async () => {
        expect((await container.state()).status).toBe('stopped');
      });
    });
    expect(printed.replaceAll('\r', '')).toBe('ready\nsize 33 99\n/dev/pts/0\n33 99\nwhole\n');
  });

  obligation('the terminal is the console of the container', async () => {
    const printed = await withConsole(async (socket) => {
      const config = makeConfig(
        ['sh', '-c', 'echo to the console > /dev/console'],
        change({ terminal: true }),
      );
      await using container = await createContainer(config, ['--console-socket', socket]);
      await container.call('start');
      await eventually(async () => {
        expect((await container.state()).status).toBe('stopped');
      });
    });
    expect(printed).toContain('to the console');
  });

  obligation('a further program can have one as well', async () => {
    const printed = await withConsole(async (socket) => {
      await using container = await startContainer(makeConfig(['sleep', '1000']));
      const file = scratch('exec.json');
      const process = {
        terminal: true,
        cwd: '/tmp',
        args: ['sh', '-c', 'tty; pwd'],
        env: ['PATH=/bin'],
      };
      writeFileSync(file, JSON.stringify({ ...process, user: { uid: 0, gid: 0 } }));
      const { code, stderr } = await container.call(
        'exec',
        '--console-socket=' + socket,
        '--process=' + file,
      );
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    });
    expect(printed.replaceAll('\r', '')).toMatch(/\/dev\/pts\/0\n\/tmp\n$/);
  });
});

family('exec', () => {
  const sleeper = (): Config => makeConfig(['sleep', '1000']);

  obligation(
    'a further program runs in the namespaces of the first, and its end is told',
    async () => {
      await using container = await startContainer(sleeper());
      const { code, stdout } = await container.call(
        'exec',
        'sh',
        '-c',
        'hostname; readlink /proc/1/exe; exit 9',
      );
      expect({ code, stdout }).toEqual({ code: 9, stdout: 'box\n/bin/busybox\n' });
    },
  );

  obligation(
    'a process from a file has its own user, directory, variables and limits',
    async () => {
      await using container = await startContainer(sleeper());
      const file = scratch('process.json');
      writeFileSync(
        file,
        JSON.stringify({
          ...{ args: ['sh', '-c', 'id -u; pwd; echo $A; ulimit -n'], cwd: '/data' },
          ...{ env: ['PATH=/bin', 'A=from the file'], user: { uid: 77, gid: 78 } },
          rlimits: [{ type: 'RLIMIT_NOFILE', soft: 55, hard: 66 }],
        }),
      );
      const { stdout } = await container.call('exec', `--process=${file}`);
      expect(stdout).toBe('77\n/data\nfrom the file\n55\n');
    },
  );

  obligation('one that is detached goes on, and its number is written', async () => {
    await using container = await startContainer(sleeper());
    const file = scratch('exec.pid');
    const { code } = await container.call(
      'exec',
      '--detach',
      `--pid-file=${file}`,
      'sleep',
      '1000',
    );
    expect(code).toBe(0);
    const pid = Number(readFileSync(file, 'utf8'));
    expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8')).toBe('sleep\x001000\x00');
  });

  obligation('a program that there is not is a failure', async () => {
    await using container = await startContainer(sleeper());
    const { code, stderr } = await container.call('exec', 'no-such-program');
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/no such file|not found/i);
  });

  obligation('it is confined like the first: capabilities, filter, groups', async () => {
    const seccomp = {
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [{ names: ['mkdir'], action: 'SCMP_ACT_ERRNO', errnoRet: 28 }],
    };
    await using container = await startContainer(
      makeConfig(['sleep', '1000'], { linux: { seccomp } }),
    );
    const { stdout } = await container.call(
      'exec',
      ...[
        'sh',
        '-c',
        'grep CapEff /proc/self/status; mkdir /tmp/d 2>&1; grep -c tscompose-oci /proc/self/cgroup',
      ],
    );
    expect(stdout).toContain('0000000000000421');
    expect(stdout).toContain('No space left');
    expect(Number(stdout.trim().split('\n').at(-1))).toBeGreaterThan(0);
  });

  obligation('there is none in what has stopped', async () => {
    await using container = await startContainer(makeConfig(['true']));
    await eventually(async () => {
      expect((await container.state()).status).toBe('stopped');
    });
    expect((await container.call('exec', 'true')).code).not.toBe(0);
  });

  obligation('it may be there before the first program is', async () => {
    const { id, path } = makeBundle(sleeper());
    await invoke(['create', '--bundle', path, id]);
    const { code, stdout } = await invoke(['exec', id, 'hostname']);
    await invoke(['delete', '--force', id]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'box\n' });
  });
});

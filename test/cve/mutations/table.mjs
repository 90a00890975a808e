// The guard behind each test of this directory: the text that is the guard, and what the code would be without it.
// test/unit/cve-mutations.test.ts checks that every guard is still found, exactly once; run.mjs takes them away.
// Where a defence has layers, a mutation takes away all that would have to fail.

/**
 * `fails` is what the failed assertion must say: the attack succeeded, and not that something broke. `edits` replace
 * the first text by the second; `build` of what is needed follows from the files.
 */
export const mutations = [
  {
    id: 'C-01',
    guard: 'the executed file is sealed, and the shim refuses one that is not',
    tests: 'test/cve/c-01.test.ts',
    fails: /not to contain '\\nwritten'/,
    edits: [
      {
        file: 'native/addon/fd.c',
        find: 'F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)',
        replace:
          'is_executable ? F_SEAL_SEAL : F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)',
      },
      { file: 'native/shim/main.c', find: '(seals & F_SEAL_WRITE) == 0 || ', replace: '' },
    ],
  },
  {
    id: 'C-02',
    guard:
      'a working directory is not resolved through descriptors, and not used when it is outside',
    tests: 'test/cve/c-02-03.test.ts',
    fails: /not to match .*outside.*SECRET/,
    edits: [
      {
        file: 'native/shim/program.c',
        find: 'cleanup_close int dir = open_below (AT_FDCWD, path, O_PATH | O_DIRECTORY);',
        replace: 'cleanup_close int dir = open (path, O_PATH | O_DIRECTORY | O_CLOEXEC);',
      },
      { file: 'native/shim/program.c', find: "if (now[0] != '/')", replace: 'if (0)' },
      {
        file: 'native/shim/rootfs.c',
        find: 'cleanup_close int made = make_below (sandbox->root, cwd, TS_CREATE_DIRECTORY);',
        replace: 'int made = 0;',
      },
    ],
  },
  {
    id: 'C-03',
    guard: 'a joining process cannot be traced before it executes',
    tests: 'test/cve/c-02-03.test.ts',
    fails: /early/,
    edits: [
      {
        file: 'native/shim/exec-child.c',
        find: 'prctl (PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || ',
        replace: '',
      },
    ],
  },
  {
    id: 'C-03',
    guard: 'a joining process has closed what is the host’s',
    tests: 'test/cve/c-02-03.test.ts',
    fails: /held descriptor/,
    edits: [
      {
        file: 'native/shim/exec-child.c',
        find: 'sys_close_range ((unsigned int)end, ~0u, 0) < 0',
        replace: '0',
      },
    ],
  },
  {
    id: 'C-03',
    guard: 'the number of a joining program is in memory that it does not have, and is a child’s',
    tests: 'test/cve/c-03-report.test.ts',
    fails: /a process of the host was killed/,
    edits: [
      {
        file: 'native/shim/exec-child.c',
        find: 'madvise ((void *)&sandbox->report->pid, sizeof sandbox->report->pid, MADV_DONTFORK) < 0',
        replace: '0',
      },
      {
        file: 'native/shim/exec.c',
        find: '!is_own_child (pid)',
        replace: '(is_own_child (pid), 0)',
      },
    ],
  },
  {
    id: 'C-03',
    guard: 'a failure is one of those that an engine knows',
    tests: 'test/cve/c-03-report.test.ts',
    fails: /the container was taken for lost|start a program: clone\(2\): ESRCH/,
    edits: [
      {
        file: 'native/shim/report.c',
        find: 'stage <= TS_STAGE_LAST ? (enum ts_stage)stage : TS_STAGE_START',
        replace: '(enum ts_stage)stage',
      },
    ],
  },
  {
    id: 'C-03',
    guard: 'descriptors that were not asked for are closed',
    tests: 'test/cve/c-03-report.test.ts',
    fails: /descriptors were left in the shim/,
    edits: [{ file: 'native/shim/report.c', find: 'close (all[--count])', replace: 'count--' }],
  },
  {
    id: 'C-04',
    guard: 'what hides a file is made by the shim, and not taken from the image',
    tests: 'test/cve/c-04-05-08.test.ts',
    fails: /to be 'end/,
    edits: [
      {
        file: 'native/shim/rootfs.c',
        find: 'cleanup_close int cover = sys_open_tree (mask, S_ISDIR (st.st_mode) ? "directory" : "file",',
        replace:
          'cleanup_close int cover = sys_open_tree (S_ISDIR (st.st_mode) ? mask : mask_root, S_ISDIR (st.st_mode) ? "directory" : "dev/null",',
      },
      {
        file: 'native/shim/rootfs.c',
        find: 'static int mask_path (int mask, int target)\n',
        replace: 'static int mask_root;\n\nstatic int mask_path (int mask, int target)\n',
      },
      {
        file: 'native/shim/rootfs.c',
        find: 'const struct ts_ref *masked = spec_items (spec, spec->masked);\n',
        replace:
          'const struct ts_ref *masked = spec_items (spec, spec->masked);\n  mask_root = sandbox->root;\n',
      },
    ],
  },
  {
    id: 'C-05',
    guard: 'the console is the terminal that is open, and not what has its name',
    tests: 'test/cve/c-04-05-08.test.ts',
    fails: /"secret"|terminal/,
    edits: [
      {
        file: 'native/shim/console.c',
        find: `sys_open_tree (sandbox->slave, "",
                                    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH)`,
        replace: `sys_open_tree (sandbox->root, "dev/pts/0", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)`,
      },
    ],
  },
  {
    id: 'C-06',
    guard: 'parameters are written to a procfs of the shim’s own, which is proven to be one',
    tests: 'test/cve/c-06-07-09.test.ts',
    fails: /to be '(77|fake)'/,
    edits: [
      {
        file: 'native/shim/rootfs.c',
        find: 'write_sysctl (sandbox->proc, name,',
        replace: 'write_sysctl (open_below (sandbox->root, "/proc", O_PATH), name,',
      },
      { file: 'native/shim/rootfs.c', find: 'fs.f_type != PROC_SUPER_MAGIC', replace: '0' },
    ],
  },
  {
    id: 'C-07',
    guard: 'places of the image are resolved in its root',
    tests: 'test/cve/c-06-07-09.test.ts',
    fails: /made/,
    edits: [
      {
        file: 'native/shim/paths.c',
        find: 'sys_openat2 (root, path, (uint64_t)flags, RESOLVE_NO_MAGICLINKS | how);',
        replace: `sys_openat2 (root, path[0] != '/' ? path : path[1] == 0 ? "." : path + 1,
                            (uint64_t)flags, how & ~(uint64_t)RESOLVE_IN_ROOT);`,
      },
    ],
  },
  {
    id: 'C-08',
    guard: 'places of mounts are resolved in the root',
    tests: 'test/cve/c-04-05-08.test.ts',
    fails: /inner|other/,
    edits: [
      {
        file: 'native/shim/paths.c',
        find: 'sys_openat2 (root, path, (uint64_t)flags, RESOLVE_NO_MAGICLINKS | how);',
        replace: `sys_openat2 (root, path[0] != '/' ? path : path[1] == 0 ? "." : path + 1,
                            (uint64_t)flags, how & ~(uint64_t)RESOLVE_IN_ROOT);`,
      },
    ],
  },
  {
    id: 'C-09',
    guard: 'places of the image are resolved in its root',
    tests: 'test/cve/c-06-07-09.test.ts',
    fails: /made|works/,
    edits: [
      {
        file: 'native/shim/paths.c',
        find: 'sys_openat2 (root, path, (uint64_t)flags, RESOLVE_NO_MAGICLINKS | how);',
        replace: `sys_openat2 (root, path[0] != '/' ? path : path[1] == 0 ? "." : path + 1,
                            (uint64_t)flags, how & ~(uint64_t)RESOLVE_IN_ROOT);`,
      },
    ],
  },
  {
    id: 'C-10',
    guard: 'the view of the cgroups is read-only',
    tests: 'test/cve/c-10-17-18-28-30.test.ts',
    fails: /remounted\|wrote\|made/,
    edits: [
      {
        file: 'engine/runtime/cgroup-view.ts',
        find: 'flags: flags | MS_BIND | MS_RDONLY,',
        replace: 'flags: flags | MS_BIND,',
      },
      {
        file: 'engine/runtime/spec.ts',
        find: "isCovered ? ['/sys/fs/cgroup'] : []",
        replace: 'isCovered ? [] : []',
      },
    ],
  },
  {
    id: 'C-11',
    guard: 'nothing is inheritable',
    tests: 'test/cve/c-11-13-16.test.ts',
    fails: /0000000000000000/,
    edits: [
      {
        file: 'engine/runtime/capabilities.ts',
        find: 'permitted: held, inheritable: 0n,',
        replace: 'permitted: held, inheritable: set,',
      },
    ],
  },
  {
    id: 'C-12',
    guard: 'sums of offsets and lengths are made of 64 bits',
    tests: 'native',
    filter: '../../native/build/test/shim/spec.test.run',
    fails: /spec\.test|AddressSanitizer|runtime error/,
    edits: [
      {
        file: 'native/shim/spec.c',
        find: 'uint64_t end = (uint64_t)ref.offset + ref.length;',
        replace: 'uint32_t end = ref.offset + ref.length;',
      },
    ],
  },
  {
    id: 'C-13',
    guard: 'digits are a number',
    tests: 'test/cve/c-11-13-16.test.ts',
    fails: /'?0 0/,
    edits: [
      {
        file: 'engine/containers/user.ts',
        find: "const uid = text === '' ? 0 : parseNumber(text, 'user');",
        replace:
          "const isName = entries.some(({ name }) => name === text);\n  const uid = text === '' ? 0 : isName ? null : parseNumber(text, 'user');",
      },
    ],
  },
  {
    id: 'C-14',
    guard: 'digits are a number, and one out of range is an error',
    tests: 'test/cve/c-11-13-16.test.ts',
    fails: /0\\n/,
    edits: [
      {
        file: 'engine/containers/user.ts',
        find: 'if (id === null) throw invalid(`uids and gids must be in range 0-${largestId}: ${what} ${text}`);\n  return id;',
        replace: 'return id;',
      },
    ],
  },
  {
    id: 'C-15',
    guard: 'the primary group is among the supplementary ones',
    tests: 'test/cve/c-11-13-16.test.ts',
    fails: /0 50 1000|44 1000|Permission denied/,
    edits: [
      {
        file: 'engine/containers/user.ts',
        find: '[...new Set([gid, ...memberships, ...added])]',
        replace: '[...new Set([...memberships, ...added])]',
      },
    ],
  },
  {
    id: 'C-16',
    guard: 'only so much of a regular file is read',
    tests: 'test/cve/c-11-13-16.test.ts',
    fails: /to be less than/,
    edits: [
      {
        file: 'engine/images/snapshots.ts',
        find: 'const mostFileBytes = 1 << 20;',
        replace: 'const mostFileBytes = 2 ** 29;',
      },
    ],
  },
  {
    id: 'C-20',
    guard: 'a copy is the work of the engine itself',
    tests: 'test/cve/c-20-22-31.test.ts',
    fails: /execve/,
    edits: [
      {
        file: 'engine/containers/files/archive.ts',
        find: "    publishContainer(ctx, opened.container, { action: 'archive-path' });\n",
        replace:
          "    publishContainer(ctx, opened.container, { action: 'archive-path' });\n    process.getBuiltinModule('node:child_process').spawnSync('tar', ['--version']);\n",
      },
    ],
  },
  {
    id: 'C-31',
    guard: 'the processes of a container are read by the engine itself',
    tests: 'test/cve/c-20-22-31.test.ts',
    fails: /execve|top/,
    edits: [
      {
        file: 'engine/containers/top.ts',
        find: 'return wanted === defaultArguments ? fromProc(pids) : await fromPs(pids, wanted);',
        replace: 'return wanted === "" ? fromProc(pids) : await fromPs(pids, wanted);',
      },
    ],
  },
  {
    id: 'C-17',
    guard:
      'only parameters of the container’s own namespaces are written, by names that lead nowhere else',
    tests: 'test/cve/c-10-17-18-28-30.test.ts',
    fails: /to be '\d+'/,
    edits: [
      {
        file: 'engine/runtime/sysctls.ts',
        find: 'checkScope(name, path, scope);',
        replace: 'if (path === name) checkScope(name, path, scope);',
      },
    ],
  },
  {
    id: 'C-18',
    guard: 'mounting takes a capability that containers lack',
    tests: 'test/cve/c-10-17-18-28-30.test.ts',
    fails: /mounted/,
    edits: [
      {
        file: 'engine/runtime/capabilities.ts',
        find: "  'KILL',\n  'AUDIT_WRITE',\n];",
        replace: "  'KILL',\n  'AUDIT_WRITE',\n  'SYS_ADMIN',\n];",
      },
    ],
  },
  {
    id: 'C-19',
    guard: 'paths of a copy are resolved in the container’s root',
    tests: 'test/cve/c-19.test.ts',
    fails: /SECRET|secret|planted|deep/,
    edits: [
      {
        file: 'native/addon/path.c',
        find: 'syscall (NR_OPENAT2, dir, path[0] != \'\\0\' ? path : ".", &how, sizeof how)',
        replace:
          'syscall (NR_OPENAT2, dir, path[0] == \'\\0\' || strcmp (path, "/") == 0 ? "." : path + (path[0] == \'/\'), &how, sizeof how)',
      },
      {
        file: 'native/addon/path.c',
        find: '.resolve = RESOLVE_ROOT | RESOLVE_MAGICLINKS',
        replace: '.resolve = 0',
      },
    ],
  },
  {
    id: 'C-21',
    guard: 'places of mounts are resolved in the container’s root',
    tests: 'test/cve/c-21-23.test.ts',
    fails: /SECRET|secret|planted/,
    edits: [
      {
        file: 'native/addon/path.c',
        find: 'syscall (NR_OPENAT2, dir, path[0] != \'\\0\' ? path : ".", &how, sizeof how)',
        replace:
          'syscall (NR_OPENAT2, dir, path[0] == \'\\0\' || strcmp (path, "/") == 0 ? "." : path + (path[0] == \'/\'), &how, sizeof how)',
      },
      {
        file: 'native/addon/path.c',
        find: '.resolve = RESOLVE_ROOT | RESOLVE_MAGICLINKS',
        replace: '.resolve = 0',
      },
    ],
  },
  {
    id: 'C-22',
    guard: 'a program that unpacks gets nothing of the engine’s environment',
    tests: 'test/cve/c-20-22-31.test.ts',
    fails: /xz|bzip2|zstd/,
    edits: [
      { file: 'engine/images/unpack-program.ts', find: "    env: { LC_ALL: 'C' },\n", replace: '' },
    ],
  },
  {
    id: 'C-23',
    guard: 'mount points are made in the container’s root, by a thread that sees no other',
    tests: 'test/cve/c-21-23.test.ts',
    fails: /SECRET|secret|planted|made/,
    edits: [
      {
        file: 'native/addon/root.c',
        find: 'root->tree, "", AT_FDCWD, "/", MOVE_F_EMPTY_PATH) < 0)',
        replace: 'root->tree, "", AT_FDCWD, "/mnt", MOVE_F_EMPTY_PATH) < 0)',
      },
      {
        file: 'native/addon/path.c',
        find: 'syscall (NR_OPENAT2, dir, path[0] != \'\\0\' ? path : ".", &how, sizeof how)',
        replace:
          'syscall (NR_OPENAT2, dir, path[0] == \'\\0\' || strcmp (path, "/") == 0 ? "." : path + (path[0] == \'/\'), &how, sizeof how)',
      },
      {
        file: 'native/addon/path.c',
        find: '.resolve = RESOLVE_ROOT | RESOLVE_MAGICLINKS',
        replace: '.resolve = 0',
      },
    ],
  },
  {
    id: 'C-24',
    guard: 'sockets have a file in a directory that nobody else may enter',
    tests: 'test/cve/c-24-27.test.ts',
    fails: /@tscompose/,
    edits: [
      {
        file: 'native/shim/control.c',
        find: '  control->listen_fd = fd;\n',
        replace: `  struct sockaddr_un abstract = { .sun_family = AF_UNIX };
  memcpy (abstract.sun_path + 1, "tscompose", 9);
  int other = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bind (other, (struct sockaddr *)&abstract, sizeof abstract.sun_family + 10);
  listen (other, 1);
  control->listen_fd = fd;
`,
      },
      {
        file: 'native/shim/control.c',
        find: '#include <sys/uio.h>\n',
        replace: '#include <sys/uio.h>\n#include <sys/un.h>\n',
      },
    ],
  },
  {
    id: 'C-25',
    guard: 'directories are the engine’s alone',
    tests: 'test/cve/c-24-27.test.ts',
    fails: /448|0o700|to be 1|\+ {2}0/,
    edits: [
      {
        file: 'engine/store/layout.ts',
        find: 'await makePath(root, 0o700);',
        replace: 'await makePath(root, 0o755);',
      },
      {
        file: 'engine/store/layout.ts',
        find: 'mkdir(path, { recursive: true, mode: 0o700 })',
        replace: 'mkdir(path, { recursive: true, mode: 0o755 })',
      },
      {
        file: 'engine/store/layout.ts',
        find: 'if ((stat.mode & 0o777) !== 0o700) await chmod(root, 0o700);',
        replace: '',
      },
    ],
  },
  {
    id: 'C-26',
    guard: 'directories are the engine’s alone',
    tests: 'test/cve/c-24-27.test.ts',
    fails: /Permission denied/,
    edits: [
      {
        file: 'engine/images/snapshots.ts',
        find: 'for (const path of directories) await mkdir(path, { recursive: true, mode: 0o700 });',
        replace:
          'for (const path of directories) await mkdir(path, { recursive: true, mode: 0o755 });',
      },
      {
        file: 'engine/images/layer-store.ts',
        find: 'await mkdir(directories.layers, { recursive: true, mode: 0o700 });',
        replace: 'await mkdir(directories.layers, { recursive: true, mode: 0o755 });',
      },
      {
        file: 'engine/images/layer-store.ts',
        find: 'makeDirectoryAt(unpacking, name, 0o700);',
        replace: 'makeDirectoryAt(unpacking, name, 0o755);',
      },
      {
        file: 'engine/store/layout.ts',
        find: 'await makePath(root, 0o700);',
        replace: 'await makePath(root, 0o755);',
      },
      {
        file: 'engine/store/layout.ts',
        find: 'mkdir(path, { recursive: true, mode: 0o700 })',
        replace: 'mkdir(path, { recursive: true, mode: 0o755 })',
      },
      {
        file: 'engine/store/layout.ts',
        find: 'if ((stat.mode & 0o777) !== 0o700) await chmod(root, 0o700);',
        replace: '',
      },
    ],
  },
  {
    id: 'C-27',
    guard: 'helpers have an empty environment',
    tests: 'test/cve/c-24-27.test.ts',
    fails: /evil/,
    edits: [
      {
        file: 'engine/runtime/early-shim.ts',
        find: 'static spawn(id: string)',
        replace: 'static spawn(id: string, env: readonly string[] = [])',
      },
      { file: 'engine/runtime/early-shim.ts', find: '      env: [],\n', replace: '      env,\n' },
      {
        file: 'engine/containers/launch.ts',
        find: 'EarlyShim.spawn(record.id)',
        replace: 'EarlyShim.spawn(record.id, record.config.Env ?? [])',
      },
    ],
  },
  {
    id: 'C-28',
    guard: 'the filter looks at the family',
    tests: 'test/cve/c-10-17-18-28-30.test.ts',
    fails: /64 38 97|64 40 0/,
    edits: [
      {
        file: 'engine/runtime/seccomp-profile.ts',
        find: "test: { kind: 'none-of', values: [38, 40] }",
        replace: "test: { kind: 'none-of', values: [9998, 9999] }",
      },
    ],
  },
  {
    id: 'C-29',
    guard: 'what counts for everybody is hidden',
    tests: 'test/cve/c-10-17-18-28-30.test.ts',
    fails: /interrupts/,
    edits: [
      { file: 'engine/runtime/masked-paths.ts', find: "  '/proc/interrupts',\n", replace: '' },
    ],
  },
  {
    id: 'C-30',
    guard: 'keys are hidden',
    tests: 'test/cve/c-10-17-18-28-30.test.ts',
    fails: /keys/,
    edits: [{ file: 'engine/runtime/masked-paths.ts', find: "  '/proc/keys',\n", replace: '' }],
  },
  {
    id: 'C-63',
    guard: 'places of given files are resolved in the root',
    tests: 'test/cve/c-63.test.ts',
    fails: /\[ 'new', 'token' \] to deeply equal/,
    edits: [
      {
        file: 'native/shim/paths.c',
        find: 'sys_openat2 (root, path, (uint64_t)flags, RESOLVE_NO_MAGICLINKS | how);',
        replace: `sys_openat2 (root, path[0] != '/' ? path : path[1] == 0 ? "." : path + 1,
                            (uint64_t)flags, how & ~(uint64_t)RESOLVE_IN_ROOT);`,
      },
    ],
  },
];

/** Throws unless each text is there exactly once. */
export function applyEdits(source, edits) {
  return edits.reduce((text, { file, find, replace }) => {
    const count = text.split(find).length - 1;
    if (count !== 1) throw new Error(`${file} has this ${count} times instead of once:\n${find}`);
    return text.replace(find, () => replace);
  }, source);
}

/**
 * Which system calls a container may make, as data. A call named nowhere here is refused with EPERM: the kernel knows
 * it and we mean no. A number that our tables do not know at all gives ENOSYS, so that a libc newer than this file
 * falls back to what it used before instead of failing.
 */
import type { CapabilityName } from './capabilities.ts';

/** Names, as the tables spell them. One that an architecture does not have is no mistake. */
type Calls = string;

/** Allowed to everyone, whatever the arguments. */
export const allowed: Readonly<Record<string, Calls>> = {
  files: `access cachestat chdir chmod chown close close_range copy_file_range creat dup dup2 dup3 faccessat
    faccessat2 fadvise64 fallocate fchdir fchmod fchmodat fchmodat2 fchown fchownat fcntl fdatasync flock fstat
    fstatfs fsync ftruncate futimesat getcwd getdents getdents64 ioctl lchown link linkat listmount lseek lstat mkdir
    mkdirat mknod mknodat name_to_handle_at newfstatat open openat openat2 pipe pipe2 pread64 preadv preadv2 pwrite64
    pwritev pwritev2 read readahead readlink readlinkat readv rename renameat renameat2 rmdir sendfile splice stat
    statfs statmount statx symlink symlinkat sync sync_file_range syncfs tee truncate umask unlink unlinkat utime
    utimensat utimes vmsplice write writev`,
  attributes: `fgetxattr flistxattr fremovexattr fsetxattr getxattr getxattrat lgetxattr listxattr listxattrat
    llistxattr lremovexattr lsetxattr removexattr removexattrat setxattr setxattrat`,
  notification: `epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old
    eventfd eventfd2 fanotify_mark inotify_add_watch inotify_init inotify_init1 inotify_rm_watch poll ppoll pselect6
    select signalfd signalfd4`,
  asynchronousIo: `io_cancel io_destroy io_getevents io_pgetevents io_setup io_submit ioprio_get ioprio_set`,
  memory: `brk madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock mlock2 mlockall mmap mprotect
    mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect process_mrelease
    remap_file_pages`,
  processes: `execve execveat exit exit_group fork getcpu getpgid getpgrp getpid getppid getpriority getrlimit getrusage
    getsid gettid kill pause pidfd_open pidfd_send_signal prctl prlimit64 process_vm_readv process_vm_writev ptrace
    restart_syscall rseq set_tid_address setpgid setpriority setrlimit setsid tgkill times tkill vfork wait4 waitid`,
  threads: `arch_prctl futex futex_requeue futex_wait futex_waitv futex_wake get_robust_list get_thread_area modify_ldt
    set_robust_list set_thread_area`,
  // Made by the kernel's own trampolines; it lets them pass any filter (Linux 6.14, kernel/seccomp.c).
  probes: 'uprobe uretprobe',
  scheduling: `sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam
    sched_getscheduler sched_rr_get_interval sched_setaffinity sched_setattr sched_setparam sched_setscheduler
    sched_yield`,
  signals: `rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait
    rt_tgsigqueueinfo sigaltstack`,
  credentials: `capget capset getegid geteuid getgid getgroups getresgid getresuid getuid setfsgid setfsuid setgid
    setgroups setregid setresgid setresuid setreuid setuid`,
  confinement: `landlock_add_rule landlock_create_ruleset landlock_restrict_self seccomp`,
  network: `accept accept4 bind connect getpeername getsockname getsockopt listen recvfrom recvmmsg recvmsg sendmmsg
    sendmsg sendto setsockopt shutdown socketpair`,
  messages: `mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink msgctl msgget msgrcv msgsnd semctl
    semget semop semtimedop shmat shmctl shmdt shmget`,
  // Setting the clock needs CAP_SYS_TIME whatever the filter says; reading goes through adjtimex(2) as well.
  time: `adjtimex alarm clock_adjtime clock_getres clock_gettime clock_nanosleep getitimer gettimeofday nanosleep
    setitimer time timer_create timer_delete timer_getoverrun timer_gettime timer_settime timerfd_create
    timerfd_gettime timerfd_settime`,
  system: `getrandom sysinfo uname`,
  // i386 has calls of its own for 32-bit ids, 64-bit offsets and times, and multiplexers whose inner call a filter
  // cannot see: socketcall(2) reaches AF_ALG, as it does with Docker.
  compat: `_llseek _newselect chown32 clock_adjtime64 clock_getres_time64 clock_gettime64 clock_nanosleep_time64
    fadvise64_64 fchown32 fcntl64 fstat64 fstatat64 fstatfs64 ftruncate64 futex_time64 getegid32 geteuid32 getgid32
    getgroups32 getresgid32 getresuid32 getuid32 io_pgetevents_time64 ipc lchown32 lstat64 mmap2
    mq_timedreceive_time64 mq_timedsend_time64 ppoll_time64 pselect6_time64 recvmmsg_time64 rt_sigtimedwait_time64
    sched_rr_get_interval_time64 semtimedop_time64 sendfile64 setfsgid32 setfsuid32 setgid32 setgroups32 setregid32
    setresgid32 setresuid32 setreuid32 setuid32 sigprocmask sigreturn socketcall stat64 statfs64 timer_gettime64
    timer_settime64 timerfd_gettime64 timerfd_settime64 truncate64 ugetrlimit utimensat_time64 waitpid`,
};

/** Allowed to whoever holds the capability, and of use to nobody else. */
export const allowedWith: readonly (readonly [capability: CapabilityName, calls: Calls])[] = [
  ['DAC_READ_SEARCH', 'open_by_handle_at'],
  [
    'SYS_ADMIN',
    `bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr lsm_list_modules
      lsm_set_self_attr mount mount_setattr move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname
      sethostname setns syslog umount umount2 unshare`,
  ],
  ['SYS_BOOT', 'reboot'],
  ['SYS_CHROOT', 'chroot'],
  ['SYS_MODULE', 'delete_module finit_module init_module'],
  ['SYS_NICE', 'get_mempolicy mbind set_mempolicy set_mempolicy_home_node'],
  ['SYS_PACCT', 'acct'],
  ['SYS_PTRACE', 'kcmp pidfd_getfd process_madvise'],
  ['SYS_RAWIO', 'ioperm iopl'],
  ['SYS_TIME', 'clock_settime clock_settime64 settimeofday stime'],
  ['SYS_TTY_CONFIG', 'vhangup'],
  ['SYSLOG', 'syslog'],
  ['BPF', 'bpf'],
  ['PERFMON', 'perf_event_open'],
];

/** A condition on one argument; where it does not hold the call is refused with EPERM. */
export interface Condition {
  readonly argument: number;
  readonly test:
    /** Its low 32 bits are none of these. */
    | { readonly kind: 'none-of'; readonly values: readonly number[] }
    /** All 64 bits are one of these. */
    | { readonly kind: 'one-of'; readonly values: readonly number[] }
    /** Of its low 32 bits, none of the mask is set. */
    | { readonly kind: 'no-bits'; readonly mask: number };
}

/** Namespaces of clone(2) flags; CLONE_NEWTIME shares its bit with the exit signal and is none there. */
const newNamespaces = 0x7e02_0000;

/** For those that `allowedWith` does not let pass without a look. */
export const conditional: Readonly<Record<string, Condition>> = {
  clone: { argument: 0, test: { kind: 'no-bits', mask: newNamespaces } },
  // PER_LINUX, PER_LINUX32, UNAME26 and both, and the query: other personalities turn off address randomisation or
  // emulate systems nobody has looked at for decades. personality(2).
  personality: {
    argument: 0,
    test: { kind: 'one-of', values: [0, 8, 0x20000, 0x20008, 0xffff_ffff] },
  },
  // AF_ALG writes to the page cache (CVE-2026-31431), AF_VSOCK knows no namespace and reaches the hypervisor. The
  // kernel takes the family from the low 32 bits, so a test of all 64 could be passed with a bit above them.
  socket: { argument: 0, test: { kind: 'none-of', values: [38, 40] } },
};

/** Refused with ENOSYS, to be understood as "use the older call". */
export const unavailable: Calls =
  // Its flags lie behind a pointer, where no filter can look; libc falls back to clone(2).
  // The file attributes of Linux 6.17 have ioctls that do the same.
  'clone3 file_getattr file_setattr';

export function namesOf(calls: Calls): readonly string[] {
  return calls.split(/\s+/).filter((name) => name !== '');
}

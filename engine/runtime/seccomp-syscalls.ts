/**
 * System call numbers by the kernel's name for them. Generated from the headers of Linux 6.1 (asm/unistd_64.h,
 * asm/unistd_32.h and asm-generic/unistd.h as aarch64 configures it) and, for what came later, from the rule that a
 * new call has one number everywhere: 451 (Linux 6.5) to 469 (6.17), beside x86-64's uretprobe (6.11) and uprobe (6.18).
 * A row is the number of its first call and then calls with consecutive numbers.
 */
export const abis = ['x86_64', 'i386', 'aarch64'] as const;
export type Abi = (typeof abis)[number];

/** Since 424 (Linux 5.1) every architecture adds a call under the same number. */
const common: readonly string[] = [
  '424 pidfd_send_signal io_uring_setup io_uring_enter io_uring_register open_tree move_mount',
  '430 fsopen fsconfig fsmount fspick pidfd_open clone3 close_range openat2 pidfd_getfd',
  '439 faccessat2 process_madvise epoll_pwait2 mount_setattr quotactl_fd',
  '444 landlock_create_ruleset landlock_add_rule landlock_restrict_self memfd_secret',
  '448 process_mrelease futex_waitv set_mempolicy_home_node cachestat fchmodat2',
  '453 map_shadow_stack futex_wake futex_wait futex_requeue statmount listmount',
  '459 lsm_get_self_attr lsm_set_self_attr lsm_list_modules mseal setxattrat getxattrat',
  '465 listxattrat removexattrat open_tree_attr file_getattr file_setattr',
];

const x86_64: readonly string[] = [
  '0 read write open close stat fstat lstat poll lseek mmap mprotect munmap brk rt_sigaction',
  '14 rt_sigprocmask rt_sigreturn ioctl pread64 pwrite64 readv writev access pipe select',
  '24 sched_yield mremap msync mincore madvise shmget shmat shmctl dup dup2 pause nanosleep',
  '36 getitimer alarm setitimer getpid sendfile socket connect accept sendto recvfrom sendmsg',
  '47 recvmsg shutdown bind listen getsockname getpeername socketpair setsockopt getsockopt',
  '56 clone fork vfork execve exit wait4 kill uname semget semop semctl shmdt msgget msgsnd',
  '70 msgrcv msgctl fcntl flock fsync fdatasync truncate ftruncate getdents getcwd chdir fchdir',
  '82 rename mkdir rmdir creat link unlink symlink readlink chmod fchmod chown fchown lchown',
  '95 umask gettimeofday getrlimit getrusage sysinfo times ptrace getuid syslog getgid setuid',
  '106 setgid geteuid getegid setpgid getppid getpgrp setsid setreuid setregid getgroups',
  '116 setgroups setresuid getresuid setresgid getresgid getpgid setfsuid setfsgid getsid',
  '125 capget capset rt_sigpending rt_sigtimedwait rt_sigqueueinfo rt_sigsuspend sigaltstack',
  '132 utime mknod uselib personality ustat statfs fstatfs sysfs getpriority setpriority',
  '142 sched_setparam sched_getparam sched_setscheduler sched_getscheduler',
  '146 sched_get_priority_max sched_get_priority_min sched_rr_get_interval mlock munlock',
  '151 mlockall munlockall vhangup modify_ldt pivot_root _sysctl prctl arch_prctl adjtimex',
  '160 setrlimit chroot sync acct settimeofday mount umount2 swapon swapoff reboot sethostname',
  '171 setdomainname iopl ioperm create_module init_module delete_module get_kernel_syms',
  '178 query_module quotactl nfsservctl getpmsg putpmsg afs_syscall tuxcall security gettid',
  '187 readahead setxattr lsetxattr fsetxattr getxattr lgetxattr fgetxattr listxattr llistxattr',
  '196 flistxattr removexattr lremovexattr fremovexattr tkill time futex sched_setaffinity',
  '204 sched_getaffinity set_thread_area io_setup io_destroy io_getevents io_submit io_cancel',
  '211 get_thread_area lookup_dcookie epoll_create epoll_ctl_old epoll_wait_old',
  '216 remap_file_pages getdents64 set_tid_address restart_syscall semtimedop fadvise64',
  '222 timer_create timer_settime timer_gettime timer_getoverrun timer_delete clock_settime',
  '228 clock_gettime clock_getres clock_nanosleep exit_group epoll_wait epoll_ctl tgkill utimes',
  '236 vserver mbind set_mempolicy get_mempolicy mq_open mq_unlink mq_timedsend mq_timedreceive',
  '244 mq_notify mq_getsetattr kexec_load waitid add_key request_key keyctl ioprio_set',
  '252 ioprio_get inotify_init inotify_add_watch inotify_rm_watch migrate_pages openat mkdirat',
  '259 mknodat fchownat futimesat newfstatat unlinkat renameat linkat symlinkat readlinkat',
  '268 fchmodat faccessat pselect6 ppoll unshare set_robust_list get_robust_list splice tee',
  '277 sync_file_range vmsplice move_pages utimensat epoll_pwait signalfd timerfd_create',
  '284 eventfd fallocate timerfd_settime timerfd_gettime accept4 signalfd4 eventfd2',
  '291 epoll_create1 dup3 pipe2 inotify_init1 preadv pwritev rt_tgsigqueueinfo perf_event_open',
  '299 recvmmsg fanotify_init fanotify_mark prlimit64 name_to_handle_at open_by_handle_at',
  '305 clock_adjtime syncfs sendmmsg setns getcpu process_vm_readv process_vm_writev kcmp',
  '313 finit_module sched_setattr sched_getattr renameat2 seccomp getrandom memfd_create',
  '320 kexec_file_load bpf execveat userfaultfd membarrier mlock2 copy_file_range preadv2',
  '328 pwritev2 pkey_mprotect pkey_alloc pkey_free statx io_pgetevents rseq uretprobe uprobe',
];

const i386: readonly string[] = [
  '0 restart_syscall exit fork read write open close waitpid creat link unlink execve chdir',
  '13 time mknod chmod lchown break oldstat lseek getpid mount umount setuid getuid stime',
  '26 ptrace alarm oldfstat pause utime stty gtty access nice ftime sync kill rename mkdir',
  '40 rmdir dup pipe times prof brk setgid getgid signal geteuid getegid acct umount2 lock',
  '54 ioctl fcntl mpx setpgid ulimit oldolduname umask chroot ustat dup2 getppid getpgrp setsid',
  '67 sigaction sgetmask ssetmask setreuid setregid sigsuspend sigpending sethostname setrlimit',
  '76 getrlimit getrusage gettimeofday settimeofday getgroups setgroups select symlink oldlstat',
  '85 readlink uselib swapon reboot readdir mmap munmap truncate ftruncate fchmod fchown',
  '96 getpriority setpriority profil statfs fstatfs ioperm socketcall syslog setitimer',
  '105 getitimer stat lstat fstat olduname iopl vhangup idle vm86old wait4 swapoff sysinfo ipc',
  '118 fsync sigreturn clone setdomainname uname modify_ldt adjtimex mprotect sigprocmask',
  '127 create_module init_module delete_module get_kernel_syms quotactl getpgid fchdir bdflush',
  '135 sysfs personality afs_syscall setfsuid setfsgid _llseek getdents _newselect flock msync',
  '145 readv writev getsid fdatasync _sysctl mlock munlock mlockall munlockall sched_setparam',
  '155 sched_getparam sched_setscheduler sched_getscheduler sched_yield sched_get_priority_max',
  '160 sched_get_priority_min sched_rr_get_interval nanosleep mremap setresuid getresuid vm86',
  '167 query_module poll nfsservctl setresgid getresgid prctl rt_sigreturn rt_sigaction',
  '175 rt_sigprocmask rt_sigpending rt_sigtimedwait rt_sigqueueinfo rt_sigsuspend pread64',
  '181 pwrite64 chown getcwd capget capset sigaltstack sendfile getpmsg putpmsg vfork',
  '191 ugetrlimit mmap2 truncate64 ftruncate64 stat64 lstat64 fstat64 lchown32 getuid32',
  '200 getgid32 geteuid32 getegid32 setreuid32 setregid32 getgroups32 setgroups32 fchown32',
  '208 setresuid32 getresuid32 setresgid32 getresgid32 chown32 setuid32 setgid32 setfsuid32',
  '216 setfsgid32 pivot_root mincore madvise getdents64 fcntl64',
  '224 gettid readahead setxattr lsetxattr fsetxattr getxattr lgetxattr fgetxattr listxattr',
  '233 llistxattr flistxattr removexattr lremovexattr fremovexattr tkill sendfile64 futex',
  '241 sched_setaffinity sched_getaffinity set_thread_area get_thread_area io_setup io_destroy',
  '247 io_getevents io_submit io_cancel fadvise64',
  '252 exit_group lookup_dcookie epoll_create epoll_ctl epoll_wait remap_file_pages',
  '258 set_tid_address timer_create timer_settime timer_gettime timer_getoverrun timer_delete',
  '264 clock_settime clock_gettime clock_getres clock_nanosleep statfs64 fstatfs64 tgkill',
  '271 utimes fadvise64_64 vserver mbind get_mempolicy set_mempolicy mq_open mq_unlink',
  '279 mq_timedsend mq_timedreceive mq_notify mq_getsetattr kexec_load waitid',
  '286 add_key request_key keyctl ioprio_set ioprio_get inotify_init inotify_add_watch',
  '293 inotify_rm_watch migrate_pages openat mkdirat mknodat fchownat futimesat fstatat64',
  '301 unlinkat renameat linkat symlinkat readlinkat fchmodat faccessat pselect6 ppoll unshare',
  '311 set_robust_list get_robust_list splice sync_file_range tee vmsplice move_pages getcpu',
  '319 epoll_pwait utimensat signalfd timerfd_create eventfd fallocate timerfd_settime',
  '326 timerfd_gettime signalfd4 eventfd2 epoll_create1 dup3 pipe2 inotify_init1 preadv pwritev',
  '335 rt_tgsigqueueinfo perf_event_open recvmmsg fanotify_init fanotify_mark prlimit64',
  '341 name_to_handle_at open_by_handle_at clock_adjtime syncfs sendmmsg setns process_vm_readv',
  '348 process_vm_writev kcmp finit_module sched_setattr sched_getattr renameat2 seccomp',
  '355 getrandom memfd_create bpf execveat socket socketpair bind connect listen accept4',
  '365 getsockopt setsockopt getsockname getpeername sendto sendmsg recvfrom recvmsg shutdown',
  '374 userfaultfd membarrier mlock2 copy_file_range preadv2 pwritev2 pkey_mprotect pkey_alloc',
  '382 pkey_free statx arch_prctl io_pgetevents rseq',
  '393 semget semctl shmget shmctl shmat shmdt msgget msgsnd msgrcv msgctl clock_gettime64',
  '404 clock_settime64 clock_adjtime64 clock_getres_time64 clock_nanosleep_time64',
  '408 timer_gettime64 timer_settime64 timerfd_gettime64 timerfd_settime64 utimensat_time64',
  '413 pselect6_time64 ppoll_time64',
  '416 io_pgetevents_time64 recvmmsg_time64 mq_timedsend_time64 mq_timedreceive_time64',
  '420 semtimedop_time64 rt_sigtimedwait_time64 futex_time64 sched_rr_get_interval_time64',
];

const aarch64: readonly string[] = [
  '0 io_setup io_destroy io_submit io_cancel io_getevents setxattr lsetxattr fsetxattr getxattr',
  '9 lgetxattr fgetxattr listxattr llistxattr flistxattr removexattr lremovexattr fremovexattr',
  '17 getcwd lookup_dcookie eventfd2 epoll_create1 epoll_ctl epoll_pwait dup dup3 fcntl',
  '26 inotify_init1 inotify_add_watch inotify_rm_watch ioctl ioprio_set ioprio_get flock',
  '33 mknodat mkdirat unlinkat symlinkat linkat renameat umount2 mount pivot_root nfsservctl',
  '43 statfs fstatfs truncate ftruncate fallocate faccessat chdir fchdir chroot fchmod fchmodat',
  '54 fchownat fchown openat close vhangup pipe2 quotactl getdents64 lseek read write readv',
  '66 writev pread64 pwrite64 preadv pwritev sendfile pselect6 ppoll signalfd4 vmsplice splice',
  '77 tee readlinkat newfstatat fstat sync fsync fdatasync sync_file_range timerfd_create',
  '86 timerfd_settime timerfd_gettime utimensat acct capget capset personality exit exit_group',
  '95 waitid set_tid_address unshare futex set_robust_list get_robust_list nanosleep getitimer',
  '103 setitimer kexec_load init_module delete_module timer_create timer_gettime',
  '109 timer_getoverrun timer_settime timer_delete clock_settime clock_gettime clock_getres',
  '115 clock_nanosleep syslog ptrace sched_setparam sched_setscheduler sched_getscheduler',
  '121 sched_getparam sched_setaffinity sched_getaffinity sched_yield sched_get_priority_max',
  '126 sched_get_priority_min sched_rr_get_interval restart_syscall kill tkill tgkill',
  '132 sigaltstack rt_sigsuspend rt_sigaction rt_sigprocmask rt_sigpending rt_sigtimedwait',
  '138 rt_sigqueueinfo rt_sigreturn setpriority getpriority reboot setregid setgid setreuid',
  '146 setuid setresuid getresuid setresgid getresgid setfsuid setfsgid times setpgid getpgid',
  '156 getsid setsid getgroups setgroups uname sethostname setdomainname getrlimit setrlimit',
  '165 getrusage umask prctl getcpu gettimeofday settimeofday adjtimex getpid getppid getuid',
  '175 geteuid getgid getegid gettid sysinfo mq_open mq_unlink mq_timedsend mq_timedreceive',
  '184 mq_notify mq_getsetattr msgget msgctl msgrcv msgsnd semget semctl semtimedop semop',
  '194 shmget shmctl shmat shmdt socket socketpair bind listen accept connect getsockname',
  '205 getpeername sendto recvfrom setsockopt getsockopt shutdown sendmsg recvmsg readahead brk',
  '215 munmap mremap add_key request_key keyctl clone execve mmap fadvise64 swapon swapoff',
  '226 mprotect msync mlock munlock mlockall munlockall mincore madvise remap_file_pages mbind',
  '236 get_mempolicy set_mempolicy migrate_pages move_pages rt_tgsigqueueinfo perf_event_open',
  '242 accept4 recvmmsg',
  '260 wait4 prlimit64 fanotify_init fanotify_mark name_to_handle_at open_by_handle_at',
  '266 clock_adjtime syncfs setns sendmmsg process_vm_readv process_vm_writev kcmp finit_module',
  '274 sched_setattr sched_getattr renameat2 seccomp getrandom memfd_create bpf execveat',
  '282 userfaultfd membarrier mlock2 copy_file_range preadv2 pwritev2 pkey_mprotect pkey_alloc',
  '290 pkey_free statx io_pgetevents rseq kexec_file_load',
];

const rows: Readonly<Record<Abi, readonly string[]>> = {
  x86_64: [...x86_64, ...common],
  i386: [...i386, ...common],
  aarch64: [...aarch64, ...common],
};

/** name → number */
export function syscallNumbers(abi: Abi): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>();
  for (const row of rows[abi]) {
    const [first = '', ...names] = row.split(' ');
    names.forEach((name, index) => numbers.set(name, Number(first) + index));
  }
  return numbers;
}

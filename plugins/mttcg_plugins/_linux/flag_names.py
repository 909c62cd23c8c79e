"""Names of the numbers that system calls take, as ISAs have them that came to Linux later.

Sources: linux: include/uapi/asm-generic/ (fcntl.h, mman-common.h, signal.h, ioctls.h, resource.h),
include/uapi/linux/ (fcntl.h, sched.h, futex.h, wait.h, time.h, random.h, mount.h, eventpoll.h,
socket.h), include/linux/socket.h.
"""

from collections.abc import Mapping

SIGNALS = dict(
    enumerate(
        "SIGHUP SIGINT SIGQUIT SIGILL SIGTRAP SIGABRT SIGBUS SIGFPE SIGKILL SIGUSR1 SIGSEGV SIGUSR2"
        " SIGPIPE SIGALRM SIGTERM SIGSTKFLT SIGCHLD SIGCONT SIGSTOP SIGTSTP SIGTTIN SIGTTOU SIGURG"
        " SIGXCPU SIGXFSZ SIGVTALRM SIGPROF SIGWINCH SIGIO SIGPWR SIGSYS".split(),
        1,
    )
)
FIRST_REALTIME, LAST_SIGNAL = 32, 64
ACCESS_MODES = {0: "O_RDONLY", 1: "O_WRONLY", 2: "O_RDWR", 3: "O_ACCMODE"}
ACCESS_MODE_BITS = 3
O_CREAT, O_TMPFILE = 0o100, 0o20200000
OPEN_FLAGS = {
    O_CREAT: "O_CREAT",
    0o200: "O_EXCL",
    0o400: "O_NOCTTY",
    0o1000: "O_TRUNC",
    0o2000: "O_APPEND",
    0o4000: "O_NONBLOCK",
    0o4010000: "O_SYNC",
    0o10000: "O_DSYNC",
    0o20000: "FASYNC",
    0o40000: "O_DIRECT",
    0o100000: "O_LARGEFILE",
    0o400000: "O_NOFOLLOW",
    0o1000000: "O_NOATIME",
    0o2000000: "O_CLOEXEC",
    0o10000000: "O_PATH",
    O_TMPFILE: "O_TMPFILE",
    0o200000: "O_DIRECTORY",
}
PROTECTION = {1: "PROT_READ", 2: "PROT_WRITE", 4: "PROT_EXEC"}
MAP_TYPES = {0: "MAP_FILE", 1: "MAP_SHARED", 2: "MAP_PRIVATE", 3: "MAP_SHARED_VALIDATE"}
MAP_TYPE_BITS = 15
MAP_FLAGS = {
    0x10: "MAP_FIXED",
    0x20: "MAP_ANONYMOUS",
    0x100: "MAP_GROWSDOWN",
    0x800: "MAP_DENYWRITE",
    0x1000: "MAP_EXECUTABLE",
    0x2000: "MAP_LOCKED",
    0x4000: "MAP_NORESERVE",
    0x8000: "MAP_POPULATE",
    0x10000: "MAP_NONBLOCK",
    0x20000: "MAP_STACK",
    0x40000: "MAP_HUGETLB",
    0x80000: "MAP_SYNC",
    0x100000: "MAP_FIXED_NOREPLACE",
}
CLONE_SIGNAL_BITS = 0xFF
CLONE_FLAGS = {
    0x100: "CLONE_VM",
    0x200: "CLONE_FS",
    0x400: "CLONE_FILES",
    0x800: "CLONE_SIGHAND",
    0x1000: "CLONE_PIDFD",
    0x2000: "CLONE_PTRACE",
    0x4000: "CLONE_VFORK",
    0x8000: "CLONE_PARENT",
    0x10000: "CLONE_THREAD",
    0x20000: "CLONE_NEWNS",
    0x40000: "CLONE_SYSVSEM",
    0x80000: "CLONE_SETTLS",
    0x100000: "CLONE_PARENT_SETTID",
    0x200000: "CLONE_CHILD_CLEARTID",
    0x400000: "CLONE_DETACHED",
    0x800000: "CLONE_UNTRACED",
    0x1000000: "CLONE_CHILD_SETTID",
    0x2000000: "CLONE_NEWCGROUP",
    0x4000000: "CLONE_NEWUTS",
    0x8000000: "CLONE_NEWIPC",
    0x10000000: "CLONE_NEWUSER",
    0x20000000: "CLONE_NEWPID",
    0x40000000: "CLONE_NEWNET",
    0x80000000: "CLONE_IO",
}
AT_FDCWD = -100
FUTEX_COMMANDS = dict(
    enumerate(
        "FUTEX_WAIT FUTEX_WAKE FUTEX_FD FUTEX_REQUEUE FUTEX_CMP_REQUEUE FUTEX_WAKE_OP FUTEX_LOCK_PI"
        " FUTEX_UNLOCK_PI FUTEX_TRYLOCK_PI FUTEX_WAIT_BITSET FUTEX_WAKE_BITSET"
        " FUTEX_WAIT_REQUEUE_PI FUTEX_CMP_REQUEUE_PI FUTEX_LOCK_PI2".split()
    )
)
FUTEX_PRIVATE, FUTEX_CLOCK = 128, 256
SOCKET_TYPES = {
    1: "SOCK_STREAM",
    2: "SOCK_DGRAM",
    3: "SOCK_RAW",
    4: "SOCK_RDM",
    5: "SOCK_SEQPACKET",
    10: "SOCK_PACKET",
}
SOCKET_TYPE_BITS = 0xF
SOCKET_FLAGS = {0x800: "SOCK_NONBLOCK", 0x80000: "SOCK_CLOEXEC"}
FCNTL_COMMANDS = {
    0: "F_DUPFD",
    1: "F_GETFD",
    2: "F_SETFD",
    3: "F_GETFL",
    4: "F_SETFL",
    5: "F_GETLK",
    6: "F_SETLK",
    7: "F_SETLKW",
    8: "F_SETOWN",
    9: "F_GETOWN",
    10: "F_SETSIG",
    11: "F_GETSIG",
    1024: "F_SETLEASE",
    1025: "F_GETLEASE",
    1026: "F_NOTIFY",
    1030: "F_DUPFD_CLOEXEC",
    1031: "F_SETPIPE_SZ",
    1032: "F_GETPIPE_SZ",
    1033: "F_ADD_SEALS",
    1034: "F_GET_SEALS",
}
F_SETFD, F_SETFL = 2, 4
FCNTL_WITHOUT_ARGUMENT = {1, 3, 9, 11, 1025, 1032, 1034}
FCNTL_OF_NUMBERS = {0, 8, 10, 1030, 1031}
BITS: Mapping[str, Mapping[int, str]] = {
    "at_flags": {
        0x100: "AT_SYMLINK_NOFOLLOW",
        0x200: "AT_REMOVEDIR",
        0x400: "AT_SYMLINK_FOLLOW",
        0x800: "AT_NO_AUTOMOUNT",
        0x1000: "AT_EMPTY_PATH",
        0x2000: "AT_STATX_FORCE_SYNC",
        0x4000: "AT_STATX_DONT_SYNC",
    },
    "wait": {
        1: "WNOHANG",
        2: "WSTOPPED",
        4: "WEXITED",
        8: "WCONTINUED",
        0x1000000: "WNOWAIT",
        0x20000000: "__WNOTHREAD",
        0x40000000: "__WALL",
        0x80000000: "__WCLONE",
    },
    "remap": {1: "MREMAP_MAYMOVE", 2: "MREMAP_FIXED", 4: "MREMAP_DONTUNMAP"},
    "random_flags": {1: "GRND_NONBLOCK", 2: "GRND_RANDOM", 4: "GRND_INSECURE"},
    "lock": {1: "LOCK_SH", 2: "LOCK_EX", 4: "LOCK_NB", 8: "LOCK_UN"},
    "mount": {
        1: "MS_RDONLY",
        2: "MS_NOSUID",
        4: "MS_NODEV",
        8: "MS_NOEXEC",
        16: "MS_SYNCHRONOUS",
        32: "MS_REMOUNT",
        1024: "MS_NOATIME",
        4096: "MS_BIND",
        8192: "MS_MOVE",
        16384: "MS_REC",
        32768: "MS_SILENT",
        1 << 21: "MS_RELATIME",
    },
}
"""By kind of argument, what its bits are called."""
VALUES: Mapping[str, Mapping[int, str]] = {
    "whence": {0: "SEEK_SET", 1: "SEEK_CUR", 2: "SEEK_END", 3: "SEEK_DATA", 4: "SEEK_HOLE"},
    "mask_change": {0: "SIG_BLOCK", 1: "SIG_UNBLOCK", 2: "SIG_SETMASK"},
    "epoll": {1: "EPOLL_CTL_ADD", 2: "EPOLL_CTL_DEL", 3: "EPOLL_CTL_MOD"},
    "fcntl": FCNTL_COMMANDS,
    "clock": dict(
        enumerate(
            "CLOCK_REALTIME CLOCK_MONOTONIC CLOCK_PROCESS_CPUTIME_ID CLOCK_THREAD_CPUTIME_ID"
            " CLOCK_MONOTONIC_RAW CLOCK_REALTIME_COARSE CLOCK_MONOTONIC_COARSE CLOCK_BOOTTIME"
            " CLOCK_REALTIME_ALARM CLOCK_BOOTTIME_ALARM".split()
        )
    ),
    "limit": dict(
        enumerate(
            "RLIMIT_CPU RLIMIT_FSIZE RLIMIT_DATA RLIMIT_STACK RLIMIT_CORE RLIMIT_RSS RLIMIT_NPROC"
            " RLIMIT_NOFILE RLIMIT_MEMLOCK RLIMIT_AS RLIMIT_LOCKS RLIMIT_SIGPENDING RLIMIT_MSGQUEUE"
            " RLIMIT_NICE RLIMIT_RTPRIO RLIMIT_RTTIME".split()
        )
    ),
    "advice": {
        0: "MADV_NORMAL",
        1: "MADV_RANDOM",
        2: "MADV_SEQUENTIAL",
        3: "MADV_WILLNEED",
        4: "MADV_DONTNEED",
        8: "MADV_FREE",
        9: "MADV_REMOVE",
        10: "MADV_DONTFORK",
        11: "MADV_DOFORK",
        14: "MADV_HUGEPAGE",
        15: "MADV_NOHUGEPAGE",
        16: "MADV_DONTDUMP",
    },
    "family": {0: "AF_UNSPEC", 1: "AF_UNIX", 2: "AF_INET", 10: "AF_INET6", 16: "AF_NETLINK",
               17: "AF_PACKET"},
    "ioctl": {
        0x5401: "TCGETS",
        0x5402: "TCSETS",
        0x5403: "TCSETSW",
        0x5404: "TCSETSF",
        0x540E: "TIOCSCTTY",
        0x540F: "TIOCGPGRP",
        0x5410: "TIOCSPGRP",
        0x5413: "TIOCGWINSZ",
        0x5414: "TIOCSWINSZ",
        0x541B: "FIONREAD",
        0x5421: "FIONBIO",
        0x5422: "TIOCNOTTY",
    },
}  # fmt: skip
"""By kind of argument, what its values are called."""
ACCESS_CHECKS = {4: "R_OK", 2: "W_OK", 1: "X_OK"}

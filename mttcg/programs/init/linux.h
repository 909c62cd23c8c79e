/* System calls of Linux on riscv64, without a library (linux: include/uapi/asm-generic/unistd.h). */

#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
    CALL_DUP3 = 24,
    CALL_FCNTL = 25,
    CALL_IOCTL = 29,
    CALL_MKDIRAT = 34,
    CALL_SYMLINKAT = 36,
    CALL_MOUNT = 40,
    CALL_CHDIR = 49,
    CALL_OPENAT = 56,
    CALL_CLOSE = 57,
    CALL_PIPE2 = 59,
    CALL_READ = 63,
    CALL_WRITE = 64,
    CALL_PPOLL = 73,
    CALL_SIGNALFD4 = 74,
    CALL_SYNC = 81,
    CALL_EXIT_GROUP = 94,
    CALL_NANOSLEEP = 101,
    CALL_CLOCK_SETTIME = 112,
    CALL_PTRACE = 117,
    CALL_KILL = 129,
    CALL_RT_SIGPROCMASK = 135,
    CALL_SETPGID = 154,
    CALL_CLONE = 220,
    CALL_EXECVE = 221,
    CALL_WAIT4 = 260,
    CALL_FINIT_MODULE = 273,
};

enum {
    AT_FDCWD = -100,
    O_RDONLY = 0,
    O_RDWR = 2,
    O_WRONLY = 1,
    O_NONBLOCK = 04000,
    O_CLOEXEC = 02000000,
    F_SETFL = 4,
    MS_RDONLY = 1,
    POLLIN = 1,
    POLLOUT = 4,
    POLLERR = 8,
    POLLHUP = 16,
    SIG_BLOCK = 0,
    SIG_SETMASK = 2,
    SIGCHLD = 17,
    WNOHANG = 1,
    PTRACE_TRACEME = 0,
    PTRACE_DETACH = 17,
    SIGHUP = 1,
    SIGINT = 2,
    SIGQUIT = 3,
    SIGKILL = 9,
    CLOCK_REALTIME = 0,
    RNDADDENTROPY = 0x40085203,
    RNDRESEEDCRNG = 0x5207,
    ENOENT = 2,
    E2BIG = 7,
    EAGAIN = 11,
    EEXIST = 17,
    EINVAL = 22,
};

struct waited {
    int descriptor;
    short events;
    short found;
};

struct seconds {
    int64_t seconds;
    int64_t nanoseconds;
};

static inline long call(long number, long a, long b, long c, long d, long e)
{
    register long a0 __asm__("a0") = a;
    register long a1 __asm__("a1") = b;
    register long a2 __asm__("a2") = c;
    register long a3 __asm__("a3") = d;
    register long a4 __asm__("a4") = e;
    register long a7 __asm__("a7") = number;
    __asm__ volatile("ecall"
                     : "+r"(a0)
                     : "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a7)
                     : "memory");
    return a0;
}

static inline long read_from(int descriptor, void *data, size_t size)
{
    return call(CALL_READ, descriptor, (long)data, (long)size, 0, 0);
}

static inline long write_to(int descriptor, const void *data, size_t size)
{
    return call(CALL_WRITE, descriptor, (long)data, (long)size, 0, 0);
}

static inline long open_file(const char *path, long flags)
{
    return call(CALL_OPENAT, AT_FDCWD, (long)path, flags | O_CLOEXEC, 0, 0);
}

static inline void close_file(int descriptor)
{
    call(CALL_CLOSE, descriptor, 0, 0, 0, 0);
}

/*
 * What is to be done: records of a letter and a text that ends with a zero byte. Those that are the
 * same for all programs are in the file /kernel, the others come from the host, over the port for
 * control. mttcg/programs/task.py writes them, and the host what only it knows (ports.py).
 *
 * m  a module of the kernel, to be loaded in this order
 * k  the time, nanoseconds since 1970
 * s  what the kernel is to make random numbers of, besides
 * f  a folder to make
 * l  where a symbolic link leads that the next `n` makes
 * n  the path of one
 * t  the tag of a folder that the host shares, which the next `r` or `w` mounts
 * o  the options of that mount
 * r  where to mount it, to be read
 * w  where to mount it, to be written
 * d  the working directory
 * p  the path of the program
 * a  an argument, the first of them the program's name
 * e  a variable of the environment
 * x  the program stands still until the host has seen that it starts
 * 2  standard error goes where standard output goes
 * q  there is no program: the machine ends
 */

#pragma once

#include <stdbool.h>

enum { MOST_WORDS = 4096, MOST_BYTES = 1 << 20, MOST_SEED = 256 };

struct task {
    bool joins_errors;
    bool is_seen;
    const char *folder;
    const char *program;
    const char *arguments[MOST_WORDS + 1];
    const char *variables[MOST_WORDS + 1];
};

/*
 * Where something failed: the run's exit status is 256 times this, and the error's number. Behind
 * the program's start it is the program's own.
 */
enum stage {
    STAGE_EXECUTE = 1,
    STAGE_FOLDER = 2,
    STAGE_MODULE = 3,
    STAGE_MOUNT = 4,
    STAGE_SYSTEM = 5,
    STAGE_ENDED = 256, /* the program has ended: its exit status comes with it */
};

/* Ask the host for something, by semihosting; its answer. */
long call_host(long operation, long parameter);

/* End the machine, with an exit status for whoever runs it. */
_Noreturn void finish(long status);

/* End it since something failed; error: of a system call, negative. */
_Noreturn void fail(enum stage stage, long error);

/* Do what the file /kernel says. */
void task_prepare_kernel(void);

/* Read the records that come from a port, which does not block, behind their length. */
void task_read(int port);

/* Do what the records that were read say is to be done before the program; the rest of them. */
void task_prepare(struct task *task);

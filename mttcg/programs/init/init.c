/*
 * The first process of a Linux that is there for one program (mttcg exec): it loads modules, mounts
 * the host's folders, runs the program with its streams on the ports of a virtio console, passes
 * signals on, and ends the machine with the program's exit status.
 *
 * The program has pipes, which can be opened again by /dev/stdout and have SIGPIPE; this process
 * moves bytes between them and the ports. Of the ports the first is for control:
 *
 * from here  'T': all ports are open, the task may come; 'R': input may come, and signals; 'E': all
 *            output is under way
 * from host  the task: its length in 8 bytes, and its records; then a signal's number, for the
 *            program; 0: all output has gone where it goes to
 */

#include "linux.h"
#include "relay.h"
#include "task.h"

enum { CONTROL, INPUT, OUTPUT, ERRORS, PORTS };
enum { BY_SIGNAL = 0177 };      /* of a status of wait4 */
enum { BEGIN_PROGRAM = 0x100 }; /* of semihosting, among those that are for applications */

static struct task task;
static struct relay relays[PORTS];
static int ports[PORTS];

long call_host(long operation, long parameter)
{
    register long a0 __asm__("a0") = operation;
    register long a1 __asm__("a1") = parameter;
    __asm__ volatile(".option push\n.option norvc\n.balign 16\n"
                     "slli x0, x0, 0x1f\nebreak\nsrai x0, x0, 7\n"
                     ".option pop"
                     : "+r"(a0)
                     : "r"(a1)
                     : "memory");
    return a0;
}

_Noreturn void finish(long status)
{
    long block[2] = {0x20026, status}; /* why, and the status */
    call_host(0x20, (long)block);      /* SYS_EXIT_EXTENDED */
    for (;;) {
        call(CALL_EXIT_GROUP, 1, 0, 0, 0, 0);
    }
}

_Noreturn void fail(enum stage stage, long error)
{
    finish((long)stage << 8 | -error);
}

static long check(long result)
{
    if (result < 0) {
        fail(STAGE_SYSTEM, result);
    }
    return result;
}

static void mount_system(const char *kind, const char *path)
{
    call(CALL_MKDIRAT, AT_FDCWD, (long)path, 0755, 0, 0);
    check(call(CALL_MOUNT, (long)kind, (long)path, (long)kind, 0, 0));
}

static void link_to(const char *target, const char *path)
{
    call(CALL_SYMLINKAT, (long)target, AT_FDCWD, (long)path, 0, 0);
}

static void mount_systems(void)
{
    mount_system("devtmpfs", "/dev");
    mount_system("proc", "/proc");
    mount_system("sysfs", "/sys");
    mount_system("tmpfs", "/dev/shm");
    mount_system("devpts", "/dev/pts");
    link_to("/proc/self/fd", "/dev/fd");
    link_to("/proc/self/fd/0", "/dev/stdin");
    link_to("/proc/self/fd/1", "/dev/stdout");
    link_to("/proc/self/fd/2", "/dev/stderr");
}

static void wait_a_moment(void)
{
    struct seconds moment = {0, 1000000};
    call(CALL_NANOSLEEP, (long)&moment, 0, 0, 0, 0);
}

/* The nodes of ports are made, and the host is known to be there, some time after the driver. */
static void open_ports(void)
{
    char path[] = "/dev/vport0p0";
    for (int port = 0; port < PORTS; port++) {
        path[sizeof path - 2] = (char)('0' + port);
        long opened = open_file(path, O_RDWR | O_NONBLOCK);
        while (opened == -ENOENT) {
            wait_a_moment();
            opened = open_file(path, O_RDWR | O_NONBLOCK);
        }
        ports[port] = (int)check(opened);
        struct waited waited = {ports[port], 0, 0};
        while (check(call(CALL_PPOLL, (long)&waited, 1, (long)&(struct seconds){0, 0}, 0, 0)) > 0) {
            wait_a_moment();
        }
    }
}

static void tell_host(char letter)
{
    struct waited waited = {ports[CONTROL], POLLOUT, 0};
    check(call(CALL_PPOLL, (long)&waited, 1, 0, 0, 0));
    check(write_to(ports[CONTROL], &letter, 1));
}

/*
 * Before its first instruction the machine is the same for all programs: a snapshot is taken there,
 * where the section of that name begins.
 */
__attribute__((noinline, section(".ready"))) static void take_task(void)
{
    tell_host('T');
    task_read(ports[CONTROL]);
}

static void make_pipe(int ends[2])
{
    check(call(CALL_PIPE2, (long)ends, O_CLOEXEC, 0, 0, 0));
}

static void not_blocking(int descriptor)
{
    check(call(CALL_FCNTL, descriptor, F_SETFL, O_NONBLOCK, 0, 0));
}

/* In the new process: become the program; what failed is written to `failed`. */
static _Noreturn void execute(const int streams[3], int failed)
{
    uint64_t none = 0;
    long error[2] = {STAGE_FOLDER, 0};
    call(CALL_SETPGID, 0, 0, 0, 0, 0);
    call(CALL_RT_SIGPROCMASK, SIG_SETMASK, (long)&none, 0, sizeof none, 0);
    for (int stream = 0; stream < 3; stream++) {
        call(CALL_DUP3, streams[stream], stream, 0, 0, 0);
    }
    error[1] = call(CALL_CHDIR, (long)task.folder, 0, 0, 0, 0);
    if (task.is_seen) {
        call(CALL_PTRACE, PTRACE_TRACEME, 0, 0, 0, 0); /* it stops when it has become the program */
    }
    if (error[1] == 0) {
        error[0] = STAGE_EXECUTE;
        error[1] = call(CALL_EXECVE, (long)task.program, (long)task.arguments,
                        (long)task.variables, 0, 0);
    }
    write_to(failed, error, sizeof error);
    call(CALL_EXIT_GROUP, 1, 0, 0, 0, 0);
    __builtin_unreachable();
}

/* The program is there, and has run nothing: let the host know, and let it run when that may be. */
static void show_host(long child)
{
    int status;
    check(call(CALL_WAIT4, child, (long)&status, 0, 0, 0));
    while (call_host(BEGIN_PROGRAM, child) != 1) {
        wait_a_moment();
    }
    check(call(CALL_PTRACE, PTRACE_DETACH, child, 0, 0, 0));
}

static void connect(int relay, int from, int to)
{
    relays[relay].from = from;
    relays[relay].to = to;
}

/* Start the program; its process. */
static long start(void)
{
    int input[2], output[2], errors[2], failed[2];
    make_pipe(input);
    make_pipe(output);
    make_pipe(errors);
    make_pipe(failed);
    int streams[3] = {input[0], output[1], task.joins_errors ? output[1] : errors[1]};
    long child = check(call(CALL_CLONE, SIGCHLD, 0, 0, 0, 0));
    if (child == 0) {
        execute(streams, failed[1]);
    }
    close_file(input[0]);
    close_file(output[1]);
    close_file(errors[1]);
    close_file(failed[1]);
    long error[2];
    if (read_from(failed[0], error, sizeof error) == sizeof error) {
        fail((enum stage)error[0], error[1]);
    }
    close_file(failed[0]);
    if (task.is_seen) {
        show_host(child);
    }
    not_blocking(input[1]);
    not_blocking(output[0]);
    not_blocking(errors[0]);
    connect(INPUT, ports[INPUT], input[1]);
    connect(OUTPUT, output[0], ports[OUTPUT]);
    connect(ERRORS, errors[0], ports[ERRORS]);
    return child;
}

/* Pass signals on: those of a terminal go to all processes of a group, as there. */
static void take_signals(long child)
{
    unsigned char numbers[16];
    long taken = read_from(ports[CONTROL], numbers, sizeof numbers);
    for (long at = 0; at < taken; at++) {
        int number = numbers[at];
        bool is_terminals = number == SIGHUP || number == SIGINT || number == SIGQUIT;
        call(CALL_KILL, is_terminals ? -child : child, number, 0, 0, 0);
    }
}

/* Bury who has died; whether `child` has, whose status is stored then. */
static bool bury(long child, int *status)
{
    bool is_dead = false;
    int found;
    long number;
    while ((number = call(CALL_WAIT4, -1, (long)&found, WNOHANG, 0, 0)) > 0) {
        if (number == child) {
            is_dead = true;
            *status = found;
        }
    }
    return is_dead;
}

/*
 * Move bytes and pass signals on until the program is dead, and all that was written has gone to
 * its port; the status of the program. What it leaves is killed, so that both streams end.
 */
static int attend(long child, int deaths)
{
    int status = 0;
    bool is_dead = false;
    while (!is_dead || !relay_has_ended(&relays[OUTPUT]) || !relay_has_ended(&relays[ERRORS])) {
        struct waited waited[PORTS + 1];
        waited[CONTROL] = (struct waited){ports[CONTROL], POLLIN, 0};
        for (int stream = INPUT; stream < PORTS; stream++) {
            waited[stream] = relay_wait(&relays[stream]);
        }
        waited[PORTS] = (struct waited){deaths, POLLIN, 0};
        check(call(CALL_PPOLL, (long)waited, PORTS + 1, 0, 0, 0));
        if (waited[CONTROL].found != 0) {
            take_signals(child);
        }
        for (int stream = INPUT; stream < PORTS; stream++) {
            if (waited[stream].found != 0) {
                relay_move(&relays[stream], waited[stream].found);
            }
        }
        if (waited[PORTS].found != 0) {
            char told[128];
            read_from(deaths, told, sizeof told);
            if (bury(child, &status)) {
                is_dead = true;
                call(CALL_KILL, -1, SIGKILL, 0, 0, 0);
            }
        }
    }
    return status;
}

/* All output is with the ports: wait until the host has it. */
static void see_off(void)
{
    tell_host('E');
    unsigned char answer = 1;
    while (answer != 0) {
        struct waited waited = {ports[CONTROL], POLLIN, 0};
        check(call(CALL_PPOLL, (long)&waited, 1, 0, 0, 0));
        read_from(ports[CONTROL], &answer, 1);
    }
}

void run(void)
{
    uint64_t deaths = 1 << (SIGCHLD - 1);
    mount_systems();
    task_prepare_kernel();
    open_ports();
    take_task();
    task_prepare(&task);
    call(CALL_RT_SIGPROCMASK, SIG_BLOCK, (long)&deaths, 0, sizeof deaths, 0);
    int told = (int)check(call(CALL_SIGNALFD4, -1, (long)&deaths, sizeof deaths, O_CLOEXEC, 0));
    long child = start();
    tell_host('R');
    int status = attend(child, told);
    see_off();
    call(CALL_SYNC, 0, 0, 0, 0, 0);
    int number = status & BY_SIGNAL;
    finish(STAGE_ENDED << 8 | (number != 0 ? 128 + number : status >> 8 & 0xff));
}

__asm__(".globl _start\n_start:\n.option push\n.option norelax\nla gp, __global_pointer$\n"
        ".option pop\nandi sp, sp, -16\ncall run\n");

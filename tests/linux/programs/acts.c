/* A program of Linux that does what its first argument says, for tests of mttcg exec. */

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;
static volatile sig_atomic_t caught;

static void note(int number)
{
    caught = number;
}

static int tell(int count, char **words)
{
    for (int at = 0; at < count; at++) {
        printf("[%s]\n", words[at]);
    }
    char folder[4096];
    printf("in %s\n", getcwd(folder, sizeof folder));
    for (char **variable = environ; *variable; variable++) {
        printf("%s\n", *variable);
    }
    fprintf(stderr, "errors are apart\n");
    return 7;
}

/* Copy standard input to standard output, and say on standard error how much it was. */
static int copy(void)
{
    static char data[1 << 16];
    long total = 0;
    for (;;) {
        ssize_t taken = read(0, data, sizeof data);
        if (taken <= 0) {
            break;
        }
        total += taken;
        for (ssize_t given = 0, more; given < taken; given += more) {
            more = write(1, data + given, taken - given);
            if (more < 0) {
                return 1;
            }
        }
    }
    fprintf(stderr, "%ld bytes\n", total);
    return 0;
}

/* Write so many bytes: the numbers of 4-byte words. */
static int much(long bytes)
{
    static unsigned words[1 << 14];
    for (long done = 0; done < bytes; done += sizeof words) {
        for (size_t at = 0; at < sizeof words / sizeof *words; at++) {
            words[at] = done / sizeof *words + at;
        }
        long left = bytes - done < (long)sizeof words ? bytes - done : (long)sizeof words;
        if (fwrite(words, 1, left, stdout) != (size_t)left) {
            return 1;
        }
    }
    return 0;
}

/* End, and leave a process that never does, and writes for ever. */
static int leave(void)
{
    pid_t left = fork();
    while (left == 0) {
        if (write(1, "left\n", 5) != 5) {
            _exit(1);
        }
    }
    return left < 0;
}

static int wait_for_signal(int number)
{
    struct sigaction action = {.sa_handler = note};
    sigaction(number, &action, NULL);
    printf("ready\n");
    fflush(stdout);
    while (!caught) {
        pause();
    }
    printf("caught %d\n", caught);
    return 5;
}

/* Write to the stream that is named by its path, as `>/dev/stderr` does in a shell. */
static int again(const char *path)
{
    FILE *file = fopen(path, "w");
    if (!file) {
        printf("%s: %s\n", path, strerror(errno));
        return 1;
    }
    fprintf(file, "again\n");
    return 0;
}

static pthread_barrier_t barrier;
static int counts[8];

static void *work(void *given)
{
    int *count = given;
    pthread_barrier_wait(&barrier);
    for (int at = 0; at < 1000000; at++) {
        __atomic_add_fetch(&counts[0], 1, __ATOMIC_RELAXED);
    }
    *count += 1;
    return NULL;
}

static int threads(int number)
{
    pthread_t made[8];
    pthread_barrier_init(&barrier, NULL, number);
    static int own[8];
    for (int at = 0; at < number; at++) {
        pthread_create(&made[at], NULL, work, &own[at]);
    }
    for (int at = 0; at < number; at++) {
        pthread_join(made[at], NULL);
    }
    printf("%d on %ld\n", counts[0], sysconf(_SC_NPROCESSORS_ONLN));
    return 0;
}

/* Tell what no two machines have alike: random numbers, and the time. */
static int own(void)
{
    unsigned long number;
    struct timespec now;
    if (getrandom(&number, sizeof number, 0) != sizeof number) {
        return 1;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    printf("%lx %ld\n", number, (long)now.tv_sec);
    return 0;
}

int main(int count, char **words)
{
    const char *act = count > 1 ? words[1] : "tell";
    const char *what = count > 2 ? words[2] : "";
    if (!strcmp(act, "copy")) {
        return copy();
    }
    if (!strcmp(act, "much")) {
        return much(atol(what));
    }
    if (!strcmp(act, "leave")) {
        return leave();
    }
    if (!strcmp(act, "wait")) {
        return wait_for_signal(atoi(what));
    }
    if (!strcmp(act, "again")) {
        return again(what);
    }
    if (!strcmp(act, "threads")) {
        return threads(atoi(what));
    }
    if (!strcmp(act, "own")) {
        return own();
    }
    if (!strcmp(act, "die")) {
        raise(atoi(what));
    }
    return tell(count, words);
}

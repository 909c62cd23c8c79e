/* A process that forks, forks by vfork, becomes others, and has threads that move between CPUs.

   crowd NAME ROUNDS: the threads have names of their own, and one of them is called NAME. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile unsigned long sink;
static int rounds;
static const char *other;

static void work(int times) {
    for (int i = 0; i < times; i++) sink += i * sink;
}

static void *wander(void *name) {
    prctl(PR_SET_NAME, name);
    int cpus = sysconf(_SC_NPROCESSORS_ONLN);
    for (int i = 0; i < rounds; i++) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(i % cpus, &set);
        sched_setaffinity(0, sizeof set, &set);
        work(1000);
    }
    return NULL;
}

int main(int count, char **given) {
    if (count < 3) {
        work(1000);
        return 0;
    }
    other = given[1], rounds = atoi(given[2]);
    pthread_t threads[3];
    const char *names[] = {"wanderer", other, "third"};
    for (int i = 0; i < 3; i++) pthread_create(&threads[i], NULL, wander, (void *)names[i]);
    for (int i = 0; i < rounds; i++) {
        pid_t child = i % 2 ? fork() : vfork();
        if (!child) {
            if (i % 4 == 1) {
                work(1000);
                _exit(0);
            }
            execl(i % 3 ? "/bin/crowd" : "/bin/other", "child", NULL);
            _exit(1);
        }
        waitpid(child, NULL, 0);
    }
    for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
    printf("crowd is done\n");
    return 0;
}

/* Prints squares, with newlib's printf: what newlib wants of a board is below. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include "board.h"

volatile unsigned long rounds = 3;  /* for --set */

int main(void)
{
    for (unsigned long round = 1; round <= rounds; round++)
        printf("%lu squared is %lu, and halved %.1f\n", round, round * round, (double)round / 2);
    fflush(stdout);
    return 0;
}

void finish(int status)
{
    finish_with((unsigned)status);
}

void _exit(int status)
{
    finish(status);
    for (;;)
        ;
}

int _write(int file, const char *text, int length)
{
    (void)file;
    for (int at = 0; at < length; at++)
        CONSOLE = (unsigned char)text[at];
    return length;
}

static char heap[1 << 20] __attribute__((aligned(16)));

void *_sbrk(long more)
{
    static long used;
    if (more > (long)sizeof heap - used) {
        errno = ENOMEM;
        return (void *)-1;
    }
    used += more;
    return heap + used - more;
}

int _fstat(int file, struct stat *found)
{
    (void)file;
    found->st_mode = S_IFCHR;  /* a console: lines are shown at their end */
    return 0;
}

int _isatty(int file)
{
    return file >= 0;
}

int _close(int file)
{
    (void)file;
    return -1;
}

long _lseek(int file, long to, int from)
{
    (void)file, (void)to, (void)from;
    return 0;
}

int _read(int file, char *text, int length)
{
    (void)file, (void)text, (void)length;
    return 0;
}

int _kill(int process, int signal)
{
    (void)process;
    _exit(128 + signal);
}

int _getpid(void)
{
    return 1;
}

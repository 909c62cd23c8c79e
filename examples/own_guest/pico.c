/* The same with picolibc: its start-up code, its printf, our console and end. */
#include <stdio.h>
#include <stdlib.h>

#include "board.h"

volatile unsigned long rounds = 3;  /* for --set */

static int put(char byte, FILE *file)
{
    (void)file;
    CONSOLE = (unsigned char)byte;
    return 0;
}

static FILE console = FDEV_SETUP_STREAM(put, NULL, NULL, _FDEV_SETUP_WRITE);
FILE *const stdin = &console;
FILE *const stdout = &console;
FILE *const stderr = &console;

int main(void)
{
    for (unsigned long round = 1; round <= rounds; round++)
        printf("%lu squared is %lu, and halved %.1f\n", round, round * round, (double)round / 2);
    return 0;
}

void _exit(int status)
{
    finish_with((unsigned)status);
}

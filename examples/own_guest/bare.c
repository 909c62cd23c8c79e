/* Prints the squares of 1 to rounds, without a library. */
#include "board.h"

volatile unsigned long rounds = 3;  /* for --set */

static void show(unsigned long number)
{
    if (number > 9)
        show(number / 10);
    CONSOLE = '0' + number % 10;
}

int main(void)
{
    for (unsigned long round = 1; round <= rounds; round++) {
        show(round * round);
        CONSOLE = '\n';
    }
    return 0;
}

void finish(int status)
{
    finish_with((unsigned)status);
}

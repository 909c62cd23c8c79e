/* Adds its arguments up, by what picolibc has of semihosting. */
#include <stdio.h>
#include <stdlib.h>

int main(int count, char **arguments)
{
    long sum = 0;
    for (int i = 1; i < count; i++)
        sum += strtol(arguments[i], NULL, 0);
    printf("the sum is %ld\n", sum);
    return 0;
}

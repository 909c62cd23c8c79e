/* The compiler may put calls of these two into any code, a freestanding program must have them.
   Compiled with -fno-builtin, so that the loops are not turned into calls of themselves. */
#include <stddef.h>

void *memset(void *destination, int value, size_t count) {
    unsigned char *to = destination;
    while (count-- > 0) {
        *to++ = (unsigned char)value;
    }
    return destination;
}

void *memcpy(void *restrict destination, const void *restrict source, size_t count) {
    unsigned char *to = destination;
    const unsigned char *from = source;
    while (count-- > 0) {
        *to++ = *from++;
    }
    return destination;
}

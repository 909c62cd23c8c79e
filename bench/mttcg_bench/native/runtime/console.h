/* The console of an example guest that is built for the host: standard output. */
#pragma once
#include <stdint.h>
#include <stdio.h>

static inline void console_lock(void) {
}

static inline void console_unlock(void) {
}

static inline void print_text(const char *text) {
    fputs(text, stdout);
}

static inline void print_number(uint64_t number) {
    printf("%llu", (unsigned long long)number);
}

static inline void print_hexadecimal(uint64_t number) {
    printf("0x%llx", (unsigned long long)number);
}

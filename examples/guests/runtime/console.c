#include "console.h"

#include "board.h"
#include "lock.h"

static volatile uint32_t lock;

void console_lock(void) { lock_by_reservation(&lock); }
void console_unlock(void) { unlock_by_store(&lock); }

void print_character(char character) { *device_byte(UART_BASE) = (uint8_t)character; }

void print_text(const char *text) {
    while (*text) {
        print_character(*text++);
    }
}

void print_column(const char *text, unsigned width) {
    for (; *text; width -= width > 0) {
        print_character(*text++);
    }
    while (width-- > 0) {
        print_character(' ');
    }
}

static void print_digits(uint64_t value, unsigned base) {
    char digits[20];
    unsigned count = 0;
    do {
        digits[count++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    while (count > 0) {
        print_character(digits[--count]);
    }
}

void print_number(uint64_t value) { print_digits(value, 10); }

void print_hexadecimal(uint64_t value) {
    print_text("0x");
    print_digits(value, 16);
}

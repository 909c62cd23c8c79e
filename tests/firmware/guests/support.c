#include "sbi.h"

static unsigned long length(const char *text) {
    unsigned long count = 0;
    while (text[count]) {
        count++;
    }
    return count;
}

void print(const char *text) {
    unsigned long done = 0, size = length(text);
    while (done < size) {
        struct answer written = call(DBCN, 0, size - done, (uint64_t)text + done, 0, 0);
        if (written.error) {
            return;
        }
        done += written.value;
    }
}

void print_number(const char *name, long number) {
    char text[24];
    char *at = text + sizeof text;
    unsigned long rest = number < 0 ? -(unsigned long)number : (unsigned long)number;
    *--at = 0;
    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (number < 0) {
        *--at = '-';
    }
    print(name);
    print(" ");
    print(at);
    print("\n");
}

void print_answer(const char *name, struct answer answer) {
    print(name);
    print_number(answer.error ? " error" : " value", answer.error ? answer.error : (long)answer.value);
}

/* Sleeps until one of the interrupts is pending, which no handler takes; what is pending of them. */
uint64_t wait_for(uint64_t bits) {
    uint64_t pending;
    write_csr(sie, bits);
    while (!(pending = read_csr(sip) & bits)) {
        wfi();
    }
    write_csr(sie, 0);
    return pending;
}

void finish(uint64_t reason) {
    call(SRST, 0, 0, reason, 0, 0);
    for (;;) {
        wfi();
    }
}

void trapped(uint64_t cause, uint64_t pc, uint64_t value) {
    print_number("trap", (long)cause);
    print_number("at", (long)pc);
    print_number("value", (long)value);
    finish(1);
}

/* htif: console and exit by the host-target interface instead of UART and finisher. A board has it when the ELF defines
   tohost and fromhost. Hart 0 prints one line character by character and one by the write system call, and exits with
   `exit_code`; the other harts wait in wfi. A write that the host does not answer with its length gives status 1. */
#include "runtime/csr.h"
#include "runtime/harts.h"

/* Bits 63:56 of tohost name the device, bits 55:48 the command, the rest is its payload. */
#define CONSOLE_PUT (1UL << 56 | 1UL << 48)
#define SYSTEM_CALL_WRITE 64
#define STANDARD_OUTPUT 1

/* Among the initialised data: a value set before the start would not survive the clearing of .bss. */
volatile uint64_t exit_code __attribute__((section(".data"))) = 0;

volatile uint64_t tohost __attribute__((section(".data"), aligned(64))) = 0;
volatile uint64_t fromhost __attribute__((section(".data"), aligned(64))) = 0;

/* The host takes a command by clearing tohost and answers in fromhost. */
static void command(uint64_t value) {
    fence_all();
    tohost = value;
    while (tohost != 0) {
    }
    fromhost = 0;
    fence_all();
}

static uint64_t length_of(const char *text) {
    uint64_t length = 0;
    while (text[length]) {
        length++;
    }
    return length;
}

static void put_text(const char *text) {
    while (*text) {
        command(CONSOLE_PUT | (uint8_t)*text++);
    }
}

/* The payload is the address of the call's number and arguments, 64-byte aligned; the result replaces the number. */
static int64_t write_text(const char *text) {
    static _Alignas(64) volatile uint64_t call[8];
    call[0] = SYSTEM_CALL_WRITE;
    call[1] = STANDARD_OUTPUT;
    call[2] = (uint64_t)text;
    call[3] = length_of(text);
    command((uint64_t)call);
    return (int64_t)call[0];
}

/* The lowest bit set: an exit, with the status in the bits above it. */
static void exit_by_host(uint64_t status) {
    fence_all();
    tohost = status << 1 | 1;
    for (;;) {
        wait_for_interrupt();
    }
}

uint64_t guest_main(uint64_t hart) {
    static const char line[] = "hello by write\n";
    if (hart == 0) {
        put_text("hello by putchar\n");
        int64_t written = write_text(line);
        exit_by_host(written == (int64_t)length_of(line) ? exit_code : 1);
    }
    for (;;) {
        wait_for_interrupt();
    }
}

/* Makes calls of its host at one level of privilege, and says in each line what came of one. Built with start.S and
   link.ld of examples/own_guest. */

#include "board.h"

typedef unsigned long word;
enum { OPEN = 1, CLOSE, WRITEC, WRITE0, WRITE, READ, READC, ISERROR, ISTTY, SEEK, FLEN = 12, TMPNAM, REMOVE, RENAME,
       CLOCK, TIME, SYSTEM, ERRNO, COMMAND_LINE = 21, HEAP, EXIT = 24, ELAPSED = 48, FREQUENCY };

enum { NO = 2, YES = 1 };     /* not 0, which would be in .bss: start-up code would undo --set */
volatile word level = 3;      /* of privilege, in which it runs; 4: user mode */
volatile word input = NO;     /* whether it reads what is typed, to the end */
volatile word files = NO;     /* whether it uses files */
volatile word reason = 0x20026;
volatile word traps;

word call(word operation, volatile void *block);
asm(".balign 16; .option push; .option norvc; call: slli x0, x0, 0x1f; ebreak; srai x0, x0, 7; ret; .option pop");

/* No calls: the sequence over the end of a page, without its end, and with the short ebreak. Each traps. */
void no_calls(void);
asm(".balign 4096; .skip 4088; .option push; .option norvc;"
    "across: slli x0, x0, 0x1f; ebreak; srai x0, x0, 7; ret;"
    "no_calls: addi sp, sp, -16; sd ra, 8(sp); jal across; slli x0, x0, 0x1f; ebreak; srai x0, x0, 6;"
    "slli x0, x0, 0x1f; .option rvc; c.ebreak; c.nop; .option norvc; srai x0, x0, 7;"
    "ld ra, 8(sp); addi sp, sp, 16; ret; .option pop");

/* Counts what traps, and goes on behind it; an ecall is a return to machine mode. */
void handler(void);
asm(".balign 4; handler: csrw mscratch, t0; csrr t0, mcause; addi t0, t0, -3; bnez t0, 1f;"
    "la t0, traps; sd t1, 8(t0); ld t1, (t0); addi t1, t1, 1; sd t1, (t0); ld t1, 8(t0);"
    "1: csrr t0, mepc; sd t1, keep, t1; lhu t1, (t0); andi t1, t1, 3; addi t1, t1, -3; bnez t1, 2f; addi t0, t0, 2;"
    "2: addi t0, t0, 2; csrw mepc, t0; ld t1, keep; csrr t0, mscratch; mret; .data; keep: .dword 0; .text");

static word length(const char *text)
{
    word size = 0;
    while (text[size])
        size++;
    return size;
}

static void show(const char *text)
{
    call(WRITE0, (void *)text);
}

static void number(const char *what, word value)
{
    char digits[20], *at = digits + sizeof digits - 1;
    long signed_value = value;
    word left = signed_value < 0 ? -value : value;
    *at = 0;
    do
        *--at = '0' + left % 10;
    while (left /= 10);
    if (signed_value < 0)
        *--at = '-';
    show(what);
    show(" ");
    show(at);
    show("\n");
}

static word open_file(const char *name, word mode)
{
    volatile word block[] = { (word)name, mode, length(name) };
    return call(OPEN, block);
}

static word on(word operation, word handle, const void *data, word size)
{
    volatile word block[] = { handle, (word)data, size };
    return call(operation, block);
}

static word on_name(word operation, const char *name, const char *other)
{
    volatile word block[] = { (word)name, length(name), (word)other, length(other) };
    return call(operation, block);
}

static void fails(const char *what, word result)
{
    show(what);
    number(result == -1 ? " fails with" : " gives", result == -1 ? call(ERRNO, 0) : result);
}

static char buffer[200000];

static void use_files(void)
{
    word file = open_file("new.txt", 6);
    for (word at = 0; at < sizeof buffer; at++)
        buffer[at] = at % 251;
    number("left of a long write", on(WRITE, file, buffer, sizeof buffer));
    number("length", on(FLEN, file, 0, 0));
    number("seek", on(SEEK, file, (void *)199990, 0));
    buffer[0] = 99;
    number("left of a read over the end", on(READ, file, buffer, 50));
    number("first byte", (unsigned char)buffer[0]);
    number("a terminal", on(ISTTY, file, 0, 0));
    number("close", on(CLOSE, file, 0, 0));
    fails("closed again", on(CLOSE, file, 0, 0));
    number("rename", on_name(RENAME, "new.txt", "sub/old.txt"));
    fails("removed by the old name", on_name(REMOVE, "new.txt", ""));
    file = open_file("sub/old.txt", 8);
    number("left of an addition", on(WRITE, file, "more", 4));
    number("close", on(CLOSE, file, 0, 0));
    file = open_file("given.txt", 1);
    buffer[on(READ, file, buffer, 100) * 0 + 5] = 0;
    show(buffer);
    fails("written where only read", on(WRITE, file, "x", 1) ? -1 : 0);
    on(CLOSE, file, 0, 0);
    fails("above", open_file("../outside.txt", 0));
    fails("above by a folder", open_file("sub/../../outside.txt", 0));
    fails("absolute", open_file("/etc/passwd", 0));
    fails("by a link", open_file("link", 0));
    fails("by a link to a folder", open_file("links/outside.txt", 4));
    fails("removed above", on_name(REMOVE, "../outside.txt", ""));
    fails("moved above", on_name(RENAME, "given.txt", "../moved.txt"));
    fails("a folder", open_file("sub", 0));
    fails("a pipe", open_file("pipe", 0));
}

static void make_calls(void)
{
    volatile word block[4];
    word console = open_file(":tt", 4);
    on(WRITE, console, "console\n", 8);
    on(WRITE, open_file(":tt", 8), "errors\n", 7);
    call(WRITEC, "x");
    show("\n");
    number("a terminal", on(ISTTY, console, 0, 0));
    block[0] = (word)buffer, block[1] = sizeof buffer;
    number("command line", call(COMMAND_LINE, block));
    show(buffer);
    number(", of", block[1]);
    block[0] = (word)buffer, block[1] = 3;
    fails("too little room for it", call(COMMAND_LINE, block));
    call(ELAPSED, block);
    number("time goes on", block[0] > 0 && call(FREQUENCY, 0) == 10000000 && call(CLOCK, 0) < 10000);
    number("a year after 2020", call(TIME, 0) > 1577836800);
    volatile word heap[4], *where[1] = { heap };
    call(HEAP, where);
    number("the heap is behind the program", heap[0] >= (word)buffer + sizeof buffer && heap[1] > heap[0]);
    word features = open_file(":semihosting-features", 0);
    number("left of the features", on(READ, features, buffer, 5));
    number("they are as they should be", buffer[0] == 'S' && buffer[3] == 'B' && buffer[4] == 3);
    fails("an unknown call", call(0x99, 0));
    fails("an address without RAM", call(WRITE0, (void *)64));
    number("left of a write of what is not there", on(WRITE, console, (void *)64, 10));
    if (input == YES) {
        word handle = open_file(":tt", 0), left;
        number("character", call(READC, 0));
        while ((left = on(READ, handle, buffer, 100)) != 100)
            on(WRITE, console, buffer, 100 - left);
        number("at the end", call(READC, 0));
    }
    if (files == YES)
        use_files();
    else
        fails("a file", open_file("given.txt", 0));
    no_calls();
    number("traps", traps);
    block[0] = reason, block[1] = 7;
    call(EXIT, block);
}

int main(void)
{
    asm volatile("csrw mtvec, %0" : : "r"(handler));
    asm volatile("csrw pmpaddr0, %0; csrw pmpcfg0, %1" : : "r"(-1L), "r"(31L));  /* all is everybody's, if there is PMP */
    asm volatile("csrc mstatus, %0; csrs mstatus, %1; csrw mepc, %2; mv a0, sp; mret"
                 : : "r"(3L << 11), "r"((level & 3) << 11), "r"(make_calls) : "a0", "memory");
    __builtin_unreachable();
}

void finish(int status)
{
    (void)status;
    finish_with(9);  /* no call ended it */
}

/* interrupts: as echo, but all harts sleep in wfi, and what comes in and goes out does so by interrupts of the UART, by
   way of the PLIC, at whichever hart claims them: in machine mode, or with `supervisor` set to 1 in supervisor mode. What
   is to be sent waits in a queue, of which the interrupt of the empty transmitter takes `fifo_depth` characters; with 16
   the FIFOs are on. At a `q` it ends, and says how many characters it has read. Exit status 0; 1 if an interrupt came
   that was none of these. */
#include "runtime/board.h"
#include "runtime/console.h"
#include "runtime/csr.h"
#include "runtime/harts.h"
#include "runtime/lock.h"
#include "runtime/plic.h"
#include "runtime/trap.h"

#define EXTERNAL_INTERRUPT 11
#define SUPERVISOR_EXTERNAL_INTERRUPT 9
#define MSTATUS_MPP_SUPERVISOR (1UL << 11)
#define SSTATUS_SIE (1UL << 1)

#define UART_ENABLE 1
#define ENABLE_RECEIVED 1
#define ENABLE_EMPTY 2
#define UART_IDENTIFICATION 2
#define CAUSE_MASK 0x0f
#define CAUSE_NONE 0x01
#define CAUSE_EMPTY 0x02
#define FIFO_CONTROL_ENABLE 0x01
#define UART_LINE_STATUS 5
#define LINE_STATUS_DATA_READY 1

#define QUEUE_SIZE 65536

volatile uint64_t supervisor __attribute__((section(".data"))) = 0;
/* Switching the FIFOs on drops what has come in before. */
volatile uint64_t fifo_depth = 1;

static volatile uint32_t lock;
static char queue[QUEUE_SIZE];
static uint64_t queued, sent, received;
static uint64_t ended;
static volatile uint64_t unexpected;

static volatile uint8_t *uart(unsigned offset) { return device_byte(UART_BASE + offset); }

static void put(char character) { queue[queued++ % QUEUE_SIZE] = character; }

static void put_text(const char *text) {
    while (*text != 0) {
        put(*text++);
    }
}

static void put_number(uint64_t number) {
    if (number >= 10) {
        put_number(number / 10);
    }
    put((char)('0' + number % 10));
}

static void take(char character) {
    received++;
    if (character == 'q') {
        ended = 1;
        put_text("\nreceived ");
        put_number(received);
        put_text(" characters\n");
    } else if (character == '\r') {
        put('\n');
    } else {
        put(character >= 'a' && character <= 'z' ? (char)(character - 'a' + 'A') : character);
    }
}

/* Behind the end nothing more is read. */
static int has_room(void) { return !ended && queued - sent < QUEUE_SIZE / 2; }

/* The port's lock is held. */
static void serve_uart(void) {
    for (;;) {
        unsigned cause = *uart(UART_IDENTIFICATION) & CAUSE_MASK;
        if (cause == CAUSE_NONE) {
            break;
        }
        if (cause == CAUSE_EMPTY) {
            for (unsigned count = 0; count < fifo_depth && sent < queued; count++) {
                *uart(0) = (uint8_t)queue[sent++ % QUEUE_SIZE];
            }
        } else {
            while (has_room() && (*uart(UART_LINE_STATUS) & LINE_STATUS_DATA_READY)) {
                take((char)*uart(0));
            }
        }
        *uart(UART_ENABLE) = (has_room() ? ENABLE_RECEIVED : 0) | (sent < queued ? ENABLE_EMPTY : 0);
    }
    if (ended && sent == queued) {
        fence_all();
        *device_word(FINISHER_BASE) = unexpected ? 1 << 16 | 0x3333u : 0x5555u;
    }
}

static void serve(uint64_t hart) {
    uint64_t context = PLIC_CONTEXT(hart, supervisor);
    uint32_t source = plic_claim(context);
    if (source == 0) {
        return; /* another hart was quicker */
    }
    if (source == UART_SOURCE) {
        lock_by_swap(&lock);
        serve_uart();
        unlock_by_swap(&lock);
    } else {
        unexpected++;
    }
    plic_complete(context, source);
}

void guest_trap(struct trap_frame *frame) {
    (void)frame;
    if (read_csr(mcause) != INTERRUPT_CAUSE(EXTERNAL_INTERRUPT)) {
        finish(2);
    }
    serve(hart_number());
}

__attribute__((interrupt("supervisor"), aligned(4))) static void supervisor_trap(void) {
    if (read_csr(scause) != INTERRUPT_CAUSE(SUPERVISOR_EXTERNAL_INTERRUPT)) {
        unexpected++;
    }
    serve(read_csr(sscratch));
}

/* Interrupts are let in only behind wfi, which returns for a pending one all the same. */
static void sleep_in_supervisor_mode(void) {
    for (;;) {
        wait_for_interrupt();
        set_csr(sstatus, SSTATUS_SIE);
        clear_csr(sstatus, SSTATUS_SIE);
    }
}

static void sleep_in_machine_mode(void) {
    for (;;) {
        wait_for_interrupt();
        set_csr(mstatus, MSTATUS_MIE);
        clear_csr(mstatus, MSTATUS_MIE);
    }
}

static void enter_supervisor_mode(uint64_t hart) {
    /* A supervisor may access nothing that no PMP entry gives it: one gives it everything. */
    __asm__ volatile("csrw pmpaddr0, %0\n   csrw pmpcfg0, %1" : : "r"(~0UL >> 10), "r"(0x1f));
    write_csr(mideleg, INTERRUPT_BIT(SUPERVISOR_EXTERNAL_INTERRUPT));
    write_csr(stvec, &supervisor_trap);
    write_csr(sscratch, hart);
    write_csr(sie, INTERRUPT_BIT(SUPERVISOR_EXTERNAL_INTERRUPT));
    write_csr(satp, 0);
    clear_csr(mstatus, MSTATUS_MPP);
    set_csr(mstatus, MSTATUS_MPP_SUPERVISOR);
    write_csr(mepc, &sleep_in_supervisor_mode);
    __asm__ volatile("mret");
}

uint64_t guest_main(uint64_t hart) {
    uint64_t context = PLIC_CONTEXT(hart, supervisor);
    plic_enable(context, 1u << UART_SOURCE);
    plic_set_threshold(context, 0);
    barrier(hart_count());
    if (hart == 0) {
        print_text("echo by interrupts until q\n");
        plic_set_priority(UART_SOURCE, 1);
        if (fifo_depth > 1) {
            *uart(UART_IDENTIFICATION) = FIFO_CONTROL_ENABLE;
        }
        *uart(UART_ENABLE) = ENABLE_RECEIVED;
    }
    if (supervisor) {
        enter_supervisor_mode(hart);
    }
    write_csr(mie, INTERRUPT_BIT(EXTERNAL_INTERRUPT));
    sleep_in_machine_mode();
    return 0;
}

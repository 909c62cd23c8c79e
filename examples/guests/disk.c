/* disk: reads `sectors` sectors of the first disk from `first_sector` on, writes each back with all bits turned around,
   and reads that again. Prints the sum of all bytes that were read first. Waits by looking at the queue, or with
   `interrupts` in wfi for the device's interrupt. Hart 0 does it; the others have nothing to do.
   Exit status 0 if the disk did everything, 1 if one request failed or gave what was not written, 2 without a disk. */
#include "runtime/console.h"
#include "runtime/csr.h"
#include "runtime/harts.h"
#include "runtime/plic.h"
#include "runtime/trap.h"
#include "runtime/virtio.h"

#define EXTERNAL_INTERRUPT 11
#define SECTOR_SIZE 512
#define READ 0
#define WRITE 1
#define FLUSH 4
#define NOT_YET 0xff

volatile uint64_t first_sector __attribute__((section(".data"))) = 0;
volatile uint64_t sectors = 16;
volatile uint64_t interrupts __attribute__((section(".data"))) = 0;

static struct virtio_device disk;
static volatile uint64_t taken;

static struct {
    uint32_t kind;
    uint32_t reserved;
    uint64_t sector;
} request;
static volatile uint8_t status;
static uint8_t content[SECTOR_SIZE], again[SECTOR_SIZE];

void guest_trap(struct trap_frame *frame) {
    (void)frame;
    uint64_t hart = hart_number();
    if (read_csr(mcause) != INTERRUPT_CAUSE(EXTERNAL_INTERRUPT)) {
        finish(3);
    }
    uint32_t number = plic_claim(PLIC_CONTEXT(hart, 0));
    if (number == disk.interrupt) {
        virtio_acknowledge(&disk);
        taken++;
    }
    plic_complete(PLIC_CONTEXT(hart, 0), number);
}

/* Also of a request that is done at once the interrupt is taken. */
static void wait_until_done(void) {
    do {
        if (interrupts) {
            wait_for_interrupt();
            set_csr(mstatus, MSTATUS_MIE);
            clear_csr(mstatus, MSTATUS_MIE);
        }
    } while (!virtio_is_done(&disk));
}

static int transfer(uint32_t kind, uint64_t sector, uint8_t *data) {
    request.kind = kind;
    request.sector = sector;
    status = NOT_YET;
    struct virtio_buffer buffers[3] = {{&request, sizeof request, 0}};
    uint32_t count = 1;
    if (data) {
        buffers[count++] = (struct virtio_buffer){data, SECTOR_SIZE, kind == READ};
    }
    buffers[count++] = (struct virtio_buffer){(void *)&status, 1, 1};
    virtio_send(&disk, buffers, count);
    wait_until_done();
    return status == 0;
}

static int turn_around(uint64_t sector, uint64_t *sum) {
    if (!transfer(READ, sector, content)) {
        return 0;
    }
    for (uint64_t i = 0; i < SECTOR_SIZE; i++) {
        *sum += content[i];
        content[i] = (uint8_t)~content[i];
    }
    if (!transfer(WRITE, sector, content) || !transfer(READ, sector, again)) {
        return 0;
    }
    for (uint64_t i = 0; i < SECTOR_SIZE; i++) {
        if (again[i] != content[i]) {
            return 0;
        }
    }
    return 1;
}

uint64_t guest_main(uint64_t hart) {
    if (hart != 0) {
        return 0;
    }
    if (!virtio_begin(&disk, VIRTIO_BLOCK, !interrupts)) {
        print_text("no disk\n");
        return 2;
    }
    if (interrupts) {
        plic_set_priority(disk.interrupt, 1);
        plic_enable(PLIC_CONTEXT(hart, 0), 1U << disk.interrupt);
        plic_set_threshold(PLIC_CONTEXT(hart, 0), 0);
        write_csr(mie, INTERRUPT_BIT(EXTERNAL_INTERRUPT));
    }
    uint64_t sum = 0, done = 0;
    while (done < sectors && turn_around(first_sector + done, &sum)) {
        done++;
    }
    int flushed = transfer(FLUSH, 0, 0);
    print_text("capacity ");
    print_number(virtio_configuration(&disk));
    print_text(" sectors ");
    print_number(done);
    print_text(" sum ");
    print_number(sum);
    print_text(" interrupts ");
    print_text(interrupts ? (taken ? "taken" : "missing") : "none");
    print_text("\n");
    return done != sectors || !flushed || (interrupts && taken == 0);
}

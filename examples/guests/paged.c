/* paged: what mix computes, in supervisor mode under Sv39. Exit status 0 if all harts agree, else 1. */
#define guest_main mix_main
#include "mix.c"
#undef guest_main
#include "runtime/supervisor.h"

static uint64_t work_of_hart(void *hart) { return work(&buffers_of[*(uint64_t *)hart], rounds); }

uint64_t guest_main(uint64_t hart) {
    uint64_t harts = hart_count();
    if (hart == 0) {
        make_page_tables();
    }
    barrier(harts);
    results[hart] = run_as_supervisor(work_of_hart, &hart);
    console_lock();
    print_text("hart ");
    print_number(hart);
    print_text(" result ");
    print_hexadecimal(results[hart]);
    print_text("\n");
    console_unlock();
    barrier(harts);
    return results[hart] != results[0];
}

/* spin: every hart counts for ever in a place of its own, spin_count[hart] (HART_LINE bytes apart). It never ends by
   itself: for trying what happens when a run is interrupted or a vCPU is killed. */
#include "runtime/console.h"
#include "runtime/harts.h"

volatile struct {
    _Alignas(HART_LINE) uint64_t count;
} spin_count[MAXIMUM_HARTS];

uint64_t guest_main(uint64_t hart) {
    barrier(hart_count());
    if (hart == 0) {
        print_text("spinning on ");
        print_number(hart_count());
        print_text(hart_count() == 1 ? " hart\n" : " harts\n");
    }
    for (;;) {
        spin_count[hart].count++;
    }
}

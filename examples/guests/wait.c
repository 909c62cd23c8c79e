/* wait: all harts wait in wfi with no interrupt enabled, so nothing can ever wake them. It never ends by itself: whoever
   runs it has to notice. */
#include "runtime/console.h"
#include "runtime/csr.h"
#include "runtime/harts.h"

uint64_t guest_main(uint64_t hart) {
    barrier(hart_count());
    if (hart == 0) {
        print_text("waiting for ever\n");
    }
    write_csr(mie, 0);
    for (;;) {
        wait_for_interrupt();
    }
}

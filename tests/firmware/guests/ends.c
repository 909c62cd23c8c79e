/* Ends as it is told. */
#include "sbi.h"

volatile uint64_t kind __attribute__((section(".data"))) = 0;
volatile uint64_t reason __attribute__((section(".data"))) = 0;

void guest_main(void) {
    print("ending\n");
    call(SRST, 0, kind, reason, 0, 0);
    print("not ended\n");
    for (;;) {
        wfi();
    }
}

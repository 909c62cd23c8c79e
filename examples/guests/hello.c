/* hello: every hart prints one line, whole, under a lock. */
#include "runtime/console.h"
#include "runtime/harts.h"

uint64_t guest_main(uint64_t hart) {
    console_lock();
    print_text("hello from hart ");
    print_number(hart);
    print_text(" of ");
    print_number(hart_count());
    print_text("\n");
    console_unlock();
    return 0;
}

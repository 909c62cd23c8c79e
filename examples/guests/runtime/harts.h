/* Harts: how many take part, how they wait for each other, how the guest ends. */
#ifndef RUNTIME_HARTS_H
#define RUNTIME_HARTS_H

#include <stdint.h>

#include "limits.h"

/* Data of different harts is kept so far apart that they never write to the same line of a cache. */
#define HART_LINE 128

/* May be set from outside before the start: 0 means as many as the device tree shows. With a number here the tree
   is not read, so the number of executed instructions does not depend on the size of the board's tree. */
extern volatile uint64_t harts_expected;

/* How many harts take part; the same value for the whole run. */
uint64_t hart_count(void);

/* Written by each guest; runs on every hart that takes part. What it returns is the exit status (the highest of
   all harts' counts); the last hart to return ends the guest. */
uint64_t guest_main(uint64_t hart);

/* Returns once so many harts have called it. Who waits polls for a while and then takes short naps, which use the hart's
   timer; software interrupts stay free for the guest (a sleeper could not tell a wake-up from a guest's own IPI, and
   would swallow it). Interrupts must be off. With one hart nothing here depends on time. */
void barrier(uint64_t harts);

/* Ends the guest at once with this exit status (0..65535), whatever the other harts are doing. */
__attribute__((noreturn)) void finish(uint64_t status);

#endif

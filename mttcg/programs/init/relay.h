/* Bytes on their way from one descriptor to another. */

#pragma once

#include <stdbool.h>

#include "linux.h"

enum { RELAY_BYTES = 32 * 1024 }; /* as many as a port takes at a time */

/*
 * A stream of bytes. Both descriptors are non-blocking; either is -1 when it is closed: `from` when
 * its end was read, or nobody takes what comes from there, `to` when all has gone there.
 */
struct relay {
    int from;
    int to;
    size_t begin;
    size_t end;
    char data[RELAY_BYTES];
};

/* What to wait for before relay_move has something to do. */
struct waited relay_wait(const struct relay *relay);

/* Move what can be moved; whether anything was. found: events of the descriptor waited for. */
bool relay_move(struct relay *relay, short found);

/* Whether all has gone to its end, or nobody takes it any more. */
bool relay_has_ended(const struct relay *relay);

#include "relay.h"

static bool is_empty(const struct relay *relay)
{
    return relay->begin == relay->end;
}

static void close_end(int *descriptor)
{
    if (*descriptor >= 0) {
        close_file(*descriptor);
    }
    *descriptor = -1;
}

struct waited relay_wait(const struct relay *relay)
{
    if (!is_empty(relay)) {
        return (struct waited){relay->to, POLLOUT, 0};
    }
    return (struct waited){relay->from, POLLIN, 0};
}

/* Nobody takes it any more: who writes there is to notice. */
static void lose(struct relay *relay)
{
    relay->begin = relay->end;
    close_end(&relay->from);
    close_end(&relay->to);
}

static bool take(struct relay *relay)
{
    long taken = read_from(relay->from, relay->data, RELAY_BYTES);
    if (taken == -EAGAIN) {
        return false;
    }
    if (taken <= 0) { /* its end */
        close_end(&relay->from);
        close_end(&relay->to);
        return false;
    }
    relay->begin = 0;
    relay->end = (size_t)taken;
    return true;
}

static bool give(struct relay *relay)
{
    long given = write_to(relay->to, relay->data + relay->begin, relay->end - relay->begin);
    if (given == -EAGAIN) {
        return false;
    }
    if (given < 0) {
        lose(relay);
        return false;
    }
    relay->begin += (size_t)given;
    return true;
}

bool relay_move(struct relay *relay, short found)
{
    bool moved = false;
    if (!is_empty(relay) && (found & (POLLHUP | POLLERR)) != 0) {
        lose(relay);
        return false;
    }
    if (is_empty(relay) && relay->from >= 0) {
        moved = take(relay);
    }
    if (!is_empty(relay) && relay->to >= 0) {
        moved = give(relay) || moved;
    }
    return moved;
}

bool relay_has_ended(const struct relay *relay)
{
    return relay->from < 0; /* which is closed when nothing is under way */
}

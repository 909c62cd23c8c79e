#include "task.h"

#include "linux.h"

static char content[MOST_BYTES];
static size_t size;

static size_t read_whole(const char *path)
{
    int file = (int)open_file(path, O_RDONLY);
    size_t found = 0;
    long taken = file;
    while (taken >= 0 && found < sizeof content - 1) {
        taken = read_from(file, content + found, sizeof content - 1 - found);
        if (taken == 0) {
            close_file(file);
            return found;
        }
        found += taken > 0 ? (size_t)taken : 0;
    }
    fail(STAGE_SYSTEM, taken < 0 ? taken : -E2BIG);
}

static void read_all(int port, void *data, size_t wanted)
{
    for (size_t found = 0; found < wanted;) {
        long taken = read_from(port, (char *)data + found, wanted - found);
        if (taken == -EAGAIN) {
            struct waited waited = {port, POLLIN, 0};
            call(CALL_PPOLL, (long)&waited, 1, 0, 0, 0);
        } else if (taken <= 0) {
            fail(STAGE_SYSTEM, taken);
        } else {
            found += (size_t)taken;
        }
    }
}

void task_read(int port)
{
    uint64_t length;
    read_all(port, &length, sizeof length);
    if (length >= sizeof content) {
        fail(STAGE_SYSTEM, -E2BIG);
    }
    size = length;
    read_all(port, content, size);
    content[size] = 0;
}

static void load_module(const char *path)
{
    int file = (int)open_file(path, O_RDONLY);
    long error = file < 0 ? file : call(CALL_FINIT_MODULE, file, (long)"", 0, 0, 0);
    if (error < 0 && error != -EEXIST) {
        fail(STAGE_MODULE, error);
    }
    close_file(file);
}

static void mount_share(const char *tag, const char *path, const char *options, long flags)
{
    long error = call(CALL_MOUNT, (long)tag, (long)path, (long)"9p", flags, (long)options);
    if (error < 0) {
        fail(STAGE_MOUNT, error);
    }
}

static void add(const char **words, size_t *count, const char *word)
{
    if (*count == MOST_WORDS) {
        fail(STAGE_SYSTEM, -E2BIG);
    }
    words[(*count)++] = word;
}

/* The record at a place; where the next one is. */
static size_t next_record(size_t at, const char **text)
{
    *text = content + at + 1;
    while (content[at] != 0) {
        at++;
    }
    return at + 1;
}

void task_prepare_kernel(void)
{
    size = read_whole("/kernel");
    const char *text;
    for (size_t at = 0; at < size;) {
        char letter = content[at];
        at = next_record(at, &text);
        if (letter != 'm') {
            fail(STAGE_SYSTEM, -EINVAL);
        }
        load_module(text);
    }
}

static void set_clock(const char *text)
{
    int64_t nanoseconds = 0;
    for (; *text != 0; text++) {
        nanoseconds = 10 * nanoseconds + (*text - '0');
    }
    struct seconds now = {nanoseconds / 1000000000, nanoseconds % 1000000000};
    call(CALL_CLOCK_SETTIME, CLOCK_REALTIME, (long)&now, 0, 0, 0);
}

/* Machines that go on from one snapshot have the same state: this is what tells them apart. */
static void add_randomness(const char *text)
{
    static struct {
        int bits;
        int bytes;
        char data[MOST_SEED];
    } seed;
    while (text[seed.bytes] != 0 && seed.bytes < MOST_SEED) {
        seed.data[seed.bytes] = text[seed.bytes];
        seed.bytes++;
    }
    seed.bits = 4 * seed.bytes; /* they are hexadecimal digits */
    int file = (int)open_file("/dev/urandom", O_RDWR);
    call(CALL_IOCTL, file, RNDADDENTROPY, (long)&seed, 0, 0);
    call(CALL_IOCTL, file, RNDRESEEDCRNG, 0, 0, 0);
    close_file(file);
}

void task_prepare(struct task *task)
{
    const char *tag = "", *options = "", *target = "", *text;
    size_t arguments = 0, variables = 0;
    for (size_t at = 0; at < size;) {
        char letter = content[at];
        at = next_record(at, &text);
        switch (letter) {
        case 'k': set_clock(text); break;
        case 's': add_randomness(text); break;
        case 'f': call(CALL_MKDIRAT, AT_FDCWD, (long)text, 0755, 0, 0); break;
        case 'l': target = text; break;
        case 'n': call(CALL_SYMLINKAT, (long)target, AT_FDCWD, (long)text, 0, 0); break;
        case 't': tag = text; break;
        case 'o': options = text; break;
        case 'r': mount_share(tag, text, options, MS_RDONLY); break;
        case 'w': mount_share(tag, text, options, 0); break;
        case 'd': task->folder = text; break;
        case 'p': task->program = text; break;
        case 'a': add(task->arguments, &arguments, text); break;
        case 'e': add(task->variables, &variables, text); break;
        case 'x': task->is_seen = true; break;
        case '2': task->joins_errors = true; break;
        case 'q': finish(0); break;
        default: fail(STAGE_SYSTEM, -EINVAL);
        }
    }
}

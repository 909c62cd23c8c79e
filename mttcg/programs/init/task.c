#include "task.h"

#include "linux.h"

static char content[MOST_BYTES];

static size_t read_whole(const char *path)
{
    int file = (int)open_file(path, O_RDONLY);
    size_t size = 0;
    long taken = file;
    while (taken >= 0 && size < sizeof content - 1) {
        taken = read_from(file, content + size, sizeof content - 1 - size);
        if (taken == 0) {
            close_file(file);
            return size;
        }
        size += taken > 0 ? (size_t)taken : 0;
    }
    fail(STAGE_SYSTEM, taken < 0 ? taken : -E2BIG);
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

void task_prepare(struct task *task)
{
    const char *tag = "", *options = "";
    size_t arguments = 0, variables = 0, size = read_whole("/task");
    for (size_t at = 0; at < size;) {
        char letter = content[at];
        const char *text = content + at + 1;
        switch (letter) {
        case 'm': load_module(text); break;
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
        default: fail(STAGE_SYSTEM, -EINVAL);
        }
        while (content[at] != 0) {
            at++;
        }
        at++;
    }
}

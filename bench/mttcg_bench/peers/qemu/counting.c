/* counting: what mttcg's plugins do, done by a TCG plugin of QEMU's.

   Arguments what=blocks|instructions|accesses|hotblocks and how=inline|callback|checked; at the end "events N" goes to
   stderr. With how=checked what is counted inline is counted by a callback, too, in a line of each vCPU's own that
   nobody else writes: "executed N". */
#include "plugin_api.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VCPUS 64
#define LINE 128
#define BUCKETS 4096

EXPORTED int qemu_plugin_version = PLUGIN_API;

/* Of each vCPU's own: no line is written by two. */
static struct {
    _Alignas(LINE) uint64_t events;
    uint64_t executed;
} of_vcpu[VCPUS];

static const char *what = "", *how = "";
static uint64_t word;
static counter_t counter;

/* hotblocks counts as the plugin of that name that comes with QEMU 7.2 does: inline in one word for each block; by
   callback in a table behind one lock, looked up at each execution. */
struct hot_block {
    uint64_t address, word;
    counter_t counter;
    struct hot_block *next;
};
static struct hot_block *buckets[BUCKETS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct hot_block *find(uint64_t address) {
    struct hot_block *found = buckets[address / 2 % BUCKETS];
    while (found != NULL && found->address != address) {
        found = found->next;
    }
    return found;
}

static struct hot_block *find_or_make(uint64_t address) {
    pthread_mutex_lock(&lock);
    struct hot_block *found = find(address);
    if (found == NULL) {
        found = calloc(1, sizeof *found);
        if (found == NULL) {
            abort();
        }
        found->address = address;
        found->counter = new_counter(&found->word);
        found->next = buckets[address / 2 % BUCKETS];
        buckets[address / 2 % BUCKETS] = found;
    }
    pthread_mutex_unlock(&lock);
    return found;
}

static void count_event(unsigned int vcpu, void *data) {
    (void)data;
    of_vcpu[vcpu].events++;
}

static void count_access(unsigned int vcpu, qemu_plugin_meminfo_t info, uint64_t address, void *data) {
    (void)info, (void)address, (void)data;
    of_vcpu[vcpu].events++;
}

static void count_hot_block(unsigned int vcpu, void *data) {
    (void)vcpu;
    pthread_mutex_lock(&lock);
    find((uint64_t)data)->word++;
    pthread_mutex_unlock(&lock);
}

static void count_executed(unsigned int vcpu, void *data) {
    (void)data;
    of_vcpu[vcpu].executed++;
}

static void count_accessed(unsigned int vcpu, qemu_plugin_meminfo_t info, uint64_t address, void *data) {
    (void)info, (void)address, (void)data;
    of_vcpu[vcpu].executed++;
}

static void instrument_instructions(struct qemu_plugin_tb *block, bool inlined, bool checked, bool accesses) {
    size_t count = qemu_plugin_tb_n_insns(block);
    for (size_t i = 0; i < count; i++) {
        struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(block, i);
        if (accesses && inlined) {
            COUNT_ACCESSES(instruction, counter);
        } else if (inlined) {
            COUNT_INSTRUCTION(instruction, counter);
        }
        if (accesses && (checked || !inlined)) {
            qemu_plugin_register_vcpu_mem_cb(instruction, checked ? count_accessed : count_access,
                                             QEMU_PLUGIN_CB_NO_REGS, QEMU_PLUGIN_MEM_RW, NULL);
        } else if (checked || !inlined) {
            qemu_plugin_register_vcpu_insn_exec_cb(instruction, checked ? count_executed : count_event,
                                                   QEMU_PLUGIN_CB_NO_REGS, NULL);
        }
    }
}

static void instrument_block(struct qemu_plugin_tb *block, bool inlined, bool hot) {
    uint64_t address = qemu_plugin_tb_vaddr(block);
    if (hot) {
        struct hot_block *found = find_or_make(address);
        if (inlined) {
            COUNT_BLOCK(block, found->counter, 1);
        } else {
            qemu_plugin_register_vcpu_tb_exec_cb(block, count_hot_block, QEMU_PLUGIN_CB_NO_REGS, (void *)address);
        }
    } else if (inlined) {
        COUNT_BLOCK(block, counter, 1);
    } else {
        qemu_plugin_register_vcpu_tb_exec_cb(block, count_event, QEMU_PLUGIN_CB_NO_REGS, NULL);
    }
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *block) {
    (void)id;
    bool inlined = strcmp(how, "callback") != 0, checked = strcmp(how, "checked") == 0;
    bool accesses = strcmp(what, "accesses") == 0, instructions = strcmp(what, "instructions") == 0;
    if (accesses || instructions) {
        instrument_instructions(block, inlined, checked, accesses);
        return;
    }
    instrument_block(block, inlined, strcmp(what, "hotblocks") == 0);
    if (checked) {
        qemu_plugin_register_vcpu_tb_exec_cb(block, count_executed, QEMU_PLUGIN_CB_NO_REGS, NULL);
    }
}

static void ended(qemu_plugin_id_t id, void *data) {
    (void)id, (void)data;
    uint64_t events = counted(counter), executed = 0;
    for (int vcpu = 0; vcpu < VCPUS; vcpu++) {
        events += of_vcpu[vcpu].events;
        executed += of_vcpu[vcpu].executed;
    }
    for (int bucket = 0; bucket < BUCKETS; bucket++) {
        for (struct hot_block *block = buckets[bucket]; block != NULL; block = block->next) {
            bool inlined = strcmp(how, "callback") != 0;
            events += inlined ? counted(block->counter) : block->word;
        }
    }
    fprintf(stderr, "events %llu\n", (unsigned long long)events);
    if (strcmp(how, "checked") == 0) {
        fprintf(stderr, "executed %llu\n", (unsigned long long)executed);
    }
}

EXPORTED int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int count, char **arguments) {
    (void)info;
    for (int i = 0; i < count; i++) {
        if (strncmp(arguments[i], "what=", 5) == 0) {
            what = strdup(arguments[i] + 5);
        } else if (strncmp(arguments[i], "how=", 4) == 0) {
            how = strdup(arguments[i] + 4);
        } else {
            fprintf(stderr, "counting: no argument %s\n", arguments[i]);
            return 1;
        }
    }
    counter = new_counter(&word);
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, ended, NULL);
    return 0;
}

/* What a guest wants to know from the device tree: how many harts there are. */
#ifndef RUNTIME_DEVICE_TREE_H
#define RUNTIME_DEVICE_TREE_H

#include <stdint.h>

/* Counts the nodes /cpus/cpu@*; 0 if there is no flattened device tree at that address. */
uint64_t count_harts(const void *device_tree);

#endif

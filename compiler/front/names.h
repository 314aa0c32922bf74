/* names.h - a table from names to items, for files with thousands of pools. */
#ifndef PC_NAMES_H
#define PC_NAMES_H

#include "support/arena.h"

#include <stddef.h>

struct pc_name_slot {
    const char *name; /* NULL: free */
    void *item;
};

/* Zeroed but for the arena: empty. */
struct pc_names {
    struct pc_arena *arena;
    struct pc_name_slot *slots;
    size_t capacity, count;
};

/* The item of a name; NULL where it has none. */
void *pc_names_find(const struct pc_names *names, const char *name);

/* Adds a name that is not in the table; `item` is not NULL, and `name` lives as long as the table. */
void pc_names_add(struct pc_names *names, const char *name, void *item);

#endif

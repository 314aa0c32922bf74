/* names.c - see names.h. Open addressing; the table is at most half full. */
#include "front/names.h"

#include <stdint.h>
#include <string.h>

enum { FIRST_CAPACITY = 64 };

/* FNV-1a. */
static size_t hash(const char *name) {
    uint64_t value = 14695981039346656037u;
    for (; *name; name++)
        value = (value ^ (unsigned char)*name) * 1099511628211u;
    return (size_t)(value ^ value >> 32);
}

static struct pc_name_slot *slot_of(struct pc_name_slot *slots, size_t capacity, const char *name) {
    size_t at = hash(name) & (capacity - 1);
    while (slots[at].name && strcmp(slots[at].name, name) != 0)
        at = (at + 1) & (capacity - 1);
    return &slots[at];
}

void *pc_names_find(const struct pc_names *names, const char *name) {
    return names->capacity ? slot_of(names->slots, names->capacity, name)->item : NULL;
}

void pc_names_add(struct pc_names *names, const char *name, void *item) {
    if (2 * (names->count + 1) > names->capacity) {
        size_t capacity = names->capacity ? 2 * names->capacity : FIRST_CAPACITY;
        struct pc_name_slot *slots = PC_NEW_ARRAY(names->arena, capacity, struct pc_name_slot);
        for (size_t i = 0; i < names->capacity; i++)
            if (names->slots[i].name)
                *slot_of(slots, capacity, names->slots[i].name) = names->slots[i];
        names->slots = slots;
        names->capacity = capacity;
    }
    *slot_of(names->slots, names->capacity, name) = (struct pc_name_slot){name, item};
    names->count++;
}

/* pattern.c - see pattern.h. */
#include "back/pattern.h"

#include <stdlib.h>
#include <string.h>

static bool is_progression(const struct pc_lane_list *l, int first, int step) {
    for (int i = 0; i < l->count; i++)
        if (l->at[i] != first + i * step)
            return false;
    return true;
}

static bool is_even(const struct pc_lane_list *l) {
    return is_progression(l, 0, 2);
}

static bool is_odd(const struct pc_lane_list *l) {
    return is_progression(l, 1, 2);
}

/* The tail of a, then the head of b. */
static bool is_shift(const struct pc_lane_list *l) {
    return is_progression(l, l->at[0], 1);
}

/* Of one operand: its tail, then its head. */
static bool is_rotation(const struct pc_lane_list *l) {
    for (int i = 0; i < l->count; i++)
        if (l->at[i] != (l->at[0] + i) % l->from)
            return false;
    return l->count == l->from;
}

static bool is_same(const struct pc_lane_list *l) {
    return is_progression(l, l->at[0], 0);
}

static bool is_interleaved(const struct pc_lane_list *l, int first) {
    for (int i = 0; i < l->count; i++)
        if (l->at[i] != first + i / 2 + (i % 2 ? l->from : 0))
            return false;
    return true;
}

static bool is_low(const struct pc_lane_list *l) {
    return is_interleaved(l, 0);
}

static bool is_high(const struct pc_lane_list *l) {
    return is_interleaved(l, l->from / 2);
}

static bool is_one_operand(const struct pc_lane_list *l, int begin, int end) {
    for (int i = begin; i < end; i++)
        if ((l->at[i] < l->from) != (l->at[begin] < l->from))
            return false;
    return true;
}

static bool is_first(const struct pc_lane_list *l) {
    return is_one_operand(l, 0, l->count / 2);
}

static bool is_second(const struct pc_lane_list *l) {
    return is_one_operand(l, l->count / 2, l->count);
}

static bool is_halves(const struct pc_lane_list *l) {
    return is_first(l) && is_second(l);
}

/* No place is taken from both operands: a blend first, then one permutation. */
static bool is_distinct(const struct pc_lane_list *l) {
    uint64_t seen = 0;
    for (int i = 0; i < l->count; i++)
        seen |= UINT64_C(1) << l->at[i] % l->from;
    return seen == (UINT64_C(1) << l->from) - 1;
}

static bool is_place(const struct pc_lane_list *l) {
    for (int i = 0; i < l->count; i++)
        if (l->at[i] % l->from != i)
            return false;
    return true;
}

static const struct {
    const char *name;
    bool (*holds)(const struct pc_lane_list *list);
} patterns[] = {
    {"even", is_even},     {"odd", is_odd},     {"shift", is_shift},       {"same", is_same},
    {"low", is_low},       {"high", is_high},   {"first", is_first},       {"second", is_second},
    {"halves", is_halves}, {"place", is_place}, {"distinct", is_distinct}, {"rotate", is_rotation},
};

bool pc_pattern_holds(const char *name, size_t length, const struct pc_lane_list *list) {
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        if (strlen(patterns[i].name) == length && memcmp(patterns[i].name, name, length) == 0)
            return patterns[i].holds(list);
    abort();
}

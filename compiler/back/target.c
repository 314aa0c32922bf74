/* target.c - see target.h. */
#include "back/target.h"

enum { UNPLANNED = false, OFFERED = true };

static const struct pc_target_row rows[PC_TARGET_COUNT] = {
#define TARGET_ROW(id, name, offer, bytes, most, half, masks, permutes, header, flags, guard, line)                         \
    {name, offer, bytes, most, half, masks, permutes, header, flags, guard, line},
#include "targets.def"
#undef TARGET_ROW
};

const struct pc_target_row *pc_target_row(enum pc_target target) {
    return &rows[target];
}

bool pc_target_has(enum pc_target target, struct ir_type type) {
    return type.element < IR_ELEMENT_COUNT &&
           (type.lanes == 1 || type.lanes == rows[target].most || type.lanes == rows[target].half);
}

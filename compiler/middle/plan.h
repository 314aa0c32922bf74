/* plan.h - what was chosen for one kernel of one layer, and why.
 *
 * The plan knows shapes and costs but no syntax.  The lowering follows it: what is left to it is in which registers partial
 * results of one window lie, and how many of them there are. */
#ifndef PC_PLAN_H
#define PC_PLAN_H

#include "front/layer.h"
#include "front/tables.h"
#include "ir/ir.h"

struct pc_diags;
struct pc_lane_plan;
struct pc_tuned;

/* forward_train also stores what the backward pass needs; a layer whose gradient is not a selection has none. */
enum pc_kernel_kind { PC_KERNEL_FORWARD, PC_KERNEL_TRAIN, PC_KERNEL_BACKWARD, PC_KERNEL_COUNT };
extern const char *const pc_kernel_suffix[PC_KERNEL_COUNT]; /* "forward", "forward_train", "backward" */

/* How the taps of a window along one axis are associated. All keep the order of the taps. */
enum pc_scheme {
    PC_SCHEME_DIRECT,   /* one after the other */
    PC_SCHEME_BLOCKS,   /* dyadic blocks at fixed input positions, which neighbouring windows share */
    PC_SCHEME_DOUBLING, /* two overlapping halves of a power of two: idempotent modes only */
};

struct pc_plan_axis {
    const struct pc_segment *segments; /* forward */
    const struct pc_cell *cells;       /* backward; of the extended axis (axis.h) where the form is staged */
    int count;                         /* of them; 0: there are too many kinds */
    enum pc_scheme scheme;
    int64_t tile;     /* outputs (cells) in one tile */
    bool roll;        /* taps (covering windows) by a loop instead of unrolled */
    bool roll_phases; /* backward: the positions of a phase by a loop */
};

enum { PC_REASONS_MAX = 12 };

/* Bytes of local arrays that may lie on the stack of somebody's thread; pool/compiler.h promises it. */
enum { PC_LOCAL_MOST = 144 * 1024 };

/* How a kernel gets at its windows. */
enum pc_form {
    PC_FORM_STRAIGHT, /* the whole kernel is one straight line */
    PC_FORM_LOOPS,    /* loops over the regions in which windows are equal */
    PC_FORM_PASSES,   /* forward: an axis at a time, through local arrays, so that borders add up instead of multiplying */
    PC_FORM_LANES,  /* vectors: of outputs in the order of memory, or of channels */
    PC_FORM_STAGED, /* backward: dy is first copied into a local array with zeros around it, so that there are no borders */
    PC_FORM_SCATTER, /* backward of max and min: window by window, each to the input that it selected */
    PC_FORM_LOOKUP, /* windows of many kinds in one loop nest, which looks up where their taps lie */
};
extern const char *const pc_form_names[];

/* The ways to make a kernel of vectors, or a gradient window by window: plans.def. */
enum pc_plan_choice {
#define PLAN(id, name, apart, rows, line) PC_PLAN_##id,
#include "plans.def"
#undef PLAN
    PC_PLAN_COUNT
};
const char *pc_plan_name(enum pc_plan_choice choice);
const char *pc_plan_line(enum pc_plan_choice choice);

/* What the planner knows of the caches; 0: what most machines have. */
struct pc_caches {
    int64_t near_bytes; /* of those that a core reaches much sooner than memory: its share of what others use, too */
    int64_t first_ways; /* lines that a set of the first level has room for; its sets repeat after a page */
};

/* What a plan is for, and what is wished of it.  Budgets are in nodes of code, 0 is the default below; of these the first is
 * the user's to set, tests lower the others to see every form of kernel on small layers, and long lines cut that are short.
 */
struct pc_plan_options {
    int64_t unroll_budget; /* a straight-line kernel */
    int64_t loop_budget;   /* a kernel of loops */
    int64_t whole_budget;  /* whole windows: beyond it, one axis at a time is both shorter and faster */
    int64_t kinds_budget;  /* code for each kind of windows: beyond it, one loop nest is for all kinds */
    int64_t line_budget;   /* a straight line that is one function: a longer one is cut (note [pieces] in lower.c) */
    int64_t fetch_bytes;   /* of tensors that leave the first level cache, so that lines are fetched before they are written */
    int vector_bytes;      /* of the machine's vectors; 0: plans use none, they are left to the C compiler or LLVM */
    bool fused;            /* these vectors multiply and add with one rounding */
    struct pc_caches caches;
    const char *target;    /* the name of the target with these vectors, for `tuned`; NULL: none */
    bool forced;           /* `choice` is taken for every kernel of vectors that it fits; pc_plan.misfit says why not */
    enum pc_plan_choice choice;
    const struct pc_tuned *tuned; /* what was measured (tuned.h) and is taken where nothing is forced; NULL: nothing */
};
enum {
    PC_UNROLL_BUDGET = 32768, /* a LeNet layer fits; gcc compiles that much straight-line code in seconds */
    PC_UNROLL_BUDGET_MOST = 1 << 22, /* a gigabyte of nodes */
    PC_LOOP_BUDGET = 8192,    /* what a reader scrolls through and a compiler takes well under a second for */
    PC_WHOLE_BUDGET = 1200,   /* found by measuring 3 x 3 and 5 x 5 windows */
    PC_KINDS_BUDGET = PC_LOOP_BUDGET,
    PC_LINE_BUDGET = IR_LINE_MOST,
    PC_FETCH_BYTES = 32 << 10,
    PC_NEAR_BYTES = 8 << 20, /* Zen 4: a quarter of the 32 MiB that its cores share */
    PC_FIRST_WAYS = 8,
};

/* A way that fits a kernel. */
struct pc_plan_candidate {
    enum pc_plan_choice choice;
    double work; /* operations for one plane or one vector of channels */
};

struct pc_plan {
    const struct pc_layer *layer;
    enum pc_kernel_kind kind;
    enum pc_form form;
    int64_t block;      /* passes, staged, lanes: channels at a time (channels-last); lanes: planes at a time; else 1 */
    const struct pc_lane_plan *lanes; /* forms LANES and SCATTER */
    struct pc_plan_candidate candidates[PC_PLAN_COUNT]; /* of these: the one taken, then the others by their work */
    int candidate_count;
    const char *misfit; /* why what was forced, or measured, does not fit; NULL: it does, or there is no such wish */
    bool wide_state;    /* loops of forward_train: tap numbers go through a local plane (note [wide state]) */
    int64_t local_bytes; /* of local arrays, on the stack */
    struct pc_plan_axis axis[POOL_MAX_RANK];
    struct pc_plan_options options;            /* with the defaults filled in */
    enum ir_element real, track, state, index; /* element types: of x and y, of tap numbers in registers, stored */
    double estimate;                           /* nodes of code */
    const char *reasons[PC_REASONS_MAX];       /* one line each */
    int reason_count;
};

/* Whether the layer has this kernel: passes, and `forward_train` only where there is state. */
bool pc_layer_has_kernel(const struct pc_layer *layer, enum pc_kernel_kind kind);

/* The element types of the state and the indices of a layer, which are also those of the generated interface. */
enum ir_element pc_state_element(const struct pc_layer *layer);
enum ir_element pc_index_element(const struct pc_layer *layer);

/* Plans one kernel. NULL, with an error in diags, when the layer would need more code than is reasonable, or `unroll full`
 * more than the budget. */
struct pc_plan *pc_plan_build(const struct pc_layer *layer, enum pc_kernel_kind kind, const struct pc_plan_options *options,
                              struct pc_arena *arena, struct pc_diags *diags);

/* Whether the kernel's values carry tap numbers, which differ from window to window: nothing that does is shared. */
bool pc_plan_tracks(const struct pc_plan *plan);

/* How a scheme divides the reduction of `taps` >= 2 taps whose first lies at tap position `at`: the number of taps in the
 * first part. The second part is the rest; for DOUBLING it is as many taps, ending with the last, and overlaps. */
int64_t pc_scheme_split(enum pc_scheme scheme, int64_t at, int64_t taps);

/* plan_print.c: the plan as text (--emit plan, and the body of explain); with `slots` also what each lane of its vectors takes
 * (--emit lanes). */
void pc_plan_print(const struct pc_plan *plan, bool slots, struct pc_text *text);

#endif

/* lower_nest.h - what the forward and the backward lowering share: places in buffers that move with the loops around them,
 * and the loops themselves. Internal to lower*.c. */
#ifndef PC_LOWER_NEST_H
#define PC_LOWER_NEST_H

#include "ir/ir_build.h"
#include "middle/lower.h"

/* An element of a buffer relative to the current loops: constant + sum of stride * variable. */
struct place {
    struct ir_affine affine;
    int64_t constant;
};

/* `wide`: the side with the input's shape (x, dx). `narrow`: the side with the output's shape (y, dy, state, indices).
 * `plane`: the input position inside its plane. `tap`: the number of the current tap. */
struct places {
    struct place wide, narrow, plane, tap;
};

/* How far each place moves in one step of a loop. */
struct steps {
    int64_t wide, narrow, plane, tap;
};

/* One loop level around the tiles: planes, batch and channels are plain; spatial axes fall into segments or cells. */
enum level_kind { LEVEL_PLAIN, LEVEL_AXIS };
struct level {
    enum level_kind kind;
    int axis;         /* LEVEL_AXIS */
    const char *name; /* LEVEL_PLAIN: the loop variable */
    int64_t trip;
    struct steps steps;
};

enum { LEVELS_MAX = 2 + POOL_MAX_RANK };

/* What the variables of loops along an axis are called: over outputs, inputs and taps. */
extern const char *const nest_out_names[POOL_MAX_RANK], *const nest_in_names[POOL_MAX_RANK],
    *const nest_tap_names[POOL_MAX_RANK];

/* Buffers by role; -1 where the kernel has none. */
struct buffers {
    int x, y, indices, state, dy, dx;
};

/* One pass of a forward kernel that goes axis by axis (lower_passes.c). */
struct pass {
    bool active, first, last;
    int axis;
    int in_tap, in_index, out_tap, out_index; /* local buffers beside the values; -1 where not wanted */
};

struct nest {
    const struct pc_plan *plan;
    const struct pc_layer *layer;
    const struct pc_mode *mode;
    struct pc_arena *arena;
    struct ir_builder b;
    struct buffers buffer;
    struct ir_type real, track; /* one lane, except in kernels of vectors */
    struct places at;
    struct level level[LEVELS_MAX];
    int level_count;
    /* Elements from a spatial position to the next along an axis. */
    struct steps stride[POOL_MAX_RANK];
    struct pass pass;
    int state_outer; /* forward: the first terms of at.narrow do not count for `state`, which is a local plane (note [wide
                        state]) */
    bool weighted; /* backward: dy was weighted and divided when it was copied (lower_staged.c) */
    /* The current segment and tile (forward). */
    const struct pc_segment *segment[POOL_MAX_RANK];
    int64_t tile[POOL_MAX_RANK];
    /* The input positions of the current tile (backward). */
    struct position {
        int64_t in; /* relative to at.wide */
        const struct pc_phase *phase;
        int64_t tap_offset; /* position inside its phase */
        int64_t out_offset; /* windows of a later cell of the tile are this many further */
    } *positions[POOL_MAX_RANK];
    int position_count[POOL_MAX_RANK];
    struct lookup *lookup;                       /* where the windows' taps are looked up (lower_lookup.c) */
    const struct pc_phase *phase[POOL_MAX_RANK]; /* of the inputs at hand, pixel by pixel (lower_pixels.c) */
    /* A long straight line is cut into blocks: see note [pieces]. */
    bool cut;
    uint32_t piece;     /* the open block */
    bool piece_is_open;
    size_t piece_begin; /* nodes before it */
    void (*axis_level)(struct nest *, int level, int axis); /* opens the loops of a spatial axis and goes down */
    void (*tile_body)(struct nest *);                       /* the straight-line code of a tile */
};

/* Emits everything inside `level`; level_count is the tile. */
void nest_descend(struct nest *nest, int level);

/* Repeats what is inside `level`: a loop, or, in a straight line, copies. */
void nest_repeat(struct nest *nest, int level, const char *name, int64_t trip, struct steps steps);

/* Moves the places by constants. */
void nest_move(struct nest *nest, struct steps steps, int64_t times);

/* Called before each output (input) of a straight line: begins a new part when the current one is long enough. */
void nest_cut(struct nest *nest);

/* A loop around code emitted by the caller between the two calls; the places move with it. */
uint32_t nest_open(struct nest *nest, const char *name, int64_t trip, struct steps steps);

/* The same, where one turn is no loop, which nest_close() knows. Values cannot be carried through it. */
enum { NEST_NO_LOOP = INT32_MAX };
uint32_t nest_open_turns(struct nest *nest, const char *name, int64_t trip, struct steps steps);

void nest_close(struct nest *nest, uint32_t loop);

/* An element, or as many as the type has lanes, `offset` behind the place; `mask`: of the lanes that are meant, 0: all. */
ir_ref nest_load(struct nest *nest, int buffer, struct ir_type type, const struct place *place, int64_t offset, ir_ref mask);
void nest_store(struct nest *nest, int buffer, const struct place *place, int64_t offset, ir_ref value, ir_ref mask);

/* The cache line of an element is written soon. */
void nest_fetch(struct nest *nest, int buffer, const struct place *place, int64_t offset);

/* A mask of the first `count` lanes; 0 where these are all. */
ir_ref nest_first_lanes(struct nest *nest, int lanes, int64_t count);

/* |x|^p and its relatives, shared by lift, root and gradient: `base` to a small integer power by products, otherwise pow. */
ir_ref nest_power(struct nest *nest, ir_ref base, double exponent);

/* Runs `body` for each block of planes, or, channels-last, for each image and block of channels; the last block may have
 * fewer, `channels` of them. The places stand at the first element. */
void nest_each_block(struct nest *nest, void (*body)(struct nest *, int64_t channels));

/* The same for each block of channels of the pixel where the places stand. */
void nest_each_block_of_channels(struct nest *nest, void (*body)(struct nest *, int64_t channels));

/* The local array of that name, made on first use: the blocks of a kernel share it. */
int nest_local(struct nest *nest, const char *name, enum ir_element element, int64_t count);

/* Strides of a local array over the three axes with `channels` innermost, and its number of elements. */
void nest_local_strides(const int64_t *size, int64_t channels, int64_t *stride);
int64_t nest_local_count(const int64_t *size, int64_t channels);

/* The same place with all strides 0: the begin of a local array, whatever loops are around. */
struct place nest_local_place(const struct place *place);

bool forward_tracks_tap(const struct nest *nest);
bool forward_tracks_index(const struct nest *nest);
ir_ref backward_weigh(struct nest *nest, ir_ref dy, ir_ref y); /* lp: dy * y^(1 - p), 0 where y is 0; others: dy */
/* lp: the derivative of |x|^p without the factor p, which the root's derivative cancels: sign(x) |x|^(p-1), times sum. */
ir_ref backward_times_lift_derivative(struct nest *nest, ir_ref sum, ir_ref x);

void lower_forward(struct nest *nest);
void lower_lanes(struct nest *nest);
void lower_lane_bands(struct nest *nest, int64_t channels); /* of a block of channels, or planes */
void lower_transposed(struct nest *nest, int64_t planes);   /* the same, of as many planes as lanes, or fewer */
void lower_forward_passes(struct nest *nest);
void lower_backward(struct nest *nest);
void lower_backward_staged(struct nest *nest);
void lower_pixels(struct nest *nest);
void lower_scatter(struct nest *nest);
void lower_lookup(struct nest *nest);

#endif

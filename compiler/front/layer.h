/* layer.h - what a pooling layer means: complete, checked, all sizes concrete.
 *
 * The front end's last word. Nothing after it looks at syntax; nothing before it knows sizes. */
#ifndef PC_LAYER_H
#define PC_LAYER_H

#include "front/axis.h"
#include "front/source.h"
#include "pool/desc.h"

struct pc_diags;
struct pc_ast_file;

enum pc_unroll { PC_UNROLL_AUTO, PC_UNROLL_WINDOW, PC_UNROLL_FULL };

struct pc_layer {
    const char *name;
    struct pc_span name_span; /* where the file names it; empty for a layer built in code */
    struct pool_desc desc;
    struct pc_axis axis[POOL_MAX_RANK]; /* always D, H, W; a missing outer axis is pc_axis_unit() */
    enum pc_unroll unroll;
    struct pc_span unroll_span; /* for "unroll full is beyond the budget" */
    bool forward, backward; /* what is generated */
    int64_t x_count, y_count; /* elements */
};

struct pc_module {
    const char *name; /* the spec's name without folder and extension; "stdin" for standard input */
    struct pc_layer *layers;
    size_t count;
};

/* Products over the axes: elements of a plane of x, and of y; taps of a window. */
int64_t pc_layer_inputs(const struct pc_layer *layer);
int64_t pc_layer_outputs(const struct pc_layer *layer);
int64_t pc_layer_taps(const struct pc_layer *layer);

/* Max and min: of the taps one is picked, which is where the gradient goes. The others are sums. */
bool pc_layer_picks(const struct pc_layer *layer);

/* Whether a window is divided by what it counts, which may differ from window to window, and not by a number of the layer's.
 */
bool pc_layer_divides_by_window(const struct pc_layer *layer);

/* Turns the tree into layers. Reports every independent error; a pool with an error is left out of the module, so the
 * result is complete only if diags has no error. Everything lives in `arena`. */
struct pc_module *pc_layers_build(const struct pc_ast_file *file, const struct pc_source *source, struct pc_arena *arena,
                                  struct pc_diags *diags);

/* A layer from a description built in code: the same checks, without spans. NULL (and diags) on errors. */
struct pc_layer *pc_layer_from_desc(const char *name, const struct pool_desc *desc, struct pc_arena *arena,
                                    struct pc_diags *diags);

/* Writes the layer in canonical .pool syntax, one attribute a line, defaults left out; parsing it again gives an equal
 * layer. */
struct pc_text;
void pc_layer_print(const struct pc_layer *layer, struct pc_text *text);

/* The same of what a kernel of the layer computes, whatever its name and its passes: equal texts are equal kernels. */
void pc_layer_print_key(const struct pc_layer *layer, struct pc_text *text);

/* The stage's dump (--emit layer): every field and derived size. */
void pc_layer_dump(const struct pc_layer *layer, struct pc_text *text);

#endif

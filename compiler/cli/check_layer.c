/* check_layer.c - see check_layer.h.
 *
 * For every set of inputs every backend runs every kernel, on buffers that touch an unreadable page at their end or at their
 * beginning, in turn. The first compiled backend's results are compared with the reference; the others' must have the same
 * bits, so that they need no second comparison. The reference's own results are compared like a backend's, which checks
 * what runs it. */
#include "cli/check_layer.h"

#include "cli/trap.h"
#include "middle/kernel.h"
#include "pool/compare.h"
#include "pool/random.h"
#include "run/guarded.h"
#include "run/process.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Taps of a forward pass. The reference does some ten million of them in a second and the interpreter a few million; each
 * set of inputs takes several passes. A layer should take a second or two. */
enum {
    MANY_INPUTS_MAX = 1000 * 1000,   /* above: not all sets of inputs */
    EVAL_MAX = 400 * 1000,           /* above: no interpreter, unless asked for */
    REFERENCE_RUN_MAX = 2000 * 1000, /* above: the reference only compares, unless asked to run */
};

enum { INPUTS_ALL = POOL_HARD_COUNT + 1, INPUTS_FEW = 2 }; /* plain random numbers, and the hard sets */

static const char *const hard_names[POOL_HARD_COUNT] = {
    [POOL_HARD_TIES] = "ties",
    [POOL_HARD_ZEROS] = "zeros of both signs",
    [POOL_HARD_NANS] = "some NaN",
    [POOL_HARD_MOSTLY_NAN] = "mostly NaN",
    [POOL_HARD_INFINITIES] = "infinities",
    [POOL_HARD_LOWEST] = "mostly infinite",
    [POOL_HARD_DENORMALS] = "denormals",
    [POOL_HARD_HUGE] = "huge numbers",
    [POOL_HARD_ALL] = "all hard numbers",
};

static const char *const backend_names[PC_BACKEND_COUNT] = {
#define BACKEND(id, name, line) name,
#include "run/backends.def"
#undef BACKEND
};

struct tensor {
    struct pc_tensor_facts facts;
    size_t size; /* bytes */
};

/* The memory of one backend, or of the inputs. */
struct buffers {
    struct pc_guarded of[PC_T_COUNT];
};

struct check {
    struct pc_cli *cli;
    const struct pc_layer *layer;
    struct pc_check_report *report;
    struct pc_arena *arena;
    struct tensor tensors[PC_T_COUNT];
    struct pc_runner *runners[PC_BACKEND_COUNT];
    struct pc_runner *feeder; /* the forward pass of a layer that has none; NULL */
    int input;                /* the set */
    struct buffers given;     /* x, dy */
    struct buffers made[PC_BACKEND_COUNT];
    void *first[PC_T_COUNT]; /* copies of the first results, whose bits others must have; else NULL */
    enum pc_backend first_backend;
};

static bool has(const struct check *c, enum pc_kernel_kind kind) {
    return c->report->kernels >> kind & 1;
}

static const char *input_name(const struct check *c) {
    if (c->input == 0)
        return "random numbers";
    return hard_names[c->report->inputs < INPUTS_ALL ? POOL_HARD_ALL : c->input - 1];
}

/* ---- differences ---- */

#define DIFFERS(c, ...) ((c)->report->difference = pc_arena_printf((c)->arena, __VA_ARGS__), false)

/* A number with as many digits as tell it from its neighbours. */
static const char *number(const struct check *c, enum pc_tensor_id t, double value) {
    if (isnan(value))
        return "NaN";
    return pc_arena_printf(c->arena, "%.*g", c->tensors[t].facts.element == IR_F32 ? 9 : 17, value);
}

/* "y[0, 3, 5, 5] of forward by cc on ties" */
static const char *place(const struct check *c, enum pc_kernel_kind kind, enum pc_backend backend, enum pc_tensor_id t,
                         int64_t at) {
    return pc_arena_printf(c->arena, "%s%s of %s by %s on %s (seed %" PRIu64 ")", pc_tensor_names[t],
                           pc_tensor_place(&c->tensors[t].facts, at, c->arena), pc_kernel_suffix[kind],
                           backend_names[backend], input_name(c), c->cli->options.seed);
}

/* Offset of the first element with other bits; -1: none. Any NaN is any other. */
static int64_t first_difference(const struct check *c, enum pc_tensor_id t, const void *a, const void *b) {
    const struct pc_tensor_facts *facts = &c->tensors[t].facts;
    int64_t at = -1;
    if (ir_elements[facts->element].real) {
        pool_equal_bits(c->layer->desc.dtype, facts->count, a, b, &at);
        return at;
    }
    const size_t bytes = (size_t)ir_elements[facts->element].bytes;
    if (memcmp(a, b, c->tensors[t].size) == 0)
        return -1;
    for (at = 0; memcmp((const char *)a + (size_t)at * bytes, (const char *)b + (size_t)at * bytes, bytes) == 0; at++)
        ;
    return at;
}

/* Tap numbers and indices as pool_compare_indices() takes them; NULL without memory. */
static int64_t *widened(const struct check *c, enum pc_tensor_id t, const void *data) {
    int64_t *wide = malloc((size_t)c->tensors[t].facts.count * sizeof *wide);
    if (!wide)
        longjmp(*c->arena->out_of_memory, 1);
    for (int64_t i = 0; i < c->tensors[t].facts.count; i++) /* exact: no index reaches 2^53 */
        wide[i] = (int64_t)pc_tensor_value(&c->tensors[t].facts, data, i);
    return wide;
}

/* The reference's opinion of a result. */
static enum pool_status compare(struct check *c, enum pc_backend backend, enum pc_tensor_id t, const void *data,
                                struct pool_comparison *result) {
    const struct pool_desc *desc = &c->layer->desc;
    const void *x = c->given.of[PC_T_X].data;
    if (t == PC_T_Y)
        return pool_compare_forward(desc, x, data, result);
    if (t == PC_T_DX)
        return pool_compare_backward(desc, x, c->made[backend].of[PC_T_Y].data, c->given.of[PC_T_DY].data, data, result);
    int64_t *wide = widened(c, t, data);
    const enum pool_status status =
        pool_compare_indices(desc, x, t == PC_T_STATE ? POOL_INDICES_WINDOW : desc->indices, wide, result);
    free(wide);
    return status;
}

/* Bounds are for kernels that compute in the element type: their powers overflow, and their gradient rests on the y that
 * they stored. The reference does neither, so what its backend made of lp is compared with itself, called directly. */
static bool judge_definition(struct check *c, enum pc_kernel_kind kind, enum pc_tensor_id t) {
    const struct pool_desc *desc = &c->layer->desc;
    const void *x = c->given.of[PC_T_X].data, *data = c->made[PC_BACKEND_REF].of[t].data;
    void *direct = malloc(c->tensors[t].size);
    if (!direct)
        longjmp(*c->arena->out_of_memory, 1);
    const enum pool_status status = t == PC_T_Y ? pool_reference_forward(desc, x, direct, NULL)
                                                : pool_reference_backward(desc, x, c->given.of[PC_T_DY].data, direct);
    const int64_t at = status == POOL_OK ? first_difference(c, t, data, direct) : -1;
    free(direct);
    if (status != POOL_OK)
        return DIFFERS(c, "the reference refuses the layer: %s", pool_status_text(status));
    return at < 0 || DIFFERS(c, "%s is not what the reference computes when it is called directly",
                             place(c, kind, PC_BACKEND_REF, t, at));
}

/* Is this result right? */
static bool judge(struct check *c, enum pc_kernel_kind kind, enum pc_backend backend, enum pc_tensor_id t) {
    const void *data = c->made[backend].of[t].data;
    const bool same_bits = backend != PC_BACKEND_REF; /* the reference adds in another order */
    if (same_bits && c->first[t]) {
        const int64_t at = first_difference(c, t, data, c->first[t]);
        c->report->compared += c->tensors[t].facts.count;
        if (at < 0)
            return true;
        return DIFFERS(c, "%s is %s, but by %s%s %s", place(c, kind, backend, t, at),
                       number(c, t, pc_tensor_value(&c->tensors[t].facts, data, at)), backend_names[c->first_backend],
                       backend == c->first_backend ? " in another kernel" : "",
                       number(c, t, pc_tensor_value(&c->tensors[t].facts, c->first[t], at)));
    }
    c->report->compared += c->tensors[t].facts.count;
    if (backend == PC_BACKEND_REF && c->layer->desc.mode == POOL_LP)
        return judge_definition(c, kind, t);
    struct pool_comparison result;
    const enum pool_status status = compare(c, backend, t, data, &result);
    if (status == POOL_NO_MEMORY)
        longjmp(*c->arena->out_of_memory, 1);
    if (status != POOL_OK)
        return DIFFERS(c, "the reference refuses the layer: %s", pool_status_text(status));
    c->report->unchecked += result.unchecked;
    if (result.mismatches) {
        const bool range = result.low < result.high;
        const char *between =
            range ? pc_arena_printf(c->arena, ", or from %s to %s", number(c, t, result.low), number(c, t, result.high))
                  : "";
        return DIFFERS(c, "%s is %s, but should be %s%s; %" PRId64 " of %" PRId64 " are wrong",
                       place(c, kind, backend, t, result.at), number(c, t, result.actual),
                       number(c, t, range || isnan(result.expected) ? result.expected : result.low), between,
                       result.mismatches, result.count);
    }
    if (same_bits) {
        c->first[t] = malloc(c->tensors[t].size);
        if (!c->first[t])
            longjmp(*c->arena->out_of_memory, 1);
        memcpy(c->first[t], data, c->tensors[t].size);
        c->first_backend = backend;
    }
    return true;
}

/* ---- runs ---- */

struct call {
    struct check *check;
    enum pc_backend backend;
    enum pc_kernel_kind kind;
    struct pc_tensors tensors;
    bool done;
};

static void run_kernel(void *argument) {
    struct call *call = argument;
    call->done = pc_runner_run(call->check->runners[call->backend], 0, call->kind, &call->tensors, &call->check->cli->diags);
}

/* "4 bytes behind x"; the memory that was accessed lies in the unreadable pages of a buffer, or nowhere near one. */
static const char *describe_access(const struct check *c, const struct buffers *buffers, const void *address) {
    for (int t = 0; t < PC_T_COUNT; t++) {
        const struct pc_guarded *buffer = &buffers->of[t];
        const uintptr_t at = (uintptr_t)address, mapping = (uintptr_t)buffer->mapping, data = (uintptr_t)buffer->data;
        if (!buffer->mapping || at < mapping || at >= mapping + buffer->mapping_size)
            continue;
        if (at < data)
            return pc_arena_printf(c->arena, "%zu bytes in front of %s", (size_t)(data - at), pc_tensor_names[t]);
        return pc_arena_printf(c->arena, "%zu bytes behind %s", (size_t)(at - data - c->tensors[t].size),
                               pc_tensor_names[t]);
    }
    return NULL;
}

/* Every byte around the buffers of this backend is what it was. */
static bool intact(struct check *c, enum pc_kernel_kind kind, enum pc_backend backend) {
    for (int t = 0; t < PC_T_COUNT; t++) {
        const struct pc_guarded *given = &c->given.of[t], *made = &c->made[backend].of[t];
        if ((given->mapping && !pc_guarded_intact(given, c->tensors[t].size)) ||
            (made->mapping && !pc_guarded_intact(made, c->tensors[t].size)))
            return DIFFERS(c, "%s by %s on %s writes outside of %s", pc_kernel_suffix[kind], backend_names[backend],
                           input_name(c), pc_tensor_names[t]);
    }
    return true;
}

static bool run(struct check *c, enum pc_kernel_kind kind, enum pc_backend backend) {
    const struct buffers *made = &c->made[backend];
    struct call call = {.check = c,
                        .backend = backend,
                        .kind = kind,
                        .tensors = {.x = c->given.of[PC_T_X].data,
                                    .y = made->of[PC_T_Y].data,
                                    .indices = made->of[PC_T_INDICES].data,
                                    .state = made->of[PC_T_STATE].data,
                                    .dy = c->given.of[PC_T_DY].data,
                                    .dx = made->of[PC_T_DX].data}};
    const void *address;
    if (pc_trap_run(run_kernel, &call, &address) == PC_TRAP_MEMORY) {
        const char *where = describe_access(c, &c->given, address);
        where = where ? where : describe_access(c, made, address);
        return DIFFERS(c, "%s by %s on %s accesses memory that is not its own%s%s", pc_kernel_suffix[kind],
                       backend_names[backend], input_name(c), where ? ": " : "", where ? where : "");
    }
    return call.done && intact(c, kind, backend);
}

/* ---- one set of inputs ---- */

static void open_buffer(struct check *c, struct buffers *buffers, enum pc_tensor_id t) {
    const enum pc_guarded_end end = c->input % 2 ? PC_FLUSH_BEGIN : PC_FLUSH_END;
    if (!pc_guarded_open(&buffers->of[t], c->tensors[t].size, end))
        longjmp(*c->arena->out_of_memory, 1);
}

static void close_buffers(struct buffers *buffers) {
    for (int t = 0; t < PC_T_COUNT; t++)
        pc_guarded_close(&buffers->of[t]);
}

static void fill(struct check *c, enum pc_tensor_id t) {
    const struct pc_tensor_facts *facts = &c->tensors[t].facts;
    const uint64_t seed = c->cli->options.seed + (uint64_t)c->input;
    open_buffer(c, &c->given, t);
    void *data = c->given.of[t].data;
    if (c->input == 0)
        pool_random_fill(seed, pc_tensor_names[t], c->layer->desc.dtype, facts->count, data);
    else
        pool_random_hard(seed, pc_tensor_names[t],
                         c->report->inputs < INPUTS_ALL ? POOL_HARD_ALL : (enum pool_hard)(c->input - 1),
                         c->layer->desc.dtype, facts->count, data);
}

/* What backward reads and no kernel of the layer makes: y and state of a layer without a forward pass. */
static bool forward_by_reference(struct check *c, struct buffers *made) {
    const struct pc_tensors tensors = {.x = c->given.of[PC_T_X].data,
                                       .y = made->of[PC_T_Y].data,
                                       .indices = made->of[PC_T_INDICES].data,
                                       .state = made->of[PC_T_STATE].data};
    return pc_runner_run(c->feeder, 0, tensors.state ? PC_KERNEL_TRAIN : PC_KERNEL_FORWARD, &tensors, &c->cli->diags);
}

/* Runs the kernels that a layer has, in the order in which they feed each other, and looks at everything they store. */
static bool check_backend(struct check *c, enum pc_backend backend) {
    struct buffers *made = &c->made[backend];
    const bool indices = pc_layer_has_tensor(c->layer, PC_T_INDICES), state = pc_layer_has_tensor(c->layer, PC_T_STATE);
    open_buffer(c, made, PC_T_Y);
    if (indices)
        open_buffer(c, made, PC_T_INDICES);
    if (state && c->layer->backward)
        open_buffer(c, made, PC_T_STATE);
    if (c->layer->backward)
        open_buffer(c, made, PC_T_DX);
    if (!c->layer->forward && !forward_by_reference(c, made))
        return false;
    for (int k = PC_KERNEL_FORWARD; k <= PC_KERNEL_TRAIN; k++) {
        const enum pc_kernel_kind kind = (enum pc_kernel_kind)k;
        if (!has(c, kind))
            continue;
        memset(made->of[PC_T_Y].data, 0xA5,
               c->tensors[PC_T_Y].size); /* no result of the kernel before stands in for this one's */
        if (!run(c, kind, backend) || !judge(c, kind, backend, PC_T_Y) ||
            (indices && !judge(c, kind, backend, PC_T_INDICES)) ||
            (kind == PC_KERNEL_TRAIN && !judge(c, kind, backend, PC_T_STATE)))
            return false;
    }
    return !has(c, PC_KERNEL_BACKWARD) ||
           (run(c, PC_KERNEL_BACKWARD, backend) && judge(c, PC_KERNEL_BACKWARD, backend, PC_T_DX));
}

static bool check_input(struct check *c) {
    bool good = true;
    fill(c, PC_T_X);
    fill(c, PC_T_DY);
    for (int b = 0; good && b < PC_BACKEND_COUNT; b++)
        if (c->runners[b])
            good = check_backend(c, (enum pc_backend)b);
    for (int t = 0; t < PC_T_COUNT; t++) {
        free(c->first[t]);
        c->first[t] = NULL;
    }
    close_buffers(&c->given);
    for (int b = 0; b < PC_BACKEND_COUNT; b++)
        close_buffers(&c->made[b]);
    return good;
}

/* ---- the layer ---- */

/* Taps of all windows, those in the padding included: a measure of a forward pass. */
static int64_t work_of(const struct pc_layer *layer) {
    double taps = (double)layer->y_count;
    for (int a = 0; a < POOL_MAX_RANK; a++)
        taps *= (double)layer->axis[a].kernel;
    return taps < (double)INT64_MAX ? (int64_t)taps : INT64_MAX;
}

/* Whether the first word of a command can be run. */
static bool can_be_run(const char *command, struct pc_arena *arena) {
    const char *begin = command + strspn(command, " \t");
    const char *const arguments[] = {pc_arena_strndup(arena, begin, strcspn(begin, " \t")), "--version", NULL};
    struct pc_signals signals;
    char errors[1];
    pc_signals_hold(&signals);
    const struct pc_process_end end = pc_process_run(arguments, &signals, errors, sizeof errors);
    pc_signals_release(&signals);
    return end.started;
}

/* A $CC that cannot be run where there is a cc is a mistake of the user's, which running it will report. */
bool pc_has_compiler(struct pc_arena *arena) {
    return can_be_run("cc", arena) || (getenv("CC") && can_be_run(getenv("CC"), arena));
}

static void choose_extent(struct check *c) {
    struct pc_check_report *report = c->report;
    const unsigned asked = c->cli->options.backends;
    report->work = work_of(c->layer);
    report->inputs = report->work > MANY_INPUTS_MAX ? INPUTS_FEW : INPUTS_ALL;
    report->backends = asked;
    for (int b = 0; !asked && b < PC_BACKEND_COUNT; b++)
        report->backends |= pc_backend_is_there((enum pc_backend)b) ? 1u << b : 0;
    if (!asked && report->work > EVAL_MAX)
        report->skipped |= 1u << PC_BACKEND_EVAL;
    if (!asked && report->work > REFERENCE_RUN_MAX)
        report->skipped |= 1u << PC_BACKEND_REF;
    report->backends &= ~report->skipped;
    /* Where nothing else would run the kernels, the compiler that is not there is an error. */
    const unsigned cc = 1u << PC_BACKEND_CC, others = report->backends & ~cc & ~(1u << PC_BACKEND_REF);
    report->no_compiler = !asked && others && !pc_has_compiler(c->arena);
    if (report->no_compiler)
        report->backends &= ~cc;
    for (int kind = 0; kind < PC_KERNEL_COUNT; kind++)
        if (pc_layer_has_kernel(c->layer, (enum pc_kernel_kind)kind))
            report->kernels |= 1u << kind;
}

/* Inputs once, results once for each backend and once more, and int64_t indices inside the comparison. */
static bool fits(struct check *c) {
    int64_t bytes = c->layer->y_count * 2 * (int64_t)sizeof(int64_t);
    for (int t = 0; t < PC_T_COUNT; t++) {
        const bool given = t == PC_T_X || t == PC_T_DY;
        bytes += pc_tensor_bytes(&c->tensors[t].facts) * (given ? 1 : PC_BACKEND_COUNT + 1);
    }
    return pc_memory_suffices(c->cli, c->layer, bytes);
}

/* A module of one layer; the runners keep pointing to it. */
static const struct pc_module *module_of(struct check *c, bool with_forward) {
    struct pc_module *module = PC_NEW(c->arena, struct pc_module);
    struct pc_layer *layer = PC_NEW(c->arena, struct pc_layer);
    *layer = *c->layer;
    layer->forward |= with_forward;
    *module = (struct pc_module){.name = layer->name, .layers = layer, .count = 1};
    return module;
}

static bool open_runners(struct check *c) {
    const struct pc_runner_options options = {.plan = c->cli->plan,
                                              .targets = pc_targets_or_c99(&c->cli->options.targets)};
    const struct pc_module *module = module_of(c, false);
    for (int b = 0; b < PC_BACKEND_COUNT; b++) {
        if (!(c->report->backends >> b & 1))
            continue;
        c->runners[b] = pc_runner_open((enum pc_backend)b, module, &options, &c->cli->diags);
        if (!c->runners[b])
            return false;
    }
    if (!c->layer->forward)
        c->feeder = pc_runner_open(PC_BACKEND_REF, module_of(c, true), &options, &c->cli->diags);
    return c->layer->forward || c->feeder;
}

void pc_check_layer(struct pc_cli *cli, const struct pc_layer *layer, struct pc_check_report *report,
                    struct pc_arena *arena) {
    struct check c = {.cli = cli, .layer = layer, .report = report, .arena = arena};
    *report = (struct pc_check_report){0};
    for (int t = 0; t < PC_T_COUNT; t++) {
        c.tensors[t].facts = pc_tensor_facts_of(layer, (enum pc_tensor_id)t);
        c.tensors[t].size = (size_t)pc_tensor_bytes(&c.tensors[t].facts);
    }
    choose_extent(&c);
    report->good = fits(&c) && open_runners(&c);
    for (c.input = 0; report->good && c.input < report->inputs; c.input++)
        report->good = check_input(&c);
    for (int b = 0; b < PC_BACKEND_COUNT; b++)
        pc_runner_close(c.runners[b]);
    pc_runner_close(c.feeder);
}

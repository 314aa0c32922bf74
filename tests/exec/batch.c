/* batch.c - see batch.h: layers of one C file, each kernel run by everything that can run it. */
#include "batch.h"

#include "front/diag.h"
#include "ir/ir_parts.h"
#include "middle/lane_plan.h"
#include "parts.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HARD_SETS = 2 /* per layer, in turn, beside plain inputs */, WORDS_MAX = 16 };

static const char *const hard_names[POOL_HARD_COUNT] = {"ties",       "zeros",  "NaN",       "mostly NaN", "infinities",
                                                        "mostly Inf", "denormals", "huge", "everything"};

static const char *set_name(int set) {
    return set < 0 ? "plain" : hard_names[set];
}

/* ---- counting ---- */

void counts_add(struct counts *to, const struct counts *from) {
    int64_t *a = (int64_t *)to;
    const int64_t *b = (const int64_t *)from;
    for (size_t i = 0; i < sizeof *to / sizeof *a; i++)
        a[i] += b[i];
}

int counts_print(const struct counts *c, bool has_c) {
    static const char *const words[] = {
#define KIND(id, text) text,
        KINDS(KIND)
#undef KIND
    };
    int missing = 0;
    printf("%lld layers, %lld kernels, %lld runs of C, %lld of the JIT\n", (long long)c->layers, (long long)c->kernels,
           (long long)c->runs, (long long)c->jit_runs);
    for (int i = 0; i < KIND_COUNT; i++) {
        printf("  %6lld %s\n", (long long)c->kind[i], words[i]);
        missing += c->kind[i] == 0 && (has_c || (i != KIND_CPLUSPLUS && i != KIND_NATIVE));
    }
    for (int i = 0; i <= POOL_LP; i++) {
        printf("  %6lld layers of mode %s\n", (long long)c->mode[i], pc_mode_of((enum pool_mode)i)->name);
        missing += c->mode[i] == 0;
    }
    for (int i = 0; i < PC_TARGET_COUNT; i++) {
        printf("  %6lld layers for %s\n", (long long)c->target[i], pc_target_row((enum pc_target)i)->name);
        missing += c->target[i] == 0 && (!has_c || pc_target_is_here((enum pc_target)i));
    }
    printf("compared with the reference: %lld elements of plain inputs, of them %lld unchecked; %lld of hard ones, %lld\n",
           (long long)c->plain[0], (long long)c->plain[1], (long long)c->checked[0], (long long)c->checked[1]);
    /* Plain inputs have nothing that would excuse an element but a gradient that lies at a rounding error's mercy. */
    return missing + (c->plain[1] * 100 > c->plain[0] || c->checked[1] * 2 > c->checked[0]);
}

static bool has_op(const struct ir_function *f, enum ir_op op) {
    for (size_t i = 1; i < f->node_count; i++)
        if (f->nodes[i].op == op)
            return true;
    return false;
}

static bool has_sections(const struct ir_function *f, struct pc_arena *arena) {
    const uint32_t *sections = ir_sections_of(f, arena);
    for (size_t i = 1; i < f->node_count; i++)
        if (sections[i])
            return true;
    return false;
}

static void count_forward(const struct pc_plan *plan, int a, bool seen[KIND_COUNT]) {
    const struct pc_plan_axis *axis = &plan->axis[a];
    for (int i = 0; i < axis->count; i++) {
        const int64_t count = axis->segments[i].count;
        seen[KIND_TILE] |= plan->form == PC_FORM_LOOPS && axis->tile > 1 && count >= axis->tile;
        seen[KIND_TILE_REST] |=
            plan->form == PC_FORM_LOOPS && axis->tile > 1 && count > axis->tile && count % axis->tile != 0;
        if (axis->roll && axis->segments[i].taps > 1) {
            seen[KIND_ROLLED_TAPS] = true;
            seen[KIND_ROLLED_TAPS_INDEX] |= plan->kind == PC_KERNEL_TRAIN || plan->layer->desc.indices != POOL_INDICES_NONE;
        }
    }
    seen[KIND_BOTH_SIDES] |= plan->form == PC_FORM_LOOPS && axis->count >= 3 && axis->segments[1].count > 1;
    seen[KIND_BLOCKS] |= axis->scheme == PC_SCHEME_BLOCKS;
}

static void count_backward(const struct pc_plan *plan, int a, bool seen[KIND_COUNT]) {
    const struct pc_plan_axis *axis = &plan->axis[a];
    for (int i = 0; i < axis->count; i++) {
        for (int p = 0; p < axis->cells[i].phase_count; p++) {
            const struct pc_phase *phase = &axis->cells[i].phases[p];
            seen[KIND_GAPS] |= phase->cover_count == 0;
            seen[KIND_ROLLED_PHASES] |= axis->roll_phases && phase->count > 1;
            for (int c = 0; c < phase->cover_count; c++) {
                seen[KIND_ROLLED_WINDOWS] |= axis->roll && phase->covers[c].count > 1;
                seen[KIND_DIVISORS] |= phase->covers[c].divisor != phase->covers[0].divisor;
            }
        }
    }
    seen[KIND_DILATED_BACKWARD] |= plan->layer->axis[a].dilation > 1 && plan->layer->axis[a].kernel > 1;
}

static void count_kernel(struct counts *counts, const struct pc_kernel *kernel) {
    const struct pc_plan *plan = kernel->plan;
    const struct pc_layer *layer = kernel->layer;
    bool seen[KIND_COUNT] = {false};
    for (int a = 0; a < POOL_MAX_RANK; a++) {
        if (kernel->kind == PC_KERNEL_BACKWARD)
            count_backward(plan, a, seen);
        else
            count_forward(plan, a, seen);
        seen[KIND_ADAPTIVE] |= layer->axis[a].adaptive;
    }
    const bool numbers = kernel->kind == PC_KERNEL_TRAIN || layer->desc.indices != POOL_INDICES_NONE;
    const bool rolls = plan->axis[0].roll || plan->axis[1].roll || plan->axis[2].roll;
    seen[KIND_LANES] = plan->form == PC_FORM_LANES;
    seen[KIND_FLAT] = plan->form == PC_FORM_LANES && plan->lanes->is_flat;
    seen[KIND_IN_REGISTERS] =
        plan->form == PC_FORM_LANES && plan->lanes->in_registers && plan->lanes->bands[0].pass_count > 1;
    seen[KIND_PIXELS] = plan->form == PC_FORM_LANES && plan->lanes->pixel_parts > 0;
    seen[KIND_PIXELS_BACKWARD] = seen[KIND_PIXELS] && plan->kind == PC_KERNEL_BACKWARD;
    seen[KIND_LOOKUP] = plan->form == PC_FORM_LOOKUP;
    seen[KIND_LOOKUP_BACKWARD] = seen[KIND_LOOKUP] && plan->kind == PC_KERNEL_BACKWARD;
    seen[KIND_PASSES] = plan->form == PC_FORM_PASSES;
    seen[KIND_PASSES_INDEX] = plan->form == PC_FORM_PASSES && numbers;
    seen[KIND_STAGED] = plan->form == PC_FORM_STAGED;
    seen[KIND_STAGED_STATE] = plan->form == PC_FORM_STAGED && pc_mode_of(layer->desc.mode)->gradient == PC_GRADIENT_SELECT;
    seen[KIND_STAGED_ROLLED] = plan->form == PC_FORM_STAGED && rolls;
    seen[KIND_SCATTER] = plan->form == PC_FORM_SCATTER;
    seen[KIND_CHANNEL_BLOCKS] = plan->block > 1 && layer->desc.channels % plan->block != 0;
    seen[KIND_WIDE_STATE] = plan->wide_state;
    seen[KIND_STRAIGHT] = plan->form == PC_FORM_STRAIGHT;
    seen[KIND_LOOPS] = has_op(kernel->ir, IR_FOR);
    seen[KIND_FULL] = layer->unroll == PC_UNROLL_FULL;
    seen[KIND_WINDOW] = layer->unroll == PC_UNROLL_WINDOW;
    seen[KIND_STATE_8] = kernel->kind == PC_KERNEL_TRAIN && plan->state == IR_U8;
    seen[KIND_STATE_16] = kernel->kind == PC_KERNEL_TRAIN && plan->state == IR_U16;
    seen[KIND_CHANNELS_LAST] = layer->desc.layout == POOL_CHANNELS_LAST && layer->desc.channels > 1;
    seen[KIND_VOLUME] = layer->desc.rank == 3;
    seen[KIND_F64] = layer->desc.dtype == POOL_F64;
    struct pc_arena arena = {0};
    seen[KIND_SPLIT] = ir_parts_of(kernel->ir, &arena).is_split;
    seen[KIND_SECTIONS] = has_sections(kernel->ir, &arena);
    pc_arena_release(&arena);
    for (size_t i = 0; i < kernel->ir->buffer_count; i++)
        seen[KIND_SPLIT_LOCAL] |= seen[KIND_SPLIT] && kernel->ir->buffers[i].role == IR_LOCAL;
    seen[KIND_POWER] = has_op(kernel->ir, IR_POW);
    for (int i = 0; i < KIND_COUNT; i++)
        counts->kind[i] += seen[i];
    counts->kernels++;
}

/* ---- batches ---- */

struct batch *batch_new(void) {
    struct batch *batch = calloc(1, sizeof *batch);
    if (!batch)
        abort();
    return batch;
}

void batch_free(struct batch *batch) {
    pc_arena_release(&batch->arena);
    free(batch);
}

/* Whether the layer's kernels are short enough to compile soon. */
static bool is_short(const struct batch *batch, const struct pc_layer *layer) {
    const struct pc_kernel_options options = {.prefix = "poolc", .plan = batch->plan};
    struct pc_arena arena = {0};
    struct pc_diags diags;
    bool ok = true;
    pc_diags_init(&diags, &arena);
    for (int kind = 0; ok && kind < PC_KERNEL_COUNT; kind++) {
        if (!pc_layer_has_kernel(layer, (enum pc_kernel_kind)kind))
            continue;
        const struct pc_kernel *kernel = pc_kernel_build(layer, (enum pc_kernel_kind)kind, &options, &arena, &diags);
        ok = kernel && kernel->cost.code <= batch->nodes_max;
    }
    pc_arena_release(&arena);
    return ok;
}

bool batch_add(struct batch *batch, const struct pool_desc *desc, enum pc_unroll unroll) {
    struct pc_diags diags;
    pc_diags_init(&diags, &batch->arena);
    const struct pc_layer *layer =
        pc_layer_from_desc(pc_arena_printf(&batch->arena, "l%zu", batch->count), desc, &batch->arena, &diags);
    if (!layer) {
        printf("a layer that the reference accepts is an error to the compiler\n");
        abort();
    }
    PC_GROW(&batch->arena, batch->layers, batch->count, batch->capacity);
    struct pc_layer *place = &batch->layers[batch->count++];
    *place = *layer;
    place->unroll = unroll;
    if (unroll != PC_UNROLL_AUTO && !is_short(batch, place))
        place->unroll = PC_UNROLL_AUTO; /* beyond the budget, or long to compile */
    if (is_short(batch, place))
        return true;
    batch->count--;
    return false;
}

/* ---- who runs kernels ---- */

struct party {
    const char *name;
    struct pc_runner *runner;
    bool jit;
};

struct stage {
    struct batch *batch;
    struct pc_module module;
    struct pc_diags diags;
    struct pc_kernel **kernels; /* of the interpreter: PC_KERNEL_COUNT for each layer */
    struct party parties[COMPILERS_MAX + 1]; /* the reference, then the compilers */
    int party_count;
    /* what is being done, for messages */
    const struct pc_layer *layer;
    int set;
    enum pc_kernel_kind kind;
};

/* Who crashes says so by a signal handler, which must not allocate: the text is made before the kernel is called. */
static char crash_text[16384];

static void crashed(int signal) {
    const ssize_t ignored = write(STDOUT_FILENO, crash_text, strlen(crash_text));
    (void)ignored;
    _exit(128 + signal);
}

void batch_catch_crashes(void) {
    static const int fatal[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
        signal(fatal[i], crashed);
}

static void describe(const struct stage *stage, const char *who, char *to, size_t size) {
    struct pc_text spec = {0};
    pc_layer_print(stage->layer, &spec);
    const struct pc_plan_options *plan = &stage->batch->plan;
    snprintf(to, size, "%s: %s of\n%sbudgets %lld, %lld, %lld, %s plan, for %s, %s inputs of seed %llu\n", who,
             pc_kernel_suffix[stage->kind], pc_text_string(&spec), (long long)plan->unroll_budget,
             (long long)plan->loop_budget, (long long)plan->whole_budget,
             plan->forced ? pc_plan_name(plan->choice) : "the best", pc_target_row(stage->batch->target)->name,
             set_name(stage->set), (unsigned long long)stage->batch->seed);
    pc_text_release(&spec);
}

static bool complain(const struct stage *stage, const char *who, const struct difference *d, const char *words) {
    char text[sizeof crash_text];
    if (stage->batch->quiet)
        return false;
    describe(stage, who, text, sizeof text);
    printf("FAILED: %s", text);
    if (d)
        printf("%s[%lld]: expected %.17g (%a), actual %.17g (%a), accepted %g to %g\n", d->tensor, (long long)d->at,
               d->expected, d->expected, d->actual, d->actual, d->low, d->high);
    else
        printf("%s\n", words);
    return false;
}

/* ---- preparing ---- */

static void print_diags(const struct stage *stage) {
    struct pc_text text = {0};
    pc_diags_render(&stage->diags, NULL, &text);
    if (!stage->batch->quiet)
        printf("%s", pc_text_string(&text));
    pc_text_release(&text);
}

/* Builds and verifies the kernels of all layers; the number of the first that fails, or how many there are. */
static size_t build_kernels(struct stage *stage) {
    struct batch *batch = stage->batch;
    const struct pc_kernel_options options = {
        .prefix = "poolc", .plan = batch->plan, .verify = true};
    stage->kernels = PC_NEW_ARRAY(&batch->arena, batch->count * PC_KERNEL_COUNT, struct pc_kernel *);
    for (size_t i = 0; i < batch->count; i++) {
        const struct pc_layer *layer = stage->layer = &batch->layers[i];
        for (int kind = 0; kind < PC_KERNEL_COUNT; kind++) {
            if (!pc_layer_has_kernel(layer, (enum pc_kernel_kind)kind))
                continue;
            stage->kind = (enum pc_kernel_kind)kind;
            struct pc_kernel *kernel = pc_kernel_build(layer, stage->kind, &options, &batch->arena, &stage->diags);
            if (!kernel) {
                print_diags(stage);
                complain(stage, "the compiler", NULL, "no kernel");
                return i;
            }
            stage->kernels[i * PC_KERNEL_COUNT + (size_t)kind] = kernel;
            count_kernel(&batch->counts, kernel);
        }
        batch->counts.mode[layer->desc.mode]++;
        batch->counts.target[batch->target]++;
        batch->counts.layers++;
    }
    return batch->count;
}

static bool complain_of_compiler(struct stage *stage, const char *who, const char *words) {
    print_diags(stage);
    stage->layer = &stage->batch->layers[0];
    return complain(stage, who, NULL, words);
}

static bool open_jit(struct stage *stage) {
    struct party *party = &stage->parties[stage->party_count];
    const struct pc_runner_options options = {.plan = stage->batch->plan,
                                              .targets = {.items = {stage->batch->target}, .count = 1}};
    *party = (struct party){BATCH_JIT, pc_runner_open(PC_BACKEND_JIT, &stage->module, &options, &stage->diags), true};
    stage->party_count += party->runner != NULL;
    return party->runner || complain_of_compiler(stage, party->name, "it does not start");
}

static bool open_c(struct stage *stage, int which) {
    static const char *const optimization[][3] = {
        {"-O1", NULL}, {"-O2", NULL}, {"-O1", NULL}, {"-O3", "-march=native", NULL}, {"-O1", NULL}, {"-O2", NULL}};
    enum { LEVELS = sizeof optimization / sizeof *optimization };
    static const char *const c[] = {"-std=c99", NULL}, *const cplusplus[] = {"-x", "c++", "-std=c++11", NULL};
    static const char *const strict[] = {"-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror", NULL};
    struct batch *batch = stage->batch;
    const int turn = batch->variant + which;
    const bool is_cplusplus = turn % 5 == 3, native = optimization[turn % LEVELS][1] != NULL;
    const char *const *const parts[] = {is_cplusplus ? cplusplus : c, optimization[turn % LEVELS], strict};
    const char *words[WORDS_MAX] = {NULL};
    size_t count = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        for (const char *const *word = parts[i]; *word; word++)
            words[count++] = *word;
    struct party *party = &stage->parties[stage->party_count];
    party->jit = false;
    party->name = pc_arena_printf(&batch->arena, "%s %s as %s", batch->compilers[which], optimization[turn % LEVELS][0],
                                  is_cplusplus ? "C++" : "C99");
    const struct pc_runner_options options = {.plan = batch->plan,
                                              .targets = {.items = {batch->target}, .count = 1},
                                              .compiler = batch->compilers[which],
                                              .flags = words};
    party->runner = pc_runner_open(PC_BACKEND_CC, &stage->module, &options, &stage->diags);
    stage->party_count += party->runner != NULL;
    batch->counts.kind[KIND_CPLUSPLUS] += is_cplusplus ? (int64_t)batch->count : 0;
    batch->counts.kind[KIND_NATIVE] += native ? (int64_t)batch->count : 0;
    if (!party->runner && batch->count == 1) /* of many, find_uncompilable() finds the one */
        complain_of_compiler(stage, party->name, "its C does not compile");
    return party->runner != NULL;
}

static bool open_compiler(struct stage *stage, int which) {
    return strcmp(stage->batch->compilers[which], BATCH_JIT) == 0 ? open_jit(stage) : open_c(stage, which);
}

/* Which layer the C compiler does not take: each alone. */
static size_t find_uncompilable(struct batch *batch) {
    for (size_t i = 0; i < batch->count; i++) {
        struct batch one = {.layers = &batch->layers[i],
                            .count = 1,
                            .plan = batch->plan,
                            .target = batch->target,
                            .nodes_max = batch->nodes_max,
                            .variant = batch->variant,
                            .seed = batch->seed,
                            .compiler_count = batch->compiler_count,
                            .quiet = batch->quiet};
        memcpy(one.compilers, batch->compilers, sizeof one.compilers);
        const bool failed = batch_run(&one) < 1;
        pc_arena_release(&one.arena);
        if (failed)
            return i;
    }
    return 0;
}

/* ---- running ---- */

static bool interpret(struct stage *stage, const struct tensors *from, const struct tensors *to) {
    const size_t number = (size_t)(stage->layer - stage->batch->layers);
    const struct pc_tensors tensors = tensors_between(from, to, stage->kind);
    return pc_interpret(stage->kernels[number * PC_KERNEL_COUNT + (size_t)stage->kind], &tensors, &stage->diags);
}

/* The interpreter's results into `set` itself, checked against the reference. */
static bool run_interpreter(struct stage *stage, struct tensors *set, struct tensors *other) {
    int64_t *counts = stage->set < 0 ? stage->batch->counts.plain : stage->batch->counts.checked;
    struct difference d;
    tensors_clear_outputs(set, 0x5A);
    for (int kind = 0; kind < PC_KERNEL_COUNT; kind++) {
        stage->kind = (enum pc_kernel_kind)kind;
        if (!pc_layer_has_kernel(stage->layer, stage->kind))
            continue;
        if (!interpret(stage, set, set))
            return complain(stage, "the interpreter", NULL, "out of memory");
        if (!tensors_correct(set, set, stage->kind, &d, counts))
            return complain(stage, "the interpreter against the reference", &d, NULL);
        if (kind != PC_KERNEL_TRAIN)
            continue;
        stage->kind = PC_KERNEL_FORWARD; /* gives the same y and indices */
        tensors_clear_outputs(other, 0xA5);
        if (!interpret(stage, set, other) || !tensors_equal(set, other, PC_KERNEL_FORWARD, &d))
            return complain(stage, "forward against forward_train, interpreted", &d, NULL);
    }
    const char *damaged = tensors_damaged(set);
    return !damaged || complain(stage, "the interpreter", NULL, "a byte beside a tensor was changed");
}

static bool compare(const struct stage *stage, const struct party *party, const struct tensors *set,
                    const struct tensors *other) {
    struct difference d;
    int64_t ignored[2] = {0, 0};
    const bool picks = pc_mode_of(stage->layer->desc.mode)->gradient == PC_GRADIENT_SELECT;
    if (party != &stage->parties[0])
        return tensors_equal(set, other, stage->kind, &d) || complain(stage, party->name, &d, NULL);
    /* The reference rounds sums otherwise; powers of Lp do not overflow in it, and its gradient starts from its own y. */
    if (picks)
        return tensors_equal(set, other, stage->kind, &d) || complain(stage, "the reference as a backend", &d, NULL);
    if (stage->layer->desc.mode == POOL_LP)
        return true;
    return tensors_correct(set, other, stage->kind, &d, ignored) ||
           complain(stage, "the reference as a backend", &d, NULL);
}

/* The same in parts, whose number changes. */
static bool run_in_parts(struct stage *stage, const struct party *party, size_t number, const struct tensors *set,
                         struct tensors *other) {
    static const size_t counts[] = {2, 1, 3, 7};
    const size_t turn = number + (size_t)(stage->set + 1) + (size_t)stage->kind + (size_t)(party - stage->parties);
    const size_t parts = counts[turn % (sizeof counts / sizeof *counts)];
    char who[80];
    struct difference d;
    snprintf(who, sizeof who, "%s in %zu parts", party->name, parts);
    const char *problem = parts_run(party->runner, number, stage->kind, parts, set, other, &stage->diags);
    if (problem)
        return complain(stage, who, NULL, problem);
    return tensors_equal(set, other, stage->kind, &d) || complain(stage, who, &d, NULL);
}

/* The kernel of stage->kind. */
static bool run_kernel(struct stage *stage, const struct party *party, const struct tensors *set, struct tensors *other) {
    const size_t number = (size_t)(stage->layer - stage->batch->layers);
    const struct pc_tensors tensors = tensors_between(set, other, stage->kind);
    char who[80];
    snprintf(who, sizeof who, "CRASHED: %s", party->name);
    describe(stage, who, crash_text, sizeof crash_text);
    tensors_clear_outputs(other, 0xA5);
    if (!pc_runner_run(party->runner, number, stage->kind, &tensors, &stage->diags)) {
        print_diags(stage);
        return complain(stage, party->name, NULL, "it does not run");
    }
    if (party != &stage->parties[0])
        ++*(party->jit ? &stage->batch->counts.jit_runs : &stage->batch->counts.runs);
    return compare(stage, party, set, other) &&
           (party == &stage->parties[0] || run_in_parts(stage, party, number, set, other));
}

static bool run_party(struct stage *stage, const struct party *party, const struct tensors *set, struct tensors *other) {
    for (int kind = 0; kind < PC_KERNEL_COUNT; kind++) {
        stage->kind = (enum pc_kernel_kind)kind;
        if (pc_layer_has_kernel(stage->layer, stage->kind) && !run_kernel(stage, party, set, other))
            return false;
    }
    const char *damaged = tensors_damaged(set) ? tensors_damaged(set) : tensors_damaged(other);
    return !damaged || complain(stage, party->name, NULL, "a byte beside a tensor was changed");
}

/* A state that no forward pass stored: what comes out is nobody's gradient, but the same everywhere, and no kernel touches
 * what is not its own. */
static bool run_with_any_state(struct stage *stage, uint64_t seed, struct tensors *set, struct tensors *other) {
    struct pool_random random = pool_random_start(seed, "state");
    uint8_t *state = set->buffer[PC_TENSOR_STATE].data;
    stage->kind = PC_KERNEL_BACKWARD;
    if (pc_mode_of(stage->layer->desc.mode)->gradient != PC_GRADIENT_SELECT ||
        !pc_layer_has_kernel(stage->layer, stage->kind))
        return true;
    for (size_t i = 0; i < set->bytes[PC_TENSOR_STATE]; i++)
        state[i] = (uint8_t)pool_random_next(&random);
    if (!interpret(stage, set, set))
        return complain(stage, "the interpreter", NULL, "out of memory");
    for (int i = 1; i < stage->party_count; i++) /* the reference reads x instead */
        if (!run_kernel(stage, &stage->parties[i], set, other))
            return false;
    return !tensors_damaged(other) || complain(stage, "any state", NULL, "a byte beside a tensor was changed");
}

static bool run_set(struct stage *stage, enum pc_guarded_end end, uint64_t seed) {
    struct tensors set = {0}, other = {0};
    bool ok = tensors_open(&set, stage->layer, end) && tensors_open(&other, stage->layer, end);
    if (ok) {
        tensors_fill(&set, seed, stage->set);
        ok = run_interpreter(stage, &set, &other);
    }
    for (int i = 0; ok && i < stage->party_count; i++)
        ok = run_party(stage, &stage->parties[i], &set, &other);
    ok = ok && run_with_any_state(stage, seed, &set, &other);
    tensors_close(&set);
    tensors_close(&other);
    return ok;
}

static bool run_layer(struct stage *stage, size_t number) {
    const uint64_t first = (stage->batch->seed + number) * HARD_SETS % POOL_HARD_COUNT;
    stage->layer = &stage->batch->layers[number];
    for (int set = -1; set < POOL_HARD_COUNT; set++) {
        const bool turn = set < 0 || ((uint64_t)set + POOL_HARD_COUNT - first) % POOL_HARD_COUNT < HARD_SETS;
        if (!turn && stage->batch->count > 1) /* a layer alone gets every set: one of them is what it failed with */
            continue;
        stage->set = set;
        if (!run_set(stage, (number + (size_t)(set + 1)) % 2 ? PC_FLUSH_BEGIN : PC_FLUSH_END, stage->batch->seed))
            return false;
    }
    return true;
}

size_t batch_run(struct batch *batch) {
    struct stage stage = {.batch = batch, .module = {.name = "random", .layers = batch->layers, .count = batch->count}};
    pc_diags_init(&stage.diags, &batch->arena);
    size_t first = build_kernels(&stage);
    if (first == batch->count) {
        stage.parties[0].name = "reference";
        stage.parties[0].runner = pc_runner_open(PC_BACKEND_REF, &stage.module, NULL, &stage.diags);
        stage.party_count = 1;
        for (int i = 0; i < batch->compiler_count && first == batch->count; i++)
            if (!open_compiler(&stage, i))
                first = batch->count == 1 ? 0 : find_uncompilable(batch);
    }
    const size_t ready = first == batch->count ? batch->count : 0;
    for (size_t i = 0; i < ready && first == batch->count; i++)
        if (!run_layer(&stage, i))
            first = i;
    for (int i = 0; i < stage.party_count; i++)
        pc_runner_close(stage.parties[i].runner);
    return first;
}

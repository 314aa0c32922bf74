/* cmd_tune.c - poolc tune: the plans of each kernel, timed against each other on this machine.
 *
 * Each plan is a runner of the layer, as `run` has one, with that plan forced; kernels are called in turn in changing order,
 * and medians count. The file is read again and written anew behind every layer, so that what was measured stays if the rest
 * is interrupted, and two runs at once lose at most what both measured at the same moment. */
#include "cli/check_layer.h"
#include "cli/clock.h"
#include "cli/output.h"
#include "cli/tensor.h"
#include "pool/random.h"
#include "run/runner.h"
#include "llvm/codegen.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    LEAST_MEASURED = 3, /* plans of a kernel, those with the least work */
    SAMPLES_MIN = 15,
    SAMPLES_MAX = 101,
    ALIGNMENT = 64, /* bytes of the widest vector, so that no plan is luckier than another */
};
/* Plans whose work is within this factor of the least are measured too: what is counted is not that exact. A plan takes the
 * planner's place if it needs at most this part of its time: less is noise. */
static const double WORK_MOST = 1.5, TIME_MOST = 0.97;
/* Milliseconds of one sample at least, and of one kernel in all, about. */
static const double SAMPLE_TIME = 2, KERNEL_TIME = 1500;

struct contender {
    enum pc_plan_choice choice;
    struct pc_runner *runner; /* not its own */
    int64_t runs;             /* of a sample */
    double microseconds;      /* median */
};

struct tune {
    struct pc_cli *cli;
    const char *path;
    enum pc_target target;
    struct pc_caches caches; /* for pc_plan_options */
    enum pc_backend backend;
    struct pc_layer layer; /* with a forward pass, which the backward pass needs y or state from */
    struct pc_module module;
    struct pc_runner *runners[PC_PLAN_COUNT]; /* NULL until they are needed */
    void *data[PC_T_COUNT];
    struct pc_tensors tensors;
    struct contender contenders[PC_PLAN_COUNT]; /* of one kernel, the least work first */
    int count;
};

/* ---- what is measured ---- */

/* False, reported, when the kernel cannot be planned. */
static bool find_contenders(struct tune *t, enum pc_kernel_kind kind) {
    struct pc_arena arena = {.out_of_memory = t->cli->arena.out_of_memory};
    struct pc_plan_options options = {.caches = t->caches};
    pc_target_plan(t->target, &options);
    const struct pc_plan *plan = pc_plan_build(&t->layer, kind, &options, &arena, &t->cli->diags);
    t->count = 0;
    for (int i = 0; plan && i < plan->candidate_count; i++)
        if (t->cli->options.all || i < LEAST_MEASURED || plan->candidates[i].work <= WORK_MOST * plan->candidates[0].work)
            t->contenders[t->count++] = (struct contender){.choice = plan->candidates[i].choice};
    pc_arena_release(&arena);
    return plan != NULL;
}

/* The runner of a plan; NULL, reported, where it cannot be compiled. */
static struct pc_runner *runner_of(struct tune *t, enum pc_plan_choice choice) {
    const struct pc_runner_options options = {.plan = {.forced = true, .choice = choice, .caches = t->caches},
                                              .targets = {.items = {t->target}, .count = 1}};
    if (t->runners[choice])
        return t->runners[choice];
    pc_cli_progress(t->cli, (size_t)choice + 1, PC_PLAN_COUNT, "compiling %s, %s", t->layer.name, pc_plan_name(choice));
    t->runners[choice] = pc_runner_open(t->backend, &t->module, &options, &t->cli->diags);
    return t->runners[choice];
}

static void close_runners(struct tune *t) {
    for (int i = 0; i < PC_PLAN_COUNT; i++) {
        pc_runner_close(t->runners[i]);
        t->runners[i] = NULL;
    }
}

static bool open_tensors(struct tune *t) {
    struct pc_tensor_facts facts[PC_T_COUNT];
    int64_t bytes = 0;
    for (int i = 0; i < PC_T_COUNT; i++) {
        facts[i] = pc_tensor_facts_of(&t->layer, (enum pc_tensor_id)i);
        bytes += pc_tensor_bytes(&facts[i]);
    }
    if (!pc_memory_suffices(t->cli, &t->layer, bytes))
        return false;
    for (int i = 0; i < PC_T_COUNT; i++) {
        if (posix_memalign(&t->data[i], ALIGNMENT, (size_t)pc_tensor_bytes(&facts[i])) != 0)
            longjmp(*t->cli->arena.out_of_memory, 1);
        memset(t->data[i], 0, (size_t)pc_tensor_bytes(&facts[i]));
        if (i == PC_T_X || i == PC_T_DY)
            pool_random_fill(0, pc_tensor_names[i], t->layer.desc.dtype, facts[i].count, t->data[i]);
    }
    t->tensors = (struct pc_tensors){.x = t->data[PC_T_X],
                                     .y = t->data[PC_T_Y],
                                     .indices = t->data[PC_T_INDICES],
                                     .state = t->data[PC_T_STATE],
                                     .dy = t->data[PC_T_DY],
                                     .dx = t->data[PC_T_DX]};
    return true;
}

static void close_tensors(struct tune *t) {
    for (int i = 0; i < PC_T_COUNT; i++) {
        free(t->data[i]);
        t->data[i] = NULL;
    }
}

/* ---- measuring ---- */

/* Milliseconds of one run out of `runs`, behind one that is not counted; negative, reported, when it cannot be run. */
static double sample(struct tune *t, const struct contender *c, enum pc_kernel_kind kind, int64_t runs) {
    bool good = pc_runner_run(c->runner, 0, kind, &t->tensors, &t->cli->diags);
    const double begin = pc_clock();
    for (int64_t i = 0; good && i < runs; i++)
        good = pc_runner_run(c->runner, 0, kind, &t->tensors, &t->cli->diags);
    return good ? (pc_clock() - begin) / (double)runs : -1;
}

static bool measure(struct tune *t, enum pc_kernel_kind kind) {
    double times[PC_PLAN_COUNT][SAMPLES_MAX], round = 0;
    for (int i = 0; i < t->count; i++) {
        struct contender *c = &t->contenders[i];
        c->runner = runner_of(t, c->choice);
        const double once = c->runner ? sample(t, c, kind, 1) : -1;
        if (once < 0)
            return false;
        c->runs = once >= SAMPLE_TIME ? 1 : (int64_t)(SAMPLE_TIME / fmax(once, 1e-6)) + 1; /* a nanosecond at least */
        round += once * (double)(c->runs + 1);
    }
    pc_cli_progress(t->cli, (size_t)kind + 1, PC_KERNEL_COUNT, "measuring %s of %s", pc_kernel_suffix[kind], t->layer.name);
    const int samples = (int)fmax(SAMPLES_MIN, fmin(KERNEL_TIME / round, SAMPLES_MAX));
    /* Who runs behind whom changes: each leaves the caches and the clock in its own state. */
    for (int s = 0; s < samples; s++) {
        for (int k = 0; k < t->count; k++) {
            const int i = s % 2 ? (s + k) % t->count : (s + t->count - k) % t->count;
            times[i][s] = sample(t, &t->contenders[i], kind, t->contenders[i].runs);
            if (times[i][s] < 0)
                return false;
        }
    }
    for (int i = 0; i < t->count; i++)
        t->contenders[i].microseconds = 1e3 * pc_median(times[i], samples);
    return true;
}

/* The fastest, or the planner's choice where that is as good. */
static int winner_of(const struct tune *t) {
    int best = 0;
    for (int i = 1; i < t->count; i++)
        if (t->contenders[i].microseconds < t->contenders[best].microseconds)
            best = i;
    return t->contenders[best].microseconds <= TIME_MOST * t->contenders[0].microseconds ? best : 0;
}

/* ---- results ---- */

static void add_lines(const struct tune *t, enum pc_kernel_kind kind, int winner, struct pc_text *text) {
    if (t->count < 2) {
        pc_text_printf(text, "  %-14s %s\n", pc_kernel_suffix[kind],
                       t->count ? "one plan fits: there is no choice" : "not of vectors: there is no choice");
        return;
    }
    for (int i = 0; i < t->count; i++)
        pc_text_printf(text, "  %-14s %-12s %12.3f us%s%s\n", i ? "" : pc_kernel_suffix[kind],
                       pc_plan_name(t->contenders[i].choice), t->contenders[i].microseconds, i ? "" : "  planned",
                       i == winner ? "  taken" : "");
}

static bool is_new(const char *path) {
    return access(path, F_OK) != 0 && errno == ENOENT;
}

/* False, reported, for a device: what is measured is added to what a file holds already. */
static bool is_file(struct pc_cli *cli, const char *path) {
    struct stat status;
    const bool device = stat(path, &status) == 0 && !S_ISREG(status.st_mode);
    if (device)
        pc_cli_fail(cli, PC_EXIT_FAILURE, "%s: cannot be written: it is not a regular file", path);
    return !device;
}

/* What the file holds by now; NULL, reported, when it cannot be read. */
static struct pc_tuned *read_file(struct tune *t, bool first) {
    return is_new(t->path) ? pc_tuned_new(&t->cli->arena) : pc_cli_tuned(t->cli, t->path, first);
}

static bool write_file(struct tune *t, const struct pc_tuned *tuned) {
    struct pc_text text = pc_cli_text(t->cli);
    struct pc_outputs outputs;
    pc_tuned_print(tuned, &text);
    pc_outputs_open(&outputs, t->cli);
    pc_outputs_add(&outputs, t->path, &text);
    const bool good = pc_outputs_commit(&outputs, true);
    pc_text_release(&text);
    return good;
}

/* ---- layers ---- */

/* Every kernel of the layer for the target; `found` gets what was measured, PC_PLAN_COUNT where there is no choice. */
static bool tune_kernels(struct tune *t, const struct pc_layer *layer, struct pc_tuned_kernel found[PC_KERNEL_COUNT],
                         struct pc_text *text) {
    const bool fed = t->layer.forward && layer->backward;
    bool is_fed = false;
    for (int k = 0; k < PC_KERNEL_COUNT; k++) {
        const enum pc_kernel_kind kind = (enum pc_kernel_kind)k;
        int winner = 0;
        found[kind].choice = PC_PLAN_COUNT;
        if (!pc_layer_has_kernel(layer, kind))
            continue;
        if (!find_contenders(t, kind))
            return false;
        if (t->count >= 2) {
            const enum pc_kernel_kind feeder =
                pc_layer_has_kernel(&t->layer, PC_KERNEL_TRAIN) ? PC_KERNEL_TRAIN : PC_KERNEL_FORWARD;
            struct pc_runner *first = runner_of(t, t->contenders[0].choice);
            if (!first || (fed && !is_fed && !pc_runner_run(first, 0, feeder, &t->tensors, &t->cli->diags)) ||
                !measure(t, kind))
                return false;
            is_fed = true;
            winner = winner_of(t);
            found[kind] = (struct pc_tuned_kernel){t->contenders[winner].choice, t->contenders[winner].microseconds};
        }
        add_lines(t, kind, winner, text);
    }
    return true;
}

/* False, reported, after an error. */
static bool tune_layer(struct tune *t, const struct pc_layer *layer) {
    struct pc_tuned_kernel found[PC_KERNEL_COUNT];
    struct pc_text text = pc_cli_text(t->cli);
    const char *name = pc_target_row(t->target)->name;
    t->layer = *layer;
    t->layer.forward = true;
    t->module = (struct pc_module){.name = layer->name, .layers = &t->layer, .count = 1};
    pc_text_printf(&text, "pool %s, for %s%s\n", layer->name, name,
                   t->backend == PC_BACKEND_JIT ? ", compiled by LLVM" : "");
    bool good = open_tensors(t) && tune_kernels(t, layer, found, &text);
    close_runners(t);
    close_tensors(t);
    pc_cli_report(t->cli);
    struct pc_tuned *tuned = good ? read_file(t, false) : NULL;
    good = tuned != NULL;
    for (int kind = 0; good && kind < PC_KERNEL_COUNT; kind++)
        if (found[kind].choice < PC_PLAN_COUNT)
            pc_tuned_set(tuned, layer, (enum pc_kernel_kind)kind, name, found[kind]);
    good = good && write_file(t, tuned);
    if (good)
        pc_cli_print(t->cli, &text);
    pc_text_release(&text);
    return good;
}

/* Whether there are plans to choose from for the target, and this machine runs it. */
static bool can_be_tuned(struct pc_cli *cli, enum pc_target target) {
    const struct pc_target_row *row = pc_target_row(target);
    if (!pc_target_is_here(target))
        pc_cli_fail(cli, PC_EXIT_FAILURE, "this machine cannot run code for %s", row->name);
    else if (row->bytes == 0)
        pc_cli_fail(cli, PC_EXIT_USAGE, "%s has no vectors, so there is one plan and nothing to measure", row->name);
    return pc_target_is_here(target) && row->bytes > 0;
}

void pc_cmd_tune(struct pc_cli *cli) {
    struct pc_module *module = pc_cli_load(cli);
    module = module ? pc_cli_select(cli, module) : NULL;
    if (!module)
        return;
    const struct pc_targets targets = pc_options_targets_or_native(&cli->options);
    struct tune t = {.cli = cli, .path = cli->options.tuned, .backend = PC_BACKEND_CC};
    if (pc_llvm_is_there() && !pc_has_compiler(&cli->arena))
        t.backend = PC_BACKEND_JIT;
    if (targets.native)
        t.caches = pc_target_caches();
    if (!t.path)
        t.path = pc_arena_printf(&cli->arena, "%s.tuned", module->name);
    bool good = is_file(cli, t.path) && read_file(&t, true) != NULL; /* before minutes of measuring for nothing */
    for (int i = 0; good && i < targets.count; i++) {
        t.target = targets.items[i];
        good = can_be_tuned(cli, t.target);
        for (size_t l = 0; good && l < module->count; l++)
            good = tune_layer(&t, &module->layers[l]);
    }
}

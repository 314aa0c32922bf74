/* test_runner.c - backends on memory of their own: what they agree on, and what is reported when they cannot work. */
#include "front/diag.h"
#include "front/parse.h"
#include "run/guarded.h"
#include "run/process.h"
#include "run/runner.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char spec[] = "pool a { mode max; shape 4; kernel 2; indices plane }\n"
                           "pool b { mode avg; shape 4; kernel 2; passes forward }\n"
                           "pool c { mode lp 2; dtype f64; shape 4; kernel 2 }\n";

struct fixture {
    struct pc_arena arena;
    struct pc_diags diags;
    const struct pc_module *module;
};

static void setup(struct fixture *f) {
    *f = (struct fixture){0};
    pc_diags_init(&f->diags, &f->arena);
    const struct pc_source *source = pc_source_from_string("t.pool", spec, strlen(spec), &f->arena);
    f->module = pc_layers_build(pc_parse(source, &f->arena, &f->diags), source, &f->arena, &f->diags);
    cr_assert_eq(pc_diags_error_count(&f->diags), 0);
    cr_assert_eq(f->module->count, 3);
}

static void assert_error(const struct fixture *f, const char *words) {
    struct pc_text text = {0};
    cr_assert_eq(pc_diags_error_count(&f->diags), 1);
    cr_assert_eq(f->diags.first->id, PC_DIAG_BACKEND);
    pc_diags_render(&f->diags, NULL, &text);
    cr_assert(strstr(pc_text_string(&text), words), "'%s' is not in:\n%s", words, pc_text_string(&text));
    pc_text_release(&text);
}

/* ---- what backends compute ---- */

static void run_all(struct fixture *f, struct pc_runner *runner) {
    const float x[4] = {1, 3, NAN, 2}, dy[2] = {10, 20};
    float y[2], dx[4];
    int32_t indices[2];
    uint8_t state[2];
    struct pc_tensors t = {.x = x, .y = y, .indices = indices, .state = state, .dy = dy, .dx = dx};
    cr_assert(pc_runner_run(runner, 0, PC_KERNEL_FORWARD, &t, &f->diags));
    cr_assert(y[0] == 3 && isnan(y[1]) && indices[0] == 1 && indices[1] == 2);
    memset(indices, 0, sizeof indices);
    cr_assert(pc_runner_run(runner, 0, PC_KERNEL_TRAIN, &t, &f->diags));
    cr_assert(indices[0] == 1 && indices[1] == 2 && state[0] == 1 && state[1] == 0);
    cr_assert(pc_runner_run(runner, 0, PC_KERNEL_BACKWARD, &t, &f->diags));
    cr_assert(dx[0] == 0 && dx[1] == 10 && dx[2] == 20 && dx[3] == 0);

    const float numbers[4] = {1, 2, 3, 5};
    cr_assert(pc_runner_run(runner, 1, PC_KERNEL_FORWARD, &(struct pc_tensors){.x = numbers, .y = y}, &f->diags));
    cr_assert(y[0] == 1.5f && y[1] == 4);

    const double x64[4] = {3, -4, 0, 0}, dy64[2] = {5, 7};
    double y64[2], dx64[4];
    t = (struct pc_tensors){.x = x64, .y = y64, .dy = dy64, .dx = dx64};
    cr_assert(pc_runner_run(runner, 2, PC_KERNEL_FORWARD, &t, &f->diags));
    cr_assert(y64[0] == 5 && y64[1] == 0);
    cr_assert(pc_runner_run(runner, 2, PC_KERNEL_BACKWARD, &t, &f->diags));
    cr_assert(dx64[0] == 3 && dx64[1] == -4 && dx64[2] == 0 && dx64[3] == 0);
}

Test(runner, every_backend_computes) {
    struct fixture f;
    setup(&f);
    for (int backend = 0; backend < PC_BACKEND_COUNT; backend++) {
        if (!pc_backend_is_there((enum pc_backend)backend))
            continue;
        struct pc_runner *runner = pc_runner_open((enum pc_backend)backend, f.module, NULL, &f.diags);
        cr_assert_not_null(runner);
        run_all(&f, runner);
        pc_runner_close(runner);
    }
    pc_runner_close(NULL);
    pc_arena_release(&f.arena);
}

/* More threads than iterations, and every number of them that a small layer meets. */
Test(runner, threads_compute_the_same) {
    static const char text[] = "pool t { mode max; channels 5; shape 40 x 40; kernel 3; stride 2; indices plane }\n";
    struct fixture f = {0};
    enum { X = 5 * 40 * 40, Y = 5 * 19 * 19 };
    static float x[X], expected[Y], y[Y];
    static int32_t indices[2][Y];
    pc_diags_init(&f.diags, &f.arena);
    const struct pc_source *source = pc_source_from_string("t.pool", text, strlen(text), &f.arena);
    f.module = pc_layers_build(pc_parse(source, &f.arena, &f.diags), source, &f.arena, &f.diags);
    for (int i = 0; i < X; i++)
        x[i] = (float)(i * 7919 % 1009);
    struct pc_runner *one = pc_runner_open(PC_BACKEND_EVAL, f.module, NULL, &f.diags);
    cr_assert_not_null(one);
    cr_assert(pc_runner_run(one, 0, PC_KERNEL_FORWARD,
                            &(struct pc_tensors){.x = x, .y = expected, .indices = indices[0]}, &f.diags));
    pc_runner_close(one);
    for (int threads = 1; threads <= 9; threads += threads < 3 ? 1 : 3) {
        for (int backend = 0; backend < PC_BACKEND_COUNT; backend++) {
            if (!pc_backend_is_there((enum pc_backend)backend))
                continue;
            const struct pc_runner_options options = {.threads = threads};
            struct pc_runner *runner = pc_runner_open((enum pc_backend)backend, f.module, &options, &f.diags);
            const struct pc_tensors t = {.x = x, .y = y, .indices = indices[1]};
            memset(y, 0x5A, sizeof y);
            memset(indices[1], 0x5A, sizeof indices[1]);
            cr_assert(runner && pc_runner_run(runner, 0, PC_KERNEL_FORWARD, &t, &f.diags));
            cr_assert(memcmp(y, expected, sizeof y) == 0 && memcmp(indices[0], indices[1], sizeof indices[0]) == 0,
                      "backend %d, %d threads", backend, threads);
            pc_runner_close(runner);
        }
    }
    pc_arena_release(&f.arena);
}

Test(runner, two_compiled_modules_at_once) {
    struct fixture f;
    setup(&f);
    static const char *const flags[] = {"-O0", NULL};
    const struct pc_runner_options options = {.flags = flags};
    struct pc_runner *first = pc_runner_open(PC_BACKEND_CC, f.module, &options, &f.diags);
    struct pc_layer other = f.module->layers[1]; /* the same name, another layer */
    other.desc.divisor = POOL_DIVISOR_OVERRIDE;
    other.desc.divisor_override = 1;
    for (int axis = 0; axis < POOL_MAX_RANK; axis++)
        other.axis[axis].divisor = POOL_DIVISOR_OVERRIDE;
    struct pc_module module = {.name = "t", .layers = &other, .count = 1};
    struct pc_runner *second = pc_runner_open(PC_BACKEND_CC, &module, &options, &f.diags);
    cr_assert(first && second);
    float x[4] = {1, 2, 3, 5}, y[2];
    const struct pc_tensors t = {.x = x, .y = y};
    cr_assert(pc_runner_run(second, 0, PC_KERNEL_FORWARD, &t, &f.diags));
    cr_assert(y[0] == 3 && y[1] == 8);
    cr_assert(pc_runner_run(first, 1, PC_KERNEL_FORWARD, &t, &f.diags));
    cr_assert(y[0] == 1.5f && y[1] == 4);
    pc_runner_close(first);
    pc_runner_close(second);
    pc_arena_release(&f.arena);
}

/* ---- what is reported ---- */

Test(runner, missing_kernels_and_tensors) {
    struct fixture f;
    float x[4] = {0}, y[2];
    for (int backend = 0; backend < PC_BACKEND_COUNT; backend++) {
        if (!pc_backend_is_there((enum pc_backend)backend))
            continue;
        setup(&f);
        struct pc_runner *runner = pc_runner_open((enum pc_backend)backend, f.module, NULL, &f.diags);
        cr_assert_not(pc_runner_run(runner, 1, PC_KERNEL_BACKWARD, &(struct pc_tensors){.x = x, .y = y}, &f.diags));
        assert_error(&f, "pool 'b' has no kernel backward");
        pc_diags_init(&f.diags, &f.arena);
        cr_assert_not(pc_runner_run(runner, 3, PC_KERNEL_FORWARD, &(struct pc_tensors){.x = x, .y = y}, &f.diags));
        assert_error(&f, "no layer number 3");
        pc_diags_init(&f.diags, &f.arena);
        cr_assert_not(pc_runner_run(runner, 0, PC_KERNEL_FORWARD, &(struct pc_tensors){.x = x, .y = y}, &f.diags));
        assert_error(&f, "pool 'a'");
        pc_runner_close(runner);
        pc_arena_release(&f.arena);
    }
}

/* A folder of our own for temporary files, to see what is left in it. */
static void own_folder(char *name, size_t size) {
    snprintf(name, size, "%s/poolc-test-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : P_tmpdir);
    cr_assert_not_null(mkdtemp(name));
    setenv("TMPDIR", name, 1);
}

static int entries(const char *folder) {
    int count = 0;
    DIR *open = opendir(folder);
    cr_assert_not_null(open);
    while (readdir(open))
        count++;
    closedir(open);
    return count - 2; /* itself and its parent */
}

static void open_fails(const struct pc_runner_options *options, const char *words) {
    struct fixture f;
    setup(&f);
    cr_assert_null(pc_runner_open(PC_BACKEND_CC, f.module, options, &f.diags));
    assert_error(&f, words);
    pc_arena_release(&f.arena);
}

Test(runner, compilers_that_fail_leave_nothing_behind) {
    char folder[512];
    own_folder(folder, sizeof folder);
    static const char *const unknown[] = {"--no-such-flag", NULL}, *const broken[] = {"-Dfloat=+", NULL};
    open_fails(&(struct pc_runner_options){.compiler = "no-such-compiler"}, "cannot run the C compiler 'no-such-compiler'");
    open_fails(&(struct pc_runner_options){.flags = unknown}, "no-such-flag");
    open_fails(&(struct pc_runner_options){.flags = broken}, "error");
    open_fails(&(struct pc_runner_options){.compiler = "true"}, "cannot be loaded"); /* runs, and makes no object */
    open_fails(&(struct pc_runner_options){.compiler = "false"}, "failed with status 1");
    cr_assert_eq(entries(folder), 0);
    cr_assert_eq(rmdir(folder), 0);
}

Test(runner, success_leaves_nothing_behind) {
    char folder[512];
    own_folder(folder, sizeof folder);
    struct fixture f;
    setup(&f);
    struct pc_runner *runner = pc_runner_open(PC_BACKEND_CC, f.module, NULL, &f.diags);
    cr_assert_not_null(runner);
    cr_assert_eq(entries(folder), 0);
    run_all(&f, runner);
    pc_runner_close(runner);
    pc_arena_release(&f.arena);
    cr_assert_eq(rmdir(folder), 0);
}

Test(runner, no_place_for_temporary_files) {
    setenv("TMPDIR", "/no/such/folder", 1);
    open_fails(&(struct pc_runner_options){0}, "cannot write to '/no/such/folder/");
}

Test(runner, messages_of_compilers_are_shortened) {
    char folder[512], script[600];
    own_folder(folder, sizeof folder);
    snprintf(script, sizeof script, "%s/cc", folder);
    FILE *file = fopen(script, "w");
    fprintf(file, "#!/bin/sh\nfor i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo \"message $i\" >&2; done\nexit 1\n");
    fclose(file);
    chmod(script, 0700);
    struct fixture f;
    setup(&f);
    cr_assert_null(pc_runner_open(PC_BACKEND_CC, f.module, &(struct pc_runner_options){.compiler = script}, &f.diags));
    assert_error(&f, "message 8");
    cr_assert_null(strstr(f.diags.first->text, "message 9"));
    cr_assert_not(f.diags.first->text[strlen(f.diags.first->text) - 1] == '\n');
    unlink(script);
    rmdir(folder);
    pc_arena_release(&f.arena);
}

/* The compiler that knows no -march=native is tried again without. */
Test(runner, flags_that_the_compiler_does_not_know) {
    char folder[512], script[600];
    own_folder(folder, sizeof folder);
    snprintf(script, sizeof script, "%s/cc", folder);
    FILE *file = fopen(script, "w");
    fprintf(file, "#!/bin/sh\nfor word; do case $word in -march=*) echo unknown >&2; exit 1;; esac; done\nexec cc \"$@\"\n");
    fclose(file);
    chmod(script, 0700);
    struct fixture f;
    setup(&f);
    setenv("CC", pc_arena_printf(&f.arena, "  sh\t%s ", script), 1); /* words, as make takes it */
    struct pc_runner *runner = pc_runner_open(PC_BACKEND_CC, f.module, NULL, &f.diags);
    cr_assert_not_null(runner);
    run_all(&f, runner);
    pc_runner_close(runner);
    unlink(script);
    rmdir(folder);
    pc_arena_release(&f.arena);
}

/* ---- programs ---- */

Test(process, gives_the_status_and_the_first_messages) {
    char errors[8];
    struct pc_signals signals;
    pc_signals_hold(&signals);
    const char *const talks[] = {"sh", "-c", "echo 0123456789 >&2; echo unseen; exit 7", NULL};
    struct pc_process_end end = pc_process_run(talks, &signals, errors, sizeof errors);
    cr_assert(end.started && !end.stopped && end.status == 7);
    cr_assert_str_eq(errors, "0123456");
    const char *const dies[] = {"sh", "-c", "kill -9 $$", NULL};
    end = pc_process_run(dies, &signals, errors, sizeof errors);
    cr_assert(end.started && end.status == 128 + SIGKILL);
    const char *const missing[] = {"no-such-program", NULL};
    end = pc_process_run(missing, &signals, errors, sizeof errors);
    cr_assert(!end.started && end.status != 0);
    pc_signals_release(&signals);
}

static volatile sig_atomic_t terminated;

static void on_term(int signal) {
    (void)signal;
    terminated = 1;
}

Test(process, a_signal_ends_the_program_first, .timeout = 20) {
    char errors[64];
    struct pc_signals signals;
    signal(SIGTERM, on_term);
    pc_signals_hold(&signals);
    const char *const waits[] = {"sh", "-c", "kill -TERM $PPID; exec sleep 60", NULL};
    const struct pc_process_end end = pc_process_run(waits, &signals, errors, sizeof errors);
    cr_assert(end.stopped && end.status == 128 + SIGTERM);
    cr_assert_not(terminated);
    pc_signals_release(&signals);
    cr_assert(terminated);
}

/* ---- guarded buffers ---- */

Test(guarded, holds_its_bytes_and_notices_others) {
    const size_t sizes[] = {0, 1, 4, 4095, 4096, 4097, 100000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (int end = PC_FLUSH_BEGIN; end <= PC_FLUSH_END; end++) {
            struct pc_guarded buffer;
            cr_assert(pc_guarded_open(&buffer, sizes[i], (enum pc_guarded_end)end));
            cr_assert_not_null(buffer.data);
            memset(buffer.data, 0, sizes[i]);
            cr_assert(pc_guarded_intact(&buffer, sizes[i]));
            if (sizes[i] % 4096 != 0) { /* pages have a multiple of 4096 bytes: something is left beside the buffer */
                unsigned char *beside = end == PC_FLUSH_BEGIN ? (unsigned char *)buffer.data + sizes[i]
                                                              : (unsigned char *)buffer.data - 1;
                *beside ^= 1;
                cr_assert_not(pc_guarded_intact(&buffer, sizes[i]));
            }
            pc_guarded_close(&buffer);
            pc_guarded_close(&buffer);
        }
    }
    struct pc_guarded huge;
    cr_assert_not(pc_guarded_open(&huge, SIZE_MAX - 5, PC_FLUSH_END));
    cr_assert_null(huge.data);
}

static void touch(enum pc_guarded_end end, ptrdiff_t offset) {
    struct pc_guarded buffer;
    cr_assert(pc_guarded_open(&buffer, 16, end));
    signal(SIGSEGV, SIG_DFL); /* sanitizers would report it instead */
    volatile char *byte = (volatile char *)buffer.data + offset;
    *byte = 1;
}

Test(guarded, the_byte_before_is_unreadable, .signal = SIGSEGV) {
    touch(PC_FLUSH_BEGIN, -1);
}

Test(guarded, the_byte_behind_is_unreadable, .signal = SIGSEGV) {
    touch(PC_FLUSH_END, 16);
}

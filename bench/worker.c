/* worker.c - see worker.h.
 *
 * Note [commands]. The worker is started with the path of the shared file and the number of threads. It answers "ok", "ok
 * WORDS", or "no REASON" to: version                     what is measured layer NUMBERS PATH          the fields of struct
 * bench_layer in their order, rows of three for the axes prepare PASS                0, 1, 2 as in enum bench_pass empty
 * prepares the call that costs nothing, to learn what a call costs check                       one call on poisoned results:
 * whether it computes what poolc computes expect                      takes the results as those to compare with fill fills
 * x and dy run N                       one call to warm up and N calls: the nanoseconds of all N The end of the input ends
 * it. */
#include "worker.h"

#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Buffers begin with a cache line, and not all at the same place of a page: loads would wait for stores whose addresses end
 * in the same twelve bits. */
enum { ALIGN = 64, GAP = 9 * ALIGN, LINE = 4096 };

static struct {
    const struct bench_adapter *adapter;
    struct bench_layer layer;
    struct bench_buffers buffers;
    enum bench_pass pass;
    char *memory;
    size_t size;
    int threads;
    char object[LINE];
} worker;

bool bench_is_global(const struct bench_layer *layer) {
    for (int a = 0; a < BENCH_AXES; a++)
        if (layer->out[a] != 1 || layer->kernel[a] != layer->in[a] || layer->pad[a] || layer->dilation[a] != 1)
            return false;
    return true;
}

/* ---- buffers ---- */

static void *take(size_t *used, int64_t bytes) {
    void *block = worker.memory + *used;
    *used += ((size_t)bytes + ALIGN - 1) / ALIGN * ALIGN + GAP;
    return block;
}

/* The same arithmetic in every worker, so that all find the same places. */
static const char *place_buffers(void) {
    const struct bench_layer *layer = &worker.layer;
    struct bench_buffers *b = &worker.buffers;
    size_t used = 0;
    b->x_count = b->y_count = layer->batch * layer->channels;
    for (int a = 0; a < BENCH_AXES; a++) {
        b->x_count *= layer->in[a];
        b->y_count *= layer->out[a];
    }
    const int64_t x_bytes = b->x_count * (int64_t)sizeof(float), y_bytes = b->y_count * (int64_t)sizeof(float);
    b->x = take(&used, x_bytes);
    b->y = take(&used, y_bytes);
    b->state = take(&used, b->y_count * layer->state_bytes);
    b->dy = take(&used, y_bytes);
    b->dx = take(&used, x_bytes);
    b->want_y = take(&used, y_bytes);
    b->want_dx = take(&used, x_bytes);
    return used <= worker.size ? NULL : "the shared file is too small";
}

static void fill_one(float *values, int64_t count, uint64_t random) {
    for (int64_t i = 0; i < count; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u; /* Knuth's MMIX */
        values[i] = (float)(int32_t)(random >> 32) / 2147483648.0f;
    }
}

static float *result(int64_t *count) {
    const struct bench_buffers *b = &worker.buffers;
    const bool backward = worker.pass == BENCH_BACKWARD;
    *count = backward ? b->x_count : b->y_count;
    return backward ? b->dx : b->y;
}

static float *wanted(void) {
    return worker.pass == BENCH_BACKWARD ? worker.buffers.want_dx : worker.buffers.want_y;
}

/* Sums may be rounded in another order; a maximum is exact, and so is a gradient that nothing is added to. */
static const char *check(void) {
    enum { ADDITIONS = 64 }; /* roundings allowed to a sum of numbers below 1, far above those of any layer here */
    static char reason[LINE];
    const bool exact = !worker.layer.average && worker.pass != BENCH_BACKWARD;
    const float tolerance = exact ? 0 : ADDITIONS * 1.1920929e-7f;
    int64_t count;
    float *values = result(&count), *want = wanted();
    memset(values, 0xff, (size_t)count * sizeof *values); /* NaN, which nothing is close to */
    worker.adapter->run();
    for (int64_t i = 0; i < count; i++) {
        if (fabsf(values[i] - want[i]) <= tolerance * (1 + fabsf(want[i])))
            continue;
        snprintf(reason, sizeof reason, "computes something else: %g instead of %g at %" PRId64, (double)values[i],
                 (double)want[i], i);
        return reason;
    }
    return NULL;
}

/* ---- commands ---- */

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

/* Threads of a library that was measured before may spin for a while: with two threads nobody starts at once.  Those of GCC's
 * OpenMP do for 300,000 pauses, which are 4 to 6 ms (Zen 4); to share a processor with them took three times as long. */
static void wait_for_others(void) {
    static const struct timespec settle = {.tv_nsec = 10000000};
    if (worker.threads > 1)
        nanosleep(&settle, NULL);
}

static int64_t run(int64_t runs) {
    void (*volatile call)(void) = worker.adapter->run;
    wait_for_others();
    call(); /* warm */
    const int64_t begin = now();
    for (int64_t i = 0; i < runs; i++)
        call();
    const int64_t time = now() - begin;
    return time;
}

static const char *read_numbers(char **text, int64_t *numbers, int count) {
    for (int i = 0; i < count; i++) {
        char *end;
        numbers[i] = strtoll(*text, &end, 10);
        if (end == *text)
            return "a number is missing";
        *text = end;
    }
    return NULL;
}

static const char *read_layer(char *text) {
    enum { FLAGS = 3, COUNTS = 3, ROWS = 7 };
    struct bench_layer *layer = &worker.layer;
    int64_t *const rows[ROWS] = {layer->in,       layer->out, layer->kernel, layer->stride,
                                 layer->dilation, layer->pad, layer->pad_end};
    int64_t flags[FLAGS], counts[COUNTS];
    const char *wrong = read_numbers(&text, flags, FLAGS);
    if (!wrong)
        wrong = read_numbers(&text, counts, COUNTS);
    for (int i = 0; !wrong && i < ROWS; i++)
        wrong = read_numbers(&text, rows[i], BENCH_AXES);
    if (!wrong)
        wrong = read_numbers(&text, &layer->state_bytes, 1);
    if (wrong)
        return wrong;
    layer->average = flags[0], layer->count_pad = flags[1], layer->channels_last = flags[2];
    layer->rank = (int)counts[0], layer->batch = counts[1], layer->channels = counts[2];
    snprintf(worker.object, sizeof worker.object, "%s", text + strspn(text, " "));
    layer->object = worker.object;
    return place_buffers();
}

static const char *prepare(int pass) {
    if (pass < 0 || pass >= BENCH_PASS_COUNT)
        return "no such pass";
    worker.pass = (enum bench_pass)pass;
    return worker.adapter->prepare(&worker.layer, worker.pass, &worker.buffers);
}

static void expect(void) {
    int64_t count;
    const float *values = result(&count);
    worker.adapter->run();
    memcpy(wanted(), values, (size_t)count * sizeof *values);
}

static void fill(void) {
    fill_one(worker.buffers.x, worker.buffers.x_count, 1);
    fill_one(worker.buffers.dy, worker.buffers.y_count, 2);
}

/* The answer without "ok"; *wrong is set where it is "no". */
static const char *obey(char *line, const char **wrong) {
    static char answer[LINE];
    char *rest = line + strcspn(line, " ");
    if (*rest)
        *rest++ = '\0';
    *answer = '\0';
    if (strcmp(line, "version") == 0)
        snprintf(answer, sizeof answer, "%s", worker.adapter->version());
    else if (strcmp(line, "layer") == 0)
        *wrong = read_layer(rest);
    else if (strcmp(line, "prepare") == 0)
        *wrong = prepare(atoi(rest));
    else if (strcmp(line, "empty") == 0)
        *wrong = worker.adapter->prepare_empty ? worker.adapter->prepare_empty() : "nothing to prepare";
    else if (strcmp(line, "check") == 0)
        *wrong = check();
    else if (strcmp(line, "expect") == 0)
        expect();
    else if (strcmp(line, "fill") == 0)
        fill();
    else if (strcmp(line, "run") == 0)
        snprintf(answer, sizeof answer, "%" PRId64, run(strtoll(rest, NULL, 10)));
    else
        *wrong = "no such command";
    return answer;
}

/* A library may print; its words must not be taken for answers. */
static FILE *open_answers(void) {
    const int file = dup(STDOUT_FILENO);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    return file < 0 ? NULL : fdopen(file, "w");
}

int bench_worker(const struct bench_adapter *adapter, int argc, char **argv) {
    static char line[LINE];
    struct stat status;
    worker.adapter = adapter;
    if (argc != 3) {
        fprintf(stderr, "usage: %s FILE THREADS; bench.py starts it\n", argv[0]);
        return 2;
    }
    const int file = open(argv[1], O_RDWR);
    FILE *answers = open_answers();
    worker.threads = atoi(argv[2]);
    if (file < 0 || !answers || fstat(file, &status) != 0) {
        perror(argv[1]);
        return 2;
    }
    worker.size = (size_t)status.st_size;
    worker.memory = mmap(NULL, worker.size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (worker.memory == MAP_FAILED) {
        perror(argv[1]);
        return 2;
    }
    const char *unusable = adapter->open(worker.threads);
    while (fgets(line, sizeof line, stdin)) {
        const char *wrong = unusable, *answer = "";
        line[strcspn(line, "\n")] = '\0';
        if (!unusable)
            answer = obey(line, &wrong);
        bench_team_rest();
        fprintf(answers, wrong ? "no %s\n" : *answer ? "ok %s\n" : "ok\n", wrong ? wrong : answer);
        fflush(answers);
    }
    return 0;
}

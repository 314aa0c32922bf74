/* main.c - a picture pyramid whose sizes are known only when the program runs.
 *
 * `example HEIGHT WIDTH` halves a picture of that size, each time by a kernel that is compiled for it, until a side is
 * below 8.  Maxima of maxima are maxima of the whole, which the program checks.  Then it asks for all of it again, which
 * compiles nothing, and shows what a mistake in a spec looks like. */
#include <pool/compiler.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE_MIN = 8, SIDE_MAX = 4096 };

/* Says what is wrong, if anything is, and whether `result` is there all the same. */
static bool good(const void *result, struct poolc_problems *problems)
{
    if (problems)
        fputs(poolc_problems_render(problems), stderr);
    poolc_problems_free(problems);
    return result != NULL;
}

/* A layer that halves a picture, the last row and column of odd sides included. */
static struct poolc_module *halving(struct poolc *poolc, int64_t height, int64_t width)
{
    const struct pool_desc desc = {
        .mode = POOL_MAX,
        .rank = 2,
        .batch = 1,
        .channels = 1,
        .in = {height, width},
        .kernel = {2, 2},
        .stride = {2, 2},
        .dilation = {1, 1},
        .ceil_mode = true,
    };
    struct poolc_problems *problems;
    struct poolc_module *module = poolc_compile_desc(poolc, "halve", &desc, &problems);
    return good(module, problems) ? module : NULL;
}

/* Halves the picture until it is small and returns its largest value; false on errors. `picture` is freed. */
static bool largest_by_halving(struct poolc *poolc, float *picture, int64_t height, int64_t width, float *largest)
{
    while (height >= SIDE_MIN && width >= SIDE_MIN) {
        struct poolc_module *module = halving(poolc, height, width);
        if (!module)
            break;
        const struct poolc_kernel *kernel = poolc_layer_kernel(poolc_layer_at(module, 0), POOLC_FORWARD);
        float *half = malloc((size_t)kernel->parameters[1].bytes);
        struct poolc_problems *problems = NULL;
        const bool called = half && poolc_call(kernel, (void *[]){picture, half}, &problems);
        poolc_release(module);
        free(picture);
        picture = half;
        if (!good(called ? picture : NULL, problems)) {
            free(picture);
            return false;
        }
        height = (height + 1) / 2;
        width = (width + 1) / 2;
    }
    *largest = picture[0];
    for (int64_t i = 1; i < height * width; i++)
        if (picture[i] > *largest)
            *largest = picture[i];
    free(picture);
    return height < SIDE_MIN || width < SIDE_MIN;
}

static float *draw(int64_t height, int64_t width)
{
    float *picture = malloc(sizeof *picture * (size_t)(height * width));
    for (int64_t i = 0; picture && i < height * width; i++)
        picture[i] = (float)(i * 7919 % 65521) / 65521.0f;
    return picture;
}

/* The number of kernels that were compiled on the way; -1: something is wrong. */
static int run(struct poolc *poolc, int64_t height, int64_t width)
{
    const uint64_t before = poolc_statistics(poolc).kernels;
    float *picture = draw(height, width), expected = 0, largest = 0;
    if (!picture)
        return -1;
    for (int64_t i = 0; i < height * width; i++)
        expected = picture[i] > expected ? picture[i] : expected;
    if (!largest_by_halving(poolc, picture, height, width, &largest) || largest != expected)
        return -1;
    return (int)(poolc_statistics(poolc).kernels - before);
}

int main(int argc, char **argv)
{
    const int64_t height = argc > 1 ? atol(argv[1]) : 480, width = argc > 2 ? atol(argv[2]) : 640;
    if (argc == 2 || height < 1 || height > SIDE_MAX || width < 1 || width > SIDE_MAX) {
        fprintf(stderr, "usage: example [HEIGHT WIDTH], both from 1 to %d\n", SIDE_MAX);
        return 2;
    }
    struct poolc_problems *problems;
    struct poolc *poolc = poolc_open(NULL, &problems);
    if (!good(poolc, problems))
        return 1;

    const int first = run(poolc, height, width);
    const int again = run(poolc, height, width);
    printf("libpoolc %s, %d x %d: %d kernels, and %d the second time\n", poolc_version(), (int)height, (int)width, first,
           again);

    static const char mistaken[] = "pool pyramid {\n    mode max\n    shape 16 x 16\n    kernle 2 x 2\n}\n";
    struct poolc_module *module = poolc_compile_text(poolc, "mistaken.pool", mistaken, strlen(mistaken), &problems);
    if (problems)
        printf("%s\n", poolc_problems_render(problems));
    const bool reported = !module && problems && strcmp(problems->items[0].id, "unknown-key") == 0;
    poolc_problems_free(problems);
    poolc_close(poolc);

    const bool right = first >= 0 && again == 0 && reported;
    printf("%s\n", right ? "all checks passed" : "something is wrong");
    return right ? 0 : 1;
}

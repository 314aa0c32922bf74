/* main.c - embedding kernels that poolc generated: no library to link, two functions to call.
 *
 * Pools a picture drawn with characters, shows what the gradient of a maximum looks like, and then changes the picture by
 * gradient descent towards one whose pooled version is the negative.  Every kernel's result is compared with plain loops;
 * the exit status says whether all was well. */
#include "net.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ROWS = 24, COLUMNS = 56, SMALL_ROWS = 12, SMALL_COLUMNS = 28, KERNEL = 3, PADDING = 1 };

/* net.pool and this file must agree: an array of negative size stops the compiler if they do not. */
typedef char shrink_fits[NET_SHRINK_X_COUNT == ROWS * COLUMNS && NET_SHRINK_Y_COUNT == SMALL_ROWS * SMALL_COLUMNS ? 1 : -1];
typedef char soften_fits[NET_SOFTEN_X_COUNT == ROWS * COLUMNS && NET_SOFTEN_Y_COUNT == ROWS * COLUMNS ? 1 : -1];

static const char *const drawing[ROWS] = {
    "                                                        ",
    "                                             .-=-.      ",
    "                                            =#@@@#=     ",
    "                                           -@@@@@@@-    ",
    "                                            =#@@@#=     ",
    "                                             '-=-'      ",
    "              ##                                        ",
    "            ##  ##                                      ",
    "          ##      ##                        ++          ",
    "        ##          ##                     ++++         ",
    "      ##    ######    ##                  ++++++        ",
    "    ##      #    #      ##               ++++++++       ",
    "  ##############################        ++++++++++      ",
    "    #                      #           ++++++++++++     ",
    "    #   @@@@        @@@@   #             ++++++++       ",
    "    #   @  @        @  @   #            ++++++++++      ",
    "    #   @@@@        @@@@   #           ++++++++++++     ",
    "    #         ====         #          ++++++++++++++    ",
    "    #         =  =         #                ##          ",
    "    #         =  =         #                ##          ",
    "    #         = .=         #                ##          ",
    "    #         =  =         #                ##          ",
    "-=-=-=-=-=-=-=-=-=-=-=-=-=-=-=-=-=-=-=-=-=-=-=-=-=-=-=-=",
    "                                                        ",
};

/* From dark to bright; a pixel's value is its character's place here, scaled to 0 .. 1. */
static const char ramp[] = " '.-=+#@";
enum { LEVELS = sizeof ramp - 2 };

static float picture[ROWS * COLUMNS], smooth[ROWS * COLUMNS], gradient[ROWS * COLUMNS], expected[ROWS * COLUMNS];
static float small[SMALL_ROWS * SMALL_COLUMNS], target[SMALL_ROWS * SMALL_COLUMNS], error[SMALL_ROWS * SMALL_COLUMNS];
static uint8_t state[NET_SHRINK_STATE_BYTES];
static int failures;

static void check(int good, const char *what)
{
    printf("%s  %s\n", good ? "ok   " : "WRONG", what);
    failures += !good;
}

static void show(const char *title, const float *values, int rows, int columns)
{
    printf("\n%s (%d x %d)\n", title, rows, columns);
    for (int row = 0; row < rows; row++) {
        for (int column = 0; column < columns; column++) {
            float level = values[row * columns + column] * (float)LEVELS + 0.5f;
            putchar(ramp[level < 0.0f ? 0 : level > (float)LEVELS ? LEVELS : (int)level]);
        }
        putchar('\n');
    }
}

/* The position of the maximum under a window, the first if there are several. */
static int window_max(const float *x, int row, int column, int stride)
{
    int best = -1;
    for (int r = row * stride - PADDING; r < row * stride - PADDING + KERNEL; r++) {
        for (int c = column * stride - PADDING; c < column * stride - PADDING + KERNEL; c++) {
            int inside = r >= 0 && r < ROWS && c >= 0 && c < COLUMNS;
            if (inside && (best < 0 || x[r * COLUMNS + c] > x[best]))
                best = r * COLUMNS + c;
        }
    }
    return best;
}

static void check_shrink(void)
{
    int wrong = 0;
    net_shrink_forward(picture, small);
    for (int i = 0; i < SMALL_ROWS * SMALL_COLUMNS; i++)
        wrong += small[i] != picture[window_max(picture, i / SMALL_COLUMNS, i % SMALL_COLUMNS, 2)];
    show("net_shrink_forward: the brightest of 3 x 3, every second pixel", small, SMALL_ROWS, SMALL_COLUMNS);
    check(wrong == 0, "every maximum is the maximum");
}

static void check_soften(void)
{
    double worst = 0.0;
    net_soften_forward(picture, smooth);
    for (int row = 0; row < ROWS; row++) {
        for (int column = 0; column < COLUMNS; column++) {
            double sum = 0.0;
            int count = 0;
            for (int r = row - PADDING; r <= row + PADDING; r++) {
                for (int c = column - PADDING; c <= column + PADDING; c++) {
                    if (r >= 0 && r < ROWS && c >= 0 && c < COLUMNS) {
                        sum += picture[r * COLUMNS + c];
                        count++;
                    }
                }
            }
            worst = fmax(worst, fabs(smooth[row * COLUMNS + column] - sum / count));
        }
    }
    show("net_soften_forward: the average of 3 x 3", smooth, ROWS, COLUMNS);
    /* Nine values of at most 1: eight additions and a division, each off by at most half a unit of a number up to 9. */
    check(worst <= 10 * 9 * 6e-8, "every average is the average");
}

static void check_gradient(void)
{
    double given = 0.0, arrived = 0.0;
    int wrong = 0;
    net_shrink_forward_train(picture, small, state);
    memset(expected, 0, sizeof expected);
    for (int i = 0; i < SMALL_ROWS * SMALL_COLUMNS; i++) {
        error[i] = 0.25f;
        expected[window_max(picture, i / SMALL_COLUMNS, i % SMALL_COLUMNS, 2)] += error[i];
    }
    net_shrink_backward(error, state, gradient);
    for (int i = 0; i < ROWS * COLUMNS; i++)
        wrong += gradient[i] != expected[i];
    show("net_shrink_backward: where a gradient of 1/4 for every window goes", gradient, ROWS, COLUMNS);
    check(wrong == 0, "every gradient goes to the maximum of its window");

    for (int i = 0; i < ROWS * COLUMNS; i++) {
        smooth[i] = 1.0f;
        given += smooth[i];
    }
    net_soften_backward(smooth, expected);
    for (int i = 0; i < ROWS * COLUMNS; i++)
        arrived += expected[i];
    check(fabs(given - arrived) <= 1e-5 * given, "an average hands on all of its gradient");
}

static double distance(void)
{
    double sum = 0.0;
    for (int i = 0; i < SMALL_ROWS * SMALL_COLUMNS; i++) {
        error[i] = small[i] - target[i];
        sum += 0.5 * error[i] * error[i];
    }
    return sum;
}

/* Makes the pooled picture's negative the aim and walks down the gradient of the squared distance. Neighbouring windows
 * share pixels, so not every aim can be reached: the distance shrinks, but not to nothing. */
static void check_descent(void)
{
    double first, last;
    net_shrink_forward_train(picture, small, state);
    for (int i = 0; i < SMALL_ROWS * SMALL_COLUMNS; i++)
        target[i] = 1.0f - small[i];
    first = last = distance();
    printf("\ngradient descent towards the negative\n  step  0: distance %8.3f\n", first);
    for (int step = 1; step <= 40; step++) {
        net_shrink_backward(error, state, gradient);
        for (int i = 0; i < ROWS * COLUMNS; i++)
            picture[i] -= 0.25f * gradient[i];
        net_shrink_forward_train(picture, small, state);
        last = distance();
        if (step % 10 == 0)
            printf("  step %2d: distance %8.3f\n", step, last);
    }
    show("the picture afterwards, pooled", small, SMALL_ROWS, SMALL_COLUMNS);
    check(last < 0.1 * first, "the distance falls below a tenth");
}

int main(void)
{
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        const char *level = strchr(ramp, drawing[i / COLUMNS][i % COLUMNS]);
        picture[i] = (float)(level - ramp) / (float)LEVELS;
    }
    show("the picture", picture, ROWS, COLUMNS);
    check_shrink();
    check_soften();
    check_gradient();
    check_descent();
    printf("\n%s\n", failures == 0 ? "all checks passed" : "something is wrong");
    return failures != 0;
}

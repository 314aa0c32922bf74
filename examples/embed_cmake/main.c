/* main.c - a picture pyramid with kernels that poolc_add_kernels() generated at build time.
 *
 * Draws rings, halves the picture three times and averages what is left.  Three maxima of 2 x 2 are one maximum of 8 x 8,
 * which the program checks; the exit status says whether it holds. */
#include "head.h"
#include "pyramid.h"

#include <math.h>
#include <stdio.h>

enum { SIZE = 64, EIGHTH = SIZE / 8 };

static float picture[NET_HALF_X_COUNT], half[NET_HALF_Y_COUNT], quarter[NET_QUARTER_Y_COUNT], eighth[NET_EIGHTH_Y_COUNT];
static float mean[NET_MEAN_Y_COUNT];

static void show(const char *title, const float *values, int size)
{
    static const char ramp[] = " .:-=+*#%@";
    printf("%s (%d x %d)\n", title, size, size);
    for (int i = 0; i < size * size; i++) {
        char level = ramp[(int)(values[i] * 9.0f + 0.5f)];
        putchar(level);
        putchar(level); /* two characters are about as wide as one is high */
        if (i % size == size - 1)
            putchar('\n');
    }
}

int main(void)
{
    int wrong = 0;
    double sum = 0.0;
    for (int i = 0; i < SIZE * SIZE; i++) {
        double y = i / SIZE - 28.5, x = i % SIZE - 36.5;
        double wave = 0.5 + 0.5 * cos(sqrt(x * x + y * y) / 2.5);
        picture[i] = (float)(wave * wave * wave * exp(-(x * x + y * y) / 900.0));
    }

    net_half_forward(picture, half);
    net_quarter_forward(half, quarter);
    net_eighth_forward(quarter, eighth);
    net_mean_forward(eighth, mean);
    show("half", half, SIZE / 2);
    show("quarter", quarter, SIZE / 4);
    show("eighth", eighth, EIGHTH);

    for (int i = 0; i < EIGHTH * EIGHTH; i++) {
        float most = 0.0f;
        for (int j = 0; j < 8 * 8; j++)
            most = fmaxf(most, picture[(i / EIGHTH * 8 + j / 8) * SIZE + i % EIGHTH * 8 + j % 8]);
        wrong += most != eighth[i];
        sum += eighth[i];
    }
    printf("mean of the last: %.6f\n", mean[0]);
    /* 64 values of at most 1: each addition is off by at most half a unit of a number up to 64. */
    wrong += fabs(mean[0] - sum / (EIGHTH * EIGHTH)) > 64 * 64 * 6e-8 / 64;
    printf("%s\n", wrong == 0 ? "all checks passed" : "something is wrong");
    return wrong != 0;
}

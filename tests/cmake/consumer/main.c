/* main.c - a maximum of 2 x 2 by the installed reference. */
#include <pool/desc.h>
#include <pool/reference.h>

#include <stdio.h>

int main(void)
{
    struct pool_desc desc = {
        .mode = POOL_MAX,
        .rank = 2,
        .batch = 1,
        .channels = 1,
        .in = {2, 4},
        .kernel = {2, 2},
        .stride = {2, 2},
        .dilation = {1, 1},
    };
    const float x[8] = {1, 2, 8, 7, 4, 3, 5, 6};
    float y[2] = {0, 0};
    enum pool_status status = pool_reference_forward(&desc, x, y, NULL);
    printf("%s: %g %g\n", pool_status_text(status), (double)y[0], (double)y[1]);
    return status == POOL_OK && y[0] == 4 && y[1] == 8 ? 0 : 1;
}

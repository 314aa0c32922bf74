/* threads.c - the first calls that a process makes of a file for several targets, by eight threads at once, and one call that
 * they share. */
#include "cross.h"

#include <pthread.h>
#include <stdio.h>

enum { THREADS = 8 };

static pthread_barrier_t start;
static float x[CROSS_MAX_LOOP_X_COUNT], y[THREADS][CROSS_MAX_LOOP_Y_COUNT];
static int32_t indices[THREADS][CROSS_MAX_LOOP_Y_COUNT];
static float shared_y[CROSS_MAX_LOOP_Y_COUNT];
static int32_t shared_indices[CROSS_MAX_LOOP_Y_COUNT];

static void *work(void *argument) {
    const int number = *(const int *)argument;
    pthread_barrier_wait(&start);
    cross_max_loop_forward(x, y[number], indices[number]);
    cross_max_loop_forward_part(x, shared_y, shared_indices, (size_t)number, THREADS);
    return NULL;
}

int main(void) {
    pthread_t threads[THREADS];
    int numbers[THREADS];
    for (int i = 0; i < CROSS_MAX_LOOP_X_COUNT; i++)
        x[i] = (float)(i * 37 % 101);
    if (pthread_barrier_init(&start, NULL, THREADS) != 0)
        return 2;
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        if (pthread_create(&threads[i], NULL, work, &numbers[i]) != 0)
            return 2;
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int k = 0; k < CROSS_MAX_LOOP_Y_COUNT; k++)
        if (shared_y[k] != y[0][k] || shared_indices[k] != indices[0][k]) {
            fprintf(stderr, "the parts of eight threads are not the whole\n");
            return 1;
        }
    for (int i = 1; i < THREADS; i++)
        for (int k = 0; k < CROSS_MAX_LOOP_Y_COUNT; k++)
            if (y[i][k] != y[0][k] || indices[i][k] != indices[0][k]) {
                fprintf(stderr, "thread %d stored something else\n", i);
                return 1;
            }
    return y[0][0] == 0;
}

/* bits.c - prints the bits of everything that the kernels of cross.pool store, one line for each tensor: what is the same on
 * two machines is the same text.  Any NaN is printed as the same one, for its bits are nobody's promise.
 *
 * calls.h is made by calls.awk from the generated header.  The inputs are made of integers alone, so that they are the same
 * everywhere. */
#include "cross.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum set { NUMBERS, TIES, DENORMALS, HARD, HUGE_NUMBERS, SET_COUNT };
static const char *const set_names[SET_COUNT] = {"numbers", "ties", "denormals", "hard", "huge"};

/* ---- inputs, as bits ---- */

static uint64_t state;

static uint32_t next_random(void) {
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(state >> 33);
}

/* Sign, exponent and the fraction's leading bits of a float or a double, the rest of the fraction from `low`. */
static uint64_t compose(size_t bytes, uint32_t sign, int exponent, uint64_t fraction, uint64_t low) {
    const int digits = bytes == 4 ? 23 : 52, bias = bytes == 4 ? 127 : 1023;
    const uint64_t field = exponent == -9999 ? 0 : exponent == 9999 ? (uint64_t)(2 * bias + 1) : (uint64_t)(exponent + bias);
    const uint64_t rest = (fraction << (digits - 20)) | (low & ((UINT64_C(1) << (digits - 20)) - 1));
    return (uint64_t)(sign & 1) << (bytes * 8 - 1) | field << digits | rest;
}

enum { TINY = -9999, SPECIAL = 9999 }; /* exponents of denormals and zeros, of infinities and NaN */

static uint64_t number(size_t bytes, enum set set) {
    const uint32_t r = next_random(), sign = r & 1, kind = r >> 1 & 7;
    const uint64_t fraction = next_random() & 0xfffff, low = (uint64_t)next_random() << 21 | next_random();
    const int lowest = bytes == 4 ? -126 : -1022, highest = bytes == 4 ? 127 : 1023;
    switch (set) {
    case NUMBERS: return compose(bytes, sign, -(int)kind, fraction, low);
    case TIES: return kind < 4 ? compose(bytes, sign, TINY, 0, 0) : compose(bytes, sign, (int)kind - 4, 0, 0);
    case DENORMALS: return compose(bytes, sign, kind < 6 ? TINY : lowest + (int)kind - 6, fraction, low);
    case HUGE_NUMBERS: return compose(bytes, sign, highest - (kind > 5), fraction, low);
    case HARD:
        switch (kind) {
        case 0: return compose(bytes, sign, SPECIAL, UINT64_C(1) << 19, 0); /* a quiet NaN */
        case 1: return compose(bytes, sign, SPECIAL, 0, 0);
        case 2: return compose(bytes, sign, TINY, 0, 0);
        case 3: return compose(bytes, sign, TINY, fraction, low);
        case 4: return compose(bytes, sign, highest, fraction, low);
        default: return compose(bytes, sign, (int)kind - 5, fraction, low);
        }
    case SET_COUNT: break;
    }
    return 0;
}

/* ---- tensors of a layer ---- */

static enum set set;

static struct tensor {
    char name[8];
    void *data;
    size_t bytes, count; /* of an element; elements */
    int real;
} tensors[8];
static int tensor_count;

static void begin(void) {
    while (tensor_count > 0)
        free(tensors[--tensor_count].data);
}

static struct tensor *find(const char *name) {
    for (int i = 0; i < tensor_count; i++)
        if (strcmp(tensors[i].name, name) == 0)
            return &tensors[i];
    return NULL;
}

static struct tensor *add(const char *name, size_t bytes, int64_t count, int real) {
    struct tensor *tensor = &tensors[tensor_count++];
    memset(tensor, 0, sizeof *tensor);
    strcpy(tensor->name, name);
    tensor->bytes = bytes;
    tensor->count = (size_t)count;
    tensor->real = real;
    tensor->data = malloc(bytes * (size_t)count);
    if (!tensor->data)
        exit(2);
    return tensor;
}

static void put(struct tensor *tensor, size_t at, uint64_t bits) {
    const uint32_t half = (uint32_t)bits;
    memcpy((char *)tensor->data + at * tensor->bytes, tensor->bytes == 4 ? (const void *)&half : &bits, tensor->bytes);
}

/* A tensor that a kernel reads: what an earlier one of the layer made, else numbers of the set. */
static void given(const char *name, size_t bytes, int64_t count, int real) {
    if (find(name))
        return;
    struct tensor *tensor = add(name, bytes, count, real);
    state = (uint64_t)set * 1000 + (unsigned char)name[0] + (uint64_t)count;
    for (size_t i = 0; i < tensor->count; i++)
        put(tensor, i, number(bytes, set));
}

/* A tensor that a kernel stores. */
static void made(const char *name, size_t bytes, int64_t count, int real) {
    struct tensor *tensor = find(name);
    tensor = tensor ? tensor : add(name, bytes, count, real);
    memset(tensor->data, 0xA5, bytes * (size_t)count);
}

static void *memory(const char *name) {
    return find(name)->data;
}

static int is_nan(size_t bytes, uint64_t bits) {
    const uint64_t infinity = compose(bytes, 0, SPECIAL, 0, 0), sign = UINT64_C(1) << (bytes * 8 - 1);
    return (bits & ~sign) > infinity;
}

static void show(const char *kernel, const char *name) {
    const struct tensor *tensor = find(name);
    printf("%s %s %s:", kernel, name, set_names[set]);
    for (size_t i = 0; i < tensor->count; i++) {
        const unsigned char *at = (const unsigned char *)tensor->data + i * tensor->bytes;
        uint64_t bits = 0;
        for (size_t b = tensor->bytes; b > 0; b--) /* these machines have the low byte first */
            bits = bits << 8 | at[b - 1];
        if (tensor->real && is_nan(tensor->bytes, bits))
            printf(" nan");
        else
            printf(" %" PRIx64, bits);
    }
    printf("\n");
}

int main(void) {
    for (set = NUMBERS; set < SET_COUNT; set++) {
#include "calls.h"
    }
    begin();
    return 0;
}

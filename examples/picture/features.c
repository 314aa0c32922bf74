/* features.c - makes the demo's feature map from the drawing, and shows planes of .npy files in a terminal.
 *
 *   features make drawing.npy map.npy      u1 (1, 3, H, W) -> f4 (1, 64, H/2, W/2)
 *   features show FILE.npy [PLANE]         a plane as characters; PLANE counts through the leading axes, 0 unless given
 *   features grey FILE.npy [PLANE]         the same with half blocks and 24 greys, for terminals with 256 colours
 *
 * `make` does what the first layer of ResNet does: 64 convolutions of 7 x 7 over three colours with stride 2 and padding 3,
 * then max(0, .). Instead of trained weights it has edge and line filters (Gabor functions), which trained ones resemble.
 * C99, needs only libc and libm. Exit status 0, or 1 with a message. */
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLOURS = 3, FILTERS = 64, KERNEL = 7, STRIDE = 2, PADDING = 3, MAX_RANK = 8, MAX_HEADER = 4096 };

/* Far more than any picture here, and small enough that no size below overflows. */
static const size_t MAX_COUNT = (size_t)1 << 27;

struct array {
    char kind; /* 'u': bytes, 'f': float */
    int rank;
    size_t shape[MAX_RANK], count;
    float *values; /* malloc'd; bytes become 0 .. 255 */
};

static int fail(const char *path, const char *problem)
{
    fprintf(stderr, "features: %s: %s\n", path, problem);
    return 0;
}

/* The text after `key` in the header's dictionary, or NULL. */
static const char *find(const char *header, const char *key)
{
    const char *at = strstr(header, key);
    return at == NULL ? NULL : at + strlen(key);
}

/* Reads the dictionary that numpy writes: its keys come in this order and spelling. */
static int parse_header(const char *path, const char *header, struct array *array)
{
    const char *descr = find(header, "'descr': '"), *order = find(header, "'fortran_order': ");
    const char *shape = find(header, "'shape': (");
    if (descr == NULL || order == NULL || shape == NULL)
        return fail(path, "not a .npy file as numpy writes them");
    if (strncmp(descr, "|u1'", 4) != 0 && strncmp(descr, "<f4'", 4) != 0)
        return fail(path, "the elements must be u1 or little-endian f4");
    if (strncmp(order, "False", 5) != 0)
        return fail(path, "the array must be in C order");
    array->kind = descr[1];
    array->rank = 0;
    array->count = 1;
    while (*shape >= '0' && *shape <= '9') {
        char *end;
        unsigned long size = strtoul(shape, &end, 10);
        if (array->rank == MAX_RANK || size == 0 || size > MAX_COUNT || array->count > MAX_COUNT / size)
            return fail(path, "too large, empty, or too many axes");
        array->shape[array->rank++] = size;
        array->count *= size;
        for (shape = end; *shape == ',' || *shape == ' ';)
            shape++;
    }
    return *shape == ')' ? 1 : fail(path, "the shape cannot be read");
}

static int read_body(const char *path, FILE *file, struct array *array)
{
    char header[MAX_HEADER + 1];
    unsigned char start[10];
    size_t length;
    if (fread(start, 1, sizeof start, file) != sizeof start || memcmp(start, "\x93NUMPY\x01", 7) != 0)
        return fail(path, "not a .npy file of version 1");
    length = start[8] + 256u * start[9];
    if (length > MAX_HEADER || fread(header, 1, length, file) != length)
        return fail(path, "the header is too long or cut off");
    header[length] = '\0';
    if (!parse_header(path, header, array))
        return 0;
    array->values = malloc(array->count * sizeof *array->values);
    if (array->values == NULL)
        return fail(path, "out of memory");
    for (size_t i = 0; i < array->count; i++) {
        unsigned char byte[4];
        size_t size = array->kind == 'u' ? 1 : 4;
        if (fread(byte, 1, size, file) != size)
            return fail(path, "the numbers are cut off");
        if (array->kind == 'u') {
            array->values[i] = byte[0];
        } else {
            uint32_t bits = byte[0] | (uint32_t)byte[1] << 8 | (uint32_t)byte[2] << 16 | (uint32_t)byte[3] << 24;
            memcpy(&array->values[i], &bits, sizeof bits);
        }
    }
    return 1;
}

static int read_npy(const char *path, struct array *array)
{
    FILE *file = fopen(path, "rb");
    int good;
    array->values = NULL;
    if (file == NULL)
        return fail(path, "cannot be opened");
    good = read_body(path, file, array);
    fclose(file);
    if (!good)
        free(array->values);
    return good;
}

/* Writes (1, channels, height, width) as little-endian f4. */
static int write_npy(const char *path, const float *values, size_t channels, size_t height, size_t width)
{
    enum { TOTAL = 128, PREFIX = 10 }; /* the numbers begin at a multiple of 64 bytes; the text needs less than 118 */
    char header[TOTAL - PREFIX + 1];
    static const unsigned char start[PREFIX] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, TOTAL - PREFIX, 0};
    FILE *file = fopen(path, "wb");
    int length, good;
    if (file == NULL)
        return fail(path, "cannot be written");
    length = snprintf(header, sizeof header, "{'descr': '<f4', 'fortran_order': False, 'shape': (1, %lu, %lu, %lu), }",
                      (unsigned long)channels, (unsigned long)height, (unsigned long)width);
    memset(header + length, ' ', (size_t)(TOTAL - PREFIX - length));
    header[TOTAL - PREFIX - 1] = '\n';
    good = fwrite(start, 1, PREFIX, file) == PREFIX && fwrite(header, 1, TOTAL - PREFIX, file) == TOTAL - PREFIX;
    for (size_t i = 0; good && i < channels * height * width; i++) {
        uint32_t bits;
        unsigned char byte[4];
        memcpy(&bits, &values[i], sizeof bits);
        for (int b = 0; b < 4; b++)
            byte[b] = (unsigned char)(bits >> 8 * b);
        good = fwrite(byte, 1, sizeof byte, file) == sizeof byte;
    }
    good = fclose(file) == 0 && good;
    if (!good)
        remove(path);
    return good ? 1 : fail(path, "could not be written completely");
}

/* Filter number f: one of 8 directions, 2 wave lengths, 2 phases (line or edge) and 2 ways to weigh the colours (brightness,
 * or warm against cold). Its weights add up to nothing, so that an even surface gives 0, and their sizes to 1. */
static void make_filter(int f, float weights[COLOURS][KERNEL][KERNEL])
{
    static const double colour[2][COLOURS] = {{0.30, 0.59, 0.11}, {0.50, 0.00, -0.50}};
    const double pi = 3.14159265358979323846;
    double angle = pi * (f % 8) / 8, wave = f / 8 % 2 == 0 ? 3.5 : 6.0, phase = f / 16 % 2 == 0 ? 0.0 : pi / 2;
    double value[KERNEL][KERNEL], mean = 0.0, size = 0.0;
    for (int y = 0; y < KERNEL; y++) {
        for (int x = 0; x < KERNEL; x++) {
            double across = (x - PADDING) * cos(angle) + (y - PADDING) * sin(angle);
            double along = (y - PADDING) * cos(angle) - (x - PADDING) * sin(angle);
            value[y][x] = exp(-(across * across + 0.5 * along * along) / 6.0) * cos(2 * pi * across / wave + phase);
            mean += value[y][x] / (KERNEL * KERNEL);
        }
    }
    for (int i = 0; i < KERNEL * KERNEL; i++) {
        value[i / KERNEL][i % KERNEL] -= mean;
        size += fabs(value[i / KERNEL][i % KERNEL]);
    }
    for (int c = 0; c < COLOURS; c++) {
        for (int i = 0; i < KERNEL * KERNEL; i++)
            weights[c][i / KERNEL][i % KERNEL] = (float)(colour[f / 32][c] * value[i / KERNEL][i % KERNEL] / size);
    }
}

static void convolve(const float *x, size_t height, size_t width, float weights[COLOURS][KERNEL][KERNEL], float *y)
{
    size_t out_height = (height + 2 * PADDING - KERNEL) / STRIDE + 1;
    size_t out_width = (width + 2 * PADDING - KERNEL) / STRIDE + 1;
    for (size_t i = 0; i < out_height * out_width; i++) {
        long top = (long)(i / out_width) * STRIDE - PADDING, left = (long)(i % out_width) * STRIDE - PADDING;
        float sum = 0.0f;
        for (int c = 0; c < COLOURS; c++) {
            for (int ky = 0; ky < KERNEL; ky++) {
                for (int kx = 0; kx < KERNEL; kx++) {
                    /* The border is repeated outwards: a frame of zeros would be the strongest edge of the picture. */
                    long row = top + ky < 0 ? 0 : top + ky >= (long)height ? (long)height - 1 : top + ky;
                    long column = left + kx < 0 ? 0 : left + kx >= (long)width ? (long)width - 1 : left + kx;
                    sum += weights[c][ky][kx] * x[((size_t)c * height + (size_t)row) * width + (size_t)column];
                }
            }
        }
        y[i] = sum > 0.0f ? sum / 255.0f : 0.0f;
    }
}

static int make(const char *from, const char *to)
{
    struct array picture;
    size_t height, width, plane;
    float *map;
    int good;
    if (!read_npy(from, &picture))
        return 0;
    if (picture.rank != 4 || picture.shape[0] != 1 || picture.shape[1] != COLOURS) {
        free(picture.values);
        return fail(from, "the shape must be (1, 3, height, width)");
    }
    height = (picture.shape[2] + 2 * PADDING - KERNEL) / STRIDE + 1;
    width = (picture.shape[3] + 2 * PADDING - KERNEL) / STRIDE + 1;
    plane = height * width;
    map = plane > MAX_COUNT / FILTERS ? NULL : malloc(FILTERS * plane * sizeof *map);
    if (map == NULL) {
        free(picture.values);
        return fail(from, "too large");
    }
    for (int f = 0; f < FILTERS; f++) {
        float weights[COLOURS][KERNEL][KERNEL];
        make_filter(f, weights);
        convolve(picture.values, picture.shape[2], picture.shape[3], weights, map + (size_t)f * plane);
    }
    good = write_npy(to, map, FILTERS, height, width);
    free(map);
    free(picture.values);
    return good;
}

/* Prints rows x columns numbers from the smallest (dark) to the largest (bright), each half of a character the average of
 * what it covers. Brightness is the square root of the value: feature maps are small nearly everywhere. */
static void print_plane(const float *x, size_t rows, size_t columns, int grey)
{
    enum { WIDTH = 112 }; /* characters: a ResNet feature map's width */
    static const char ramp[] = " .:-=+*#%@";
    size_t cell = (columns + WIDTH - 1) / WIDTH;
    size_t lines = (rows + 2 * cell - 1) / (2 * cell);
    float low = FLT_MAX, high = -FLT_MAX;
    for (size_t i = 0; i < rows * columns; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
    }
    printf("%lu x %lu, %g .. %g\n", (unsigned long)rows, (unsigned long)columns, (double)low, (double)high);
    for (size_t line = 0; line < lines; line++) {
        for (size_t column = 0; column < columns; column += cell) {
            float half[2] = {0.0f, 0.0f}; /* the upper and the lower half of the character, 0 .. 1 */
            for (size_t part = 0; part < 2; part++) {
                int count = 0;
                for (size_t i = 0; i < cell * cell; i++) {
                    size_t r = (2 * line + part) * cell + i / cell, c = column + i % cell;
                    if (r < rows && c < columns && high > low) {
                        half[part] += (x[r * columns + c] - low) / (high - low);
                        count++;
                    }
                }
                half[part] /= (float)(count > 0 ? count : 1);
                /* NaN, or what an infinite range makes, is shown dark. */
                half[part] = half[part] > 0.0f ? sqrtf(half[part] < 1.0f ? half[part] : 1.0f) : 0.0f;
            }
            if (grey) /* colours 232 .. 255 are greys; the character is an upper half block in UTF-8 */
                printf("\033[38;5;%d;48;5;%dm\xe2\x96\x80", 232 + (int)(half[0] * 23.0f + 0.5f),
                       232 + (int)(half[1] * 23.0f + 0.5f));
            else
                putchar(ramp[(int)((half[0] + half[1]) * 4.5f + 0.5f)]);
        }
        fputs(grey ? "\033[0m\n" : "\n", stdout);
    }
}

static int show(const char *path, const char *number, int grey)
{
    struct array array;
    size_t rows, columns, plane;
    char *end;
    if (!read_npy(path, &array))
        return 0;
    columns = array.rank > 0 ? array.shape[array.rank - 1] : 1;
    rows = array.rank > 1 ? array.shape[array.rank - 2] : 1;
    plane = strtoul(number, &end, 10);
    if (*number < '0' || *number > '9' || *end != '\0' || plane >= array.count / (rows * columns)) {
        free(array.values);
        return fail(number, "there is no such plane");
    }
    printf("%s, plane %lu of %lu, ", path, (unsigned long)plane, (unsigned long)(array.count / (rows * columns)));
    print_plane(array.values + plane * rows * columns, rows, columns, grey);
    free(array.values);
    return 1;
}

int main(int argc, char **argv)
{
    int good = 0;
    if (argc == 4 && strcmp(argv[1], "make") == 0)
        good = make(argv[2], argv[3]);
    else if ((argc == 3 || argc == 4) && strcmp(argv[1], "show") == 0)
        good = show(argv[2], argc == 4 ? argv[3] : "0", 0);
    else if ((argc == 3 || argc == 4) && strcmp(argv[1], "grey") == 0)
        good = show(argv[2], argc == 4 ? argv[3] : "0", 1);
    else
        fputs("usage: features make DRAWING.npy MAP.npy | features show|grey FILE.npy [PLANE]\n", stderr);
    return good ? 0 : 1;
}

/* npy.c - see pool/npy.h.
 *
 * A file is 6 bytes of magic, two of version, the header's length (2 bytes in version 1, 4 after), the header, and the data.
 * The header is a Python dictionary literal with the keys descr, fortran_order and shape, of which exactly the subset that
 * can occur is parsed. */
#include "pool/npy.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC "\x93NUMPY"

enum {
    MAGIC_SIZE = 6,
    PREFIX_SIZE = 10,         /* magic, version and length in version 1 */
    HEADER_MAX = 65535,       /* what version 1 can say; no honest file of a plain array needs more */
    ALIGNMENT = 64,           /* of the data, by padding the header */
    GROWTH_DIGITS = 21,       /* NumPy leaves room for the first size to grow to this many digits in place */
    FIRST_READ = 1 << 20,     /* bytes allocated before any data is seen; doubled as data arrives */
    TEMPORARY_NAMES_MAX = 100 /* that may exist already before writing gives up */
};

static const struct {
    char kind;
    size_t size;
    const char *name;
} types[] = {
    [POOL_NPY_F4] = {'f', 4, "float32"}, [POOL_NPY_F8] = {'f', 8, "float64"}, [POOL_NPY_U1] = {'u', 1, "uint8"},
    [POOL_NPY_U2] = {'u', 2, "uint16"},  [POOL_NPY_I4] = {'i', 4, "int32"},   [POOL_NPY_I8] = {'i', 8, "int64"},
};
enum { TYPE_COUNT = sizeof types / sizeof *types };

/* Where a failure is told. */
struct report {
    const char *path;
    char *message;
    size_t size;
};

__attribute__((format(printf, 2, 3))) static bool fail(const struct report *report, const char *format, ...) {
    if (report->size == 0)
        return false;
    int used = snprintf(report->message, report->size, "%s: ", report->path);
    if (used >= 0 && (size_t)used < report->size) {
        va_list args;
        va_start(args, format);
        vsnprintf(report->message + used, report->size - (size_t)used, format, args);
        va_end(args);
    }
    return false;
}

static bool host_is_little(void) {
    const uint16_t one = 1;
    return *(const unsigned char *)&one == 1;
}

size_t pool_npy_size(enum pool_npy_type type) {
    return types[type].size;
}

const char *pool_npy_name(enum pool_npy_type type) {
    return types[type].name;
}

void pool_npy_release(struct pool_npy *npy) {
    free(npy->data);
    memset(npy, 0, sizeof *npy);
}

/* The product of a shape; false where it, in bytes, is too much to address. */
static bool count_elements(const int64_t *shape, int rank, size_t element, int64_t *count) {
    *count = 1;
    for (int i = 0; i < rank; i++)
        if (shape[i] == 0) {
            *count = 0;
            return true;
        }
    const int64_t limit = (int64_t)((uint64_t)PTRDIFF_MAX / element);
    for (int i = 0; i < rank; i++) {
        if (*count > limit / shape[i])
            return false;
        *count *= shape[i];
    }
    return true;
}

/* The header as it is parsed. Every function skips white space before what it looks for. */
struct parser {
    const struct report *report;
    const char *start, *next, *end;
};

static void skip_space(struct parser *parser) {
    while (parser->next < parser->end && (*parser->next == ' ' || *parser->next == '\t' || *parser->next == '\n'))
        parser->next++;
}

static bool accept(struct parser *parser, char wanted) {
    skip_space(parser);
    if (parser->next == parser->end || *parser->next != wanted)
        return false;
    parser->next++;
    return true;
}

static bool expect(struct parser *parser, char wanted) {
    if (accept(parser, wanted))
        return true;
    return fail(parser->report, "bad .npy header: expected '%c' at byte %td", wanted, parser->next - parser->start);
}

/* 'text' or "text" without escapes, copied. */
static bool parse_string(struct parser *parser, char *text, size_t size) {
    char quote = accept(parser, '\'') ? '\'' : '"';
    if (quote == '"' && !accept(parser, '"'))
        return fail(parser->report, "bad .npy header: expected a string (structured types are not supported)");
    size_t length = 0;
    for (; parser->next < parser->end && *parser->next != quote; parser->next++) {
        if (*parser->next < ' ' || *parser->next > '~' || length + 1 == size) /* it may be quoted in a message */
            return fail(parser->report, "bad .npy header: a string is too long, or is not plain text");
        text[length++] = *parser->next;
    }
    text[length] = '\0';
    return expect(parser, quote);
}

static bool parse_word(struct parser *parser, const char *word) {
    skip_space(parser);
    size_t length = strlen(word);
    if ((size_t)(parser->end - parser->next) < length || memcmp(parser->next, word, length) != 0)
        return false;
    parser->next += length;
    return true;
}

static bool parse_type(struct parser *parser, enum pool_npy_type *type, bool *swap) {
    char text[16];
    if (!parse_string(parser, text, sizeof text))
        return false;
    const char *rest = text;
    char order = '=';
    if (*rest != '\0' && strchr("<>=|", *rest))
        order = *rest++;
    for (int i = 0; i < TYPE_COUNT; i++) {
        if (rest[0] != types[i].kind || rest[1] != (char)('0' + types[i].size) || rest[2] != '\0')
            continue;
        if (order == '|' && types[i].size > 1)
            break; /* says that there is no byte order where there must be one */
        *type = (enum pool_npy_type)i;
        *swap = (order == '<' && !host_is_little()) || (order == '>' && host_is_little());
        return true;
    }
    return fail(parser->report, "type '%s' is not supported: need f4, f8, u1, u2, i4 or i8", text);
}

static bool parse_size(struct parser *parser, int64_t *size) {
    skip_space(parser);
    if (parser->next == parser->end || *parser->next < '0' || *parser->next > '9')
        return fail(parser->report, "bad .npy header: the shape is not a tuple of sizes");
    *size = 0;
    while (parser->next < parser->end && *parser->next >= '0' && *parser->next <= '9') {
        int digit = *parser->next++ - '0';
        if (*size > (INT64_MAX - digit) / 10)
            return fail(parser->report, "the shape is too large");
        *size = *size * 10 + digit;
    }
    if (parser->next < parser->end && *parser->next == 'L') /* Python 2 wrote long integers so */
        parser->next++;
    return true;
}

static bool parse_shape(struct parser *parser, struct pool_npy *npy) {
    if (!expect(parser, '('))
        return false;
    bool comma = true;
    while (!accept(parser, ')')) {
        if (!comma)
            return fail(parser->report, "bad .npy header: expected ',' or ')' in the shape");
        if (npy->rank == POOL_NPY_MAX_RANK)
            return fail(parser->report, "more than %d dimensions", POOL_NPY_MAX_RANK);
        if (!parse_size(parser, &npy->shape[npy->rank++]))
            return false;
        comma = accept(parser, ',');
    }
    if (npy->rank == 1 && !comma) /* in Python, (3) is no tuple */
        return fail(parser->report, "bad .npy header: the shape is not a tuple of sizes");
    return true;
}

static bool parse_header(struct parser *parser, struct pool_npy *npy, bool *swap) {
    bool have_type = false, have_order = false, have_shape = false;
    if (!expect(parser, '{'))
        return false;
    bool comma = true;
    while (!accept(parser, '}')) {
        char key[16];
        if (!comma)
            return fail(parser->report, "bad .npy header: expected ',' or '}'");
        if (!parse_string(parser, key, sizeof key) || !expect(parser, ':'))
            return false;
        bool *have = strcmp(key, "descr") == 0           ? &have_type
                     : strcmp(key, "fortran_order") == 0 ? &have_order
                     : strcmp(key, "shape") == 0         ? &have_shape
                                                         : NULL;
        if (!have || *have)
            return fail(parser->report, "bad .npy header: key '%s' is %s", key, have ? "given twice" : "unknown");
        *have = true;
        if (have == &have_type && !parse_type(parser, &npy->type, swap))
            return false;
        if (have == &have_order && !parse_word(parser, "False"))
            return parse_word(parser, "True") ? fail(parser->report, "Fortran order is not supported, only C order")
                                              : fail(parser->report, "bad .npy header: fortran_order is no boolean");
        if (have == &have_shape && !parse_shape(parser, npy))
            return false;
        comma = accept(parser, ',');
    }
    skip_space(parser);
    if (parser->next != parser->end)
        return fail(parser->report, "bad .npy header: something follows the dictionary");
    if (!have_type || !have_order || !have_shape)
        return fail(parser->report, "bad .npy header: descr, fortran_order or shape is missing");
    return true;
}

/* Exactly `size` bytes, or a message. */
static bool read_exactly(FILE *file, const struct report *report, void *bytes, size_t size, const char *what) {
    errno = 0;
    if (fread(bytes, 1, size, file) == size)
        return true;
    if (ferror(file))
        return fail(report, "cannot read: %s", strerror(errno));
    return fail(report, "not a .npy file: it ends in the %s", what);
}

static bool read_header(FILE *file, const struct report *report, struct pool_npy *npy, bool *swap) {
    unsigned char prefix[PREFIX_SIZE + 2];
    if (!read_exactly(file, report, prefix, PREFIX_SIZE, "first bytes"))
        return false;
    if (memcmp(prefix, MAGIC, MAGIC_SIZE) != 0)
        return fail(report, "not a .npy file: it begins otherwise");
    int major = prefix[MAGIC_SIZE], minor = prefix[MAGIC_SIZE + 1];
    if (major < 1 || major > 3 || minor != 0)
        return fail(report, ".npy version %d.%d is not supported: need 1.0, 2.0 or 3.0", major, minor);
    uint32_t length = prefix[8] | (uint32_t)prefix[9] << 8;
    if (major > 1) {
        if (!read_exactly(file, report, prefix + PREFIX_SIZE, 2, "first bytes"))
            return false;
        length |= (uint32_t)prefix[10] << 16 | (uint32_t)prefix[11] << 24;
    }
    if (length > HEADER_MAX)
        return fail(report, "the .npy header of %" PRIu32 " bytes is too long", length);
    char *header = malloc((size_t)length + 1);
    if (!header)
        return fail(report, "out of memory");
    struct parser parser = {report, header, header, header + length};
    bool ok = read_exactly(file, report, header, length, "header") && parse_header(&parser, npy, swap);
    free(header);
    return ok;
}

/* Memory follows the data, so that a few bytes that claim to be terabytes cost nothing. */
static bool read_data(FILE *file, const struct report *report, struct pool_npy *npy) {
    size_t total = (size_t)npy->count * types[npy->type].size, capacity = total < FIRST_READ ? total : FIRST_READ, used = 0;
    npy->data = malloc(capacity ? capacity : 1);
    while (npy->data) {
        errno = 0;
        used += fread((char *)npy->data + used, 1, capacity - used, file);
        if (ferror(file))
            return fail(report, "cannot read: %s", strerror(errno));
        if (used < capacity)
            return fail(report, "the data ends after %zu of %zu bytes", used, total);
        if (used == total)
            break;
        capacity = capacity > total / 2 ? total : capacity * 2;
        void *larger = realloc(npy->data, capacity);
        if (!larger)
            free(npy->data);
        npy->data = larger;
    }
    if (!npy->data)
        return fail(report, "out of memory for %zu bytes", total);
    if (fgetc(file) != EOF)
        return fail(report, "the file goes on after its %zu bytes of data", total);
    return true;
}

static void swap_bytes(struct pool_npy *npy) {
    size_t size = types[npy->type].size;
    unsigned char *element = npy->data;
    for (int64_t i = 0; i < npy->count; i++, element += size)
        for (size_t low = 0, high = size - 1; low < high; low++, high--) {
            unsigned char byte = element[low];
            element[low] = element[high];
            element[high] = byte;
        }
}

bool pool_npy_read(const char *path, struct pool_npy *npy, char *message, size_t size) {
    struct report report = {path, message, size};
    memset(npy, 0, sizeof *npy);
    FILE *file = fopen(path, "rb");
    if (!file)
        return fail(&report, "cannot open: %s", strerror(errno));
    bool swap = false, ok = read_header(file, &report, npy, &swap);
    if (ok && !count_elements(npy->shape, npy->rank, types[npy->type].size, &npy->count))
        ok = fail(&report, "the shape is too large");
    ok = ok && read_data(file, &report, npy);
    fclose(file);
    if (!ok)
        pool_npy_release(npy);
    else if (swap)
        swap_bytes(npy);
    return ok;
}

/* The header of version 1 with its prefix, padded so that the data is aligned. Returns its length. */
static size_t make_header(enum pool_npy_type type, int rank, const int64_t *shape, char header[4 * ALIGNMENT + 128]) {
    char order = types[type].size == 1 ? '|' : host_is_little() ? '<' : '>';
    char *text = header + PREFIX_SIZE;
    int length =
        sprintf(text, "{'descr': '%c%c%zu', 'fortran_order': False, 'shape': (", order, types[type].kind, types[type].size);
    for (int i = 0; i < rank; i++)
        length += sprintf(text + length, i ? ", %" PRId64 : "%" PRId64, shape[i]);
    length += sprintf(text + length, rank == 1 ? ",), }" : "), }");
    if (rank > 0) {
        int digits = snprintf(NULL, 0, "%" PRId64, shape[0]);
        length += sprintf(text + length, "%*s", GROWTH_DIGITS - digits, "");
    }
    /* a whole line of padding where none is needed: NumPy does so */
    length += sprintf(text + length, "%*s\n", ALIGNMENT - (PREFIX_SIZE + length + 1) % ALIGNMENT, "");
    memcpy(header, MAGIC "\x01", MAGIC_SIZE + 2); /* version 1.0: the string's end is the 0 */
    header[8] = (char)(length & 0xff);
    header[9] = (char)(length >> 8);
    return PREFIX_SIZE + (size_t)length;
}

/* A new file beside `path`: its name in `name`, which has room. NULL with errno where there is none. */
static FILE *open_beside(const char *path, char *name, size_t size) {
    for (int attempt = 0; attempt < TEMPORARY_NAMES_MAX; attempt++) {
        snprintf(name, size, "%s.tmp%ld-%d", path, (long)getpid(), attempt);
        int descriptor = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (descriptor >= 0) {
            FILE *file = fdopen(descriptor, "wb");
            if (!file) {
                close(descriptor);
                unlink(name);
            }
            return file;
        }
        if (errno != EEXIST)
            return NULL;
    }
    return NULL;
}

bool pool_npy_write(const char *path, enum pool_npy_type type, int rank, const int64_t *shape, const void *data,
                    char *message, size_t size) {
    enum { SUFFIX_SIZE = 48 }; /* ".tmp", a process id, '-' and an attempt */
    struct report report = {path, message, size};
    int64_t count = 0;
    bool valid = rank >= 0 && rank <= POOL_NPY_MAX_RANK;
    for (int i = 0; valid && i < rank; i++)
        valid = shape[i] >= 0;
    if (!valid || !count_elements(shape, rank, types[type].size, &count))
        return fail(&report, "cannot write an array of this shape");
    struct stat status;
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode))
        return fail(&report, "not a regular file");
    size_t name_size = strlen(path) + SUFFIX_SIZE;
    char *name = malloc(name_size);
    if (!name)
        return fail(&report, "out of memory");
    FILE *file = open_beside(path, name, name_size);
    if (!file) {
        free(name);
        return fail(&report, "cannot create a file beside it: %s", strerror(errno));
    }
    char header[4 * ALIGNMENT + 128]; /* the longest: eight sizes of twenty characters each */
    size_t header_size = make_header(type, rank, shape, header), bytes = (size_t)count * types[type].size;
    bool ok = fwrite(header, 1, header_size, file) == header_size && (bytes == 0 || fwrite(data, 1, bytes, file) == bytes);
    int error = ok ? 0 : errno;
    if (fclose(file) != 0 && ok) {
        ok = false;
        error = errno;
    }
    if (ok && rename(name, path) != 0) {
        ok = false;
        error = errno;
    }
    if (!ok) {
        unlink(name);
        fail(&report, "cannot write: %s", strerror(error));
    }
    free(name);
    return ok;
}

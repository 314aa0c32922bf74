/* test_npy.c - .npy files: what NumPy writes is read, what is written is what NumPy writes, and nothing else gets in. */
#include <criterion/criterion.h>

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pool/npy.h"

static char folder[] = "test_npy.XXXXXX", path[64], message[256];

static void enter(void) {
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/a.npy", folder);
}

static int files_in_folder(void) {
    int count = 0;
    DIR *directory = opendir(folder);
    for (struct dirent *entry; (entry = readdir(directory));)
        count += entry->d_name[0] != '.';
    closedir(directory);
    return count;
}

static void leave(void) {
    DIR *directory = opendir(folder);
    for (struct dirent *entry; (entry = readdir(directory));) {
        char name[512];
        snprintf(name, sizeof name, "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] != '.')
            remove(name);
    }
    closedir(directory);
    rmdir(folder);
}

TestSuite(npy, .init = enter, .fini = leave);

static void write_file(const void *bytes, size_t size) {
    FILE *file = fopen(path, "wb");
    cr_assert(file && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
}

/* A file of version `major` with the given header and data. */
static void write_npy(int major, const char *header, const void *data, size_t size) {
    unsigned char bytes[1024] = "\x93NUMPY";
    size_t length = strlen(header), start = major == 1 ? 10 : 12;
    bytes[6] = (unsigned char)major;
    bytes[8] = (unsigned char)length;
    bytes[9] = (unsigned char)(length >> 8);
    memcpy(bytes + start, header, length);
    if (size)
        memcpy(bytes + start + length, data, size);
    write_file(bytes, start + length + size);
}

static struct pool_npy read_good(void) {
    struct pool_npy npy;
    cr_assert(pool_npy_read(path, &npy, message, sizeof message), "%s", message);
    return npy;
}

/* The file is refused with a message that has the path and `text` in it. */
static void expect_refused(const char *text) {
    struct pool_npy npy;
    memset(&npy, 0xff, sizeof npy);
    cr_assert(!pool_npy_read(path, &npy, message, sizeof message), "accepted, although: %s", text);
    cr_assert(strstr(message, text) && strncmp(message, path, strlen(path)) == 0, "'%s' instead of '%s'", message, text);
    cr_assert(npy.data == NULL && npy.count == 0 && npy.rank == 0);
    cr_assert(!pool_npy_read(path, &npy, NULL, 0));
}

static void refuse_header(const char *header, const char *text) {
    const char data[64] = {0};
    write_npy(1, header, data, sizeof data);
    expect_refused(text);
}

#define GROWTH_20 "                    "
#define GROWTH_19 "                   "

/* Files as numpy.save() of NumPy 2 wrote them, up to the data. */
Test(npy, writes_what_numpy_writes) {
    static const struct {
        enum pool_npy_type type;
        int rank;
        int64_t shape[4];
        const char *header; /* before the padding */
        size_t size;        /* of prefix and header */
    } cases[] = {
        {POOL_NPY_F4, 2, {3, 4}, "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }" GROWTH_20, 128},
        {POOL_NPY_F8, 1, {3}, "{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }" GROWTH_20, 128},
        {POOL_NPY_U1, 0, {0}, "{'descr': '|u1', 'fortran_order': False, 'shape': (), }", 128},
        {POOL_NPY_U2, 4, {10, 1, 0, 7}, "{'descr': '<u2', 'fortran_order': False, 'shape': (10, 1, 0, 7), }" GROWTH_19, 128},
        {POOL_NPY_I4, 1, {0}, "{'descr': '<i4', 'fortran_order': False, 'shape': (0,), }" GROWTH_20, 128},
        {POOL_NPY_I8, 2, {1, 1}, "{'descr': '<i8', 'fortran_order': False, 'shape': (1, 1), }" GROWTH_20, 128},
    };
    const int64_t zeros[16] = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_assert(pool_npy_write(path, cases[i].type, cases[i].rank, cases[i].shape, zeros, message, sizeof message), "%s",
                  message);
        char bytes[512];
        FILE *file = fopen(path, "rb");
        size_t size = fread(bytes, 1, sizeof bytes, file);
        fclose(file);
        struct pool_npy npy = read_good();
        cr_assert_eq(size, cases[i].size + (size_t)npy.count * pool_npy_size(cases[i].type), "case %zu: %zu", i, size);
        cr_assert_eq(memcmp(bytes, "\x93NUMPY\x01\x00", 8), 0);
        cr_assert_eq((size_t)(unsigned char)bytes[8] + 256 * (size_t)(unsigned char)bytes[9], cases[i].size - 10);
        size_t length = strlen(cases[i].header);
        cr_assert_eq(memcmp(bytes + 10, cases[i].header, length), 0, "case %zu", i);
        for (size_t k = 10 + length; k < cases[i].size; k++)
            cr_assert_eq(bytes[k], k + 1 < cases[i].size ? ' ' : '\n');
        pool_npy_release(&npy);
        pool_npy_release(&npy);
    }
    cr_assert_eq(files_in_folder(), 1);
}

/* Where the header needs no padding NumPy adds 64 bytes: they would be 128 bytes here. */
Test(npy, full_line_of_padding) {
    const int64_t shape[8] = {10000, 1, 1, 1, 1, 0, 100000000, 1000000000000};
    cr_assert(pool_npy_write(path, POOL_NPY_F4, 8, shape, NULL, message, sizeof message), "%s", message);
    struct stat status;
    cr_assert_eq(stat(path, &status), 0);
    cr_assert_eq(status.st_size, 192, "%lld", (long long)status.st_size);
    struct pool_npy npy = read_good();
    cr_assert(npy.rank == 8 && npy.count == 0 && memcmp(npy.shape, shape, sizeof shape) == 0);
    pool_npy_release(&npy);
}

Test(npy, round_trips) {
    unsigned char data[24 * 8];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (unsigned char)(i * 37 + 1);
    for (int type = POOL_NPY_F4; type <= POOL_NPY_I8; type++) {
        const int64_t shape[] = {2, 3, 4};
        cr_assert(pool_npy_write(path, (enum pool_npy_type)type, 3, shape, data, message, sizeof message), "%s", message);
        struct pool_npy npy = read_good();
        cr_assert(npy.type == (enum pool_npy_type)type && npy.rank == 3 && npy.count == 24);
        cr_assert_eq(memcmp(npy.shape, shape, sizeof shape), 0);
        cr_assert_eq(memcmp(npy.data, data, 24 * pool_npy_size(npy.type)), 0);
        pool_npy_release(&npy);
    }
}

/* Larger than what is allocated before data is seen, and no power of two. */
Test(npy, large_data_arrives_in_steps) {
    const int64_t count = 1000003;
    float *data = malloc((size_t)count * sizeof *data);
    for (int64_t i = 0; i < count; i++)
        data[i] = (float)i;
    cr_assert(pool_npy_write(path, POOL_NPY_F4, 1, &count, data, message, sizeof message), "%s", message);
    struct pool_npy npy = read_good();
    cr_assert(npy.count == count && memcmp(npy.data, data, (size_t)count * sizeof *data) == 0);
    pool_npy_release(&npy);
    cr_assert_eq(truncate(path, 128 + 4 * count - 1), 0);
    expect_refused("the data ends after 4000011 of 4000012 bytes");
    free(data);
}

Test(npy, byte_orders_and_versions) {
    const unsigned char big[] = {0x3f, 0x80, 0, 0, 0xc0, 0x20, 0, 0}, little[] = {0, 0, 0x80, 0x3f, 0, 0, 0x20, 0xc0};
    const char *headers[] = {"{'descr': '>f4', 'fortran_order': False, 'shape': (2,), }\n",
                             "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n"};
    for (int major = 1; major <= 3; major++)
        for (int order = 0; order < 2; order++) {
            write_npy(major, headers[order], order ? little : big, sizeof big);
            struct pool_npy npy = read_good();
            const float *values = npy.data;
            cr_assert(npy.type == POOL_NPY_F4 && npy.rank == 1 && npy.shape[0] == 2 && npy.count == 2);
            cr_assert(values[0] == 1 && values[1] == -2.5f, "%g %g", values[0], values[1]);
            pool_npy_release(&npy);
        }
    write_npy(1, "{'descr': '>u2', 'fortran_order': False, 'shape': (), }", "\x01\x02", 2);
    struct pool_npy npy = read_good();
    cr_assert(npy.rank == 0 && npy.count == 1 && *(uint16_t *)npy.data == 0x102);
    pool_npy_release(&npy);
    write_npy(1, "{'descr': '>i8', 'fortran_order': False, 'shape': (1,), }", "\xff\xff\xff\xff\xff\xff\xff\xfe", 8);
    npy = read_good();
    cr_assert_eq(*(int64_t *)npy.data, -2);
    pool_npy_release(&npy);
}

/* All of these are the same dictionary. */
Test(npy, headers_of_other_writers) {
    const char *headers[] = {
        "{'shape': (2, 1), 'fortran_order': False, 'descr': '|u1'}",
        "{\"descr\": \"<u1\", \"shape\": (2,1,), \"fortran_order\":False,}",
        " { 'descr' : 'u1' , 'fortran_order' : False , 'shape' : ( 2 , 1 ) , } \n\n",
        "{'descr':'=u1','shape':(2L, 1L),'fortran_order':False}",
    };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        write_npy(1, headers[i], "\x05\x06", 2);
        struct pool_npy npy = read_good();
        cr_assert(npy.type == POOL_NPY_U1 && npy.rank == 2 && npy.shape[0] == 2 && npy.shape[1] == 1 && npy.count == 2);
        cr_assert_eq(memcmp(npy.data, "\x05\x06", 2), 0);
        pool_npy_release(&npy);
    }
}

Test(npy, refuses_bad_headers) {
    static const struct {
        const char *header, *text;
    } cases[] = {
        {"", "expected '{' at byte 0"},
        {"{}", "is missing"},
        {"{'descr': '<f4', 'fortran_order': False}", "is missing"},
        {"{'descr': '<f4', 'fortran_order': True, 'shape': (16,)}", "Fortran order is not supported"},
        {"{'descr': '<f4', 'fortran_order': 0, 'shape': (16,)}", "no boolean"},
        {"{'descr': '<f2', 'fortran_order': False, 'shape': (32,)}", "'<f2' is not supported"},
        {"{'descr': '<c8', 'fortran_order': False, 'shape': (8,)}", "'<c8' is not supported"},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (8,)}", "'|O' is not supported"},
        {"{'descr': '|f4', 'fortran_order': False, 'shape': (16,)}", "'|f4' is not supported"},
        {"{'descr': '', 'fortran_order': False, 'shape': (16,)}", "'' is not supported"},
        {"{'descr': '<f44', 'fortran_order': False, 'shape': (16,)}", "'<f44' is not supported"},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (16,)}", "structured types"},
        {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (16,)}", "given twice"},
        {"{'descr': '<f4', 'order': False, 'shape': (16,)}", "'order' is unknown"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (16)}", "not a tuple"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': 16}", "expected '('"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-16,)}", "not a tuple of sizes"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4 4)}", "expected ',' or ')'"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4,,4)}", "not a tuple of sizes"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,16)}", "more than 8 dimensions"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (16,", "not a tuple of sizes"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (16,)", "expected ',' or '}'"},
        {"{'descr': '<f4' 'fortran_order': False, 'shape': (16,)}", "expected ',' or '}'"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (16,)} x", "follows the dictionary"},
        {"{'descr': '<f4', 'fortran_order': Falsehood, 'shape': (16,)}", "expected ',' or '}'"},
        {"{'descr", "expected ''' at byte 7"},
        {"{'descr\x1b[31m': 1}", "not plain text"},
        {"{'a key that is longer than any that can be': 1}", "too long"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775808,)}", "shape is too large"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807,)}", "shape is too large"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", "shape is too large"},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (1152921504606846976,)}", "shape is too large"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776,)}", "the data ends after 64 of 4398046511104"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (17,)}", "the data ends after 64 of 68 bytes"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (15,)}", "goes on after its 60 bytes"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (0, 9223372036854775807, 9)}", "goes on after its 0 bytes"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refuse_header(cases[i].header, cases[i].text);
}

Test(npy, refuses_every_truncation) {
    const int64_t shape[] = {2, 2};
    const float data[] = {1, 2, 3, 4};
    cr_assert(pool_npy_write(path, POOL_NPY_F4, 2, shape, data, message, sizeof message));
    for (off_t size = 128 + 15; size >= 0; size--) {
        cr_assert_eq(truncate(path, size), 0);
        expect_refused(size < 128 ? "not a .npy file: it ends in" : "the data ends after");
    }
}

/* Any byte of a small file replaced by others: an error or a result, but never a crash (the sanitizers watch). */
Test(npy, survives_every_changed_byte) {
    const char header[] = "{'descr': '<u2', 'fortran_order': False, 'shape': (1, 2), }\n";
    const size_t size = 10 + sizeof header - 1 + 4;
    char original[128] = "\x93NUMPY\x01";
    original[8] = sizeof header - 1;
    memcpy(original + 10, header, sizeof header - 1);
    int accepted = 0;
    for (size_t at = 0; at < size; at++)
        for (int byte = 0; byte < 256; byte += at < 10 ? 1 : 5) {
            char changed[128];
            memcpy(changed, original, sizeof changed);
            changed[at] = (char)byte;
            write_file(changed, size);
            struct pool_npy npy;
            if (pool_npy_read(path, &npy, message, sizeof message)) {
                accepted++;
                cr_assert(npy.count * (int64_t)pool_npy_size(npy.type) == 4);
                pool_npy_release(&npy);
            }
        }
    cr_assert(accepted > 4 * 52 && accepted < 400, "%d", accepted);
}

Test(npy, refuses_other_files) {
    write_file("", 0);
    expect_refused("it ends in the first bytes");
    write_file("PK\x03\x04 a zip archive", 19);
    expect_refused("not a .npy file: it begins otherwise");
    write_file("\x93NUMPY\x04\x00\x10\x00 and so on", 20);
    expect_refused(".npy version 4.0 is not supported");
    write_file("\x93NUMPY\x01\x01\x10\x00 and so on", 20);
    expect_refused(".npy version 1.1 is not supported");
    write_file("\x93NUMPY\x02\x00\xff\xff\xff\xff and so on", 22);
    expect_refused("header of 4294967295 bytes is too long");
    snprintf(path, sizeof path, "%s/missing.npy", folder);
    expect_refused("cannot open: No such file");
    snprintf(path, sizeof path, "%s", folder);
    expect_refused("cannot read: Is a directory");
    char small[8];
    struct pool_npy npy;
    cr_assert(!pool_npy_read(path, &npy, small, sizeof small) && strlen(small) == 7);
}

Test(npy, failed_writes_leave_nothing) {
    const int64_t two = 2, negative = -1, huge[] = {INT64_MAX, 2};
    const float data[] = {1, 2};
    cr_assert(!pool_npy_write(path, POOL_NPY_F4, 9, huge, data, message, sizeof message));
    cr_assert(!pool_npy_write(path, POOL_NPY_F4, -1, huge, data, message, sizeof message));
    cr_assert(!pool_npy_write(path, POOL_NPY_F4, 1, &negative, data, message, sizeof message));
    cr_assert(!pool_npy_write(path, POOL_NPY_F4, 2, huge, data, message, sizeof message));
    cr_assert(strstr(message, "cannot write an array of this shape"), "%s", message);
    cr_assert_eq(files_in_folder(), 0);
    cr_assert(!pool_npy_write(folder, POOL_NPY_F4, 1, &two, data, message, sizeof message));
    cr_assert(strstr(message, "not a regular file"), "%s", message);
    cr_assert(!pool_npy_write("/dev/null", POOL_NPY_F4, 1, &two, data, NULL, 0));
    struct stat status;
    cr_assert(stat("/dev/null", &status) == 0 && S_ISCHR(status.st_mode));
    char missing[128];
    snprintf(missing, sizeof missing, "%s/none/a.npy", folder);
    cr_assert(!pool_npy_write(missing, POOL_NPY_F4, 1, &two, data, message, sizeof message));
    cr_assert(strstr(message, "cannot create a file beside it: No such file"), "%s", message);
    cr_assert_eq(files_in_folder(), 0);
}

/* A limit on the size of files stands for a full disk: the old file stays, the new one goes. */
Test(npy, a_full_disk_keeps_the_old_file) {
    const int64_t two = 2, many = 100000;
    float *data = calloc((size_t)many, sizeof *data);
    data[0] = 7;
    cr_assert(pool_npy_write(path, POOL_NPY_F4, 1, &two, data, message, sizeof message));
    struct rlimit old, limit;
    getrlimit(RLIMIT_FSIZE, &old);
    limit = old;
    limit.rlim_cur = 1000;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    bool ok = pool_npy_write(path, POOL_NPY_F4, 1, &many, data, message, sizeof message);
    setrlimit(RLIMIT_FSIZE, &old);
    cr_assert(!ok && strstr(message, "cannot write: File too large"), "%s", message);
    cr_assert_eq(files_in_folder(), 1);
    struct pool_npy npy = read_good();
    cr_assert(npy.count == 2 && *(float *)npy.data == 7);
    pool_npy_release(&npy);
    free(data);
}

/* Leftovers of a killed process with the same id are no obstacle. */
Test(npy, temporary_names_that_exist) {
    const int64_t two = 2;
    const float data[] = {1, 2};
    char name[128];
    snprintf(name, sizeof name, "%s.tmp%ld-0", path, (long)getpid());
    fclose(fopen(name, "wb"));
    cr_assert(pool_npy_write(path, POOL_NPY_F4, 1, &two, data, message, sizeof message), "%s", message);
    cr_assert_eq(files_in_folder(), 2);
}

Test(npy, names_of_types) {
    cr_assert_str_eq(pool_npy_name(POOL_NPY_F4), "float32");
    cr_assert_str_eq(pool_npy_name(POOL_NPY_I8), "int64");
    cr_assert(pool_npy_size(POOL_NPY_U1) == 1 && pool_npy_size(POOL_NPY_U2) == 2 && pool_npy_size(POOL_NPY_F8) == 8);
}

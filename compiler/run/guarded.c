/* guarded.c - see guarded.h. The mapping is an unreadable page, whole pages that hold the buffer, and another unreadable
 * page; what the buffer leaves of its pages is the pattern, on the side away from the page that it touches. */
#include "run/guarded.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PATTERN = 0xA5 };

/* The readable pages between the two unreadable ones. */
static unsigned char *inside(const struct pc_guarded *buffer, size_t *size) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    *size = buffer->mapping_size - 2 * page;
    return (unsigned char *)buffer->mapping + page;
}

bool pc_guarded_open(struct pc_guarded *buffer, size_t size, enum pc_guarded_end end) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    *buffer = (struct pc_guarded){0};
    if (size > PTRDIFF_MAX - 4 * page)
        return false;
    const size_t readable = (size + page - 1) / page * page;
    void *mapping = mmap(NULL, readable + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping == MAP_FAILED)
        return false;
    unsigned char *first = (unsigned char *)mapping + page;
    if (readable > 0 && mprotect(first, readable, PROT_READ | PROT_WRITE) != 0) {
        munmap(mapping, readable + 2 * page);
        return false;
    }
    memset(first, PATTERN, readable);
    buffer->data = end == PC_FLUSH_BEGIN ? first : first + (readable - size);
    buffer->mapping = mapping;
    buffer->mapping_size = readable + 2 * page;
    return true;
}

bool pc_guarded_intact(const struct pc_guarded *buffer, size_t size) {
    size_t readable;
    const unsigned char *first = inside(buffer, &readable), *data = buffer->data;
    for (const unsigned char *at = first; at < data; at++)
        if (*at != PATTERN)
            return false;
    for (const unsigned char *at = data + size; at < first + readable; at++)
        if (*at != PATTERN)
            return false;
    return true;
}

void pc_guarded_close(struct pc_guarded *buffer) {
    if (buffer->mapping)
        munmap(buffer->mapping, buffer->mapping_size);
    *buffer = (struct pc_guarded){0};
}

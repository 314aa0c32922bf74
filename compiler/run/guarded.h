/* guarded.h - buffers with unreadable pages on both sides, so that one byte too far is a crash and not luck. */
#ifndef PC_GUARDED_H
#define PC_GUARDED_H

#include <stdbool.h>
#include <stddef.h>

struct pc_guarded {
    void *data; /* `size` bytes */
    void *mapping;
    size_t mapping_size;
};

enum pc_guarded_end { PC_FLUSH_BEGIN, PC_FLUSH_END }; /* which end of the buffer touches its unreadable page */

/* Maps a buffer of `size` bytes (0 allowed) whose first (last) byte lies directly beside an unreadable page. `size` must be
 * a multiple of the alignment that the data needs. The rest of the mapping is filled with a pattern. false: no memory. */
bool pc_guarded_open(struct pc_guarded *buffer, size_t size, enum pc_guarded_end end);

/* Whether the bytes of the mapping outside the buffer are still the pattern. */
bool pc_guarded_intact(const struct pc_guarded *buffer, size_t size);

void pc_guarded_close(struct pc_guarded *buffer);

#endif

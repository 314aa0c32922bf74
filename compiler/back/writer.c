/* writer.c - see writer.h. */
#include "back/writer.h"

#include <assert.h>
#include <string.h>

void pc_writer_begin(struct pc_writer *writer) {
    static const char spaces[] = "                                                "; /* 12 levels; deeper ones flush right */
    size_t count = (size_t)writer->depth * 4;
    if (count > sizeof spaces - 1)
        count = sizeof spaces - 1;
    pc_text_add_bytes(writer->text, spaces, count);
}

void pc_writer_end(struct pc_writer *writer, const char *ending) {
    pc_text_add(writer->text, ending);
    pc_text_add_char(writer->text, '\n');
}

void pc_writer_open(struct pc_writer *writer) {
    pc_writer_end(writer, "{");
    writer->depth++;
}

void pc_writer_close(struct pc_writer *writer) {
    assert(writer->depth > 0);
    writer->depth--;
    pc_writer_begin(writer);
    pc_writer_end(writer, "}");
}

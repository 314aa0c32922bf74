/* writer.h - lines of C with their indentation. */
#ifndef PC_WRITER_H
#define PC_WRITER_H

#include "support/text.h"

struct pc_writer {
    struct pc_text *text;
    int depth; /* of open braces; never negative */
};

/* Starts a line: the indentation. The caller adds to writer->text and ends the line with pc_writer_end(). */
void pc_writer_begin(struct pc_writer *writer);
void pc_writer_end(struct pc_writer *writer, const char *ending);

/* Ends a line with a brace that opens; a line of the brace that closes it. */
void pc_writer_open(struct pc_writer *writer);
void pc_writer_close(struct pc_writer *writer);

#endif

/* selftest.h - a program of its own that checks generated kernels on the machine where they will run.
 *
 * It needs the generated files and the C library, nothing of poolc: a table of the layers and a naive loop nest in double
 * precision, from templates/selftest.c.in. */
#ifndef PC_SELFTEST_H
#define PC_SELFTEST_H

#include "back/frame.h"
#include "back/template.h"

/* Adds the program for all layers of the module; `values` are those of the other templates. */
void pc_selftest_write(const struct pc_module *module, const struct pc_frame_options *options,
                       const struct pc_template_value *values, struct pc_text *text);

#endif

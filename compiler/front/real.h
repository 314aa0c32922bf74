/* real.h - real numbers to and from text, whatever the locale of the process is. */
#ifndef PC_REAL_H
#define PC_REAL_H

#include "support/text.h"

/* The nearest double of a decimal number such as "2.5" or "1e3"; infinite on overflow. */
double pc_real_parse(const char *text);

/* The shortest of 6, 15 or 17 digits that reads back as the same number. */
void pc_real_print(double value, struct pc_text *text);

#endif

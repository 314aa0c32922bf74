/* real.c - see real.h. The compiler is also a library in somebody's process, where the decimal point may be a comma. */
#include "front/real.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

/* Switches this thread to the "C" locale; (locale_t)0 when there is none to be had, and then nothing has changed. */
static locale_t enter_c_locale(locale_t *before) {
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (c)
        *before = uselocale(c);
    return c;
}

static void leave_c_locale(locale_t c, locale_t before) {
    if (!c)
        return;
    uselocale(before);
    freelocale(c);
}

double pc_real_parse(const char *text) {
    locale_t before = (locale_t)0, c = enter_c_locale(&before);
    double value = strtod(text, NULL);
    leave_c_locale(c, before);
    return value;
}

void pc_real_print(double value, struct pc_text *text) {
    static const int digits[] = {6, 15, 17}; /* 17 always read back */
    char buffer[32];
    locale_t before = (locale_t)0, c = enter_c_locale(&before);
    for (size_t i = 0; i < sizeof digits / sizeof digits[0]; i++) {
        snprintf(buffer, sizeof buffer, "%.*g", digits[i], value);
        if (strtod(buffer, NULL) == value)
            break;
    }
    leave_c_locale(c, before);
    pc_text_add(text, buffer);
}

/* template.c - see template.h. */
#include "back/template.h"

#include <string.h>

void pc_template_fill(const char *template_text, const struct pc_template_value *values, struct pc_text *text) {
    for (const char *at = template_text; *at;) {
        const char *sign = strchr(at, '@');
        if (!sign) {
            pc_text_add(text, at);
            return;
        }
        pc_text_add_bytes(text, at, (size_t)(sign - at));
        const struct pc_template_value *value = values;
        for (; value->name; value++) {
            const size_t length = strlen(value->name);
            if (strncmp(sign + 1, value->name, length) == 0 && sign[1 + length] == '@') {
                pc_text_add(text, value->text);
                at = sign + length + 2;
                break;
            }
        }
        if (!value->name) {
            pc_text_add_char(text, '@');
            at = sign + 1;
        }
    }
}

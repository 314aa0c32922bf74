/* json.h - JSON text, for programs that read what poolc found. */
#ifndef PC_JSON_H
#define PC_JSON_H

#include "support/text.h"

#include <stdbool.h>

struct pc_json {
    struct pc_text *text;
    int depth;
    bool filled; /* the open object or array has a member */
};

/* `key` is NULL inside arrays and for the outermost value. Keys are plain words. */
void pc_json_open(struct pc_json *json, const char *key, char bracket);        /* '{' or '[' */
void pc_json_close(struct pc_json *json, char bracket);                        /* '}' or ']' */
void pc_json_string(struct pc_json *json, const char *key, const char *value); /* NULL: null */
void pc_json_integer(struct pc_json *json, const char *key, int64_t value);
void pc_json_bool(struct pc_json *json, const char *key, bool value);

/* JSON has no NaN and no infinities: those become the strings "nan", "inf" and "-inf". */
void pc_json_real(struct pc_json *json, const char *key, double value);

#endif

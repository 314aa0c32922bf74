/* json.c - see json.h. One member a line, so that results can be compared as text. */
#include "cli/json.h"

#include "front/source.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS_LEAST = 6, DIGITS_EXACT = 17 }; /* tidy; enough to tell every double from its neighbours */

static void add_string(struct pc_text *text, const char *value) {
    pc_text_add_char(text, '"');
    for (size_t left = strlen(value); left > 0;) {
        const size_t length = pc_utf8_length(value, left);
        const unsigned char byte = (unsigned char)*value;
        if (length == 0)
            pc_text_add(text, "\\ufffd"); /* names of files may be any bytes */
        else if (byte == '"' || byte == '\\')
            pc_text_printf(text, "\\%c", byte);
        else if (byte < ' ')
            pc_text_printf(text, "\\u%04x", byte);
        else
            pc_text_add_bytes(text, value, length);
        value += length ? length : 1;
        left -= length ? length : 1;
    }
    pc_text_add_char(text, '"');
}

static void begin_line(struct pc_json *json) {
    pc_text_printf(json->text, "\n%*s", 2 * json->depth, "");
}

static void begin(struct pc_json *json, const char *key) {
    if (json->filled)
        pc_text_add_char(json->text, ',');
    if (json->depth)
        begin_line(json);
    json->filled = true;
    if (key)
        pc_text_printf(json->text, "\"%s\": ", key);
}

static void end(struct pc_json *json) {
    if (json->depth == 0)
        pc_text_add_char(json->text, '\n');
}

void pc_json_open(struct pc_json *json, const char *key, char bracket) {
    begin(json, key);
    pc_text_add_char(json->text, bracket);
    json->depth++;
    json->filled = false;
}

void pc_json_close(struct pc_json *json, char bracket) {
    json->depth--;
    if (json->filled)
        begin_line(json);
    pc_text_add_char(json->text, bracket);
    json->filled = true;
    end(json);
}

void pc_json_string(struct pc_json *json, const char *key, const char *value) {
    begin(json, key);
    if (value)
        add_string(json->text, value);
    else
        pc_text_add(json->text, "null");
    end(json);
}

void pc_json_integer(struct pc_json *json, const char *key, int64_t value) {
    begin(json, key);
    pc_text_add_int(json->text, value);
    end(json);
}

void pc_json_bool(struct pc_json *json, const char *key, bool value) {
    begin(json, key);
    pc_text_add(json->text, value ? "true" : "false");
    end(json);
}

void pc_json_real(struct pc_json *json, const char *key, double value) {
    begin(json, key);
    if (!isfinite(value)) {
        add_string(json->text, isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
    } else {
        char digits[32];
        for (int count = DIGITS_LEAST; count <= DIGITS_EXACT; count++) {
            snprintf(digits, sizeof digits, "%.*g", count, value);
            if (strtod(digits, NULL) == value)
                break;
        }
        pc_text_add(json->text, digits);
    }
    end(json);
}

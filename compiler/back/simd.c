/* simd.c - see simd.h.
 *
 * A file of templates/simd/ is a list of entries, each a marker line and the C below it:
 *
 *     //type f32x16 R=__m512 S=ps            a type that the target has, and words that its entries may use as @R@, @S@;
 *                                            `pair` instead: two values of half as many lanes
 *     //op add f32x16 real                   a function: operation, the types that have it.  A type, an element, or one of
 *                                            the classes below
 *     //op shuffle:even f32x16               only for lists of lanes of this pattern
 *     //op head                              written first, whatever else is
 *
 * The first entry that fits is taken, the target's before those of common.h.in.  Other lines that begin with // are for the
 * reader of the template.  What an entry needs is what it names: every name in it that has the form of one of ours. */
#include "back/simd.h"

#include "back/pattern.h"
#include "back/template.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX = IR_LANES_MAX + 16, WORD_MAX = 16, WORDS_MAX = 8, LETTERS = 36 };

/* ---- names ---- */

/* A name of the vocabulary, taken apart: f32x16_shuffle_02 is the type, "shuffle" and "02". */
struct name {
    struct ir_type type;
    char word[NAME_MAX]; /* operation with its argument; "" for a type */
    char op[WORD_MAX];   /* without the argument */
    const char *argument; /* in word; "" for none */
};

/* Operations whose last part is an argument: the element that is converted, or lanes. */
static const char *const parametric[] = {"from", "permute", "shuffle", "regroup", "lane"};

static void split_word(struct name *name) {
    name->argument = "";
    snprintf(name->op, sizeof name->op, "%.*s", WORD_MAX - 1, name->word);
    for (size_t i = 0; i < sizeof parametric / sizeof *parametric; i++) {
        const size_t length = strlen(parametric[i]);
        if (strncmp(name->word, parametric[i], length) == 0 && name->word[length] == '_') {
            name->argument = name->word + length + 1;
            name->op[length] = '\0';
        }
    }
}

static struct ir_type take_type(const char *text, size_t length, size_t *used) {
    for (int element = 0; element < IR_ELEMENT_COUNT; element++) {
        size_t at = strlen(ir_elements[element].name);
        if (at >= length || strncmp(text, ir_elements[element].name, at) != 0)
            continue;
        if (element != IR_MASK && text[at++] != 'x')
            continue;
        const size_t first = at;
        int lanes = 0;
        while (at < length && isdigit((unsigned char)text[at]) && lanes <= IR_LANES_MAX)
            lanes = lanes * 10 + (text[at++] - '0');
        *used = at;
        if (at > first && lanes > 1 && lanes <= IR_LANES_MAX)
            return (struct ir_type){(uint8_t)element, (uint8_t)lanes};
    }
    return (struct ir_type){IR_ELEMENT_COUNT, 0};
}

static bool take_name(const char *text, size_t length, struct name *name) {
    size_t used = 0;
    name->type = take_type(text, length, &used);
    if (name->type.lanes == 0 || (used < length && text[used] != '_') || length - used >= sizeof name->word)
        return false;
    used += used < length;
    snprintf(name->word, sizeof name->word, "%.*s", (int)(length - used), text + used);
    split_word(name);
    return true;
}

static const char *type_name(struct ir_type type, char out[WORD_MAX]) {
    snprintf(out, WORD_MAX, type.element == IR_MASK ? "%s%d" : "%sx%d", ir_elements[type.element].name, type.lanes);
    return out;
}

static struct ir_type type_with(struct ir_type type, int lanes) {
    return (struct ir_type){type.element, (uint8_t)lanes};
}

/* ---- the vocabulary in use ---- */

struct used {
    const char *name, *printed; /* the latter with the suffix */
};

struct pc_simd {
    struct pc_arena *arena;
    enum pc_target target;
    const char *suffix;
    struct used *items; /* what was asked for, sorted by name */
    size_t count, capacity;
};

struct pc_simd *pc_simd_new(struct pc_arena *arena, enum pc_target target, const char *suffix) {
    struct pc_simd *simd = PC_NEW(arena, struct pc_simd);
    simd->arena = arena;
    simd->target = target;
    simd->suffix = suffix;
    return simd;
}

static const char *use(struct pc_simd *simd, const char *name) {
    size_t low = 0, high = simd->count;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        const int order = strcmp(simd->items[middle].name, name);
        if (order == 0)
            return simd->items[middle].printed;
        *(order < 0 ? &low : &high) = order < 0 ? middle + 1 : middle;
    }
    PC_GROW(simd->arena, simd->items, simd->count, simd->capacity);
    memmove(simd->items + low + 1, simd->items + low, (simd->count++ - low) * sizeof *simd->items);
    simd->items[low].name = pc_arena_strndup(simd->arena, name, strlen(name));
    simd->items[low].printed = pc_arena_printf(simd->arena, "%s%s", name, simd->suffix);
    return simd->items[low].printed;
}

const char *pc_simd_type(struct pc_simd *simd, struct ir_type type) {
    char name[WORD_MAX];
    assert(pc_target_has(simd->target, type) && type.lanes > 1);
    return use(simd, type_name(type, name));
}

const char *pc_simd_function(struct pc_simd *simd, struct ir_type type, const char *word) {
    char name[WORD_MAX], full[WORD_MAX + NAME_MAX];
    assert(pc_target_has(simd->target, type) && type.lanes > 1);
    snprintf(full, sizeof full, "%s_%s", type_name(type, name), word);
    return use(simd, full);
}

struct pc_simd_shuffle pc_simd_shuffle(struct pc_simd *simd, struct ir_type from, int lanes, const uint8_t *list) {
    bool taken[2] = {false}, in_place = lanes == from.lanes;
    char word[NAME_MAX], digits[IR_LANES_MAX + 1] = "";
    for (int i = 0; i < lanes; i++) {
        taken[list[i] < from.lanes ? 0 : 1] = true;
        in_place &= list[i] % from.lanes == i;
    }
    const bool both = taken[0] && taken[1];
    struct pc_simd_shuffle shuffle = {.argument = {taken[0] ? 0 : 1, taken[1] ? 1 : 0}, .arguments = both ? 2 : 1};
    if (in_place && !both)
        return shuffle;
    for (int i = 0; i < lanes; i++) {
        const int lane = both || lanes != from.lanes ? list[i] : list[i] % from.lanes;
        digits[i] = "0123456789abcdefghijklmnopqrstuvwxyz"[lane % LETTERS];
    }
    if (lanes == 1) {
        snprintf(word, sizeof word, "lane_%d", list[0] % from.lanes);
    } else if (lanes != from.lanes) {
        snprintf(word, sizeof word, "regroup_%s", digits);
        shuffle.arguments = 2;
    } else {
        snprintf(word, sizeof word, both ? "shuffle_%s" : "permute_%s", digits);
    }
    shuffle.function = pc_simd_function(simd, from, word);
    return shuffle;
}

bool pc_simd_is_empty(const struct pc_simd *simd) {
    return simd->count == 0;
}

const char *pc_simd_includes(const struct pc_simd *simd) {
    const struct pc_target_row *row = pc_target_row(simd->target);
    if (simd->count == 0)
        return "";
    const char *hint = *row->flags ? pc_arena_printf(simd->arena, "compile with %s", row->flags) : "another processor";
    return pc_arena_printf(simd->arena,
                           "\n#if !(%s)\n#error \"this file is for %s: %s\"\n#endif\n\n"
                           "#include %s\n#include <string.h>\n",
                           row->guard, row->name, hint, row->header);
}

/* ---- entries of a template ---- */

struct span {
    const char *text;
    size_t length;
};

struct entry {
    bool is_type, is_pair, is_common;
    struct span op, pattern;        /* of an op */
    struct span words[WORDS_MAX];   /* types and classes of an op; KEY=value of a type */
    struct ir_type type;            /* of a type */
    int word_count;
    struct span body; /* without lines for the reader */
};

struct reader {
    struct pc_arena *arena;
    struct entry *entries;
    size_t count, capacity;
};

static bool is_word(struct span span, const char *word) {
    return strlen(word) == span.length && memcmp(span.text, word, span.length) == 0;
}

static struct span next_word(const char **at) {
    *at += strspn(*at, " ");
    const struct span word = {*at, strcspn(*at, " \n")};
    *at += word.length;
    return word;
}

static void read_marker(struct reader *r, const char *at, bool is_common) {
    PC_GROW(r->arena, r->entries, r->count, r->capacity);
    struct entry *entry = &r->entries[r->count++];
    *entry = (struct entry){.is_type = is_word(next_word(&at), "//type"), .is_common = is_common};
    struct span word = next_word(&at);
    size_t used;
    if (entry->is_type) {
        entry->type = take_type(word.text, word.length, &used);
    } else {
        const char *colon = memchr(word.text, ':', word.length);
        entry->op = (struct span){word.text, colon ? (size_t)(colon - word.text) : word.length};
        if (colon)
            entry->pattern = (struct span){colon + 1, word.length - entry->op.length - 1};
    }
    for (word = next_word(&at); word.length > 0; word = next_word(&at)) {
        assert(entry->word_count < WORDS_MAX);
        entry->is_pair |= is_word(word, "pair");
        entry->words[entry->word_count++] = word;
    }
}

static void read_template(struct reader *r, const char *text, bool is_common) {
    for (const char *at = text; *at;) {
        const size_t length = strcspn(at, "\n") + 1;
        if (strncmp(at, "//type ", 7) == 0 || strncmp(at, "//op ", 5) == 0) {
            read_marker(r, at, is_common);
            r->entries[r->count - 1].body.text = at + length;
        } else if (r->count > 0 && strncmp(at, "//", 2) != 0) {
            struct span *body = &r->entries[r->count - 1].body;
            if (body->text + body->length == at && length > 1) /* a line for the reader ends it, and so does an empty one */
                body->length += length;
        }
        at += length;
    }
}

static const char *target_template(enum pc_target target) {
    switch (target) {
    case PC_TARGET_SSE2: return pc_template_simd_sse2;
    case PC_TARGET_AVX2: return pc_template_simd_avx2;
    case PC_TARGET_AVX512: return pc_template_simd_avx512;
    case PC_TARGET_NEON: return pc_template_simd_neon;
    case PC_TARGET_C99: case PC_TARGET_COUNT: break;
    }
    abort();
}

/* ---- which entry ---- */

static struct pc_lane_list lanes_of(const struct name *name) {
    struct pc_lane_list lanes = {.from = name->type.lanes};
    for (const char *c = name->argument; *c && lanes.count < IR_LANES_MAX; c++)
        lanes.at[lanes.count++] = (uint8_t)(isdigit((unsigned char)*c) ? *c - '0' : *c - 'a' + 10);
    return lanes;
}

static bool is_in_class(struct span word, struct ir_type type, bool pair) {
    char name[WORD_MAX];
    const enum ir_element element = (enum ir_element)type.element;
    return is_word(word, type_name(type, name)) || is_word(word, ir_elements[element].name) || is_word(word, "any") ||
           (is_word(word, "pair") && pair) || (is_word(word, "real") && ir_elements[element].real) ||
           (is_word(word, "integer") && !ir_elements[element].real && element != IR_MASK) ||
           (is_word(word, "number") && element != IR_MASK);
}

static const struct entry *find_type(const struct reader *r, struct ir_type type) {
    for (size_t i = 0; i < r->count; i++)
        if (r->entries[i].is_type && ir_same_type(r->entries[i].type, type))
            return &r->entries[i];
    return NULL;
}

static bool has_pattern(const struct entry *entry, const struct pc_lane_list *lanes) {
    return !entry->pattern.length || pc_pattern_holds(entry->pattern.text, entry->pattern.length, lanes);
}

static const struct entry *find_op(const struct reader *r, const struct name *name, bool pair) {
    const struct pc_lane_list lanes = lanes_of(name);
    for (size_t i = 0; i < r->count; i++) {
        const struct entry *entry = &r->entries[i];
        if (entry->is_type || (pair && !entry->is_common) ||
            !(is_word(entry->op, *name->word ? name->word : "type") || is_word(entry->op, name->op)))
            continue;
        for (int k = 0; k < entry->word_count; k++)
            if (is_in_class(entry->words[k], name->type, pair) && has_pattern(entry, &lanes))
                return entry;
    }
    return NULL;
}

/* ---- from an entry to C ---- */

enum { VALUES_MAX = 64 };

struct values {
    struct pc_arena *arena;
    struct pc_template_value items[VALUES_MAX + 1];
    int count;
};

static void set(struct values *v, const char *name, const char *text) {
    assert(v->count < VALUES_MAX);
    v->items[v->count++] = (struct pc_template_value){name, text};
}

static void set_number(struct values *v, const char *name, int64_t number) {
    set(v, name, pc_arena_printf(v->arena, "%lld", (long long)number));
}

static void set_type(struct values *v, const char *name, struct ir_type type) {
    char text[WORD_MAX];
    set(v, name, pc_arena_printf(v->arena, "%s", type_name(type, text)));
}

/* "0, 2, 4": what `lane` makes of each of the list. */
static void set_list(struct values *v, const char *name, const struct pc_lane_list *l,
                     int (*lane)(const struct pc_lane_list *l, int i)) {
    const char *text = "";
    for (int i = 0; i < l->count; i++)
        text = pc_arena_printf(v->arena, "%s%s%d", text, i ? ", " : "", lane(l, i));
    set(v, name, text);
}

static int lane_in_both(const struct pc_lane_list *l, int i) {
    return l->at[i];
}

static int lane_in_one(const struct pc_lane_list *l, int i) {
    return l->at[i] % l->from;
}

static int lane_of_a(const struct pc_lane_list *l, int i) {
    return l->at[i] < l->from ? l->at[i] : -1;
}

static int lane_of_b(const struct pc_lane_list *l, int i) {
    return l->at[i] < l->from ? -1 : l->at[i] - l->from;
}

static void set_lanes(struct values *v, const struct pc_lane_list *l, int bytes) {
    enum { NAMED = 8 };
    const char *all_bytes = "";
    unsigned from_b = 0, mixed = 0, immediate = 0;
    for (int i = 0; i < l->count; i++) {
        const bool b = l->at[i] >= l->from;
        from_b |= (unsigned)b << i;
        mixed |= (unsigned)b << l->at[i] % l->from;
        immediate |= l->count <= NAMED / 2 ? (unsigned)(l->at[i] % l->from) << 2 * i : 0;
        for (int k = 0; k < bytes; k++)
            all_bytes = pc_arena_printf(v->arena, "%s%s%d", all_bytes, i || k ? ", " : "", l->at[i] * bytes + k);
        if (i >= NAMED / 2)
            continue;
        set(v, pc_arena_printf(v->arena, "S%d", i), b ? "b" : "a");
        set_number(v, pc_arena_printf(v->arena, "N%d", i), l->at[i] % l->from);
    }
    set_list(v, "LIST", l, lane_in_both);
    set_list(v, "WRAPPED", l, lane_in_one);
    set_list(v, "LIST_A", l, lane_of_a);
    set_list(v, "LIST_B", l, lane_of_b);
    set(v, "BYTES", all_bytes);
    set_number(v, "FROM_B", from_b);
    set_number(v, "MIXED", mixed);
    set_number(v, "IMMEDIATE", immediate);
    set_number(v, "FIRST", l->at[0]);
}

/* "a0, a1, a2": a name for each lane from `first` on, behind `word`; then zeros as far as a register reaches. */
static void set_names(struct values *v, const char *name, const char *word, int first, int end, int zeros) {
    const char *text = "";
    for (int i = first; i < end; i++)
        text = pc_arena_printf(v->arena, "%s%s%sa%d", text, i > first ? ", " : "", word, i);
    for (int i = 0; i < zeros; i++)
        text = pc_arena_printf(v->arena, "%s, 0", text);
    set(v, name, text);
}

/* What a function of one argument for each lane is written with. */
static void set_arguments(struct values *v, struct ir_type type) {
    enum { REGISTER_LEAST = 16 }; /* bytes */
    const int lanes = type.lanes, missing = REGISTER_LEAST / ir_elements[type.element].bytes - lanes;
    const int zeros = missing > 0 ? missing : 0;
    set_names(v, "ARGS", pc_arena_printf(v->arena, "%s ", ir_elements[type.element].c_type), 0, lanes, 0);
    set_names(v, "EACH", "", 0, lanes, zeros);
    set_names(v, "EACH_CHAR", "(char)", 0, lanes, zeros);
    set_names(v, "EACH_SHORT", "(short)", 0, lanes, zeros);
    set_names(v, "LOW_HALF", "", 0, lanes / 2, 0);
    set_names(v, "HIGH_HALF", "", lanes / 2, lanes, 0);
}

static void set_values(struct values *v, const struct entry *type, const struct name *name, const char *full,
                       const struct pc_lane_list *lanes) {
    const enum ir_element element = (enum ir_element)name->type.element;
    const int half = name->type.lanes / 2;
    set(v, "NAME", full);
    set(v, "OP", name->word);
    set(v, "ARG", name->argument);
    set_type(v, "T", name->type);
    set_type(v, "M", (struct ir_type){IR_MASK, name->type.lanes});
    set_type(v, "H", type_with(name->type, half));
    set_type(v, "HM", (struct ir_type){IR_MASK, (uint8_t)half});
    set(v, "E", ir_elements[element].name);
    set(v, "C", element == IR_MASK ? "int" : ir_elements[element].c_type);
    set(v, "SUFFIX", element == IR_F32 ? "f" : "");
    set_number(v, "L", name->type.lanes);
    set_number(v, "HALF", half);
    for (int i = 0; i < type->word_count; i++) {
        const char *sign = memchr(type->words[i].text, '=', type->words[i].length);
        if (!sign)
            continue;
        const size_t length = (size_t)(sign - type->words[i].text);
        set(v, pc_arena_strndup(v->arena, type->words[i].text, length),
            pc_arena_strndup(v->arena, sign + 1, type->words[i].length - length - 1));
    }
    if (strcmp(name->op, "lanes") == 0)
        set_arguments(v, name->type);
    if (strcmp(name->op, "permute") == 0 || strcmp(name->op, "shuffle") == 0 || strcmp(name->op, "regroup") == 0) {
        set_type(v, "RESULT", type_with(name->type, lanes->count));
        set_number(v, "COUNT", lanes->count);
        set_lanes(v, lanes, ir_elements[element].bytes);
    }
}

/* A line "@each@..." stands for one line per lane of the result, with # for the lane and $ for the lane that it comes
 * from. */
static void repeat_lines(struct span body, const struct pc_lane_list *lanes, struct pc_text *text) {
    static const char mark[] = "@each@";
    for (size_t at = 0; at < body.length;) {
        const char *line = body.text + at;
        const size_t length = strcspn(line, "\n") + 1;
        const bool each = strncmp(line, mark, strlen(mark)) == 0;
        for (int i = 0; i < (each ? lanes->count : 1); i++)
            for (size_t k = each ? strlen(mark) : 0; k < length; k++) {
                if (each && (line[k] == '#' || line[k] == '$'))
                    pc_text_add_int(text, line[k] == '#' ? i : lanes->at[i]);
                else
                    pc_text_add_char(text, line[k]);
            }
        at += length;
    }
}

/* ---- writing ---- */

struct written {
    const char *name;
    bool is_type;
    const char *text;
};

struct output {
    struct reader reader;
    struct pc_arena *arena;
    struct written *items; /* each after all that it needs */
    size_t count, capacity;
};

static void need(struct output *out, const char *full);

/* The next identifier of the text, whose length is 0 at its end. */
static struct span next_identifier(const char *text) {
    while (*text && !isalpha((unsigned char)*text) && *text != '_')
        text++;
    struct span span = {text, 0};
    while (isalnum((unsigned char)text[span.length]) || text[span.length] == '_')
        span.length++;
    return span;
}

/* Needs everything of ours that the text names. */
static void need_names(struct output *out, const char *text) {
    struct name name;
    for (struct span at = next_identifier(text); at.length > 0; at = next_identifier(at.text + at.length))
        if (take_name(at.text, at.length, &name))
            need(out, pc_arena_strndup(out->arena, at.text, at.length));
}

/* Adds the text, every name of ours with the suffix. */
static void add_with_suffix(const char *text, const char *suffix, struct pc_text *to) {
    struct name name;
    for (struct span at = next_identifier(text); at.length > 0; at = next_identifier(text)) {
        pc_text_add_bytes(to, text, (size_t)(at.text - text) + at.length);
        if (take_name(at.text, at.length, &name))
            pc_text_add(to, suffix);
        text = at.text + at.length;
    }
    pc_text_add(to, text);
}

static void need(struct output *out, const char *full) {
    struct name name;
    struct pc_text lines = {.out_of_memory = out->arena->out_of_memory}, text = lines;
    struct values values = {.arena = out->arena};
    for (size_t i = 0; i < out->count; i++)
        if (strcmp(out->items[i].name, full) == 0)
            return;
    if (!take_name(full, strlen(full), &name))
        abort();
    const struct entry *type = find_type(&out->reader, name.type);
    const struct entry *entry = type ? find_op(&out->reader, &name, type->is_pair) : NULL;
    if (!entry) /* tests/simd has every operation of the IR on every target */
        abort();
    struct pc_lane_list lanes = lanes_of(&name);
    if (lanes.count == 0 || strcmp(name.op, "from") == 0 || strcmp(name.op, "lane") == 0)
        lanes.count = name.type.lanes;
    set_values(&values, type, &name, full, &lanes);
    repeat_lines(entry->body, &lanes, &lines);
    pc_template_fill(pc_text_string(&lines), values.items, &text);
    const char *kept = pc_arena_strndup(out->arena, pc_text_string(&text), text.size);
    pc_text_release(&lines);
    pc_text_release(&text);
    PC_GROW(out->arena, out->items, out->count, out->capacity);
    const size_t mine = out->count++;
    out->items[mine] = (struct written){.name = full}; /* so that its own name is no need */
    need_names(out, kept);
    PC_GROW(out->arena, out->items, out->count, out->capacity);
    out->items[mine].name = "";
    out->items[out->count++] = (struct written){full, !*name.word, kept};
}

void pc_simd_write(const struct pc_simd *simd, struct pc_text *text) {
    if (simd->count == 0)
        return;
    struct output out = {.reader = {.arena = simd->arena}, .arena = simd->arena};
    read_template(&out.reader, target_template(simd->target), false);
    read_template(&out.reader, pc_template_simd_common, true);
    for (size_t i = 0; i < simd->count; i++)
        need(&out, simd->items[i].name);
    for (size_t i = 0; i < out.reader.count; i++)
        if (is_word(out.reader.entries[i].op, "head"))
            pc_text_printf(text, "\n%.*s", (int)out.reader.entries[i].body.length, out.reader.entries[i].body.text);
    for (int types = 1; types >= 0; types--) {
        pc_text_add(text, types ? "\n" : "");
        for (size_t i = 0; i < out.count; i++) {
            if (!out.items[i].text || out.items[i].is_type != types)
                continue;
            pc_text_add(text, types ? "" : "\n");
            add_with_suffix(out.items[i].text, simd->suffix, text);
        }
    }
}

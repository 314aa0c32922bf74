/* emit_c.c - statements and functions: see emit_c.h. */
#include "back/emit_c.h"

#include "back/emit_c_print.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- statements ---- */

static const char *c_type(struct emitter *e, struct ir_type type) {
    if (type.lanes > 1)
        return pc_simd_type(e->simd, type);
    return type.element == IR_MASK ? "int" : ir_elements[type.element].c_type;
}

static void print_declaration(struct emitter *e, ir_ref ref) {
    const struct ir_node *n = ir_at(e->f, ref);
    pc_writer_begin(&e->w);
    add(e, "const ");
    add(e, c_type(e, n->type));
    add(e, " v");
    pc_text_add_int(e->w.text, ref);
    add(e, " = ");
    /* Integers narrower than int become int in an expression; unconverted they would draw a warning. */
    const bool cast = pc_is_narrow(n->type) && n->op != IR_LOAD && n->op != IR_LOAD_AT && n->op != IR_CONVERT;
    if (cast)
        pc_text_printf(e->w.text, "(%s)(", c_type(e, n->type));
    pc_print_expression(e, n);
    pc_writer_end(&e->w, cast ? ");" : ";");
}

static void print_fetch(struct emitter *e, const struct ir_node *n) {
    pc_writer_begin(&e->w);
    pc_text_printf(e->w.text, "%s(&", e->fetch);
    pc_print_place(e, n);
    pc_writer_end(&e->w, ");");
}

static void print_store(struct emitter *e, const struct ir_node *n) {
    pc_writer_begin(&e->w);
    if (n->type.lanes > 1) {
        pc_print_lanes(e, n);
        pc_writer_end(&e->w, ";");
        return;
    }
    if (n->operand[1]) {
        add(e, "if (");
        pc_print_value(e, n->operand[1], false);
        add(e, ") ");
    }
    pc_print_place(e, n);
    add(e, " = ");
    pc_print_narrow(e, n->operand[0]);
    pc_writer_end(&e->w, ";");
}

/* Not a store, of which the compiler knows where it goes. */
static void print_addition(struct emitter *e, const struct ir_node *n) {
    const struct ir_affine *affine = &e->f->affines[n->aux];
    const struct ir_buffer *buffer = &e->f->buffers[affine->buffer];
    pc_writer_begin(&e->w);
    pc_text_printf(e->w.text, "%s[", buffer->name);
    pc_print_affine(e, affine, e->front[affine->buffer] + n->u.integer);
    add(e, " + (ptrdiff_t)"); /* a register as wide as an address holds it already: nothing has to be extended */
    pc_print_value(e, n->operand[0], true);
    add(e, "] += ");
    pc_print_value(e, n->operand[1], true);
    pc_writer_end(&e->w, ";");
}

static void print_assignment(struct emitter *e, const char *declare, ir_ref to, const char *suffix, ir_ref from) {
    pc_writer_begin(&e->w);
    pc_text_printf(e->w.text, "%s%sv%" PRIu32 "%s = ", declare, *declare ? " " : "", to, suffix);
    pc_print_narrow(e, from);
    pc_writer_end(&e->w, ";");
}

static void print_block(struct emitter *e, const struct ir_block *block);
static void print_shared(struct emitter *e, const struct ir_block *block);

/* The name of where a part of the loops with this trip count begins or ends. */
static void print_bound(struct emitter *e, const char *word, int64_t trip) {
    pc_text_printf(e->w.text, "%s%" PRId64, word, trip);
}

/* A loop of one turn is a block. */
static void print_loop_head(struct emitter *e, const struct ir_loop *loop, bool is_split) {
    if (loop->trip == 1)
        return;
    pc_text_printf(e->w.text, "for (%s %s = %s", e->index_type, loop->name, is_split ? "" : "0");
    if (is_split)
        print_bound(e, "from", loop->trip);
    pc_text_printf(e->w.text, "; %s < ", loop->name);
    print_bound(e, is_split ? "to" : "", loop->trip);
    pc_text_printf(e->w.text, "; ++%s) ", loop->name);
}

static void print_loop(struct emitter *e, uint32_t number, enum ir_share share) {
    const struct ir_loop *loop = &e->f->loops[number];
    const struct ir_carried *carried = loop->carried;
    for (size_t i = 0; i < loop->carried_count; i++)
        print_assignment(e, c_type(e, ir_at(e->f, carried[i].param)->type), carried[i].param, "", carried[i].initial);
    pc_writer_begin(&e->w);
    print_loop_head(e, loop, share == IR_SPLIT);
    pc_writer_open(&e->w);
    (share == IR_OPEN ? print_shared : print_block)(e, &loop->body);
    /* All change at once: a value that is itself carried by this loop is kept aside before it is overwritten. */
    for (size_t i = 0; i < loop->carried_count; i++)
        if (ir_at(e->f, carried[i].next)->op == IR_CARRIED)
            print_assignment(e, c_type(e, ir_at(e->f, carried[i].param)->type), carried[i].param, "_next", carried[i].next);
    for (size_t i = 0; i < loop->carried_count; i++) {
        if (ir_at(e->f, carried[i].next)->op != IR_CARRIED) {
            print_assignment(e, "", carried[i].param, "", carried[i].next);
            continue;
        }
        pc_writer_begin(&e->w);
        pc_text_printf(e->w.text, "v%" PRIu32 " = v%" PRIu32 "_next", carried[i].param, carried[i].param);
        pc_writer_end(&e->w, ";");
    }
    pc_writer_close(&e->w);
}

static void print_item(struct emitter *e, ir_ref ref, enum ir_share share) {
    const struct ir_node *n = ir_at(e->f, ref);
    if (n->op == IR_STORE) {
        print_store(e, n);
    } else if (n->op == IR_FETCH) {
        print_fetch(e, n);
    } else if (n->op == IR_ADD_AT) {
        print_addition(e, n);
    } else if (n->op == IR_FOR) {
        print_loop(e, n->aux, share);
    } else if (n->op == IR_COMMENT) {
        pc_writer_begin(&e->w);
        pc_text_printf(e->w.text, "/* %s */\n", e->f->comments[n->aux]);
    } else if (n->op != IR_NONE && !e->size[ref] && pc_is_used(e, ref)) {
        print_declaration(e, ref);
    }
}

static void print_block(struct emitter *e, const struct ir_block *block) {
    for (size_t i = 0; i < block->count; i++)
        print_item(e, block->items[i], IR_EVERY);
}

/* A block that is shared out among parts: of each stretch, first what is for every part, then what is for part 0. */
static void print_shared(struct emitter *e, const struct ir_block *block) {
    for (size_t begin = 0, end; begin < block->count; begin = end) {
        bool first = false;
        end = ir_parts_stretch(e->f, e->parts, block, begin);
        for (size_t i = begin; i < end; i++) {
            const enum ir_share share = (enum ir_share)e->parts->share[block->items[i]];
            first |= share == IR_FIRST;
            if (share != IR_FIRST)
                print_item(e, block->items[i], share);
        }
        if (!first)
            continue;
        pc_writer_begin(&e->w);
        add(e, "if (part == 0) ");
        pc_writer_open(&e->w);
        for (size_t i = begin; i < end; i++)
            if (e->parts->share[block->items[i]] == IR_FIRST)
                print_item(e, block->items[i], IR_FIRST);
        pc_writer_close(&e->w);
    }
}

/* ---- the function ---- */

/* `end`: what comes behind the last one. */
static void print_parameters(const struct ir_function *function, const char *restrict_word, const char *end,
                             struct pc_text *text) {
    const char *comma = "";
    for (size_t i = 0; i < function->buffer_count; i++) {
        const struct ir_buffer *buffer = &function->buffers[i];
        if (buffer->role == IR_LOCAL)
            continue;
        pc_text_printf(text, "%s%s%s *%s%s%s", comma, buffer->role == IR_INPUT ? "const " : "",
                       ir_elements[buffer->element].c_type, restrict_word, *restrict_word ? " " : "", buffer->name);
        comma = ", ";
    }
    pc_text_add(text, end);
}

static const char part_parameters[] = ", size_t part, size_t parts)";

void pc_emit_c_signature(const struct ir_function *function, const char *restrict_word, struct pc_text *text) {
    pc_text_printf(text, "void %s(", function->name);
    print_parameters(function, restrict_word, ")", text);
}

void pc_emit_c_part_signature(const struct ir_function *function, const char *restrict_word, struct pc_text *text) {
    pc_text_printf(text, "void %s_part(", function->name);
    print_parameters(function, restrict_word, part_parameters, text);
}

/* "name_part(x, y, 0, 1)" */
static void print_call_of(const struct ir_function *function, const char *suffix, const char *end, struct pc_text *text) {
    const char *comma = "";
    pc_text_printf(text, "%s%s(", function->name, suffix);
    for (size_t i = 0; i < function->buffer_count; i++) {
        if (function->buffers[i].role == IR_LOCAL)
            continue;
        pc_text_printf(text, "%s%s", comma, function->buffers[i].name);
        comma = ", ";
    }
    pc_text_printf(text, "%s;\n", end);
}

/* Whether what is printed of a block has a buffer in it. */
static bool mentions_buffer(const struct emitter *e, const struct ir_block *block, size_t buffer) {
    bool mentions = false;
    for (size_t i = 0; i < block->count && !mentions; i++) {
        const struct ir_node *n = ir_at(e->f, block->items[i]);
        const bool is_access =
            n->op == IR_LOAD || n->op == IR_LOAD_AT || n->op == IR_STORE || n->op == IR_FETCH || n->op == IR_ADD_AT;
        mentions = n->op == IR_FOR ? mentions_buffer(e, &e->f->loops[n->aux].body, buffer)
                                   : is_access && pc_is_used(e, block->items[i]) &&
                                         (size_t)e->f->affines[n->aux].buffer == buffer;
    }
    return mentions;
}

/* A piece may do without some of the function's arrays: inputs that no window sees need no dy. */
static void print_unused(struct emitter *e, const struct ir_block *block) {
    for (size_t i = 0; i < e->f->buffer_count; i++) {
        if (e->f->buffers[i].role == IR_LOCAL || mentions_buffer(e, block, i))
            continue;
        pc_writer_begin(&e->w);
        pc_text_printf(e->w.text, "(void)%s", e->f->buffers[i].name);
        pc_writer_end(&e->w, ";");
    }
}

/* Pieces of a straight line have no local arrays; with one, the function stays whole. */
static bool is_in_pieces(const struct ir_function *f) {
    for (size_t i = 0; i < f->buffer_count; i++)
        if (f->buffers[i].role == IR_LOCAL)
            return false;
    return ir_is_in_pieces(f);
}

/* size[k]: how long list k has to be for the lookups of a block; 0: there are none. */
static void size_numbers(const struct emitter *e, const struct ir_block *block, int64_t *size) {
    for (size_t i = 0; i < block->count; i++) {
        const struct ir_node *n = ir_at(e->f, block->items[i]);
        if (n->op == IR_LOOKUP && pc_is_used(e, block->items[i])) {
            const int64_t count = ir_lookup_count(e->f, n);
            size[n->aux] = count > size[n->aux] ? count : size[n->aux];
        } else if (n->op == IR_FOR) {
            size_numbers(e, &e->f->loops[n->aux].body, size);
        }
    }
}

/* The lists that a block looks numbers up in. */
static void print_numbers(struct emitter *e, const struct ir_block *block) {
    int64_t *size = PC_NEW_ARRAY(e->f->arena, e->f->number_count, int64_t);
    size_numbers(e, block, size);
    for (size_t k = 0; k < e->f->number_count; k++) {
        const struct ir_numbers *numbers = &e->f->numbers[k];
        if (!size[k])
            continue;
        pc_writer_begin(&e->w);
        pc_text_printf(e->w.text, "static const %s numbers%zu[%" PRId64 "] = {",
                       ir_elements[ir_numbers_element(numbers)].c_type, k, size[k]);
        for (int64_t i = 0; i < size[k]; i++)
            pc_text_printf(e->w.text, "%s%" PRId64, i ? ", " : "", numbers->at[i < numbers->count ? i : numbers->count - 1]);
        pc_writer_end(&e->w, "};");
    }
}

static void print_piece(struct emitter *e, const struct pc_c_words *words, ir_ref ref) {
    pc_text_printf(e->w.text, "%s void %s_%" PRIu32 "(", words->part, e->f->name, ir_at(e->f, ref)->aux);
    print_parameters(e->f, words->restrict_word, ")", e->w.text);
    add(e, " ");
    pc_writer_open(&e->w);
    print_unused(e, &e->f->loops[ir_at(e->f, ref)->aux].body);
    print_numbers(e, &e->f->loops[ir_at(e->f, ref)->aux].body);
    print_block(e, &e->f->loops[ir_at(e->f, ref)->aux].body);
    pc_writer_close(&e->w);
    pc_text_add(e->w.text, "\n");
}

static void print_piece_call(struct emitter *e, ir_ref ref) {
    char number[16];
    snprintf(number, sizeof number, "_%" PRIu32, ir_at(e->f, ref)->aux);
    pc_writer_begin(&e->w);
    print_call_of(e->f, number, ")", e->w.text);
}

/* Where the iterations of this part begin and end. */
static void print_bounds(struct emitter *e, const char *begin) {
    for (size_t i = 0; i < e->parts->trip_count; i++) {
        const int64_t trip = e->parts->trips[i];
        static const char *const words[] = {"from", "to"}, *const parts[] = {"part", "part + 1"};
        for (int k = 0; k < 2; k++) {
            pc_writer_begin(&e->w);
            pc_text_printf(e->w.text, "const %s ", e->index_type);
            print_bound(e, words[k], trip);
            pc_text_printf(e->w.text, " = (%s)%s(%" PRId64 ", %s, parts);\n", e->index_type, begin, trip, parts[k]);
        }
    }
}

/* Vectors that cross a cache line take twice as long. */
static void print_locals(struct emitter *e, const char *aligned) {
    bool vectors = false;
    for (size_t i = 1; i < e->f->node_count; i++)
        vectors |= e->f->nodes[i].type.lanes > 1;
    for (size_t i = 0; i < e->f->buffer_count; i++) {
        const struct ir_buffer *buffer = &e->f->buffers[i];
        if (buffer->role == IR_LOCAL)
            pc_text_printf(e->w.text, "    %s%s%s %s[%" PRId64 "];\n", vectors ? aligned : "", vectors ? " " : "",
                           ir_elements[buffer->element].c_type, buffer->name, buffer->count + e->front[i]);
    }
}

/* The statements of the function itself, blocks as calls where they are pieces. */
static void print_body(struct emitter *e, const struct pc_c_words *words, bool pieces) {
    e->w.depth++;
    if (words->is_static && !e->parts->is_split)
        pc_text_add(e->w.text, "    (void)parts;\n    if (part > 0)\n        return;\n");
    print_locals(e, words->aligned);
    if (!pieces)
        print_numbers(e, &e->f->body);
    print_bounds(e, words->begin);
    if (!pieces)
        print_unused(e, &e->f->body);
    if (e->parts->is_split)
        print_shared(e, &e->f->body);
    else if (!pieces)
        print_block(e, &e->f->body);
    for (size_t i = 0; pieces && i < e->f->body.count; i++)
        print_piece_call(e, e->f->body.items[i]);
    pc_writer_close(&e->w);
}

/* A masked access may begin before a local array, where C has no address: the array gets elements there. */
static void make_room(struct emitter *e) {
    for (size_t i = 1; i < e->f->node_count; i++) {
        const struct ir_node *n = &e->f->nodes[i];
        if (n->op != IR_LOAD && n->op != IR_STORE)
            continue;
        const struct ir_affine *affine = &e->f->affines[n->aux];
        int64_t first = n->u.integer;
        for (int k = 0; k < affine->count; k++)
            if (affine->term[k].stride < 0)
                first += affine->term[k].stride * (e->f->loops[affine->term[k].loop].trip - 1);
        if (e->f->buffers[affine->buffer].role == IR_LOCAL && -first > e->front[affine->buffer])
            e->front[affine->buffer] = -first;
    }
}

void pc_emit_c_whole(const struct ir_function *function, const struct pc_c_words *words, struct pc_text *text) {
    pc_emit_c_signature(function, words->restrict_word, text);
    pc_text_add(text, " {\n");
    if (words->openmp) {
        pc_text_add(text, "#if defined(_OPENMP)\n    const int parts = omp_get_max_threads();\n"
                          "#pragma omp parallel for schedule(static, 1)\n"
                          "    for (int part = 0; part < parts; ++part)\n        ");
        print_call_of(function, "_part", ", (size_t)part, (size_t)parts)", text);
        pc_text_add(text, "#else\n");
    }
    pc_text_add(text, "    ");
    print_call_of(function, "_part", ", 0, 1)", text);
    pc_text_add(text, words->openmp ? "#endif\n}\n" : "}\n");
}

/* The definition of name_part() as a call of name(). */
static void print_only_part(const struct ir_function *function, const struct pc_c_words *words, struct pc_text *text) {
    pc_emit_c_part_signature(function, words->restrict_word, text);
    pc_text_add(text, " {\n    (void)parts;\n    if (part == 0)\n        ");
    print_call_of(function, "", ")", text);
    pc_text_add(text, "}\n");
}

void pc_emit_c_begin(const char *name, struct pc_text *text) {
    pc_text_printf(text,
                   "\n/* Where part number `part` of a loop begins; what cannot be divided goes to the last parts. */\n"
                   "static inline int64_t %s(int64_t trip, size_t part, size_t parts) {\n"
                   "    if (parts == 1)\n"
                   "        return part == 0 ? 0 : trip;\n"
                   "    const uint64_t share = (uint64_t)trip / parts, small = parts - (uint64_t)trip %% parts;\n"
                   "    return (int64_t)(part * share + (part > small ? part - small : 0));\n"
                   "}\n",
                   name);
}

void pc_emit_c_function(const struct ir_function *function, const struct ir_parts *parts, const struct pc_c_words *words,
                        struct pc_text *text) {
    static const struct ir_parts whole = {0};
    struct emitter e = {
        .f = function, .parts = parts ? parts : &whole, .simd = words->simd, .fetch = words->fetch, .w = {.text = text}};
    struct pc_arena *arena = function->arena;
    const struct pc_arena_mark mark = pc_arena_mark(arena);
    e.uses = PC_NEW_ARRAY(arena, function->node_count, uint32_t);
    e.block = PC_NEW_ARRAY(arena, function->node_count, uint32_t);
    e.size = PC_NEW_ARRAY(arena, function->node_count, uint8_t);
    e.front = PC_NEW_ARRAY(arena, function->buffer_count, int64_t);
    e.index_type = "int32_t";
    for (size_t i = 0; i < function->buffer_count; i++)
        if (function->buffers[i].count > INT32_MAX)
            e.index_type = "int64_t";
    make_room(&e);
    pc_count_uses(&e, &function->body, 1);
    pc_choose_inline(&e, &function->body, 1);
    const bool pieces = is_in_pieces(function);
    for (size_t i = 0; pieces && i < function->body.count; i++)
        print_piece(&e, words, function->body.items[i]);
    if (words->is_static) {
        pc_text_printf(text, "static void %s(", function->name);
        print_parameters(function, words->restrict_word, part_parameters, text);
    } else {
        (e.parts->is_split ? pc_emit_c_part_signature : pc_emit_c_signature)(function, words->restrict_word, text);
    }
    pc_text_add(text, " {\n");
    print_body(&e, words, pieces);
    pc_arena_rewind(arena, mark);
    if (words->is_static || !parts)
        return;
    pc_text_add(text, "\n");
    (parts->is_split ? pc_emit_c_whole : print_only_part)(function, words, text);
}

struct pc_c_needs pc_emit_c_needs(const struct ir_function *function) {
    struct pc_c_needs needs = {.integers = function->loop_count > 0, .parts = is_in_pieces(function)};
    for (size_t i = 0; i < function->buffer_count; i++)
        needs.aligned |= function->buffers[i].role == IR_LOCAL;
    bool multiplies = false, adds = false;
    for (size_t i = 0; i < function->buffer_count; i++)
        needs.integers |= !ir_elements[function->buffers[i].element].real;
    for (size_t i = 1; i < function->node_count; i++) {
        const struct ir_node *n = &function->nodes[i];
        const bool real = ir_elements[n->type.element].real;
        if (n->op == IR_CONST && real)
            needs.math |= !isfinite(n->u.real);
        else if (n->op == IR_FMSUB || n->op == IR_FNMADD)
            needs.math |= n->type.lanes == 1; /* vectors have them where a target has FMA, and nowhere else */
        else if (ir_ops[n->op].kind == IR_KIND_REAL || n->op == IR_ABS)
            needs.math |= real;
        else if (!real && (n->op == IR_AFFINE || n->op == IR_CONVERT || n->op == IR_SELECT))
            needs.integers = true;
        needs.fetch |= n->op == IR_FETCH;
        needs.selects |= n->op == IR_SELECT && n->type.lanes == 1;
        multiplies |= n->op == IR_MUL && real;
        adds |= (n->op == IR_ADD || n->op == IR_SUB || n->op == IR_ADD_AT) && real;
        needs.integers |= n->op == IR_ADD_AT || n->op == IR_LOAD_AT || n->op == IR_LOOKUP;
    }
    needs.contraction = multiplies && adds;
    return needs;
}

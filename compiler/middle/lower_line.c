/* lower_line.c - see lower_line.h. */
#include "middle/lower_line.h"

#include <assert.h>

struct line *line_new(struct nest *nest, int64_t count, int64_t block, struct fold (*element)(void *of, int64_t i),
                      void *of) {
    struct line *line = PC_NEW(nest->arena, struct line);
    struct fold *folds = PC_NEW_ARRAY(nest->arena, (size_t)(3 * count), struct fold);
    *line = (struct line){nest, element, of, count, block, folds, folds + count, folds + 2 * count};
    return line;
}

static struct fold element_at(struct line *line, int64_t i) {
    if (!line->elements[i].value)
        line->elements[i] = line->element(line->of, i);
    return line->elements[i];
}

static int64_t begin_of_block(const struct line *line, int64_t i) {
    return i / line->block * line->block;
}

/* Of the last element too, where the line ends before the block does. */
static int64_t end_of_block(const struct line *line, int64_t i) {
    const int64_t end = begin_of_block(line, i) + line->block;
    return end < line->count ? end : line->count;
}

static struct fold prefix(struct line *line, int64_t last) {
    int64_t i = last;
    while (i > begin_of_block(line, last) && !line->prefixes[i].value)
        i--;
    if (!line->prefixes[i].value)
        line->prefixes[i] = element_at(line, i);
    for (; i < last; i++)
        line->prefixes[i + 1] = fold_append(line->nest, line->prefixes[i], element_at(line, i + 1));
    return line->prefixes[last];
}

static struct fold suffix(struct line *line, int64_t first) {
    int64_t i = first;
    while (i < end_of_block(line, first) - 1 && !line->suffixes[i].value)
        i++;
    if (!line->suffixes[i].value)
        line->suffixes[i] = element_at(line, i);
    for (; i > first; i--)
        line->suffixes[i - 1] = fold_append(line->nest, element_at(line, i - 1), line->suffixes[i]);
    return line->suffixes[first];
}

struct fold line_window(struct line *line, int64_t first, int64_t last) {
    assert(last - first < line->block);
    if (begin_of_block(line, first) != begin_of_block(line, last))
        return fold_append(line->nest, suffix(line, first), prefix(line, last));
    const bool is_prefix = first == begin_of_block(line, first), is_suffix = last + 1 == end_of_block(line, last);
    if (is_suffix && !(is_prefix && last > 0 && line->prefixes[last - 1].value)) /* of a block, what is there or will be */
        return suffix(line, first);
    assert(is_prefix); /* what borders cut off begins or ends with the line, and the others are as long as a block */
    return prefix(line, last);
}

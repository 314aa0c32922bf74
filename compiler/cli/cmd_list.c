/* cmd_list.c - poolc list: the rows of the tables, a name and a line each. */
#include "cli/cli.h"
#include "run/runner.h"

#include <string.h>

struct row {
    const char *name, *line;
};

static const struct row modes[] = {
#define MODE(id, name, lift, combine, finish, gradient, idempotent, keys, line) {name, line},
#include "modes.def"
#undef MODE
};
static const struct row dtypes[] = {
#define DTYPE(id, name, bytes, c_type, line) {name, line},
#include "dtypes.def"
#undef DTYPE
};
static const struct row targets[] = {
#define TARGET(id, name, line) {name, line},
#include "targets.def"
#undef TARGET
    {"native", "the one of these with the widest vectors that this machine has, planned for its caches"},
};
static const struct row backends[] = {
#define BACKEND(id, name, line) {name, line},
#include "run/backends.def"
#undef BACKEND
};

static void add_rows(struct pc_text *text, const struct row *rows, size_t count) {
    size_t width = 0;
    for (size_t i = 0; i < count; i++)
        if (strlen(rows[i].name) > width)
            width = strlen(rows[i].name);
    for (size_t i = 0; i < count; i++)
        pc_text_printf(text, "%-*s  %s\n", (int)width, rows[i].name, rows[i].line);
}
#define ADD_ROWS(text, rows) add_rows(text, rows, sizeof rows / sizeof *rows)

static void add_diagnostics(struct pc_text *text) {
    struct row rows[PC_DIAG_COUNT];
    for (int i = 0; i < PC_DIAG_COUNT; i++) {
        const struct pc_diag_row *row = pc_diag_row((enum pc_diag_id)i);
        rows[i] = (struct row){row->name, row->text};
    }
    add_rows(text, rows, PC_DIAG_COUNT);
}

static void add_plans(struct pc_text *text) {
    struct row rows[PC_PLAN_COUNT];
    for (int i = 0; i < PC_PLAN_COUNT; i++)
        rows[i] = (struct row){pc_plan_name((enum pc_plan_choice)i), pc_plan_line((enum pc_plan_choice)i)};
    add_rows(text, rows, PC_PLAN_COUNT);
}

static void add_backends(struct pc_text *text) {
    struct row rows[PC_BACKEND_COUNT];
    size_t count = 0;
    for (int i = 0; i < PC_BACKEND_COUNT; i++)
        if (pc_backend_is_there((enum pc_backend)i))
            rows[count++] = backends[i];
    add_rows(text, rows, count);
}

void pc_cmd_list(struct pc_cli *cli) {
    struct pc_text text = pc_cli_text(cli);
    switch (cli->options.listing) {
    case PC_LISTING_MODES:
        ADD_ROWS(&text, modes);
        break;
    case PC_LISTING_DTYPES:
        ADD_ROWS(&text, dtypes);
        break;
    case PC_LISTING_TARGETS:
        ADD_ROWS(&text, targets);
        break;
    case PC_LISTING_BACKENDS:
        add_backends(&text);
        break;
    case PC_LISTING_PLANS:
        add_plans(&text);
        break;
    case PC_LISTING_DIAGNOSTICS:
        add_diagnostics(&text);
        break;
    case PC_LISTING_COUNT:
        break;
    }
    pc_cli_print(cli, &text);
    pc_text_release(&text);
}

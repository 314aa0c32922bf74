/* bench_generate.c - poolc bench --generate: how long the compiler itself takes, and how much memory.
 *
 * Every round starts from the text of the spec, which is in memory already, and ends with the texts of both files. */
#include "cli/bench.h"

#include "back/frame.h"
#include "cli/clock.h"
#include "cli/json.h"
#include "front/parse.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

enum { REPEAT_DEFAULT = 20 };

struct round {
    double front, generation, all; /* milliseconds */
};

struct facts {
    size_t layers, kernels, bytes; /* bytes of C */
};

/* The most memory that this process ever held, in bytes. The kernel's own record first: what getrusage() says begins with
 * the size of the process that started this one. */
static int64_t peak_memory(void) {
    int64_t kilobytes = 0;
    FILE *file = fopen("/proc/self/status", "re");
    char line[256];
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "VmHWM: %" SCNd64, &kilobytes) == 1)
            break;
    if (file)
        fclose(file);
    struct rusage usage;
    if (kilobytes == 0 && getrusage(RUSAGE_SELF, &usage) == 0)
        kilobytes = usage.ru_maxrss;
    return kilobytes * 1024;
}

static struct round run_round(struct pc_cli *cli, struct facts *facts) {
    struct pc_arena arena = {.out_of_memory = cli->arena.out_of_memory};
    struct pc_diags diags;
    struct pc_text source = pc_cli_text(cli), header = pc_cli_text(cli);
    const double begin = pc_clock();
    pc_diags_init(&diags, &arena);
    const struct pc_module *module = pc_layers_build(pc_parse(cli->source, &arena, &diags), cli->source, &arena, &diags);
    const double middle = pc_clock();
    const struct pc_frame_options options = {
        .spec_name = module->name,
        .base_name = module->name,
        .kernel = {.prefix = pc_frame_prefix_from(module->name, &arena), .plan = cli->plan},
        .targets = cli->options.targets,
    };
    const struct pc_frame_texts texts = {.source = &source, .header = &header};
    pc_frame_write(module, &options, &texts, &diags);
    const double end = pc_clock();
    *facts = (struct facts){.layers = module->count, .bytes = source.size + header.size};
    for (size_t i = 0; i < module->count; i++)
        for (int kind = 0; kind < PC_KERNEL_COUNT; kind++)
            facts->kernels += pc_layer_has_kernel(&module->layers[i], (enum pc_kernel_kind)kind);
    pc_text_release(&source);
    pc_text_release(&header);
    pc_arena_release(&arena);
    return (struct round){middle - begin, end - middle, end - begin};
}

static double median_of(const struct round *rounds, int64_t count, size_t member, struct pc_arena *arena) {
    double *values = PC_NEW_ARRAY(arena, (size_t)count, double);
    for (int64_t i = 0; i < count; i++)
        memcpy(&values[i], (const char *)&rounds[i] + member, sizeof *values);
    return pc_median(values, count);
}

/* The diagnostics of the plan, once: a round forgets its own. */
static bool can_be_generated(struct pc_cli *cli, const struct pc_module *module) {
    struct pc_text source = pc_cli_text(cli);
    const struct pc_frame_options options = {
        .spec_name = "spec",
        .base_name = "spec",
        .kernel = {.prefix = "spec", .plan = cli->plan},
        .targets = cli->options.targets};
    const struct pc_frame_texts texts = {.source = &source};
    const bool good = pc_frame_write(module, &options, &texts, &cli->diags);
    pc_text_release(&source);
    return good;
}

void pc_bench_generate(struct pc_cli *cli, const struct pc_module *module) {
    const int64_t count = cli->options.repeat ? cli->options.repeat : REPEAT_DEFAULT;
    struct round *rounds = PC_NEW_ARRAY(&cli->arena, (size_t)count, struct round);
    struct facts facts = {0};
    if (!can_be_generated(cli, module))
        return;
    for (int64_t i = 0; i < count; i++)
        rounds[i] = run_round(cli, &facts);
    const double front = median_of(rounds, count, offsetof(struct round, front), &cli->arena);
    const double generation = median_of(rounds, count, offsetof(struct round, generation), &cli->arena);
    const double all = median_of(rounds, count, offsetof(struct round, all), &cli->arena);
    const int64_t peak = peak_memory();
    struct pc_text text = pc_cli_text(cli);
    struct pc_json json = {.text = &text};
    if (cli->options.json) {
        pc_json_open(&json, NULL, '{');
        pc_json_string(&json, "spec", cli->source->name);
        pc_json_integer(&json, "layers", (int64_t)facts.layers);
        pc_json_integer(&json, "kernels", (int64_t)facts.kernels);
        pc_json_integer(&json, "bytes_of_spec", (int64_t)cli->source->size);
        pc_json_integer(&json, "bytes_of_c", (int64_t)facts.bytes);
        pc_json_integer(&json, "repeat", count);
        pc_json_real(&json, "milliseconds_front_end", front);
        pc_json_real(&json, "milliseconds_generation", generation);
        pc_json_real(&json, "milliseconds", all);
        pc_json_integer(&json, "peak_bytes", peak);
        pc_json_close(&json, '}');
    } else {
        const double layers = facts.layers ? (double)facts.layers : 1, mebibyte = 1024 * 1024;
        pc_text_printf(&text, "%zu layers, %zu kernels: %zu bytes of spec -> %zu bytes of C\n", facts.layers, facts.kernels,
                       cli->source->size, facts.bytes);
        pc_text_printf(
            &text, "front end %.3f ms, C generation %.3f ms, together %.3f ms, %.3f ms a layer (medians of %" PRId64 ")\n",
            front, generation, all, all / layers, count);
        pc_text_printf(&text, "peak memory %.1f MiB\n", (double)peak / mebibyte);
    }
    pc_cli_print(cli, &text);
    pc_text_release(&text);
}

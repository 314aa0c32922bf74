/* cc.c - generated C through the system's C compiler into this process.
 *
 * The source is the file that `build` would write, with one more function per kernel behind it that takes its buffers as an
 * array and runs all of it or a part: a single function type, so that no function is called through a pointer of another
 * type.  Source and object lie in a private temporary folder that is gone before pc_cc_open() returns; the object stays
 * mapped until pc_cc_close(). */
#include "run/backend.h"

#include "back/frame.h"
#include "run/process.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ERRORS_MAX = 2000, ERROR_LINES_MAX = 8 }; /* bytes and lines of the compiler's messages that are shown */

typedef void kernel_call(void *const *buffers, size_t part, size_t parts); /* parts 0: the whole kernel */

struct pc_cc {
    void *object;         /* of dlopen */
    kernel_call *calls[]; /* PC_KERNEL_COUNT for each layer, NULL where a layer has no such kernel */
};

/* ---- the source ---- */

static const char prefix[] = "poolc"; /* the module's own name need not be an identifier */

static void add_call(const struct pc_layer *layer, enum pc_kernel_kind kind, struct pc_arena *arena, struct pc_text *text) {
    const char *name = pc_kernel_name(prefix, layer, kind, arena);
    const struct pc_parameters parameters = pc_parameters_of(layer, kind);
    const char *buffers = "";
    for (int i = 0; i < parameters.count; i++) {
        const struct pc_parameter *parameter = &parameters.items[i];
        buffers = pc_arena_printf(arena, "%s%s(%s%s *)buffers[%d]", buffers, i ? ", " : "",
                                  parameter->output ? "" : "const ", ir_elements[parameter->element].c_type, i);
    }
    pc_text_printf(text,
                   "void %s_call(void *const *buffers, size_t part, size_t parts);\n"
                   "void %s_call(void *const *buffers, size_t part, size_t parts) {\n"
                   "    if (parts == 0)\n        %s(%s);\n    else\n        %s_part(%s, part, parts);\n}\n",
                   name, name, name, buffers, name, buffers);
}

static void add_calls(const struct pc_module *module, struct pc_arena *arena, struct pc_text *text) {
    pc_text_add(text, "\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n");
    for (size_t i = 0; i < module->count; i++)
        for (int kind = 0; kind < PC_KERNEL_COUNT; kind++)
            if (pc_layer_has_kernel(&module->layers[i], (enum pc_kernel_kind)kind))
                add_call(&module->layers[i], (enum pc_kernel_kind)kind, arena, text);
    pc_text_add(text, "#ifdef __cplusplus\n}\n#endif\n");
}

/* ---- the compiler's arguments ---- */

static const char *const default_flags[] = {"-std=c99", "-O3", "-march=native", NULL};
static const char *const plain_flags[] = {"-std=c99", "-O3", NULL}; /* where -march=native is not known */
static const char *const object_flags[] = {"-ffp-contract=off", "-fPIC", "-shared", NULL};

/* The words of $CC, which may name flags behind the program ("ccache cc", "cc -m32"). */
static const char **split_words(const char *text, struct pc_arena *arena) {
    const char **words = PC_NEW_ARRAY(arena, strlen(text) / 2 + 2, const char *);
    size_t count = 0;
    for (const char *at = text + strspn(text, " \t"); *at; at += strspn(at, " \t")) {
        const size_t length = strcspn(at, " \t");
        words[count++] = pc_arena_strndup(arena, at, length);
        at += length;
    }
    return words;
}

static const char *const *program_words(const struct pc_runner_options *options, struct pc_arena *arena) {
    static const char *const cc[] = {"cc", NULL};
    if (options->compiler) {
        const char **words = PC_NEW_ARRAY(arena, 2, const char *);
        words[0] = options->compiler;
        return words;
    }
    const char *const *words = split_words(getenv("CC") ? getenv("CC") : "", arena);
    return words[0] ? words : cc;
}

/* ---- files ---- */

/* The folder's name ends in XXXXXX until it exists, and so do the names of what is in it. All are made before, so that
 * nothing can fail for memory while the folder exists. */
struct files {
    char *folder, *header, *source, *object;
};

static struct files name_files(struct pc_arena *arena) {
    const char *folder = pc_temporary_pattern(arena);
    return (struct files){
        .folder = pc_arena_printf(arena, "%s", folder),
        .header = pc_arena_printf(arena, "%s/kernels.h", folder),
        .source = pc_arena_printf(arena, "%s/kernels.c", folder),
        .object = pc_arena_printf(arena, "%s/kernels.so", folder),
    };
}

static bool make_folder(struct files *files) {
    if (!mkdtemp(files->folder))
        return false;
    const size_t length = strlen(files->folder);
    memcpy(files->header, files->folder, length);
    memcpy(files->source, files->folder, length);
    memcpy(files->object, files->folder, length);
    return true;
}

static void remove_folder(const struct files *files) {
    unlink(files->header);
    unlink(files->source);
    unlink(files->object);
    rmdir(files->folder);
}

/* 0, or an errno. */
static int write_file(const char *path, const struct pc_text *text) {
    const int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0)
        return errno;
    int status = 0;
    const char *bytes = pc_text_string(text);
    for (size_t done = 0; done < text->size && status == 0;) {
        const ssize_t count = write(file, bytes + done, text->size - done);
        if (count >= 0)
            done += (size_t)count;
        else if (errno != EINTR)
            status = errno;
    }
    if (close(file) != 0 && status == 0)
        status = errno;
    return status;
}

/* ---- compiling and loading ---- */

/* Program, flags, those of the target, what makes an object of it, and the files. */
static const char *const *command(const char *const *program, const char *const *flags, const char *const *target,
                                  const struct files *files, struct pc_arena *arena) {
    const char *const ends[] = {"-o", files->object, files->source, "-lm", NULL};
    const char *const *const parts[] = {program, flags, target, object_flags, ends};
    const char **words = NULL;
    size_t count = 0, capacity = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        for (const char *const *word = parts[i]; *word; word++) {
            PC_GROW(arena, words, count, capacity);
            words[count++] = *word;
        }
    }
    PC_GROW(arena, words, count, capacity);
    words[count] = NULL;
    return words;
}

/* What went wrong; reported when the folder is gone. */
struct failure {
    enum { FAILED_NOT, FAILED_WRITE, FAILED_START, FAILED_COMPILE, FAILED_LOAD, FAILED_STOPPED } at;
    int status;
    char text[ERRORS_MAX];
};

static void compile(const char *const *arguments, const struct pc_signals *signals, struct failure *failure) {
    const struct pc_process_end end = pc_process_run(arguments, signals, failure->text, sizeof failure->text);
    failure->status = end.status;
    failure->at = end.stopped       ? FAILED_STOPPED
                  : !end.started    ? FAILED_START
                  : end.status != 0 ? FAILED_COMPILE
                                    : FAILED_NOT;
}

/* The object of the texts, or NULL with *failure filled in. `retry` is a second command to try, or NULL. */
static void *build_object(struct files *files, const struct pc_text *header, const struct pc_text *source,
                          const char *const *arguments, const char *const *retry, struct failure *failure) {
    struct pc_signals signals;
    void *object = NULL;
    pc_signals_hold(&signals);
    const bool made = make_folder(files);
    failure->status = made ? write_file(files->header, header) : errno;
    if (failure->status == 0)
        failure->status = write_file(files->source, source);
    failure->at = failure->status == 0 ? FAILED_NOT : FAILED_WRITE;
    if (failure->at == FAILED_NOT) {
        compile(arguments, &signals, failure);
        if (failure->at == FAILED_COMPILE && retry)
            compile(retry, &signals, failure);
    }
    if (failure->at == FAILED_NOT) {
        object = dlopen(files->object, RTLD_NOW | RTLD_LOCAL);
        if (!object) {
            const char *reason = dlerror();
            failure->at = FAILED_LOAD;
            snprintf(failure->text, sizeof failure->text, "%s", reason ? reason : "no reason given");
        }
    }
    if (made)
        remove_folder(files);
    pc_signals_release(&signals);
    return object;
}

static void report(struct failure *failure, const char *program, const char *folder, struct pc_diags *diags) {
    char *end = failure->text; /* of the first lines of the compiler's messages */
    for (int line = 0; line < ERROR_LINES_MAX && *end; line++) {
        end += strcspn(end, "\n");
        end += *end == '\n';
    }
    while (end > failure->text && end[-1] == '\n')
        end--;
    *end = '\0';
    switch (failure->at) {
    case FAILED_NOT:
        return;
    case FAILED_WRITE:
        PC_BACKEND_ERROR(diags, "cannot write to '%s': %s; set TMPDIR to a folder for temporary files", folder,
                         strerror(failure->status));
        return;
    case FAILED_START:
        PC_BACKEND_ERROR(diags, "cannot run the C compiler '%s': %s; set CC to another one, or choose another backend",
                         program, strerror(failure->status));
        return;
    case FAILED_COMPILE:
        if (*failure->text)
            PC_BACKEND_ERROR(diags, "the C compiler '%s' failed with status %d:\n%s", program, failure->status,
                             failure->text);
        else
            PC_BACKEND_ERROR(diags, "the C compiler '%s' failed with status %d and said nothing; set CC to another one",
                             program, failure->status);
        return;
    case FAILED_LOAD:
        PC_BACKEND_ERROR(diags, "the compiled kernels cannot be loaded: %s", failure->text);
        return;
    case FAILED_STOPPED:
        PC_BACKEND_ERROR(diags, "the C compiler '%s' was interrupted", program);
        return;
    }
}

static bool find_calls(struct pc_cc *cc, const struct pc_module *module, struct pc_arena *arena, struct pc_diags *diags) {
    for (size_t i = 0; i < module->count; i++) {
        for (int kind = 0; kind < PC_KERNEL_COUNT; kind++) {
            if (!pc_layer_has_kernel(&module->layers[i], (enum pc_kernel_kind)kind))
                continue;
            const char *name = pc_kernel_name(prefix, &module->layers[i], (enum pc_kernel_kind)kind, arena);
            void *address = dlsym(cc->object, pc_arena_printf(arena, "%s_call", name));
            if (!address) {
                PC_BACKEND_ERROR(diags, "the compiled kernels lack %s", name);
                return false;
            }
            /* A function's address comes as a data pointer; POSIX lets both have one representation. */
            memcpy(&cc->calls[i * PC_KERNEL_COUNT + (size_t)kind], &address, sizeof address);
        }
    }
    return true;
}

static struct pc_cc *open_texts(const struct pc_module *module, const struct pc_runner_options *options,
                                const struct pc_text *header, const struct pc_text *source, struct pc_arena *arena,
                                struct pc_diags *diags) {
    struct failure failure = {0};
    struct files files = name_files(arena);
    const char *const *program = program_words(options, arena);
    const char *const *target = split_words(pc_targets_flags(&options->targets), arena);
    const char *const *first = command(program, options->flags ? options->flags : default_flags, target, &files, arena);
    const char *const *retry = options->flags ? NULL : command(program, plain_flags, target, &files, arena);
    struct pc_cc *cc = calloc(1, sizeof *cc + module->count * PC_KERNEL_COUNT * sizeof *cc->calls);
    if (!cc) {
        PC_BACKEND_ERROR(diags, "out of memory");
        return NULL;
    }
    cc->object = build_object(&files, header, source, first, retry, &failure);
    if (cc->object && find_calls(cc, module, arena, diags))
        return cc;
    report(&failure, program[0], files.folder, diags);
    pc_cc_close(cc);
    return NULL;
}

struct pc_cc *pc_cc_open(const struct pc_module *module, const struct pc_runner_options *options, struct pc_diags *diags) {
    jmp_buf *out_of_memory = diags->arena->out_of_memory;
    struct pc_arena arena = {.out_of_memory = out_of_memory};
    struct pc_text header = {.out_of_memory = out_of_memory}, source = {.out_of_memory = out_of_memory};
    const struct pc_frame_options frame = {.spec_name = "kernels.pool",
                                           .base_name = "kernels",
                                           .kernel = {.prefix = prefix, .plan = options->plan},
                                           .targets = options->targets};
    struct pc_cc *cc = NULL;
    if (pc_targets_here(&options->targets) == PC_TARGET_COUNT)
        PC_BACKEND_ERROR(diags, "this machine cannot run code for %s", pc_targets_text(&options->targets, &arena));
    else if (pc_frame_write(module, &frame, &(struct pc_frame_texts){.header = &header, .source = &source}, diags)) {
        add_calls(module, &arena, &source);
        cc = open_texts(module, options, &header, &source, &arena, diags);
    }
    pc_text_release(&header);
    pc_text_release(&source);
    pc_arena_release(&arena);
    return cc;
}

void pc_cc_call(const struct pc_cc *cc, size_t layer, enum pc_kernel_kind kind, void *const *buffers) {
    pc_cc_call_part(cc, layer, kind, buffers, 0, 0);
}

void pc_cc_call_part(const struct pc_cc *cc, size_t layer, enum pc_kernel_kind kind, void *const *buffers, size_t part,
                     size_t parts) {
    cc->calls[layer * PC_KERNEL_COUNT + (size_t)kind](buffers, part, parts);
}

void pc_cc_close(struct pc_cc *cc) {
    if (!cc)
        return;
    if (cc->object)
        dlclose(cc->object);
    free(cc);
}

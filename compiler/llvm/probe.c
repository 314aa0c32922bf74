/* probe.c - pc_machine_problem() of codegen.h: whether LLVM takes a machine and a processor.
 *
 * LLVM has no function to ask: of a processor that it does not know it prints so and takes another, of one that does not fit
 * the triple it ends the process.  So a child process tries, and what it says is read from a pipe. */
#include "front/diag.h"
#include "llvm/machine.h"

#include <llvm-c/Core.h>
#include <llvm-c/TargetMachine.h>

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the child process: makes the machine and writes an object that holds one empty function, which is when LLVM looks at
 * the processor. */
static bool try_machine(const struct pc_codegen_options *options, struct pc_diags *diags) {
    struct pc_machine machine;
    if (!pc_machine_open(&machine, options, diags))
        return false;
    const LLVMContextRef context = LLVMContextCreate();
    const LLVMModuleRef module = LLVMModuleCreateWithNameInContext("probe", context);
    const LLVMTypeRef type = LLVMFunctionType(LLVMVoidTypeInContext(context), NULL, 0, false);
    const LLVMBuilderRef builder = LLVMCreateBuilderInContext(context);
    LLVMPositionBuilderAtEnd(builder, LLVMAppendBasicBlockInContext(context, LLVMAddFunction(module, "probe", type), ""));
    LLVMBuildRetVoid(builder);
    LLVMMemoryBufferRef object = NULL;
    char *problem = NULL;
    return !LLVMTargetMachineEmitToMemoryBuffer(machine.target, module, LLVMObjectFile, &problem, &object);
}

/* The child: what LLVM prints goes into the pipe. What it holds is gone with it. */
_Noreturn static void probe(const struct pc_codegen_options *options, struct pc_diags *diags, int output) {
    const struct rlimit no_core = {0, 0}; /* LLVM may end in abort() */
    setrlimit(RLIMIT_CORE, &no_core);
    dup2(output, STDERR_FILENO);
    _exit(try_machine(options, diags) ? 0 : 1);
}

enum { SAID_MAX = 400 };

/* The beginning of what is written into the pipe, up to its end. */
static void read_all(int input, char said[SAID_MAX]) {
    size_t size = 0;
    char rest[SAID_MAX];
    for (;;) {
        const bool full = size == SAID_MAX - 1;
        const ssize_t count = full ? read(input, rest, sizeof rest) : read(input, said + size, SAID_MAX - 1 - size);
        if (count == 0 || (count < 0 && errno != EINTR))
            break;
        if (count > 0 && !full)
            size += (size_t)count;
    }
    said[size] = '\0';
}

/* What LLVM says against the processor; NULL if nothing. */
static const char *ask_child(const struct pc_codegen_options *options, struct pc_diags *diags) {
    int ends[2], status = 0;
    char said[SAID_MAX] = "";
    if (pipe(ends) != 0)
        return strerror(errno);
    const pid_t child = fork();
    if (child == 0)
        probe(options, diags, ends[1]);
    close(ends[1]);
    read_all(ends[0], said);
    close(ends[0]);
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (child < 0)
        return strerror(errno);
    if (status == 0 && !*said)
        return NULL;
    static const char fatal[] = "LLVM ERROR: ";
    const char *line = strncmp(said, fatal, strlen(fatal)) == 0 ? said + strlen(fatal) : said;
    size_t length = strcspn(line, "\n("); /* "'x' is not a recognized processor for this target (ignoring processor)" */
    while (length > 0 && line[length - 1] == ' ')
        length--;
    return length ? pc_arena_strndup(diags->arena, line, length) : "it ends without a word";
}

const char *pc_machine_problem(const struct pc_codegen_options *options, struct pc_arena *arena) {
    const bool asks = options->cpu && !pc_machine_is_native(options);
    struct pc_codegen_options known = *options; /* which LLVM takes in silence */
    struct pc_machine machine;
    struct pc_diags diags;
    pc_diags_init(&diags, arena);
    if (asks)
        known.cpu = NULL;
    if (!pc_machine_open(&machine, &known, &diags))
        return diags.first->text;
    const char *triple = pc_arena_strndup(arena, machine.triple, strlen(machine.triple));
    pc_machine_close(&machine);
    if (!pc_machine_is_known(triple))
        return pc_arena_printf(arena, "poolc writes code for %s, not for '%s'", PC_MACHINE_NAMES, triple);
    const char *said = asks ? ask_child(options, &diags) : NULL;
    return said ? pc_arena_printf(arena, "LLVM refuses the processor '%s' for '%s': %s", options->cpu, triple, said) : NULL;
}

/* output.c - see output.h. */
#include "cli/output.h"

#include "run/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct pc_output {
    const char *path;           /* as the user gave it, for messages */
    const char *target;         /* where it goes: `path` with a symbolic link followed */
    const char *temporary;      /* NULL: `text` is written in place */
    const char *backup;         /* a second name of the old file; NULL: none */
    bool replaces;              /* there was an old file */
    const struct pc_text *text; /* of what is written in place */
    struct pc_output *next;
};

/* ---- what signals remove ---- */

enum { TEMPORARIES_MAX = 64 }; /* far above the files of one command; what does not fit is not removed by signals */

static const char *volatile temporaries[TEMPORARIES_MAX];

void pc_temporary_remember(const char *path) {
    for (int i = 0; i < TEMPORARIES_MAX; i++) {
        if (!temporaries[i]) {
            temporaries[i] = path;
            return;
        }
    }
}

void pc_temporary_forget(const char *path) {
    for (int i = 0; i < TEMPORARIES_MAX; i++)
        if (temporaries[i] == path)
            temporaries[i] = NULL;
}

/* Backwards: a folder is remembered before what lies in it. */
void pc_cli_remove_temporaries(void) {
    for (int i = TEMPORARIES_MAX - 1; i >= 0; i--)
        if (temporaries[i] && unlink(temporaries[i]) != 0)
            rmdir(temporaries[i]);
}

static void end_program(int signal_number) {
    pc_cli_remove_temporaries();
    signal(signal_number, SIG_DFL);
    raise(signal_number); /* arrives when this handler returns */
}

void pc_outputs_catch_signals(void) {
    signal(SIGXFSZ, SIG_IGN); /* write() says it too */
    signal(SIGCHLD, SIG_DFL); /* ignored, as some parents leave it, it would take the status of compilers along */
    for (int i = 0; i < PC_ENDING_SIGNALS; i++) {
        struct sigaction old;
        if (sigaction(pc_ending_signals[i], NULL, &old) == 0 && old.sa_handler == SIG_IGN)
            continue; /* nohup and shells without job control mean it */
        struct sigaction action = {.sa_handler = end_program};
        sigemptyset(&action.sa_mask);
        sigaction(pc_ending_signals[i], &action, NULL);
    }
}

/* ---- the files ---- */

void pc_outputs_open(struct pc_outputs *outputs, struct pc_cli *cli) {
    *outputs = (struct pc_outputs){.cli = cli, .end = &outputs->first};
}

static void fail(struct pc_outputs *outputs, const char *path, const char *problem) {
    pc_cli_fail(outputs->cli, PC_EXIT_FAILURE, "%s: cannot be written: %s", path, problem);
    outputs->failed = true;
}

static bool write_all(int file, const struct pc_text *text) {
    const char *bytes = pc_text_string(text);
    for (size_t done = 0; done < text->size;) {
        const ssize_t count = write(file, bytes + done, text->size - done);
        if (count < 0 && errno != EINTR)
            return false;
        if (count > 0)
            done += (size_t)count;
    }
    return true;
}

static mode_t default_mode(void) {
    const mode_t mask = umask(0);
    umask(mask);
    return 0666 & ~mask;
}

/* What must not be replaced: /dev/stdout is whatever file is open there, of which others may have written a part. */
static const char *problem_of(const char *path, const struct stat *target) {
    struct stat end;
    if (S_ISLNK(target->st_mode) && stat(path, &end) != 0)
        return "it is a link that leads nowhere";
    for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; stream++)
        if (S_ISREG(target->st_mode) && fstat(stream, &end) == 0 && end.st_dev == target->st_dev &&
            end.st_ino == target->st_ino)
            return "it is open as a standard stream; name another file";
    return NULL;
}

/* An output whose temporary file exists and is open as *file (-1: written in place); NULL after a failure. */
static struct pc_output *open_output(struct pc_outputs *outputs, const char *path, int *file) {
    struct pc_arena *arena = &outputs->cli->arena;
    struct pc_output *output = PC_NEW(arena, struct pc_output);
    struct stat status;
    output->path = path;
    output->target = path;
    *file = -1;
    char *real = realpath(path, NULL); /* a link stays, what it leads to is replaced */
    if (real)
        output->target = pc_arena_strndup(arena, real, strlen(real));
    free(real);
    output->replaces = lstat(output->target, &status) == 0;
    const char *problem = output->replaces ? problem_of(path, &status) : NULL;
    if (problem) {
        fail(outputs, path, problem);
        return NULL;
    }
    if (!output->replaces || S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)) {
        const char *slash = strrchr(output->target, '/');
        char *name =
            pc_arena_printf(arena, "%.*s.poolc-XXXXXX", slash ? (int)(slash + 1 - output->target) : 0, output->target);
        *file = mkstemp(name);
        if (*file < 0) {
            fail(outputs, path, strerror(errno));
            return NULL;
        }
        pc_temporary_remember(name);
        output->temporary = name;
        fchmod(*file, output->replaces && S_ISREG(status.st_mode) ? status.st_mode & 0777 : default_mode());
    }
    *outputs->end = output;
    outputs->end = &output->next;
    return output;
}

void pc_outputs_add(struct pc_outputs *outputs, const char *path, const struct pc_text *text) {
    int file;
    struct pc_output *output = outputs->failed ? NULL : open_output(outputs, path, &file);
    if (!output)
        return;
    output->text = text;
    if (file < 0)
        return;
    bool written = write_all(file, text);
    const int problem = errno;
    if (close(file) != 0) /* a full disk or a lost server may show only here */
        fail(outputs, path, strerror(written ? errno : problem));
    else if (!written)
        fail(outputs, path, strerror(problem));
}

const char *pc_outputs_reserve(struct pc_outputs *outputs, const char *path) {
    int file;
    struct pc_output *output = outputs->failed ? NULL : open_output(outputs, path, &file);
    if (!output)
        return NULL;
    if (file >= 0)
        close(file);
    else
        fail(outputs, path, "it is not a regular file");
    return output->temporary;
}

/* The folder that a name lies in, and what it is called there. */
static const char *split(const char *path, struct stat *folder) {
    char copy[4096]; /* longer names cannot be opened either */
    const char *slash = strrchr(path, '/');
    const size_t length = slash ? (size_t)(slash + 1 - path) : 0;
    memset(folder, 0, sizeof *folder);
    if (length >= sizeof copy)
        return path;
    memcpy(copy, path, length);
    copy[length] = '\0';
    if (stat(length ? copy : ".", folder) != 0)
        memset(folder, 0, sizeof *folder);
    return path + length;
}

bool pc_same_file(const char *left, const char *right) {
    struct stat a, b;
    if (strcmp(left, right) == 0)
        return true;
    if (stat(left, &a) == 0 && stat(right, &b) == 0)
        return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
    const char *left_name = split(left, &a), *right_name = split(right, &b);
    return strcmp(left_name, right_name) == 0 && a.st_ino != 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

bool pc_output_is_apart(struct pc_cli *cli, const char *path) {
    const struct {
        const char *path, *what;
    } inputs[] = {{cli->options.file, "spec"}, {cli->options.tuned, "measured plans"}};
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
        if (inputs[i].path && pc_same_file(path, inputs[i].path)) {
            pc_cli_fail(cli, PC_EXIT_USAGE, "%s: would be written over the %s", path, inputs[i].what);
            return false;
        }
    }
    return true;
}

/* ---- the end ---- */

static bool write_in_place(struct pc_outputs *outputs, const struct pc_output *output) {
    const int file = open(output->target, O_WRONLY | O_CLOEXEC);
    const bool written = file >= 0 && write_all(file, output->text);
    int problem = errno;
    if (file >= 0 && close(file) != 0 && written)
        fail(outputs, output->path, strerror(errno));
    else if (!written)
        fail(outputs, output->path, strerror(problem));
    return !outputs->failed;
}

/* Gives `output` its name and keeps the old file reachable. A file system without hard links has no way back. */
static bool put_in_place(struct pc_outputs *outputs, struct pc_output *output) {
    char *backup = pc_arena_printf(&outputs->cli->arena, "%s~", output->temporary);
    if (output->replaces && link(output->target, backup) == 0) {
        output->backup = backup;
        pc_temporary_remember(backup);
    }
    if (rename(output->temporary, output->target) == 0)
        return true;
    fail(outputs, output->path, strerror(errno));
    return false;
}

static void undo(const struct pc_output *output) {
    if (output->backup)
        rename(output->backup, output->target);
    else if (!output->replaces)
        unlink(output->target);
}

static void clean_up(const struct pc_output *output) {
    if (output->temporary) {
        unlink(output->temporary); /* not there after a rename */
        pc_temporary_forget(output->temporary);
    }
    if (output->backup) {
        unlink(output->backup);
        pc_temporary_forget(output->backup);
    }
}

bool pc_outputs_commit(struct pc_outputs *outputs, bool good) {
    struct pc_signals signals;
    good = good && !outputs->failed;
    for (const struct pc_output *output = outputs->first; good && output; output = output->next)
        if (!output->temporary)
            good = write_in_place(outputs, output); /* may wait for the reader of a pipe, so signals still work */
    pc_signals_hold(&signals);
    const struct pc_output *failed = NULL;
    for (struct pc_output *output = outputs->first; good && output; output = output->next) {
        if (output->temporary && !put_in_place(outputs, output)) {
            failed = output;
            good = false;
        }
    }
    for (const struct pc_output *output = outputs->first; failed && output != failed; output = output->next)
        undo(output);
    for (const struct pc_output *output = outputs->first; output; output = output->next)
        clean_up(output);
    pc_signals_release(&signals);
    return good;
}

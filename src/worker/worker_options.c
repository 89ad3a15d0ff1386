#include "worker_options.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "limits/limits.h"

struct given {
    struct worker_options *options;
    str folder;
};

static bool read_number(struct task *t, str name, str value, uint64_t least, uint64_t most,
                        uint64_t *out)
{
    if (!str_to_u64(value, out) || *out < least || *out > most)
        return task_fail(t, ERR_USAGE, "--" STR_FMT " is no number that fits", STR_ARG(name));
    return true;
}

static bool read_sandbox(struct task *t, str value, bool *out)
{
    *out = str_eq(value, STR("required"));
    if (!*out && !str_eq(value, STR("best-effort")))
        return task_fail(t, ERR_USAGE, "--sandbox is neither required nor best-effort");
    return true;
}

static bool read_option(struct task *t, struct given *given, str name, str value)
{
    struct worker_options *o = given->options;
    uint64_t number = 0;
    bool ok = true;
    if (str_eq(name, STR("kind"))) {
        if (!worker_kind_by_name(value, &o->kind))
            ok = task_fail(t, ERR_USAGE, "--kind names no kind of worker");
    } else if (str_eq(name, STR("fd"))) {
        ok = read_number(t, name, value, 3, 1023, &number);
        o->fd = (int)number;
    } else if (str_eq(name, STR("folder"))) {
        given->folder = value;
    } else if (str_eq(name, STR("uid"))) {
        ok = read_number(t, name, value, 0, UINT32_MAX - 1, &number);
        o->uid = (uint32_t)number;
    } else if (str_eq(name, STR("gid"))) {
        ok = read_number(t, name, value, 0, UINT32_MAX - 1, &number);
        o->gid = (uint32_t)number;
    } else if (str_eq(name, STR("memory-mb"))) {
        ok = read_number(t, name, value, 16, 1u << 24, &o->memory_mb);
    } else if (str_eq(name, STR("temp-mb"))) {
        ok = read_number(t, name, value, 0, 1u << 24, &o->temp_mb);
    } else if (str_eq(name, STR("threads"))) {
        ok = read_number(t, name, value, 1, 256, &o->threads);
    } else if (str_eq(name, STR("sandbox"))) {
        ok = read_sandbox(t, value, &o->needs_sandbox);
    } else if (str_eq(name, STR("extensions"))) {
        o->extensions = value.ptr;
    } else if (str_eq(name, STR("connect-port"))) {
        ok = read_number(t, name, value, 0, 65535, &number);
        o->connect_port = (uint16_t)number;
    } else {
        ok = task_fail(t, ERR_USAGE, "unknown option --" STR_FMT, STR_ARG(name));
    }
    return ok;
}

/* Everything below `in/`, `tmp/` and `out/` is named from the working directory, so a wrong one must not pass. */
static bool check_folder(struct task *t, str folder)
{
    char here[PATH_MAX];
    if (!getcwd(here, sizeof here))
        return task_fail_errno(t, ERR_CONFIG, "the working directory has no name");
    if (!str_eq(folder, str_of(here)))
        return task_fail(t, ERR_USAGE, "--folder is not the working directory");
    return true;
}

bool worker_options_read(struct task *t, int argc, char **argv, struct worker_options *out)
{
    struct given given = {.options = out};
    *out = (struct worker_options){.kind = WORKER_KIND_COUNT, .fd = -1, .needs_sandbox = true};
    for (int i = 1; i < argc; i++) {
        str name, value;
        str option = str_of(argv[i]);
        if (!str_starts(option, STR("--")) || !str_cut(str_from(option, 2), '=', &name, &value))
            return task_fail(t, ERR_USAGE, "an option has the form --name=value");
        if (!read_option(t, &given, name, value))
            return false;
    }
    if (out->kind == WORKER_KIND_COUNT || out->fd < 0 || !out->memory_mb || !out->threads)
        return task_fail(t, ERR_USAGE,
                         "--kind, --fd, --folder, --memory-mb and --threads are needed");
    if (out->connect_port && out->kind != WORKER_EXTRACT)
        return task_fail(t, ERR_USAGE, "only an extract worker may connect");
    return check_folder(t, given.folder);
}

bool worker_kind_writes(enum worker_kind kind)
{
    return kind == WORKER_CLEARING || kind == WORKER_BUILD || kind == WORKER_EXTRACT;
}

bool worker_kind_runs_cleared(enum worker_kind kind)
{
    return kind == WORKER_CONSUMER || kind == WORKER_BUILD;
}

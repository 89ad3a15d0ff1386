/* A contract of an older ODCS as one of v3.1.0. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "buf/buf.h"
#include "cli_inside.h"
#include "convert/convert.h"
#include "limits/limits.h"
#include "yaml/yaml.h"
#include "yaml_out/yaml_out.h"

static enum yaml_mode convert_mode(str path)
{
    return str_ends(path, STR(".json")) ? YAML_MODE_JSON : YAML_MODE_YAML;
}

/* What is written must say the same when it is read. */
static bool convert_write_text(struct task *t, const struct tree *contract, str *out)
{
    struct buf *text = buf_new(t->mem, DOCUMENT_BYTES_MAX);
    struct tree *again;

    yaml_out(text, contract, NULL);
    if (text->full) {
        return task_fail(t, ERR_LIMIT, "the contract would have more than %d bytes",
                         DOCUMENT_BYTES_MAX);
    }
    *out = buf_str(text);
    if (!yaml_read(t, t->mem, *out, STR("the converted contract"), YAML_MODE_YAML, &again)) {
        return false;
    }
    if (!tree_equal(contract, again)) {
        return task_fail(t, ERR_INVALID, "the contract cannot be written as YAML without a loss");
    }
    return true;
}

/* A file of this name is somebody's: it stays. */
static bool convert_save(struct task *t, str path, str text)
{
    const char *name = arena_c_string(t->mem, path);
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

    if (fd < 0 && errno == EEXIST) {
        task_fail(t, ERR_CONFLICT, "%s is there already", name);
        return task_hint(t, "remove it, or name another file");
    }
    bool ok = fd >= 0;
    for (size_t at = 0; ok && at < text.len;) {
        ssize_t len = write(fd, text.ptr + at, text.len - at);
        ok = len > 0 || (len < 0 && errno == EINTR);
        at += len > 0 ? (size_t)len : 0;
    }
    if (!ok || fsync(fd) != 0) {
        (void)task_fail_errno(t, ERR_IO, "cannot write %s", name);
    }
    if (fd >= 0) {
        close(fd);
        if (t->err.code != ERR_NONE) {
            (void)unlink(name);
        }
    }
    return t->err.code == ERR_NONE;
}

static void convert_tell(struct task *t, const struct cli *cli, struct report *report)
{
    struct buf *text = buf_new(t->mem, HTTP_ANSWER_BYTES_MAX);

    if (cli->has[OPTION_quiet] && report->errors == 0) {
        return;
    }
    report_sort(report);
    report_text(report, text);
    fprintf(stderr, "%.*s", STR_ARG(buf_str(text)));
}

static bool convert_read(struct task *t, str path, struct report *report, struct tree **out)
{
    struct tree *document;
    str text;

    report_init(report, t->mem);
    if (!cli_read_file(t, path, DOCUMENT_BYTES_MAX, &text)
        || !yaml_read(t, t->mem, text, path, convert_mode(path), &document)) {
        return false;
    }
    *out = convert_contract(t->mem, path, document, report);
    return true;
}

bool command_convert(struct task *t, struct cli *cli)
{
    struct report report;
    struct tree *contract;
    str text;

    cli_listen(t);
    if (!cli_demand_arguments(t, cli, 1, 1)
        || !convert_read(t, cli->arguments.at[0], &report, &contract)) {
        return false;
    }
    if (contract != NULL) {
        if (!convert_write_text(t, contract, &text)
            || (cli->has[OPTION_out] && !convert_save(t, cli->value[OPTION_out], text))) {
            return false;
        }
        if (!cli->has[OPTION_out]) {
            printf("%.*s", STR_ARG(text));
        }
    }
    convert_tell(t, cli, &report);
    if (contract != NULL && report.errors > 0) {
        cli_note(cli, "%zu error%s of v3.1.0 are left to mend", report.errors,
                 report.errors == 1 ? "" : "s");
    }
    cli->exit_code = report.errors > 0 ? error_exit_code(ERR_INVALID) : 0;
    return true;
}

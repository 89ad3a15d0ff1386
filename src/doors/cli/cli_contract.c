#include "cli/cli_contract.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "buf/buf.h"
#include "limits/limits.h"
#include "yaml/yaml.h"

bool cli_contract_tree(struct task *t, str path, bool is_json, size_t most, struct tree **out)
{
    str text;

    return cli_read_file(t, path, most, &text)
        && yaml_read(t, t->mem, text, path, is_json ? YAML_MODE_JSON : YAML_MODE_YAML, out);
}

bool cli_contract_read(struct task *t, str path, struct report *report, struct contract **out)
{
    struct tree *document;

    *out = NULL;
    if (!cli_contract_tree(t, path, str_ends(path, STR(".json")), DOCUMENT_BYTES_MAX, &document)) {
        return false;
    }
    *out = contract_read(t->mem, path, document, report);
    if (report->errors > 0) {
        *out = NULL;
    }
    return true;
}

bool cli_contract_save(struct task *t, str path, str text)
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

/* Texts of a contract are written by others: a terminal obeys some of them. */
static str contract_for_terminal(struct task *t, str text)
{
    struct buf *shown = buf_new(t->mem, HTTP_ANSWER_BYTES_MAX);
    str line;

    while (text.len > 0) {
        bool has_end = str_cut(text, '\n', &line, &text);

        buf_add(shown, table_shown(t->mem, line));
        buf_add(shown, has_end ? STR("\n") : STR_NONE);
    }
    return buf_str(shown);
}

bool cli_contract_print(struct task *t, str text)
{
    if (cli_is_terminal(stdout)) {
        text = contract_for_terminal(t, text);
    }
    if (fwrite(text.ptr, 1, text.len, stdout) != text.len || fflush(stdout) != 0) {
        return task_fail_errno(t, ERR_IO, "cannot write the answer");
    }
    return true;
}

void cli_contract_tell(struct task *t, const struct cli *cli, struct report *report)
{
    struct buf *text = buf_new(t->mem, HTTP_ANSWER_BYTES_MAX);

    if (cli->has[OPTION_quiet] && report->errors == 0) {
        return;
    }
    report_sort(report);
    report_text(report, text);
    fprintf(stderr, "%.*s", STR_ARG(buf_str(text)));
}

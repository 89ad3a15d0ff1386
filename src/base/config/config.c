#include "config/config.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf/buf.h"
#include "limits/limits.h"
#include "vec/vec.h"

enum setting_type { TYPE_TEXT, TYPE_CHOICE, TYPE_INTEGER };

/* In order of strength. */
enum origin { ORIGIN_DEFAULT, ORIGIN_FILE, ORIGIN_ENVIRONMENT, ORIGIN_FLAG };

struct setting_row {
    const char *name;
    enum setting_type type;
    const char *fallback;
    int64_t least, most;
    const char *unit;
};

static const struct setting_row rows[SETTING_COUNT] = {
#define SETTING(name, type, fallback, least, most, unit, when, meaning)                            \
    [SETTING_##name] = {#name, TYPE_##type, fallback, least, most, unit},
#include "config/settings.def"
#undef SETTING
};

static const char *const origin_names[] = {
    [ORIGIN_DEFAULT] = "default",
    [ORIGIN_FILE] = "file",
    [ORIGIN_ENVIRONMENT] = "environment",
    [ORIGIN_FLAG] = "flag",
};

struct config_value {
    str text;
    int64_t number;
    enum origin origin;
};

struct config {
    struct arena *mem;
    struct config_value values[SETTING_COUNT];
};

const char *config_name(enum setting setting)
{
    return rows[setting].name;
}

str config_default(enum setting setting)
{
    return str_of(rows[setting].fallback);
}

str config_text(const struct config *config, enum setting setting)
{
    return config->values[setting].text;
}

int64_t config_int(const struct config *config, enum setting setting)
{
    CHECK(rows[setting].type == TYPE_INTEGER);
    return config->values[setting].number;
}

const char *config_origin(const struct config *config, enum setting setting)
{
    return origin_names[config->values[setting].origin];
}

static bool find_setting(struct task *t, str name, enum setting *out)
{
    struct str_list known = {0};
    for (int i = 0; i < SETTING_COUNT; i++) {
        if (str_eq(name, str_of(rows[i].name))) {
            *out = (enum setting)i;
            return true;
        }
        vec_push(t->mem, &known, str_of(rows[i].name));
    }
    task_fail(t, ERR_CONFIG, "there is no setting \"" STR_FMT "\"", STR_ARG(name));
    str near = str_list_nearest(&known, name);
    if (near.len)
        return task_hint(t, "did you mean " STR_FMT, STR_ARG(near));
    return task_hint(t, "`weft config show` lists all settings");
}

static bool read_integer(struct task *t, const struct setting_row *row, str text, int64_t *out)
{
    if (!str_to_i64(text, out)) {
        task_fail(t, ERR_CONFIG, "%s must be a whole number, not \"" STR_FMT "\"", row->name,
                  STR_ARG(text));
    } else if (*out < row->least || *out > row->most) {
        task_fail(t, ERR_CONFIG, "%s is " STR_FMT ", which is out of its bounds", row->name,
                  STR_ARG(text));
    } else {
        return true;
    }
    return task_hint(t, "write a number from %lld to %lld%s%s", (long long)row->least,
                     (long long)row->most, *row->unit ? " " : "", row->unit);
}

static bool is_choice(struct task *t, const struct setting_row *row, str text)
{
    str words = str_of(row->unit), word;
    struct str_list known = {0};
    while (words.len) {
        str_cut(words, '|', &word, &words);
        if (str_eq(word, text))
            return true;
        vec_push(t->mem, &known, word);
    }
    str all = str_list_join(t->mem, &known, STR(", "));
    task_fail(t, ERR_CONFIG, "%s cannot be \"" STR_FMT "\"", row->name, STR_ARG(text));
    return task_hint(t, "write one of " STR_FMT, STR_ARG(all));
}

static bool is_text(struct task *t, const struct setting_row *row, str text)
{
    bool plain = str_is_utf8(text);
    for (size_t i = 0; plain && i < text.len; i++)
        plain = !iscntrl((unsigned char)text.ptr[i]);
    if (plain)
        return true;
    task_fail(t, ERR_CONFIG, "%s holds control characters or is no UTF-8", row->name);
    return task_hint(t, "write it as plain text on one line");
}

/* A bad value is refused also where a stronger origin hides it. */
static bool set(struct task *t, struct config *config, enum setting setting, str text,
                enum origin origin)
{
    const struct setting_row *row = &rows[setting];
    struct config_value *value = &config->values[setting];
    int64_t number = 0;
    bool ok = row->type == TYPE_INTEGER ? read_integer(t, row, text, &number)
            : row->type == TYPE_CHOICE  ? is_choice(t, row, text)
                                        : is_text(t, row, text);
    if (ok && origin >= value->origin)
        *value = (struct config_value){arena_str(config->mem, text), number, origin};
    return ok;
}

static const char *environment_value(struct arena *mem, const struct setting_row *row)
{
    str name = arena_format(mem, "WEFT_%s", row->name);
    char *upper = arena_c_string(mem, name);
    for (char *at = upper; *at; at++)
        *at = (char)toupper((unsigned char)*at);
    return getenv(upper);
}

bool config_load(struct task *t, struct arena *mem, struct config **out)
{
    struct config *config = ARENA_NEW(mem, struct config);
    config->mem = mem;
    for (int i = 0; i < SETTING_COUNT; i++) {
        if (!set(t, config, (enum setting)i, str_of(rows[i].fallback), ORIGIN_DEFAULT))
            return false;
        const char *text = environment_value(t->mem, &rows[i]);
        if (text && !set(t, config, (enum setting)i, str_of(text), ORIGIN_ENVIRONMENT))
            return task_detail(t, "from the environment");
    }
    *out = config;
    return true;
}

static bool read_all(struct task *t, int fd, str path, struct buf *into)
{
    for (;;) {
        char *to = buf_room(into, 4096);
        if (!to)
            return task_fail(t, ERR_CONFIG, STR_FMT " is larger than a file of settings may be",
                             STR_ARG(path));
        ssize_t n = read(fd, to, 4096);
        if (n < 0 && errno != EINTR)
            return task_fail_errno(t, ERR_IO, "cannot read " STR_FMT, STR_ARG(path));
        if (n == 0)
            return true;
        into->len += n > 0 ? (size_t)n : 0;
    }
}

/* `*text_out` stays empty when there is no such file. */
static bool read_file(struct task *t, str path, str *text_out)
{
    struct stat about;
    struct buf *text = buf_new(t->mem, DOCUMENT_BYTES_MAX);
    /* Not blocking: a named pipe in its place must not hold up the start. */
    int fd = open(arena_c_string(t->mem, path), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return true;
    if (fd < 0)
        return task_fail_errno(t, ERR_IO, "cannot open " STR_FMT, STR_ARG(path));
    bool ok = fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
    if (!ok)
        task_fail(t, ERR_CONFIG, STR_FMT " is no regular file", STR_ARG(path));
    else
        ok = read_all(t, fd, path, text);
    (void)close(fd);
    *text_out = buf_str(text);
    return ok;
}

static uint32_t column_of(str line, str part)
{
    uint32_t column = 1;
    for (const char *at = line.ptr; at < part.ptr; at++)
        column += ((unsigned char)*at & 0xc0) != 0x80;
    return column;
}

static bool read_line(struct task *t, struct config *config, str line, struct place *place,
                      uint32_t *seen)
{
    str name, value;
    enum setting setting;
    str trimmed = str_trim(line);
    if (trimmed.len == 0 || trimmed.ptr[0] == '#')
        return true;
    bool has_value = str_cut(trimmed, '=', &name, &value);
    name = str_trim(name);
    value = str_trim(value);
    place->column = column_of(line, name);
    if (!has_value) {
        task_fail(t, ERR_CONFIG, "a line must be `name = value`");
        return task_hint(t, "begin a comment with #");
    }
    if (!find_setting(t, name, &setting))
        return false;
    if (seen[setting])
        return task_fail(t, ERR_CONFIG, "%s is set before, on line %u", config_name(setting),
                         seen[setting]);
    seen[setting] = place->line;
    place->column = column_of(line, value);
    return set(t, config, setting, value, ORIGIN_FILE);
}

bool config_read_file(struct task *t, struct config *config, str path)
{
    str text = STR_NONE;
    return read_file(t, path, &text) && config_read_text(t, config, path, text);
}

bool config_read_text(struct task *t, struct config *config, str path, str text)
{
    str line;
    uint32_t seen[SETTING_COUNT] = {0};
    struct place place = {.file = path};
    while (text.len) {
        str_cut(text, '\n', &line, &text);
        place.line++;
        if (!read_line(t, config, line, &place, seen))
            return task_place(t, place);
    }
    return true;
}

bool config_set(struct task *t, struct config *config, str name, str value)
{
    enum setting setting;
    return find_setting(t, name, &setting) && set(t, config, setting, value, ORIGIN_FLAG);
}

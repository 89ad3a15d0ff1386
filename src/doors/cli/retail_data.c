#include "cli/retail_data.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "retail_inside.h"

enum { FLOW_BYTES = 256 * 1024, STORED_BYTES = 65535 };

static bool make_folder(struct task *t, str folder, const char *name)
{
    str path = arena_format(t->mem, STR_FMT "/%s", STR_ARG(folder), name);
    if (mkdir(path.ptr, 0777) == 0 || errno == EEXIST)
        return true;
    return task_fail_errno(t, ERR_IO, "cannot make the folder " STR_FMT, STR_ARG(path));
}

bool retail_data_write(struct task *t, str folder)
{
    struct retail_shop shop = {0};
    if (!make_folder(t, folder, "data") || !make_folder(t, folder, "data/export")
        || !make_folder(t, folder, "data/recount"))
        return false;
    retail_make_articles(t, &shop);
    retail_make_customers(t, &shop);
    retail_make_orders(t, &shop);
    return retail_write_database(t, folder, &shop) && retail_write_files(t, folder, &shop);
}

/* ---- numbers */

/* SplitMix64: a few operations on whole numbers, so that every machine draws the same. */
uint64_t retail_next(struct retail_random *r)
{
    uint64_t z = r->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint32_t retail_below(struct retail_random *r, uint32_t n)
{
    return (uint32_t)(((retail_next(r) >> 32) * n) >> 32);
}

bool retail_chance(struct retail_random *r, uint32_t per_thousand)
{
    return retail_below(r, 1000) < per_thousand;
}

size_t retail_weighted(struct retail_random *r, const uint32_t *weights, size_t count)
{
    uint32_t sum = 0, at;
    for (size_t i = 0; i < count; i++)
        sum += weights[i];
    at = retail_below(r, sum);
    for (size_t i = 0; i < count; i++) {
        if (at < weights[i])
            return i;
        at -= weights[i];
    }
    return count - 1;
}

int64_t retail_moment(struct retail_random *r, int64_t day)
{
    static const uint32_t hours[] = {4,  2,  1,  1,  1,  3,  10, 22, 34, 44, 50, 52,
                                     58, 50, 46, 46, 48, 56, 62, 72, 80, 66, 36, 14};
    size_t hour = retail_weighted(r, hours, sizeof hours / sizeof *hours);
    return day * RETAIL_DAY_S + (int64_t)hour * 3600 + retail_below(r, 3600);
}

/* Days since 1970 to a date of the Gregorian calendar, years counted from March so that leap days come last. */
void retail_civil(int64_t day, int *year, int *month, int *day_of_month)
{
    int64_t z = day + 719468;
    int64_t era = z / 146097;
    int64_t of_era = z - era * 146097;
    int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t march_month = (5 * of_year + 2) / 153;
    *day_of_month = (int)(of_year - (153 * march_month + 2) / 5 + 1);
    *month = (int)(march_month < 10 ? march_month + 3 : march_month - 9);
    *year = (int)(year_of_era + era * 400 + (*month <= 2));
}

/* ---- files */

static void close_fd(void *handle)
{
    struct retail_file *f = handle;
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
}

struct retail_file *retail_file_open(struct task *t, str folder, const char *name)
{
    struct retail_file *f = ARENA_NEW(t->mem, struct retail_file);
    f->t = t;
    f->path = arena_format(t->mem, STR_FMT "/data/%s", STR_ARG(folder), name);
    f->b = buf_new(t->mem, (size_t)FLOW_BYTES * 2);
    f->fd = open(f->path.ptr, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
    arena_defer(t->mem, close_fd, f);
    f->failed = f->fd < 0;
    if (f->failed)
        task_fail_errno(t, ERR_IO, "cannot write " STR_FMT, STR_ARG(f->path));
    if (str_ends(f->path, STR(".gz"))) {
        f->packed = buf_new(t->mem, (size_t)FLOW_BYTES * 4);
        buf_add(f->packed, STR("\x1f\x8b\x08\0\0\0\0\0\0\xff"));
    }
    return f;
}

static void write_out(struct retail_file *f, struct buf *b)
{
    size_t at = 0;
    while (!f->failed && at < b->len) {
        ssize_t n = write(f->fd, b->ptr + at, b->len - at);
        if (n < 0 && errno == EINTR)
            continue;
        f->failed = n < 0;
        if (f->failed)
            task_fail_errno(f->t, ERR_IO, "cannot write " STR_FMT, STR_ARG(f->path));
        else
            at += (size_t)n;
    }
    buf_clear(b);
}

static void add_little(struct buf *b, uint32_t n, int bytes)
{
    for (int i = 0; i < bytes; i++)
        buf_add_byte(b, (char)(n >> (8 * i)));
}

static uint32_t crc_of(uint32_t crc, str bytes)
{
    static const uint32_t nibbles[] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
                                       0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
                                       0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
                                       0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
    crc = ~crc;
    for (size_t i = 0; i < bytes.len; i++) {
        crc ^= (unsigned char)bytes.ptr[i];
        crc = (crc >> 4) ^ nibbles[crc & 15];
        crc = (crc >> 4) ^ nibbles[crc & 15];
    }
    return ~crc;
}

/* Stored, not squeezed: the bytes then depend on no version of a library. */
static void pack(struct retail_file *f)
{
    str rest = buf_str(f->b);
    f->crc = crc_of(f->crc, rest);
    f->bytes += (uint32_t)rest.len;
    while (rest.len) {
        str part = str_sub(rest, 0, STORED_BYTES);
        buf_add_byte(f->packed, 0);
        add_little(f->packed, (uint32_t)part.len, 2);
        add_little(f->packed, ~(uint32_t)part.len, 2);
        buf_add(f->packed, part);
        rest = str_from(rest, part.len);
    }
    buf_clear(f->b);
}

static void write_all(struct retail_file *f)
{
    if (f->packed)
        pack(f);
    write_out(f, f->packed ? f->packed : f->b);
}

void retail_file_flow(struct retail_file *f)
{
    if (f->b->len >= FLOW_BYTES)
        write_all(f);
}

bool retail_file_close(struct retail_file *f)
{
    CHECK(!f->b->full);
    write_all(f);
    if (f->packed) {
        buf_add(f->packed, STR("\x01\0\0\xff\xff"));
        add_little(f->packed, f->crc, 4);
        add_little(f->packed, f->bytes, 4);
        write_out(f, f->packed);
    }
    int fd = f->fd;
    f->fd = -1;
    if (fd >= 0 && close(fd) != 0 && !f->failed) {
        f->failed = true;
        task_fail_errno(f->t, ERR_IO, "cannot write " STR_FMT, STR_ARG(f->path));
    }
    return !f->failed;
}

/* ---- values */

void retail_add_int(struct buf *b, int64_t n, int digits)
{
    char text[24];
    int at = (int)sizeof text;
    uint64_t rest = n < 0 ? (uint64_t)0 - (uint64_t)n : (uint64_t)n;
    while (rest || digits > 0) {
        text[--at] = (char)('0' + rest % 10);
        rest /= 10;
        digits--;
    }
    if (n < 0)
        text[--at] = '-';
    buf_add(b, (str){text + at, sizeof text - (size_t)at});
}

void retail_add_date(struct buf *b, int64_t day)
{
    int year, month, day_of_month;
    retail_civil(day, &year, &month, &day_of_month);
    retail_add_int(b, year, 4);
    buf_add_byte(b, '-');
    retail_add_int(b, month, 2);
    buf_add_byte(b, '-');
    retail_add_int(b, day_of_month, 2);
}

void retail_add_time(struct buf *b, int64_t seconds)
{
    int64_t second = seconds % RETAIL_DAY_S;
    retail_add_date(b, seconds / RETAIL_DAY_S);
    buf_add_byte(b, ' ');
    retail_add_int(b, second / 3600, 2);
    buf_add_byte(b, ':');
    retail_add_int(b, second / 60 % 60, 2);
    buf_add_byte(b, ':');
    retail_add_int(b, second % 60, 2);
    buf_add(b, STR("+00"));
}

static void add_hex(struct buf *b, uint64_t bits, int digits)
{
    for (int i = digits - 1; i >= 0; i--)
        buf_add_byte(b, "0123456789abcdef"[(bits >> (4 * i)) & 15]);
}

void retail_add_uuid(struct buf *b, struct retail_random *r)
{
    uint64_t high = (retail_next(r) & ~(uint64_t)0xf000) | 0x4000;
    uint64_t low = (retail_next(r) & ~((uint64_t)3 << 62)) | ((uint64_t)2 << 62);
    add_hex(b, high >> 32, 8);
    buf_add_byte(b, '-');
    add_hex(b, high >> 16, 4);
    buf_add_byte(b, '-');
    add_hex(b, high, 4);
    buf_add_byte(b, '-');
    add_hex(b, low >> 48, 4);
    buf_add_byte(b, '-');
    add_hex(b, low, 12);
}

/* ---- rows */

/* Adds one value, or a piece of it, to both files. */
#define BOTH(row, call)                                                                            \
    do {                                                                                           \
        struct buf *b = (row)->csv->b;                                                             \
        call;                                                                                      \
        if ((row)->copy) {                                                                         \
            b = (row)->copy->b;                                                                    \
            call;                                                                                  \
        }                                                                                          \
    } while (0)

void retail_row_null(struct retail_row *row)
{
    if (row->has_field)
        BOTH(row, buf_add_byte(b, ','));
    row->has_field = true;
}

static void add_text(struct buf *b, str s)
{
    bool is_plain = s.len && !str_has(s, ',') && !str_has(s, '"') && !str_has(s, '\n');
    if (is_plain) {
        buf_add(b, s);
        return;
    }
    buf_add_byte(b, '"');
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '"')
            buf_add_byte(b, '"');
        buf_add_byte(b, s.ptr[i]);
    }
    buf_add_byte(b, '"');
}

void retail_row_text(struct retail_row *row, str s)
{
    retail_row_null(row);
    BOTH(row, add_text(b, s));
}

void retail_row_int(struct retail_row *row, int64_t n)
{
    retail_row_null(row);
    BOTH(row, retail_add_int(b, n, 1));
}

static void add_decimal(struct buf *b, int64_t n, int decimals)
{
    int64_t scale = 1, rest = n < 0 ? -n : n;
    for (int i = 0; i < decimals; i++)
        scale *= 10;
    if (n < 0)
        buf_add_byte(b, '-');
    retail_add_int(b, rest / scale, 1);
    buf_add_byte(b, '.');
    retail_add_int(b, rest % scale, decimals);
}

void retail_row_decimal(struct retail_row *row, int64_t n, int decimals)
{
    retail_row_null(row);
    BOTH(row, add_decimal(b, n, decimals));
}

void retail_row_date(struct retail_row *row, int64_t day)
{
    retail_row_null(row);
    if (day != RETAIL_NEVER)
        BOTH(row, retail_add_date(b, day));
}

void retail_row_time(struct retail_row *row, int64_t seconds)
{
    retail_row_null(row);
    if (seconds != RETAIL_NEVER)
        BOTH(row, retail_add_time(b, seconds));
}

void retail_row_uuid(struct retail_row *row, struct retail_random *r)
{
    struct retail_random same;
    retail_row_null(row);
    BOTH(row, (same = *r, retail_add_uuid(b, &same)));
    *r = same;
}

/* \xAB\xCD in the export, \xabcd for PostgreSQL. */
void retail_row_bytes(struct retail_row *row, struct retail_random *r, size_t len)
{
    retail_row_null(row);
    if (row->copy)
        buf_add(row->copy->b, STR("\\x"));
    for (size_t i = 0; i < len; i++) {
        uint64_t byte = retail_next(r) & 255;
        buf_add(row->csv->b, STR("\\x"));
        BOTH(row, add_hex(b, byte, 2));
    }
}

static void add_list(struct buf *b, const str *items, size_t len, char open, char close,
                     const char *between)
{
    if (len > 1)
        buf_add_byte(b, '"');
    buf_add_byte(b, open);
    for (size_t i = 0; i < len; i++) {
        buf_add(b, i ? str_of(between) : STR(""));
        buf_add(b, items[i]);
    }
    buf_add_byte(b, close);
    if (len > 1)
        buf_add_byte(b, '"');
}

/* [a, b] in the export, {a,b} for PostgreSQL. */
void retail_row_list(struct retail_row *row, const str *items, size_t len)
{
    retail_row_null(row);
    add_list(row->csv->b, items, len, '[', ']', ", ");
    if (row->copy)
        add_list(row->copy->b, items, len, '{', '}', ",");
}

void retail_row_end(struct retail_row *row)
{
    BOTH(row, buf_add_byte(b, '\n'));
    row->has_field = false;
    retail_file_flow(row->csv);
    if (row->copy)
        retail_file_flow(row->copy);
}

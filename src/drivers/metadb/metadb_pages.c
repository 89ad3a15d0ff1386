/* Pages with a checksum each: a layer between SQLite and its files, which seals each page of a database as it is written to the file, and
 * holds it against its seal as it is read. The format is that of SQLite's own extension (https://sqlite.org/cksumvfs.html): the last 8
 * bytes of a page, which byte 20 of the file sets aside, are the two sums that frames of a write-ahead log have
 * (https://sqlite.org/fileformat2.html#checksum_algorithm), of the bytes before. The log and the other files of a database pass as they are. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "buf/buf.h"
#include "fault/fault.h"
#include "metadb/metadb_inside.h"
#include "store/store_file.h"

enum {
    PAGE_BYTES = 4096,
    SEAL_BYTES = 8,
    PAGE_SIZE_AT = 16, /* in the file: two bytes, the first is the higher one */
    RESERVED_AT = 20,
    HEADER_BYTES = 100,
    LOOKS = 25, /* at a page that does not fit its seal */
    LOOK_NS = 20000000,
};

/* The system's own file follows it in memory. */
struct paged_file {
    sqlite3_file base;
    bool is_sealed;
};

static sqlite3_vfs *below;
static sqlite3_vfs layer;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Thread_local int64_t damaged_page; /* the last that this thread met */

/* ---- seals */

static void seal_of(const char *page, char out[SEAL_BYTES])
{
    uint32_t a = 0, b = 0, words[(PAGE_BYTES - SEAL_BYTES) / sizeof(uint32_t)];
    memcpy(words, page, sizeof words);
    for (size_t i = 0; i < sizeof words / sizeof *words; i += 2) {
        a += words[i] + b;
        b += words[i + 1] + a;
    }
    memcpy(out, &a, sizeof a);
    memcpy(out + sizeof a, &b, sizeof b);
}

/* So is a page of zeros: one that was left free before it was ever written. */
static bool is_sealed_page(const char *page)
{
    char seal[SEAL_BYTES];
    seal_of(page, seal);
    return memcmp(seal, page + PAGE_BYTES - SEAL_BYTES, SEAL_BYTES) == 0;
}

static bool says_sealed(const char *header)
{
    return header[RESERVED_AT] == SEAL_BYTES && header[PAGE_SIZE_AT] == PAGE_BYTES >> 8
        && header[PAGE_SIZE_AT + 1] == 0;
}

/* ---- files */

static sqlite3_file *real(sqlite3_file *file)
{
    return (sqlite3_file *)((char *)file + sizeof(struct paged_file));
}

static int page_close(sqlite3_file *file)
{
    return real(file)->pMethods->xClose(real(file));
}

static int found_damaged(int64_t page)
{
    damaged_page = page;
    return SQLITE_IOERR_DATA;
}

/* The one byte that says that there are seals may itself be the damaged one: else nobody would look at any page from there on. */
static bool has_lost_its_mark(sqlite3_file *file)
{
    char page[PAGE_BYTES];
    if (real(file)->pMethods->xRead(real(file), page, PAGE_BYTES, 0) != SQLITE_OK)
        return false;
    page[RESERVED_AT] = SEAL_BYTES;
    return is_sealed_page(page);
}

static int read_head(sqlite3_file *file, void *to, int len)
{
    struct paged_file *paged = (struct paged_file *)file;
    int code = real(file)->pMethods->xRead(real(file), to, len, 0);
    if (code != SQLITE_OK)
        return code;
    paged->is_sealed = says_sealed(to);
    return paged->is_sealed || !has_lost_its_mark(file) ? SQLITE_OK : found_damaged(1);
}

/* Parts of a page, too, are read as a whole. */
static int page_read(sqlite3_file *file, void *to, int len, sqlite3_int64 at)
{
    struct paged_file *paged = (struct paged_file *)file;
    char page[PAGE_BYTES];
    bool is_head = at == 0 && len >= HEADER_BYTES && (!paged->is_sealed || len == HEADER_BYTES);
    if (is_head)
        return read_head(file, to, len);
    if (!paged->is_sealed || at % PAGE_BYTES != 0 || len > PAGE_BYTES)
        return real(file)->pMethods->xRead(real(file), to, len, at);
    int code = real(file)->pMethods->xRead(real(file), page, PAGE_BYTES, at);
    memcpy(to, page, (size_t)len);
    return code != SQLITE_OK || is_sealed_page(page) ? code : found_damaged(at / PAGE_BYTES + 1);
}

static int page_write(sqlite3_file *file, const void *from, int len, sqlite3_int64 at)
{
    struct paged_file *paged = (struct paged_file *)file;
    char page[PAGE_BYTES];
    if (at == 0 && len >= HEADER_BYTES)
        paged->is_sealed = says_sealed(from);
    if (!paged->is_sealed || len != PAGE_BYTES || at % PAGE_BYTES != 0)
        return real(file)->pMethods->xWrite(real(file), from, len, at);
    memcpy(page, from, PAGE_BYTES);
    seal_of(page, page + PAGE_BYTES - SEAL_BYTES);
    return real(file)->pMethods->xWrite(real(file), page, PAGE_BYTES, at);
}

static int page_truncate(sqlite3_file *file, sqlite3_int64 len)
{
    return real(file)->pMethods->xTruncate(real(file), len);
}

static int page_sync(sqlite3_file *file, int flags)
{
    return real(file)->pMethods->xSync(real(file), flags);
}

static int page_file_size(sqlite3_file *file, sqlite3_int64 *out)
{
    return real(file)->pMethods->xFileSize(real(file), out);
}

static int page_lock(sqlite3_file *file, int lock)
{
    return real(file)->pMethods->xLock(real(file), lock);
}

static int page_unlock(sqlite3_file *file, int lock)
{
    return real(file)->pMethods->xUnlock(real(file), lock);
}

static int page_check_lock(sqlite3_file *file, int *out)
{
    return real(file)->pMethods->xCheckReservedLock(real(file), out);
}

static int page_control(sqlite3_file *file, int op, void *value)
{
    return real(file)->pMethods->xFileControl(real(file), op, value);
}

static int page_sector_size(sqlite3_file *file)
{
    return real(file)->pMethods->xSectorSize(real(file));
}

static int page_traits(sqlite3_file *file)
{
    return real(file)->pMethods->xDeviceCharacteristics(real(file));
}

static int page_shm_map(sqlite3_file *file, int region, int len, int may_extend,
                        void volatile **out)
{
    return real(file)->pMethods->xShmMap(real(file), region, len, may_extend, out);
}

static int page_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
    return real(file)->pMethods->xShmLock(real(file), offset, n, flags);
}

static void page_shm_barrier(sqlite3_file *file)
{
    real(file)->pMethods->xShmBarrier(real(file));
}

static int page_shm_unmap(sqlite3_file *file, int removes)
{
    return real(file)->pMethods->xShmUnmap(real(file), removes);
}

/* Version 2: no file is mapped into memory, where nobody would look at what is read. */
static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = page_close,
    .xRead = page_read,
    .xWrite = page_write,
    .xTruncate = page_truncate,
    .xSync = page_sync,
    .xFileSize = page_file_size,
    .xLock = page_lock,
    .xUnlock = page_unlock,
    .xCheckReservedLock = page_check_lock,
    .xFileControl = page_control,
    .xSectorSize = page_sector_size,
    .xDeviceCharacteristics = page_traits,
    .xShmMap = page_shm_map,
    .xShmLock = page_shm_lock,
    .xShmBarrier = page_shm_barrier,
    .xShmUnmap = page_shm_unmap,
};

static int page_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags,
                     int *flags_out)
{
    struct paged_file *paged = (struct paged_file *)file;
    (void)vfs;
    if (!(flags & SQLITE_OPEN_MAIN_DB))
        return below->xOpen(below, path, file, flags, flags_out);
    *paged = (struct paged_file){0};
    int code = below->xOpen(below, path, real(file), flags, flags_out);
    if (real(file)->pMethods == NULL)
        return code; /* and SQLite does not close it */
    paged->base.pMethods = &methods;
    sqlite3_int64 len = 0;
    /* What is made here has seals from its first page on, whichever that is. */
    if (code == SQLITE_OK && real(file)->pMethods->xFileSize(real(file), &len) == SQLITE_OK)
        paged->is_sealed = len == 0;
    return code;
}

static void make_layer(void)
{
    below = sqlite3_vfs_find(NULL);
    CHECK(below != NULL);
    layer = *below;
    layer.zName = "weft";
    layer.szOsFile = (int)sizeof(struct paged_file) + below->szOsFile;
    layer.pNext = NULL;
    layer.xOpen = page_open;
    CHECK(sqlite3_vfs_register(&layer, 0) == SQLITE_OK);
}

const char *metadb_pages(void)
{
    CHECK(pthread_once(&once, make_layer) == 0);
    return layer.zName;
}

bool metadb_fail_page(struct task *t, const struct metadb_core *core, int64_t page)
{
    task_fail(t, ERR_CORRUPT, "%s is damaged: page %lld does not fit its checksum", core->path.ptr,
              (long long)(page ? page : damaged_page));
    return task_hint(t, "weft restore makes a home of a backup");
}

/* ---- the whole file */

/* The files of a database are read by SQLite's own descriptors alone: to close another one would give up the locks that this process has. */
static bool file_of(struct task *t, const struct metadb_core *core, sqlite3 *handle,
                    sqlite3_file **out)
{
    int code = sqlite3_file_control(handle, "main", SQLITE_FCNTL_FILE_POINTER, out);
    return code == SQLITE_OK || metadb_failed(t, core, handle, code, "look at the file");
}

static bool fits(sqlite3_file *file, sqlite3_int64 at, bool *out)
{
    char page[PAGE_BYTES];
    int code = real(file)->pMethods->xRead(real(file), page, PAGE_BYTES, at);
    *out = code == SQLITE_OK && is_sealed_page(page);
    return code == SQLITE_OK || code == SQLITE_IOERR_SHORT_READ;
}

/* A page may be on its way to the file; or a server was killed on the way, and the log has it. */
static bool look_again(struct task *t, sqlite3 *handle, sqlite3_file *file, sqlite3_int64 at,
                       bool *out)
{
    for (int i = 0; i < LOOKS && !*out; i++) {
        (void)sqlite3_wal_checkpoint_v2(handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
        if (i > 0)
            (void)nanosleep(&(struct timespec){.tv_nsec = LOOK_NS}, NULL);
        if (!task_go_on(t))
            return false;
        if (!fits(file, at, out))
            return task_fail(t, ERR_IO, "a page could not be read");
    }
    return true;
}

static bool check_pages(struct task *t, const struct metadb_core *core, sqlite3 *handle)
{
    sqlite3_file *file;
    sqlite3_int64 len = 0;
    if (!file_of(t, core, handle, &file))
        return false;
    if (file->pMethods->xFileSize(file, &len) != SQLITE_OK)
        return task_fail(t, ERR_IO, "cannot look at %s", core->path.ptr);
    for (sqlite3_int64 at = 0; at < len; at += PAGE_BYTES) {
        bool is_whole = false;
        if (!task_go_on(t))
            return false;
        if (!fits(file, at, &is_whole))
            return task_fail(t, ERR_IO, "cannot read %s", core->path.ptr);
        if (!is_whole && !look_again(t, handle, file, at, &is_whole))
            return false;
        if (!is_whole)
            return metadb_fail_page(t, core, at / PAGE_BYTES + 1);
    }
    return true;
}

bool metadb_check_pages(struct task *t, struct metadb *db)
{
    struct metadb_connection *connection;
    CHECK(db->connection == NULL);
    if (!metadb_borrow(t, db, &connection))
        return false;
    bool ok = check_pages(t, db->core, connection->handle);
    metadb_give_back(db->core, connection);
    return ok;
}

/* ---- files of before */

/* True, too, for a file that is still empty. */
static bool find_seals(struct task *t, const struct metadb_core *core, sqlite3 *handle,
                       bool *has_out)
{
    char header[HEADER_BYTES];
    sqlite3_file *file;
    if (!file_of(t, core, handle, &file))
        return false;
    int code = file->pMethods->xRead(file, header, HEADER_BYTES, 0);
    *has_out = code != SQLITE_OK || says_sealed(header);
    return code == SQLITE_OK || code == SQLITE_IOERR_SHORT_READ
        || metadb_failed(t, core, handle, code, "read the head of the file");
}

bool metadb_set_room_aside(struct task *t, const struct metadb_core *core, sqlite3 *handle)
{
    int bytes = SEAL_BYTES;
    int code = sqlite3_file_control(handle, "main", SQLITE_FCNTL_RESERVE_BYTES, &bytes);
    return code == SQLITE_OK
        || metadb_failed(t, core, handle, code, "set room aside for checksums");
}

/* Empty, for nobody else to read. */
static bool make_draft(struct task *t, const char *draft)
{
    (void)unlink(draft);
    int fd =
        TEMP_FAILURE_RETRY(open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (fd < 0)
        return task_fail_errno(t, ERR_IO, "cannot make %s", draft);
    close(fd);
    return true;
}

/* Its log first becomes part of it. */
static bool write_sealed(struct task *t, struct metadb_core *core, sqlite3 *handle, str draft)
{
    struct buf *sql = buf_new(t->mem, draft.len * 2 + 100);
    buf_add(sql, STR("VACUUM INTO "));
    buf_add_literal(sql, draft);
    return make_draft(t, draft.ptr) && metadb_exec(t, core, handle, "PRAGMA journal_mode = DELETE")
        && metadb_set_room_aside(t, core, handle)
        && metadb_exec(t, core, handle, arena_c_string(t->mem, buf_str(sql)));
}

/* Gives the file its name, before anything of a later log may be on disk. */
static bool take_over(struct task *t, const struct metadb_core *core, const char *draft)
{
    str folder, name;
    bool has_folder = str_cut_last(core->path, '/', &folder, &name);
    if (!store_sync(t, str_of(draft)) || !fault_pass(t, FAULT_SEAL_BEFORE_MOVE))
        return false;
    if (rename(draft, core->path.ptr) != 0)
        return task_fail_errno(t, ERR_IO, "cannot put %s in its place", draft);
    return fault_pass(t, FAULT_SEAL_AFTER_MOVE) && store_sync(t, has_folder ? folder : STR("."));
}

static bool seal_anew(struct task *t, struct metadb_core *core, sqlite3 **handle)
{
    str draft = arena_format(t->mem, "%s.new", core->path.ptr);
    log_event(LOG_INFO, "metadb", t, "%s gets checksums of its pages", core->path.ptr);
    bool ok = write_sealed(t, core, *handle, draft);
    sqlite3_close(*handle);
    *handle = NULL;
    /* Two that turn the log on at once would refuse each other. */
    return ok && take_over(t, core, draft.ptr) && metadb_open_file(t, core, handle)
        && metadb_exec(t, core, *handle, "PRAGMA journal_mode = WAL");
}

static bool seal_file(struct task *t, struct metadb_core *core, sqlite3 **handle)
{
    bool has = false;
    if (find_seals(t, core, *handle, &has) && (has || seal_anew(t, core, handle)))
        return true;
    sqlite3_close(*handle);
    *handle = NULL;
    return false;
}

bool metadb_open_sealed(struct task *t, struct metadb_core *core, sqlite3 **out)
{
    /* A catalog of an environment may be opened by several at once: the second one would put the file of before over the new one. */
    static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&one);
    bool ok = metadb_open_file(t, core, out) && seal_file(t, core, out);
    pthread_mutex_unlock(&one);
    return ok;
}

#include "arena/arena.h"

#include <string.h>

#include "test.h"

static char log_text[64];
static size_t log_len;

static void note(void *handle)
{
    log_text[log_len++] = *(const char *)handle;
    log_text[log_len] = '\0';
}

static void clear_notes(void)
{
    log_len = 0;
    log_text[0] = '\0';
}

TEST(arena_gives_zeroed_aligned_memory)
{
    struct arena *mem = arena_new();
    for (size_t bytes = 0; bytes < 5000; bytes += 37) {
        unsigned char *piece = arena_alloc(mem, bytes);
        EXPECT_INT((uintptr_t)piece % 16, 0);
        for (size_t i = 0; i < bytes; i++)
            if (piece[i] != 0) {
                EXPECT(piece[i] == 0);
                break;
            }
        memset(piece, 0xaa, bytes);
    }
    char *large = arena_alloc(mem, 5 << 20);
    large[(5 << 20) - 1] = 'x';
    EXPECT(arena_bytes(mem) > 5 << 20);
    arena_free(mem);
    arena_free(NULL);
}

TEST(arena_copies_texts)
{
    struct arena *mem = arena_new();
    str copy = arena_str(mem, STR("a\0b"));
    EXPECT_INT(copy.len, 3);
    EXPECT_INT(copy.ptr[3], 0);
    EXPECT_STR(arena_c_string(mem, STR("name")), "name");
    EXPECT_STR(arena_c_string(mem, STR_NONE), "");
    EXPECT_STR(arena_format(mem, "%d of %s", 3, "ten"), "3 of ten");
    EXPECT_STR(arena_lower(mem, STR("AbC-Z\xc3\x84")), "abc-z\xc3\x84");
    arena_free(mem);
}

TEST(arena_defers_run_last_first)
{
    struct arena *mem = arena_new();
    clear_notes();
    arena_defer(mem, note, "a");
    arena_defer(mem, note, "b");
    arena_defer(mem, note, "c");
    arena_free(mem);
    EXPECT_STR(log_text, "cba");
}

TEST(arena_close_and_release_forget)
{
    struct arena *mem = arena_new();
    char a[] = "a", b[] = "b", c[] = "c";
    clear_notes();
    arena_defer(mem, note, a);
    arena_defer(mem, note, b);
    arena_defer(mem, note, c);
    arena_close(mem, b);
    EXPECT_STR(log_text, "b");
    arena_close(mem, b);
    arena_release(mem, c);
    arena_free(mem);
    EXPECT_STR(log_text, "ba");
}

TEST(arena_rewind_closes_what_came_after)
{
    struct arena *mem = arena_new();
    char a[] = "a", b[] = "b";
    clear_notes();
    str kept = arena_str(mem, STR("kept"));
    arena_defer(mem, note, a);
    struct arena_mark mark = arena_mark(mem);
    size_t before = arena_bytes(mem);
    for (int i = 0; i < 3; i++) {
        arena_defer(mem, note, b);
        memset(arena_alloc(mem, 100000), 0xff, 100000);
        arena_rewind(mem, mark);
        EXPECT_INT(arena_bytes(mem), before);
    }
    EXPECT_STR(log_text, "bbb");
    EXPECT_STR(kept, "kept");
    char *piece = arena_alloc(mem, 64);
    for (int i = 0; i < 64; i++)
        EXPECT_INT(piece[i], 0);
    arena_free(mem);
    EXPECT_STR(log_text, "bbba");
}

/* The handle that the mark points at may be closed before the rewind. */
TEST(arena_rewind_survives_a_close_of_older_handles)
{
    struct arena *mem = arena_new();
    char a[] = "a", b[] = "b", c[] = "c";
    clear_notes();
    arena_defer(mem, note, a);
    arena_defer(mem, note, b);
    struct arena_mark mark = arena_mark(mem);
    arena_defer(mem, note, c);
    arena_close(mem, b);
    arena_rewind(mem, mark);
    EXPECT_STR(log_text, "bc");
    arena_free(mem);
    EXPECT_STR(log_text, "bca");
}

TEST(arena_rewinds_to_its_birth)
{
    struct arena *mem = arena_new();
    struct arena_mark mark = arena_mark(mem);
    (void)arena_alloc(mem, 10000);
    struct arena_mark inner = arena_mark(mem);
    (void)arena_alloc(mem, 10000);
    arena_rewind(mem, inner);
    arena_rewind(mem, mark);
    EXPECT_INT(arena_bytes(mem), 0);
    EXPECT_STR(arena_str(mem, STR("again")), "again");
    arena_free(mem);
}

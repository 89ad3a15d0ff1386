#include "line_edit/line_edit.h"

#include <errno.h>
#include <histedit.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

enum {
    EDIT_HISTORY_MAX = 1000,
    EDIT_PASTE_MAX = 1 << 20,
    EDIT_PROMPT_BYTES = 256,
    EDIT_IDLE_MS = 1000,
    EDIT_SHOWN_MAX = 200,
};

struct line_edit {
    struct line_edit_owner owner;
    EditLine *line;
    History *history;
    char prompt[EDIT_PROMPT_BYTES];
    bool is_stopped;
    bool takes_paste; /* the terminal may mark what is pasted */
};

static volatile sig_atomic_t is_resized;

static void edit_on_resize(int number)
{
    (void)number;
    is_resized = 1;
}

static struct line_edit *edit_of(EditLine *line)
{
    void *edit = NULL;

    el_get(line, EL_CLIENTDATA, &edit);
    return edit;
}

static char *edit_prompt(EditLine *line)
{
    return edit_of(line)->prompt;
}

/* ---- bytes of the terminal */

/* Signals come while this waits and at no other time, so that none is missed between a look and the wait. */
static int edit_wait(struct line_edit *edit)
{
    sigset_t held, before;
    int result = -1;

    sigemptyset(&held);
    sigaddset(&held, SIGINT);
    sigaddset(&held, SIGTERM);
    sigaddset(&held, SIGHUP);
    sigaddset(&held, SIGWINCH);
    sigprocmask(SIG_BLOCK, &held, &before);
    while (result <= 0) {
        struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
        struct timespec second = {.tv_nsec = EDIT_IDLE_MS % 1000 * 1000000L,
                                  .tv_sec = EDIT_IDLE_MS / 1000};

        if (is_resized) {
            is_resized = 0;
            el_resize(edit->line);
            el_set(edit->line, EL_REFRESH);
        }
        edit->is_stopped = edit->owner.is_stopped(edit->owner.state);
        if (edit->is_stopped) {
            break;
        }
        result = ppoll(&in, 1, &second, &before);
        if (result == 0) {
            edit->owner.idle(edit->owner.state);
        } else if (result < 0 && errno != EINTR) {
            break;
        }
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    return result > 0 ? 1 : 0;
}

/* libedit's own reader tries again after a signal, which would swallow the first Ctrl-C. */
static int edit_get(EditLine *line, wchar_t *out)
{
    struct line_edit *edit = edit_of(line);
    mbstate_t state = {0};

    for (;;) {
        char byte;
        ssize_t got;
        size_t len;

        if (!edit_wait(edit)) {
            return -1;
        }
        got = read(STDIN_FILENO, &byte, 1);
        if (got <= 0) {
            return got == 0 ? 0 : -1;
        }
        len = mbrtowc(out, &byte, 1, &state);
        if (len == (size_t)-1) {
            memset(&state, 0, sizeof(state));
            *out = L'?';
            return 1;
        }
        if (len != (size_t)-2) {
            return 1;
        }
    }
}

/* ---- what is pasted */

/* The terminal sends it between two marks: its line feeds are text, not the end of the line. */
static unsigned char edit_paste(EditLine *line, int key)
{
    static const wchar_t end[] = L"\033[201~";
    const size_t end_len = sizeof(end) / sizeof(end[0]) - 1;
    size_t len = 0, cap = 1024;
    wchar_t *text = malloc((cap + 1) * sizeof(*text));
    wchar_t c;

    (void)key;
    while (text != NULL && len < EDIT_PASTE_MAX && edit_get(line, &c) == 1) {
        if (len == cap) {
            wchar_t *grown = realloc(text, (cap * 2 + 1) * sizeof(*text));

            if (grown == NULL) {
                break;
            }
            text = grown;
            cap *= 2;
        }
        text[len++] = c == L'\r' ? L'\n' : c == L'\t' ? L' ' : c;
        if (len >= end_len && wmemcmp(text + len - end_len, end, end_len) == 0) {
            len -= end_len;
            break;
        }
    }
    while (len > 0 && text[len - 1] == L'\n') {
        len--;
    }
    if (text != NULL) {
        text[len] = L'\0';
        el_winsertstr(line, text);
    }
    free(text);
    return CC_REFRESH;
}

static void edit_mark_pastes(const struct line_edit *edit, bool is_on)
{
    if (edit->takes_paste) {
        fputs(is_on ? "\033[?2004h" : "\033[?2004l", stdout);
        fflush(stdout);
    }
}

/* ---- completion */

static size_t edit_characters(str text)
{
    size_t count = 0;

    for (size_t i = 0; i < text.len; i++) {
        count += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
    }
    return count;
}

static str edit_common(const struct str_list *words)
{
    str common = words->at[0];

    for (size_t i = 1; i < words->len; i++) {
        size_t len = 0;

        while (len < common.len && len < words->at[i].len
               && common.ptr[len] == words->at[i].ptr[len]) {
            len++;
        }
        common.len = len;
    }
    return common;
}

static void edit_show(const struct line_edit *edit, const struct str_list *words)
{
    size_t widest = 0, columns, shown = words->len < EDIT_SHOWN_MAX ? words->len : EDIT_SHOWN_MAX;
    int screen = 80;

    if (el_get(edit->line, EL_GETTC, "co", &screen, NULL) != 0 || screen <= 0) {
        screen = 80;
    }
    for (size_t i = 0; i < shown; i++) {
        widest = words->at[i].len > widest ? words->at[i].len : widest;
    }
    columns = (size_t)screen / (widest + 2);
    columns = columns > 0 ? columns : 1;
    fputs("\n", stdout);
    for (size_t i = 0; i < shown; i++) {
        bool is_last = i + 1 == shown || (i + 1) % columns == 0;

        fprintf(stdout, "%.*s%*s", STR_ARG(words->at[i]),
                is_last ? 0 : (int)(widest + 2 - words->at[i].len), "");
        fputs(is_last ? "\n" : "", stdout);
    }
    if (words->len > shown) {
        fprintf(stdout, "... and %zu more\n", words->len - shown);
    }
    fflush(stdout);
}

static unsigned char edit_complete(EditLine *line, int key)
{
    struct line_edit *edit = edit_of(line);
    const LineInfo *info = el_line(line);
    str before = {info->buffer, (size_t)(info->cursor - info->buffer)};
    str after = {info->cursor, (size_t)(info->lastchar - info->cursor)};
    struct arena *mem = arena_new();
    struct str_list words = {0};
    size_t word_len = 0;
    unsigned char end = CC_REFRESH_BEEP;

    (void)key;
    /* What it makes of the line may take a while and ask a server; the line is a copy by then. */
    before = arena_str(mem, before);
    after = arena_str(mem, after);
    edit->owner.complete(edit->owner.state, mem, before, after, &words, &word_len);
    if (words.len > 0 && word_len <= before.len) {
        str word = str_from(before, before.len - word_len), common = edit_common(&words);
        bool is_more = common.len > word.len || (words.len == 1 && !str_eq(common, word));

        if (is_more) {
            el_deletestr(line, (int)edit_characters(word));
            el_insertstr(line, arena_c_string(mem, common));
            end = CC_REFRESH;
        } else if (words.len > 1) {
            edit_show(edit, &words);
            end = CC_REDISPLAY;
        }
    }
    arena_free(mem);
    return end;
}

/* ---- open, read, close */

/* Characters of more than a byte need a locale that knows them; nothing else of the program looks at it. */
static void edit_set_characters(void)
{
    if (setlocale(LC_CTYPE, "") == NULL || strcmp(nl_langinfo(CODESET), "UTF-8") != 0) {
        (void)setlocale(LC_CTYPE, "C.UTF-8");
    }
}

static void edit_bind(struct line_edit *edit)
{
    el_set(edit->line, EL_CLIENTDATA, edit);
    el_set(edit->line, EL_PROMPT, edit_prompt);
    el_set(edit->line, EL_EDITOR, "emacs");
    el_set(edit->line, EL_HIST, history, edit->history);
    /* Of wide names it keeps no copies, which it would never free. */
    el_wset(edit->line, EL_ADDFN, L"weft-complete", L"complete a name", edit_complete);
    el_wset(edit->line, EL_ADDFN, L"weft-paste", L"take what is pasted", edit_paste);
    el_set(edit->line, EL_BIND, "^R", "em-inc-search-prev", NULL);
    el_set(edit->line, EL_BIND, "\033[3~", "ed-delete-next-char", NULL);
    (void)el_source(edit->line, NULL);
    el_set(edit->line, EL_BIND, "^I", "weft-complete", NULL);
    el_set(edit->line, EL_BIND, "\033[200~", "weft-paste", NULL);
    el_set(edit->line, EL_GETCFN, edit_get);
}

bool line_edit_open(struct task *t, const struct line_edit_owner *owner, struct line_edit **out)
{
    struct line_edit *edit = calloc(1, sizeof(*edit));
    struct sigaction resized = {.sa_handler = edit_on_resize};
    const char *term = getenv("TERM");
    HistEvent event;

    CHECK(edit != NULL);
    edit_set_characters();
    edit->owner = *owner;
    edit->takes_paste = term != NULL && strcmp(term, "dumb") != 0;
    edit->history = history_init();
    edit->line = el_init("weft", stdin, stdout, stderr);
    if (edit->line == NULL || edit->history == NULL) {
        line_edit_close(edit);
        return task_fail(t, ERR_CONFIG, "the terminal cannot be edited on");
    }
    history(edit->history, &event, H_SETSIZE, EDIT_HISTORY_MAX);
    history(edit->history, &event, H_SETUNIQUE, 1);
    edit_bind(edit);
    sigemptyset(&resized.sa_mask);
    sigaction(SIGWINCH, &resized, NULL);
    *out = edit;
    return true;
}

void line_edit_close(struct line_edit *edit)
{
    if (edit->line != NULL) {
        el_end(edit->line);
    }
    if (edit->history != NULL) {
        history_end(edit->history);
    }
    free(edit);
}

void line_edit_remember(struct line_edit *edit, str text)
{
    HistEvent event;
    char *copy = malloc(text.len + 1);

    CHECK(copy != NULL);
    if (text.len > 0) {
        memcpy(copy, text.ptr, text.len);
    }
    copy[text.len] = '\0';
    history(edit->history, &event, H_ENTER, copy);
    free(copy);
}

enum line_edit_end line_edit_read(struct line_edit *edit, str prompt, struct buf *out)
{
    const char *line;
    int len = 0;

    snprintf(edit->prompt, sizeof(edit->prompt), "%.*s", STR_ARG(prompt));
    edit->is_stopped = false;
    /* Before the prompt, which invites to type: a Ctrl-D that came while the terminal kept lines would be lost. */
    el_set(edit->line, EL_PREP_TERM, 1);
    edit_mark_pastes(edit, true);
    line = el_gets(edit->line, &len);
    edit_mark_pastes(edit, false);
    if (edit->is_stopped) {
        fputs("^C\n", stdout);
        fflush(stdout);
        /* What was typed so far goes with the line. */
        el_reset(edit->line);
        return LINE_EDIT_STOPPED;
    }
    if (line == NULL || len <= 0) {
        return LINE_EDIT_CLOSED;
    }
    while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r')) {
        len--;
    }
    buf_clear(out);
    (void)buf_add(out, (str){line, (size_t)len});
    return LINE_EDIT_LINE;
}

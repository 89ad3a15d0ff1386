#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli_inside.h"

bool cli_is_terminal(const FILE *file)
{
    return isatty(fileno((FILE *)file)) == 1;
}

int cli_terminal_width(const FILE *file, int fallback)
{
    struct winsize size;

    if (!cli_is_terminal(file)) {
        return fallback;
    }
    return ioctl(fileno((FILE *)file), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col
                                                                                  : 80;
}

bool cli_is_colored(const FILE *file)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

    return cli_is_terminal(file) && (no_color == NULL || no_color[0] == '\0') && term != NULL
        && !str_eq(str_of(term), STR("dumb"));
}

/* A signal has no argument of ours. Calls are not begun again after one: who waits for a key must hear it. */
static struct task *_Atomic heard_by;
static atomic_int heard, heard_number;
static atomic_bool goes_on;

static void cli_on_signal(int number)
{
    struct task *t = atomic_load(&heard_by);

    bool is_spared = number == SIGINT && atomic_load(&goes_on);

    atomic_store(&heard_number, number);
    if (t == NULL || (!is_spared && atomic_fetch_add(&heard, 1) > 0)) {
        _exit(error_exit_code(ERR_CANCELLED));
    }
    task_cancel(t);
}

void cli_listen(struct task *t)
{
    const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = cli_on_signal};

    atomic_store(&heard_by, t);
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        struct sigaction before;

        /* Who was started with a signal ignored (nohup) goes on ignoring it. */
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN) {
            sigaction(numbers[i], &action, NULL);
        }
    }
}

void cli_listen_on(void)
{
    atomic_store(&goes_on, true);
}

int cli_heard(void)
{
    return atomic_exchange(&heard_number, 0);
}

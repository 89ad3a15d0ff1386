#include "worker_paths.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <unistd.h>

typedef char *real_path(const char *restrict path, char *restrict out);

static char here[PATH_MAX];
static size_t here_len;
static real_path *of_library;

bool worker_paths_open(struct task *t)
{
    /* An object is no function in C, but POSIX wants its pointer to be one. */
    void *found = dlsym(RTLD_NEXT, "realpath");
    memcpy(&of_library, &found, sizeof found);
    if (!of_library)
        return task_fail(t, ERR_CONFIG, "the C library has no realpath");
    if (!getcwd(here, sizeof here))
        return task_fail_errno(t, ERR_CONFIG, "the working directory has no name");
    here_len = strlen(here);
    return true;
}

/* True for a name below the working directory that is there, with no link, `.`, `..` or empty part on its way. */
static bool is_real(const char *path, size_t len)
{
    char name[PATH_MAX], link[1];
    size_t begin = here_len + 1, end;
    if (!here_len || len <= begin || len >= sizeof name || memcmp(path, here, here_len) != 0
        || path[here_len] != '/')
        return false;
    memcpy(name, path, len + 1);
    for (; begin <= len; begin = end + 1) {
        end = begin + strcspn(name + begin, "/");
        if (end == begin || name[begin] == '.')
            return false;
        char next = name[end];
        name[end] = '\0';
        /* By a relative name: the way from the root is closed. EINVAL means that it is there and no link. */
        if (readlink(name + here_len + 1, link, sizeof link) >= 0 || errno != EINVAL)
            return false;
        name[end] = next;
    }
    return true;
}

/* Takes the place of the library's for all that this process is linked of. What is in doubt goes to the library's. */
char *realpath(const char *restrict path, char *restrict out)
{
    size_t len = path ? strlen(path) : 0;
    if (!is_real(path, len))
        return of_library ? of_library(path, out) : (errno = ENOSYS, NULL);
    if (!out)
        return strdup(path);
    memcpy(out, path, len + 1);
    return out;
}

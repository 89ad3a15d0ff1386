/* What the files of drivers/store share. */
#ifndef WEFT_STORE_INSIDE_H
#define WEFT_STORE_INSIDE_H

#include <pthread.h>
#include <sys/stat.h>

#include "map/map.h"
#include "store/store.h"

enum { STORE_MAGIC = 0x5702, SHA256_HEX = 64 };

/* The folder of files of mesh.* tables, below that of the copies. */
#define STORE_MESH "mesh"

struct store {
    uint32_t magic;
    struct arena *mem; /* of the lock's holder */
    str home;
    uint64_t reserve_bytes;
    int home_fd;
    int staging_fd;
    int lock_fd;
    pthread_mutex_t lock; /* files that come and go, and what is known of them */
    struct map checked;   /* SHA-256 -> struct store_seen */
};

/* A release file whose content was found to be what its name says. */
struct store_seen {
    ino_t inode;
    off_t bytes;
    struct timespec written;
};

bool store_is_sha256(str name);
/* Under the lock. */
bool store_is_seen(struct store *store, str sha256, const struct stat *state);
void store_see(struct store *store, str sha256, const struct stat *state);
void store_forget(struct store *store, str sha256);

#endif

#include "clock/clock.h"
#include "image/images.h"
#include "log/log.h"
#include "upkeep/upkeep.h"

/* A generous guess: the reserve of the disk is not for this. */
enum { UPKEEP_PRODUCT_BYTES = 64 * 1024 };

bool upkeep_is_image_due(struct task *t, struct services *s, uint64_t *version_io)
{
    const struct image *image = image_pin(t, s->images);
    bool is_due = image->version != *version_io && images_are_due(s->images, image);

    *version_io = image->version;
    return is_due;
}

bool upkeep_keep_image(struct task *t, struct services *s)
{
    int64_t began_ms = clock_monotonic_ms();
    uint64_t products = image_pin(t, s->images)->products.len;
    bool is_kept;

    if (!store_room(t, s->store, products * UPKEEP_PRODUCT_BYTES)
        || !images_keep(t, s->images, &is_kept)) {
        return false;
    }
    if (is_kept) {
        log_event(LOG_INFO, "upkeep", t, "the image is kept for the next start, in %lld ms",
                  (long long)(clock_monotonic_ms() - began_ms));
    }
    return true;
}

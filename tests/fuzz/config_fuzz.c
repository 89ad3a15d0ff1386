/* Settings of a file: each is taken as it may be, or refused with its line. */
#include "config/config.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct task *t = task_new();
    struct config *config;
    str text = {(const char *)data, len};
    CHECK(config_load(t, t->mem, &config));
    if (!config_read_text(t, config, STR("weft.conf"), text)) {
        CHECK(t->err.code == ERR_CONFIG || t->err.code == ERR_INVALID || t->err.code == ERR_LIMIT);
        CHECK(t->err.message.len > 0 && t->err.place.line > 0);
    }
    for (int i = 0; i < SETTING_COUNT; i++)
        CHECK(str_is_utf8(config_text(config, (enum setting)i)) || !str_is_utf8(text));
    task_free(t);
    return 0;
}

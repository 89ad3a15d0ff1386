/* Settings of one server: default < file (`<home>/weft.conf`, `name = value`) < WEFT_<NAME> <
 * flag. */
#ifndef WEFT_CONFIG_H
#define WEFT_CONFIG_H

#include "task/task.h"

enum setting {
#define SETTING(name, type, fallback, least, most, unit, when, meaning) SETTING_##name,
#include "config/settings.def"
#undef SETTING
    SETTING_COUNT
};

struct config;

/* A config of defaults and the environment, owned by the arena. Fails on a bad value. A WEFT_
 * variable that is no setting is left alone: WEFT_HOME, WEFT_SERVER, WEFT_TOKEN, WEFT_SECRET_… mean
 * something elsewhere. */
MUST_CHECK bool config_load(struct task *t, struct arena *mem, struct config **out);
/* Reads a file of settings; a missing file is no error. Unknown names and bad values are, with
 * their line. */
MUST_CHECK bool config_read_file(struct task *t, struct config *config, str path);
/* The same of a text that stands there. */
MUST_CHECK bool config_read_text(struct task *t, struct config *config, str path, str text);
/* From a flag: the strongest. */
MUST_CHECK bool config_set(struct task *t, struct config *config, str name, str value);
str config_text(const struct config *config, enum setting setting);
int64_t config_int(const struct config *config, enum setting setting);
const char *config_name(enum setting setting);
str config_default(enum setting setting);
/* "default", "file", "environment" or "flag". */
const char *config_origin(const struct config *config, enum setting setting);
#define CONFIG_INT(config, name) config_int((config), SETTING_##name)
#define CONFIG_TEXT(config, name) config_text((config), SETTING_##name)

#endif

/* Plugins that must not load, and those of a newer and an older minor, that must: VARIANT says which. Its constructor leaves a mark, so that a
   test sees whether any code of it ran. */
#include "../../tensor.h"
#include <stdlib.h>
#include <string.h>

enum { NO_SYMBOL, OTHER_MAJOR, SMALL_RECORD, NO_MAGIC, INIT_FAILS, SMALL_TABLE, NEWER, PLANTED, OLDER };
__attribute__((constructor)) static void mark(void) {
    const char *ran = getenv("TN_TEST_MARK");
    if (VARIANT == PLANTED && ran) abort(); /* planted in the current folder: nobody may load it */
}
static int32_t count(void) { return 0; }
static tn_accel_status info(int32_t device, tn_accel_info *i, tn_accel_error *e) {
    (void)device, (void)i, (void)e;
    return TN_ACCEL_INVALID;
}
/* A table that a newer minor has grown at its end. */
static struct { tn_accel_api api; void *grown[4]; } table;
static tn_accel_status init(const tn_accel_host *host, const tn_accel_api **api, tn_accel_error *e) {
    (void)host;
    table.api.size = VARIANT == SMALL_TABLE ? 64 : VARIANT == OLDER ? (uint32_t)sizeof table.api : (uint32_t)sizeof table;
    table.api.abi = VARIANT == NEWER ? 7 : VARIANT == OLDER ? 0 : TN_ACCEL_MINOR;
    table.api.count = count;
    table.api.info = info;
    *api = &table.api;
    if (VARIANT != INIT_FAILS) return TN_ACCEL_OK;
    strcpy(e->message, "libnothing.so.1 is not there");
    return TN_ACCEL_NO_DRIVER;
}
#if VARIANT != 0
__attribute__((visibility("default"))) extern const struct grown { tn_accel_plugin plugin; void *more[2]; } tensor_accel_plugin_v1;
const struct grown tensor_accel_plugin_v1 = {
    {VARIANT == NO_MAGIC ? 1u : TN_ACCEL_MAGIC, VARIANT == OTHER_MAJOR ? 2u : TN_ACCEL_MAJOR, VARIANT == NEWER ? 7u : VARIANT == OLDER ? 0u : TN_ACCEL_MINOR,
     VARIANT == SMALL_RECORD ? 24u : (uint32_t)sizeof(struct grown), VARIANT == NEWER ? "newer" : VARIANT == OLDER ? "older" : "variant", "1", NULL, init, NULL},
    {NULL, NULL}};
#else
int tn_no_plugin(void);
int tn_no_plugin(void) { return init(NULL, NULL, NULL); }
#endif

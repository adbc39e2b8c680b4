/* kit: built programs, kept in the user's cache folder: $XDG_CACHE_HOME/tensor.h or ~/.cache/tensor.h (0700; TN_CACHE names another,
   an empty one turns it off). A file holds the driver's name and the whole text beside the program, and both must agree. */
#ifndef TN_KIT_CACHE_H
#define TN_KIT_CACHE_H
#include <errno.h>
#include <sys/auxv.h>
#include <unistd.h>
typedef struct { uint64_t magic, id, text, program; } kit_cache_head; /* lengths of what follows */
#define KIT_CACHE_MAGIC 0x314B434143544E54u /* "TNTCACK1" */
#define KIT_CACHE_MAX ((uint64_t)64 << 20)

static bool kit_cache_folder(char *path, size_t size) {
    const char *own = getenv("TN_CACHE"), *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int n = -1;
    if (getauxval(AT_SECURE)) return false;
    if (own) n = own[0] == '/' ? snprintf(path, size, "%s", own) : -1;
    else if (xdg && xdg[0] == '/') n = snprintf(path, size, "%s/tensor.h", xdg);
    else if (home && home[0] == '/') n = snprintf(path, size, "%s/.cache/tensor.h", home);
    if (n < 0 || (size_t)n + 64 > size) return false;
    for (char *s = path + 1; *s; s++) { /* the folders above, as far as they are missing */
        if (*s != '/') continue;
        *s = 0;
        const int made = mkdir(path, 0700);
        *s = '/';
        if (made != 0 && errno != EEXIST) return false;
    }
    struct stat at; /* what runs on the device comes from here: nobody else may write it */
    return (mkdir(path, 0700) == 0 || errno == EEXIST) && stat(path, &at) == 0 && at.st_uid == geteuid() && (at.st_mode & 022) == 0;
}
static bool kit_cache_path(const kit *k, const char *text, char *path, size_t size) {
    if (!k->cache[0] || !kit_cache_folder(path, size)) return false;
    const size_t at = strlen(path);
    const uint64_t a = kit_hash(text, strlen(text)), b = kit_hash(k->cache, strlen(k->cache));
    return snprintf(path + at, size - at, "/%016llx%016llx", (unsigned long long)a, (unsigned long long)b) < (int)(size - at);
}
/* The program that was built of this text before, in malloc'ed memory, or NULL. */
static void *kit_cache_get(const kit *k, const char *text, size_t *size) {
    char path[512];
    kit_cache_head h = {0, 0, 0, 0};
    const uint64_t id = strlen(k->cache), n = strlen(text);
    void *program = NULL;
    FILE *f = kit_cache_path(k, text, path, sizeof path) ? fopen(path, "rb") : NULL;
    if (!f) return NULL;
    char *same = (char *)malloc(id + n);
    bool ok = same && fread(&h, sizeof h, 1, f) == 1 && h.magic == KIT_CACHE_MAGIC && h.id == id && h.text == n && h.program > 0 && h.program < KIT_CACHE_MAX;
    ok = ok && fread(same, 1, id + n, f) == id + n && memcmp(same, k->cache, id) == 0 && memcmp(same + id, text, n) == 0;
    if (ok && (program = malloc(h.program + 1)) != NULL && fread(program, 1, h.program, f) != h.program) free(program), program = NULL;
    if (program) ((char *)program)[h.program] = 0;
    *size = (size_t)h.program;
    free(same);
    (void)fclose(f);
    return program;
}
static void kit_cache_put(const kit *k, const char *text, const void *program, size_t size) {
    char path[512], temp[544];
    if (!size || !kit_cache_path(k, text, path, sizeof path)) return;
    (void)snprintf(temp, sizeof temp, "%s.%ld", path, (long)getpid());
    const int fd = open(temp, O_WRONLY | O_CREAT | O_EXCL, 0600); /* for its mode; then as a stream */
    FILE *f = fd >= 0 && close(fd) == 0 ? fopen(temp, "wb") : NULL;
    if (!f) return;
    const kit_cache_head h = {KIT_CACHE_MAGIC, strlen(k->cache), strlen(text), size};
    bool ok = fwrite(&h, sizeof h, 1, f) == 1 && fwrite(k->cache, 1, h.id, f) == h.id && fwrite(text, 1, h.text, f) == h.text && fwrite(program, 1, size, f) == size;
    ok = fclose(f) == 0 && ok;
    if (!ok || rename(temp, path) != 0) (void)unlink(temp);
}
#endif

/* The pack of PTX that the plugin carries where it was built with PTX=1: tools/pack_kernels.py makes it, and says how it lies. A
   kernel is known by kit_hash and the length of its text. These 64 bits are enough: the pack is a part of the plugin, so nobody
   else chooses what is in it, and that another text has the key of one of a few thousand kernels is as good as impossible. */
typedef struct { uint64_t key; uint32_t length, group, at, size; } pack_kernel;
typedef struct { uint32_t at, bytes, inflated; } pack_group;
typedef struct { char magic[8]; uint32_t kernels, groups; } pack_head;
#ifdef TN_PTX_PACK
__asm__(".pushsection .rodata,\"a\",%progbits\n.balign 8\ntn_ptx_pack:\n.incbin \"" TN_PTX_PACK "\"\ntn_ptx_pack_end:\n.byte 0\n.popsection\n");
extern const unsigned char tn_ptx_pack[] __attribute__((visibility("hidden"))), tn_ptx_pack_end[] __attribute__((visibility("hidden")));
#else
static const unsigned char tn_ptx_pack[1], *const tn_ptx_pack_end = tn_ptx_pack;
#endif

static bool pack_find(const pack_kernel *all, uint32_t n, uint64_t key, size_t length, pack_kernel *found) {
    uint32_t low = 0;
    while (n) { /* the first of low to low + n that is not below */
        const uint32_t half = n / 2;
        if (all[low + half].key < key) low += half + 1, n -= half + 1;
        else n = half;
    }
    *found = all[low];
    return found->key == key && found->length == length;
}
/* Registers by number again: %f+ is the next one of its kind, %f-3 the one three before the newest. */
static bool pack_say(char *to, size_t size, const char *from) {
    uint32_t newest[27 * 27] = {0};
    size_t n = 0;
    while (*from && n < size) {
        const char *s = from;
        uint32_t kind = 0;
        if ((to[n++] = *from++) != '%') continue;
        for (s = from; *s >= 'a' && *s <= 'z' && s < from + 2; s++) kind = kind * 27 + (uint32_t)(*s - 'a' + 1);
        if (s == from || (*s != '+' && *s != '-')) continue;
        const uint32_t number = *s == '+' ? ++newest[kind] : newest[kind] - (uint32_t)strtoul(s + 1, NULL, 10);
        const int wrote = snprintf(to + n, size + 1 - n, "%.*s%u", (int)(s - from), from, (unsigned)number);
        n += wrote > 0 ? (size_t)wrote : size;
        for (from = s + 1; *s == '-' && *from >= '0' && *from <= '9';) from++;
    }
    if (n != size || *from) return false;
    to[n] = 0;
    return true;
}
/* The kernel's PTX in malloc'ed memory, or NULL where the pack has none. */
static char *pack_get(const char *text) {
    const size_t length = strlen(text);
    pack_head head;
    pack_kernel k;
    if ((uintptr_t)tn_ptx_pack_end - (uintptr_t)tn_ptx_pack < sizeof head) return NULL;
    memcpy(&head, tn_ptx_pack, sizeof head);
    const pack_kernel *kernels = (const pack_kernel *)(const void *)(tn_ptx_pack + sizeof head);
    const pack_group *groups = (const pack_group *)(const void *)(kernels + head.kernels);
    if (memcmp(head.magic, "TNPTX001", 8) != 0 || !head.kernels || !pack_find(kernels, head.kernels, kit_hash(text, length), length, &k)) return NULL;
    const pack_group g = groups[k.group];
    tn_scope scope = tn_scope_open();
    const tn_tensor *all = tn_inflate(tn_ptx_pack + g.at, g.bytes, g.inflated);
    char *ptx = all ? (char *)malloc((size_t)k.size + 1) : NULL;
    if (ptx && !pack_say(ptx, k.size, (const char *)all->data + k.at)) free(ptx), ptx = NULL;
    tn_scope_close(&scope);
    return ptx;
}

/* kit: order. A stable radix sort of keys with their places, which other families use too, and the rows of section sort. */
typedef struct { tn_accel_tensor t; int64_t n; } kit_array; /* u32s in scratch; stays where it was made */
static void kit_array_new(kit *k, kit_array *a, int64_t n) {
    a->n = n;
    kit_scratch(k, &a->t, TN_I32, &a->n);
}
/* A tensor whose elements can be moved as they are: complex64 as i64. False for 16 bytes an element. */
static bool kit_movable(tn_accel_tensor *r, const tn_accel_tensor *t) {
    *r = *t;
    if (t->dtype == TN_C64 && t->buffer) r->dtype = TN_I64;
    return !tn__is_complex((tn_dtype)r->dtype);
}
/* The operand in order, and in memory even where it is a number. */
static tn_accel_status kit_densely_in_memory(kit *k, kit_dense *d, const tn_accel_tensor *t) {
    if (t->buffer) return kit_densely(k, d, t);
    kit_dense_room(k, d, t);
    return kit_copy(k, &d->t, t);
}
/* What T is worth once a buffer of dtype has held it. */
static const char *kit_rounded_text(int32_t dtype) {
    switch (dtype) {
    case TN_BOOL: return "AS(i64, (v) != AS(i64, 0))";
    case TN_U8: return "AS(i64, AS(u8, v))";
    case TN_I8: return "AS(i64, AS(i8, v))";
    case TN_I16: return "AS(i64, AS(i16, v))";
    case TN_I32: return "AS(i64, AS(i32, v))";
    case TN_F16: return "from_f16(to_f16(v))";
    case TN_BF16: return "from_bf16(to_bf16(v))";
    default: return "(v)";
    }
}

/* -- sums of all before, in place; a level of totals for each factor of PER * GROUP -- */
#define KIT_PER 8
#define KIT_SCAN_LEVELS 8
typedef struct { int levels; kit_array sums[KIT_SCAN_LEVELS]; } kit_scan;
static int64_t kit_sort_tile(const kit *k) { return (int64_t)(k->group < 256 ? k->group : 256) * KIT_PER; }
static int64_t kit_parts(int64_t n, int64_t size) { return (n + size - 1) / size; }
static void kit_scan_new(kit *k, kit_scan *s, int64_t n) {
    s->levels = 0;
    while (n > kit_sort_tile(k) && s->levels < KIT_SCAN_LEVELS) {
        n = kit_parts(n, kit_sort_tile(k));
        kit_array_new(k, &s->sums[s->levels++], n);
    }
}
static tn_accel_status kit_scan_run(kit *k, const kit_scan *s, int level, const kit_array *a) {
    kit_launch l;
    const bool sums = level < s->levels;
    kit_begin(k, &l, "scan_tile", KIT_U32);
    kit_out_as(&l, "a", &a->t, KIT_U32);
    if (sums) kit_out_as(&l, "sums", &s->sums[level].t, KIT_U32);
    kit_const(&l, "SUMS", sums);
    kit_const(&l, "PER", KIT_PER);
    kit_size(&l, "COUNT", a->n);
    KIT_TRY(kit_go(&l, (uint64_t)kit_parts(a->n, kit_sort_tile(k))));
    if (!sums) return TN_ACCEL_OK;
    KIT_TRY(kit_scan_run(k, s, level + 1, &s->sums[level]));
    kit_begin(k, &l, "scan_add", KIT_U32);
    kit_out_as(&l, "a", &a->t, KIT_U32);
    kit_in_as(&l, "sums", &s->sums[level].t, KIT_U32);
    kit_const(&l, "PER", KIT_PER);
    kit_size(&l, "COUNT", a->n);
    return kit_go_items(&l, a->n);
}

/* -- rows of keys, of one or two words, with places; sorted from one side of the pair of arrays to the other -- */
typedef struct { int words, side; int64_t rows, len; kit_array key[2][2], at[2], table; kit_scan scan; } kit_order;
static void kit_order_new(kit *k, kit_order *o, int64_t rows, int64_t len, int words) {
    o->words = words;
    o->side = 0;
    o->rows = rows;
    o->len = len;
    for (int side = 0; side < 2; side++) {
        for (int w = 0; w < words; w++) kit_array_new(k, &o->key[side][w], rows * len);
        kit_array_new(k, &o->at[side], rows * len);
    }
    kit_array_new(k, &o->table, rows * kit_parts(len, kit_sort_tile(k)) * 256);
    kit_scan_new(k, &o->scan, o->table.n);
}
static void kit_order_sizes(kit_launch *l, const kit_order *o, int shift) {
    kit_const(l, "PER", KIT_PER);
    kit_size(l, "LEN", o->len);
    kit_size(l, "TILES", kit_parts(o->len, kit_sort_tile(l->k)));
    kit_size(l, "SHIFT", shift);
    kit_size(l, "ALL", o->table.n); /* not read: decides what I is */
}
static tn_accel_status kit_order_pass(kit *k, kit_order *o, int word, int shift) {
    const uint64_t groups = (uint64_t)(o->rows * kit_parts(o->len, kit_sort_tile(k)));
    const int from = o->side, to = !o->side;
    kit_launch l;
    kit_begin(k, &l, "radix_count", KIT_U32);
    kit_in_as(&l, "key", &o->key[from][word].t, KIT_U32);
    kit_out_as(&l, "table", &o->table.t, KIT_U32);
    kit_order_sizes(&l, o, shift);
    KIT_TRY(kit_go(&l, groups));
    KIT_TRY(kit_scan_run(k, &o->scan, 0, &o->table));
    kit_begin(k, &l, "radix_move", KIT_U32);
    kit_in_as(&l, "table", &o->table.t, KIT_U32);
    kit_in_as(&l, "at", &o->at[from].t, KIT_U32);
    kit_in_as(&l, "key0", &o->key[from][0].t, KIT_U32);
    kit_out_as(&l, "to_at", &o->at[to].t, KIT_U32);
    kit_out_as(&l, "to_key0", &o->key[to][0].t, KIT_U32);
    if (o->words > 1) kit_in_as(&l, "key1", &o->key[from][1].t, KIT_U32), kit_out_as(&l, "to_key1", &o->key[to][1].t, KIT_U32);
    kit_const(&l, "WORDS_OF_KEY", o->words);
    kit_text(&l, "KEY(i)", word ? "LD(key1, i)" : "LD(key0, i)");
    kit_order_sizes(&l, o, shift);
    o->side = to;
    return kit_go(&l, groups);
}

/* -- values: how their bits become keys, and where they lie: len in a row, rows = outer * inner -- */
typedef struct { tn_accel_tensor x, values, indices; kit_type index_as; int form, mantissa; bool descending; int64_t rows, len, inner, taken; } kit_sorting;
static void kit_sort_form(kit_launch *l, const kit_sorting *s) {
    const int64_t bits = 8 * (int64_t)kit_size_of(s->x.dtype);
    kit_const(l, "FORM", s->form);
    kit_const(l, "MANTISSA", s->mantissa);
    kit_const(l, "BITS", bits == 64 ? 64 : s->form ? bits : 32);
    kit_const(l, "DESCENDING", s->descending);
    kit_text(l, "WORD", bits == 64 ? "u64" : "u32");
    kit_size(l, "LEN", s->len);
    kit_size(l, "INNER", s->inner);
    kit_size(l, "TAKEN", s->taken);
    kit_size(l, "ALL", s->rows * s->len);
}
#define KIT_SHORT 1024
static tn_accel_status kit_sort_short(kit *k, const kit_sorting *s) {
    const kit_type raw = kit_raw_type(s->x.dtype);
    kit_launch l;
    kit_begin(k, &l, "sort_short", raw);
    int64_t size = 2;
    while (size < s->len) size *= 2;
    const int64_t span = size > 2 * (int64_t)l.group ? size : 2 * (int64_t)l.group;
    kit_in_as(&l, "x", &s->x, raw);
    kit_out_as(&l, "values", &s->values, raw);
    kit_out_as(&l, "indices", &s->indices, s->index_as);
    kit_sort_form(&l, s);
    kit_const(&l, "SIZE", size);
    kit_const(&l, "SPAN", span);
    kit_size(&l, "ROWS", s->rows);
    return kit_go(&l, (uint64_t)kit_parts(s->rows, span / size));
}
static tn_accel_status kit_sort_long(kit *k, const kit_sorting *s) {
    const kit_type raw = kit_raw_type(s->x.dtype);
    const int bytes = (int)kit_size_of(s->x.dtype);
    kit_order o;
    kit_launch l;
    kit_order_new(k, &o, s->rows, s->len, bytes == 8 ? 2 : 1);
    kit_begin(k, &l, "sort_keys", raw);
    kit_in_as(&l, "x", &s->x, raw);
    kit_out_as(&l, "at", &o.at[0].t, KIT_U32);
    kit_out_as(&l, "key0", &o.key[0][0].t, KIT_U32);
    if (bytes == 8) kit_out_as(&l, "key1", &o.key[0][1].t, KIT_U32);
    kit_sort_form(&l, s);
    kit_size(&l, "COUNT", s->rows * s->len);
    KIT_TRY(kit_go_items(&l, s->rows * s->len));
    for (int b = 0; b < bytes; b++) KIT_TRY(kit_order_pass(k, &o, b / 4, b % 4 * 8));
    kit_begin(k, &l, "sort_emit", raw);
    kit_in_as(&l, "x", &s->x, raw);
    kit_in_as(&l, "at", &o.at[o.side].t, KIT_U32);
    kit_out_as(&l, "values", &s->values, raw);
    kit_out_as(&l, "indices", &s->indices, s->index_as);
    kit_size(&l, "LEN", s->len);
    kit_size(&l, "INNER", s->inner);
    kit_size(&l, "TAKEN", s->taken);
    kit_size(&l, "ALL", s->rows * s->len);
    kit_size(&l, "COUNT", s->rows * s->taken);
    return kit_go_items(&l, s->rows * s->taken);
}
/* The keys of side 0, below limit, in order; few of them in one launch. */
static tn_accel_status kit_order_run(kit *k, kit_order *o, uint64_t limit) {
    const kit_sorting s = {o->key[0][0].t, o->key[1][0].t, o->at[1].t, KIT_U32, 0, 0, false, o->rows, o->len, 1, o->len};
    if (o->len <= KIT_SHORT && o->words == 1) {
        o->side = 1;
        return kit_sort_short(k, &s);
    }
    for (int shift = 0; shift < 32 && (limit - 1) >> shift; shift += 8) KIT_TRY(kit_order_pass(k, o, 0, shift));
    return TN_ACCEL_OK;
}

/* -- rows -- */
static tn_accel_status kit_op_sort(kit *k, const tn_accel_call *c) {
    KIT_ATTR(tn__attr_dim, a, c);
    const tn_accel_tensor *x = &c->in[0];
    kit_sorting s;
    kit_dense in, values, indices;
    int64_t outer;
    memset(&s, 0, sizeof s);
    kit_split(x, a->dim, &outer, &s.len, &s.inner);
    s.rows = outer * s.inner;
    if (tn__is_complex((tn_dtype)x->dtype) || (s.len && s.rows > INT32_MAX / s.len)) return TN_ACCEL_UNSUPPORTED; /* places are u32 */
    s.taken = a->v[0] < 0 || !x->ndim ? s.len : a->v[0];
    if (kit_numel(&c->out[0]) == 0) return TN_ACCEL_OK;
    KIT_TRY(kit_densely_in_memory(k, &in, x));
    kit_dense_out(k, &values, &c->out[0]);
    kit_dense_out(k, &indices, &c->out[1]);
    s.x = in.t;
    s.values = values.t;
    s.indices = indices.t;
    s.index_as = KIT_U64;
    s.form = tn__is_float((tn_dtype)x->dtype) ? 2 : x->dtype == TN_BOOL || x->dtype == TN_U8 ? 0 : 1;
    s.mantissa = x->dtype == TN_F16 ? 10 : x->dtype == TN_BF16 ? 7 : x->dtype == TN_F32 ? 23 : x->dtype == TN_F64 ? 52 : 0;
    s.descending = a->v[1] != 0;
    KIT_TRY(s.len <= KIT_SHORT ? kit_sort_short(k, &s) : kit_sort_long(k, &s));
    KIT_TRY(kit_dense_back(k, &values, &c->out[0]));
    return kit_dense_back(k, &indices, &c->out[1]);
}
static tn_dtype kit_common_dtype(const tn_accel_tensor *x, const tn_accel_tensor *y) {
    const tn_accel_tensor *const from[2] = {x, y};
    tn_tensor t[2], *pair[2] = {&t[0], &t[1]};
    memset(t, 0, sizeof t);
    for (int i = 0; i < 2; i++) {
        t[i].dtype = (uint8_t)from[i]->dtype;
        t[i].ndim = (uint8_t)from[i]->ndim;
        t[i].flags = from[i]->flags & TN_ACCEL_WEAK ? TN__WRAPPED : 0;
    }
    return tn__result_type(pair, 2);
}
static tn_accel_status kit_op_searchsorted(kit *k, const tn_accel_call *c) {
    KIT_ATTR(tn__attr_dim, a, c);
    const tn_accel_tensor *s = &c->in[0], *v = &c->in[1];
    const bool has_sorter = c->n_in > 2 && !kit_absent(&c->in[2]);
    const int64_t n = kit_numel(v), last = v->ndim ? v->shape[v->ndim - 1] : 1;
    const tn_dtype dt = kit_common_dtype(s, v);
    kit_dense sorted, values, sorter, out;
    kit_launch l;
    if (tn__is_complex(dt)) return TN_ACCEL_UNSUPPORTED;
    KIT_TRY(kit_densely(k, &sorted, s));
    KIT_TRY(kit_densely(k, &values, v));
    if (has_sorter) KIT_TRY(kit_densely(k, &sorter, &c->in[2]));
    kit_dense_out(k, &out, &c->out[0]);
    kit_begin(k, &l, "searchsorted", kit_compute((int32_t)dt));
    kit_in(&l, "sorted", &sorted.t);
    kit_in(&l, "values", &values.t);
    if (has_sorter) kit_in_as(&l, "sorter", &sorter.t, KIT_I64), kit_flag(&l);
    kit_out_as(&l, "o", &out.t, KIT_I64);
    kit_const(&l, "SORTER", has_sorter);
    kit_const(&l, "RIGHT", a->v[0] != 0);
    kit_text(&l, "ROUNDED(v)", kit_rounded_text((int32_t)dt));
    kit_size(&l, "COUNT", n);
    kit_size(&l, "PER", s->ndim == 1 ? (n ? n : 1) : (last ? last : 1));
    kit_size(&l, "LEN", s->shape[s->ndim - 1]);
    kit_size(&l, "ALL", kit_numel(s));
    KIT_TRY(kit_go_items(&l, n));
    return kit_dense_back(k, &out, &c->out[0]);
}
#define KIT_OPS_SORT(X) X(sort, sort) X(topk, sort) X(searchsorted, searchsorted)

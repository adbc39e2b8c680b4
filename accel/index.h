/* kit: the rows of section index. Where several sources reach one place they are sorted by it, and one work item joins them in
   their order, so that results do not depend on timing. */
#define KIT_NAMES(a) {a "0", a "1", a "2", a "3", a "4", a "5", a "6", a "7"}
static const char *const kit_step_x[TN_MAX_DIMS] = KIT_NAMES("SX"), *const kit_step_index[TN_MAX_DIMS] = KIT_NAMES("SI"), *const kit_step_y[TN_MAX_DIMS] = KIT_NAMES("SY");
static int64_t kit_span(const tn_accel_tensor *t) { /* one more than the last element's place */
    int64_t n = 1;
    for (int d = 0; d < t->ndim && t->buffer; d++)
        if (t->shape[d] > 0) n += (t->shape[d] - 1) * t->strides[d];
    return n;
}
/* Where no element would look at the index, or all is to be checked before anything is written: wrong tells that, if it is given. */
static tn_accel_status kit_index_check(kit *k, const tn_accel_tensor *index, int64_t limit, const kit_array *wrong) {
    kit_launch l;
    kit_dense d;
    if (kit_numel(index) == 0) return TN_ACCEL_OK;
    KIT_TRY(kit_densely(k, &d, index));
    kit_begin(k, &l, "index_check", KIT_I64);
    kit_in_as(&l, "index", &d.t, KIT_I64);
    if (wrong) kit_out_as(&l, "wrong", &wrong->t, KIT_U32);
    kit_const(&l, "GUARDS", wrong != NULL);
    kit_flag(&l);
    kit_size(&l, "LIMIT", limit);
    kit_size(&l, "COUNT", kit_numel(index));
    return kit_go_items(&l, kit_numel(index));
}

/* -- elements by index: index_select, gather, embedding. Dims from the inmost, with the steps in x and in index. -- */
typedef struct { tn_accel_tensor x, index, out; int ndim; int64_t size[TN_MAX_DIMS], x_step[TN_MAX_DIMS], index_step[TN_MAX_DIMS], gathered, limit; } kit_taking;
static void kit_take_dim(kit_taking *t, int64_t size, int64_t x_step, int64_t index_step) {
    const int d = t->ndim - 1;
    if (size == 1) return;
    if (d >= 0 && x_step == t->x_step[d] * t->size[d] && index_step == t->index_step[d] * t->size[d]) {
        t->size[d] *= size;
        return;
    }
    t->size[t->ndim] = size;
    t->x_step[t->ndim] = x_step;
    t->index_step[t->ndim++] = index_step;
}
/* Two neighbours that go together are one element of twice the size, up to 8 bytes. */
static void kit_take_wider(kit_taking *t) {
    while (t->ndim && t->x_step[0] == 1 && t->index_step[0] == 0 && kit_size_of(t->x.dtype) < 8) {
        const size_t size = 2 * kit_size_of(t->x.dtype);
        bool even = t->size[0] % 2 == 0 && t->gathered % 2 == 0 && t->x.offset % size == 0 && t->out.offset % size == 0;
        for (int d = 1; d < t->ndim; d++) even = even && t->x_step[d] % 2 == 0;
        if (!even) return;
        t->size[0] /= 2;
        t->gathered /= 2;
        for (int d = 1; d < t->ndim; d++) t->x_step[d] /= 2;
        t->x.dtype = t->out.dtype = size == 2 ? TN_I16 : size == 4 ? TN_I32 : TN_I64;
    }
}
static tn_accel_status kit_take(kit *k, kit_taking *t, const tn_accel_tensor *result) {
    kit_launch l;
    kit_dense out;
    tn_accel_tensor plain;
    if (!kit_movable(&t->x, &t->x) || !kit_movable(&plain, result)) return TN_ACCEL_UNSUPPORTED;
    if (kit_numel(result) == 0) return kit_index_check(k, &t->index, t->limit, NULL);
    kit_dense_out(k, &out, &plain);
    t->out = out.t;
    const int64_t reach = kit_span(&t->x);
    kit_take_wider(t);
    int64_t n = 1;
    for (int d = 0; d < t->ndim; d++) n *= t->size[d];
    const kit_type raw = kit_raw_type(t->x.dtype);
    kit_begin(k, &l, "take", raw);
    kit_in_as(&l, "x", &t->x, raw);
    kit_in_as(&l, "index", &t->index, KIT_I64);
    kit_out_as(&l, "o", &t->out, raw);
    kit_flag(&l);
    kit_const(&l, "NDIM", t->ndim);
    kit_size(&l, "COUNT", n);
    kit_size(&l, "LIMIT", t->limit);
    kit_size(&l, "GATHERED", t->gathered);
    kit_size(&l, "REACH", reach);
    kit_size(&l, "INDEX_REACH", kit_span(&t->index));
    for (int d = 0; d < t->ndim; d++) {
        kit_size(&l, kit_pw_sizes[d], t->size[d]);
        kit_size(&l, kit_step_x[d], t->x_step[d]);
        kit_size(&l, kit_step_index[d], t->index_step[d]);
    }
    KIT_TRY(kit_go_items(&l, n));
    return kit_dense_back(k, &out, &plain);
}
static tn_accel_status kit_take_begin(kit *k, kit_taking *t, kit_dense *x, const tn_accel_call *c, int at_x, int at_index) {
    memset(t, 0, sizeof *t);
    if (c->in[at_x].dtype == TN_C128) return TN_ACCEL_UNSUPPORTED;
    x->t = c->in[at_x];
    if (!x->t.buffer) KIT_TRY(kit_densely_in_memory(k, x, &c->in[at_x]));
    t->x = x->t;
    t->index = c->in[at_index];
    return TN_ACCEL_OK;
}
static int64_t kit_step(const tn_accel_tensor *t, int d) { return t->buffer && d >= 0 && d < t->ndim ? t->strides[d] : 0; }
static tn_accel_status kit_op_gather(kit *k, const tn_accel_call *c) { /* index_select too, whose index is of one dim */
    KIT_ATTR(tn__attr_dim, a, c);
    kit_taking t;
    kit_dense x;
    KIT_TRY(kit_take_begin(k, &t, &x, c, 0, 1));
    const bool select = c->op == KIT_ID_index_select;
    const tn_accel_tensor *out = &c->out[0];
    t.limit = t.x.ndim ? t.x.shape[a->dim] : 1;
    t.gathered = kit_step(&t.x, a->dim);
    for (int d = out->ndim - 1; d >= 0; d--)
        kit_take_dim(&t, out->shape[d], d == a->dim ? 0 : kit_step(&t.x, d), select ? (d == a->dim ? kit_step(&t.index, 0) : 0) : kit_step(&t.index, d));
    return kit_take(k, &t, out);
}
static tn_accel_status kit_op_embedding(kit *k, const tn_accel_call *c) { /* its attributes are for the gradient */
    KIT_ATTR(tn__attr_dim, a, c);
    kit_taking t;
    kit_dense w;
    (void)a;
    KIT_TRY(kit_take_begin(k, &t, &w, c, 1, 0));
    t.limit = t.x.shape[0];
    t.gathered = t.x.strides[0];
    kit_take_dim(&t, t.x.shape[1], t.x.strides[1], 0);
    for (int d = t.index.ndim - 1; d >= 0; d--) kit_take_dim(&t, t.index.shape[d], 0, kit_step(&t.index, d));
    return kit_take(k, &t, &c->out[0]);
}

/* -- sources by place -- */
enum { KIT_SET = TN__SC_SET, KIT_SUM = TN__SC_SUM, KIT_MEAN = TN__SC_MEAN }; /* kernels/index.k has the numbers */
typedef struct { tn_accel_tensor y, src; int mode; bool alone, scaled; double alpha; const kit_array *wrong; } kit_joining;
/* What the kernels that join are given; a mode that sets moves elements as they are. */
static void kit_join_begin(kit *k, kit_launch *l, const char *kernel, const kit_joining *j) {
    const bool raw = j->mode == KIT_SET && j->src.buffer;
    const kit_type type = raw ? kit_raw_type(j->y.dtype) : kit_compute(j->y.dtype);
    kit_begin(k, l, kernel, type);
    kit_out_as(l, "y", &j->y, raw ? type : KIT_T);
    kit_in_as(l, "src", &j->src, raw ? type : KIT_T);
    kit_const(l, "MODE", j->mode);
    kit_const(l, "ALONE", j->alone);
    kit_const(l, "SCALED", j->scaled);
    kit_text(l, "ROUNDED(v)", raw ? "(v)" : kit_rounded_text(j->y.dtype));
    if (j->scaled) kit_real(l, "ALPHA", j->alpha);
    if (j->wrong) kit_in_as(l, "wrong", &j->wrong->t, KIT_U32);
    kit_text(l, "ALLOWED", j->wrong ? "LD(wrong, 0u) == 0u" : "true");
}
/* Keys of n sources: first + the steps of their dims + what index says times gathered. */
typedef struct { tn_accel_tensor index; int64_t index_step, limit, gathered, first, places; int ndim; const int64_t *shape, *step; } kit_placing;
static tn_accel_status kit_place(kit *k, kit_order *o, const kit_placing *p, int64_t n) {
    kit_launch l;
    kit_begin(k, &l, "scatter_keys", KIT_I64);
    kit_in_as(&l, "index", &p->index, KIT_I64);
    kit_out_as(&l, "key", &o->key[0][0].t, KIT_U32);
    kit_out_as(&l, "at", &o->at[0].t, KIT_U32);
    kit_flag(&l);
    kit_const(&l, "NDIM", p->ndim);
    kit_size(&l, "COUNT", n);
    kit_size(&l, "FIRST", p->first);
    kit_size(&l, "PLACES", p->places);
    kit_size(&l, "LIMIT", p->limit);
    kit_size(&l, "GATHERED", p->gathered);
    kit_size(&l, "INDEX_STEP", p->index_step);
    kit_size(&l, "INDEX_REACH", n * p->index_step);
    for (int d = 0; d < p->ndim; d++) {
        kit_size(&l, kit_pw_sizes[d], p->shape[p->ndim - 1 - d]);
        kit_size(&l, kit_step_y[d], p->step[p->ndim - 1 - d]);
    }
    KIT_TRY(kit_go_items(&l, n));
    return kit_order_run(k, o, (uint64_t)p->places + 1);
}
static tn_accel_status kit_segment_first(kit *k, const kit_order *o, const kit_array *first) {
    kit_launch l;
    kit_begin(k, &l, "segment_first", KIT_U32);
    kit_in_as(&l, "key", &o->key[o->side][0].t, KIT_U32);
    kit_out_as(&l, "first", &first->t, KIT_U32);
    kit_size(&l, "SOURCES", o->len);
    kit_size(&l, "COUNT", first->n);
    return kit_go_items(&l, first->n);
}
#define KIT_LONG 64
/* y[outer, places, inner] joined with src[outer, n, inner] along the dim that p describes. */
static tn_accel_status kit_join(kit *k, const kit_joining *j, const kit_placing *p, int64_t outer, int64_t n, int64_t inner) {
    const bool by_place = p->places <= n;
    const bool by_group = by_place && j->mode != KIT_SET && inner < 32 && n / KIT_LONG >= p->places; /* few items would walk far */
    const int64_t segments = by_place ? p->places : n, items = outer * segments * inner;
    kit_order o;
    kit_array first;
    kit_launch l;
    if (n > INT32_MAX || p->places >= INT32_MAX) return TN_ACCEL_UNSUPPORTED; /* keys are u32 */
    kit_order_new(k, &o, 1, n, 1);
    kit_array_new(k, &first, by_place ? p->places + 1 : 1);
    KIT_TRY(kit_place(k, &o, p, n));
    if (by_place) KIT_TRY(kit_segment_first(k, &o, &first));
    kit_join_begin(k, &l, by_group ? "segments_long" : "segments", j);
    kit_in_as(&l, "at", &o.at[o.side].t, KIT_U32);
    if (by_place) kit_in_as(&l, "first", &first.t, KIT_U32);
    else kit_in_as(&l, "key", &o.key[o.side][0].t, KIT_U32);
    kit_const(&l, "BY_PLACE", by_place);
    kit_size(&l, "COUNT", items);
    kit_size(&l, "SEGMENTS", segments);
    kit_size(&l, "SOURCES", n);
    kit_size(&l, "PLACES", p->places);
    kit_size(&l, "INNER", inner);
    kit_size(&l, "Y_REACH", kit_numel(&j->y));
    kit_size(&l, "SRC_REACH", outer * n * inner);
    return by_group ? kit_go(&l, (uint64_t)items) : kit_go_items(&l, items);
}

/* -- rows that write into a copy of their first operand, or into it -- */
static tn_accel_status kit_result(kit *k, kit_dense *y, const tn_accel_call *c) {
    kit_dense_out(k, y, &c->out[0]);
    return c->in_place && kit_contiguous(&c->out[0]) ? TN_ACCEL_OK : kit_copy(k, &y->t, &c->in[0]);
}
/* In place nothing may be written when an index is wrong. */
static tn_accel_status kit_guard(kit *k, const tn_accel_call *c, kit_joining *j, kit_array *wrong, int64_t limit) {
    if (!c->in_place) return TN_ACCEL_OK;
    kit_array_new(k, wrong, 1);
    j->wrong = wrong;
    KIT_TRY(kit_fill(k, &wrong->t, 0));
    return kit_index_check(k, &c->in[1], limit, wrong);
}
static tn_accel_status kit_op_index_add(kit *k, const tn_accel_call *c) {
    KIT_ATTR(tn__attr_dim, a, c);
    const tn_accel_tensor *x = &c->in[0], *index = &c->in[1];
    const int64_t n = kit_numel(index);
    kit_joining j = {*x, *x, c->op == KIT_ID_index_add ? KIT_SUM : KIT_SET, false, false, 0, NULL};
    kit_dense y, src;
    kit_array wrong;
    int64_t outer, places, inner;
    if (x->dtype == TN_C128 || c->in[2].dtype == TN_C128) return TN_ACCEL_UNSUPPORTED;
    kit_split(x, a->dim, &outer, &places, &inner);
    memcpy(&j.alpha, &a->v[0], sizeof j.alpha);
    j.scaled = j.mode == KIT_SUM && j.alpha != 1;
    KIT_TRY(kit_result(k, &y, c));
    KIT_TRY(kit_densely(k, &src, &c->in[2]));
    if (!kit_movable(&j.y, &y.t) || !kit_movable(&j.src, &src.t)) return TN_ACCEL_UNSUPPORTED;
    KIT_TRY(kit_guard(k, c, &j, &wrong, places));
    const kit_placing p = {*index, kit_step(index, 0), places, 1, 0, places, 0, NULL, NULL};
    if (outer * inner == 0 || places == 0) KIT_TRY(kit_index_check(k, index, places, NULL));
    else if (n) KIT_TRY(kit_join(k, &j, &p, outer, n, inner));
    return kit_dense_back(k, &y, &c->out[0]);
}
#define KIT_LINE 32
/* The sources along the dim are few: no sort. */
static tn_accel_status kit_join_lines(kit *k, const kit_joining *j, const kit_placing *p, int64_t n, int64_t line, int64_t inner) {
    kit_launch l;
    kit_join_begin(k, &l, "scatter_lines", j);
    kit_in_as(&l, "index", &p->index, KIT_I64);
    kit_flag(&l);
    kit_const(&l, "NDIM", p->ndim);
    kit_size(&l, "COUNT", n);
    kit_size(&l, "LINE", line);
    kit_size(&l, "INNER", inner);
    kit_size(&l, "LIMIT", p->limit);
    kit_size(&l, "GATHERED", p->gathered);
    kit_size(&l, "PLACES", p->places);
    for (int d = 0; d < p->ndim; d++) {
        kit_size(&l, kit_pw_sizes[d], p->shape[p->ndim - 1 - d]);
        kit_size(&l, kit_step_y[d], p->step[p->ndim - 1 - d]);
    }
    return kit_go_items(&l, n);
}
/* The part of the source that index reaches, in order and of y's dtype; a number stays one. */
static tn_accel_status kit_scatter_source(kit *k, kit_dense *src, const tn_accel_tensor *from, const tn_accel_tensor *index, int32_t dtype) {
    int64_t steps[TN_MAX_DIMS];
    tn_accel_tensor part = *from;
    src->t = *from;
    if (!from->buffer) return TN_ACCEL_OK;
    part.ndim = index->ndim;
    part.shape = index->shape;
    part.strides = steps;
    for (int d = 0; d < index->ndim; d++) steps[d] = kit_step(from, d);
    if (kit_contiguous(&part) && from->dtype == dtype) {
        src->t = part;
        src->t.strides = src->strides; /* not read: it is in order */
        return TN_ACCEL_OK;
    }
    part.dtype = dtype;
    kit_dense_room(k, src, &part);
    part.dtype = from->dtype;
    return kit_copy(k, &src->t, &part);
}
/* Is index a vector along dim, expanded to all of x's other dims? Then whole slices go, and n keys are sorted, not all of them. */
static bool kit_scatters_slices(const tn_accel_tensor *x, const tn_accel_tensor *index, int dim) {
    for (int d = 0; d < index->ndim; d++)
        if (d != dim && ((index->shape[d] != 1 && index->strides[d] != 0) || d >= x->ndim || index->shape[d] != x->shape[d])) return false;
    return index->buffer && index->ndim > 1;
}
static tn_accel_status kit_scatter_elements(kit *k, const kit_joining *j, const tn_accel_tensor *index, int dim) {
    const tn_accel_tensor *y = &j->y;
    int64_t steps[TN_MAX_DIMS], step = 1, outer, line, inner;
    kit_dense in;
    KIT_TRY(kit_densely(k, &in, index));
    kit_placing p = {in.t, 1, y->ndim ? y->shape[dim] : 1, 0, 0, kit_numel(y), index->ndim, index->shape, steps};
    for (int d = 0; d < index->ndim; d++) steps[d] = 0;
    for (int d = y->ndim - 1; d >= 0; step *= y->shape[d], d--) {
        if (d == dim) p.gathered = step;
        else if (d < index->ndim) steps[d] = step;
    }
    kit_split(index, dim, &outer, &line, &inner);
    return line <= KIT_LINE ? kit_join_lines(k, j, &p, kit_numel(index), line, inner) : kit_join(k, j, &p, 1, kit_numel(index), 1);
}
static tn_accel_status kit_op_scatter(kit *k, const tn_accel_call *c) {
    KIT_ATTR(tn__attr_dim, a, c);
    const tn_accel_tensor *x = &c->in[0];
    const int64_t n = kit_numel(&c->in[1]);
    int64_t outer, line, inner;
    kit_joining j = {*x, *x, (int)a->v[1], a->v[2] != 0, false, 0, NULL};
    kit_dense y, src;
    kit_array wrong;
    if (x->dtype == TN_C128 || c->in[2].dtype == TN_C128 || (int)a->v[1] < KIT_SET || (int)a->v[1] > TN__SC_AMIN) return TN_ACCEL_UNSUPPORTED;
    KIT_TRY(kit_result(k, &y, c));
    if (n == 0) return kit_dense_back(k, &y, &c->out[0]);
    KIT_TRY(kit_scatter_source(k, &src, &c->in[2], &c->in[1], x->dtype));
    if (!kit_movable(&j.y, &y.t) || !kit_movable(&j.src, &src.t)) return TN_ACCEL_UNSUPPORTED;
    kit_split(&c->in[1], a->dim, &outer, &line, &inner);
    KIT_TRY(kit_guard(k, c, &j, &wrong, x->ndim ? x->shape[a->dim] : 1));
    if (line > KIT_LINE && kit_scatters_slices(x, &c->in[1], a->dim)) {
        const kit_placing slices = {c->in[1], c->in[1].strides[a->dim], x->shape[a->dim], 1, 0, x->shape[a->dim], 0, NULL, NULL};
        KIT_TRY(kit_join(k, &j, &slices, outer, line, inner));
        return kit_dense_back(k, &y, &c->out[0]);
    }
    KIT_TRY(kit_scatter_elements(k, &j, &c->in[1], a->dim));
    return kit_dense_back(k, &y, &c->out[0]);
}

/* -- compressed rows; the transpose's are made of its entries sorted by column -- */
typedef struct { tn_accel_tensor crow, col, x, y; const tn_accel_tensor *value, *at; int64_t entries, limit; } kit_sparse;
static tn_accel_status kit_sparse_run(kit *k, const kit_sparse *s, kit_type index_as) {
    static const int64_t none = 1;
    kit_launch l;
    tn_accel_tensor one = s->x;
    const int64_t n = kit_numel(&s->y);
    const double v = 1;
    if (!s->value) { /* a number of its own */
        memset(&one, 0, sizeof one);
        one.dtype = TN_F64;
        one.shape = one.strides = &none;
        memcpy(one.value, &v, sizeof v);
    }
    kit_begin(k, &l, "sparse_mm", kit_compute(s->y.dtype));
    kit_in_as(&l, "crow", &s->crow, index_as);
    kit_in_as(&l, "col", &s->col, index_as);
    if (s->at) kit_in_as(&l, "at", s->at, KIT_U32);
    kit_in(&l, "x", &s->x);
    kit_in(&l, "value", s->value ? s->value : &one);
    kit_out(&l, "y", &s->y);
    kit_const(&l, "SORTED", s->at != NULL);
    kit_size(&l, "COUNT", n);
    kit_size(&l, "WIDTH", s->x.shape[1]);
    kit_size(&l, "ENTRIES", s->entries);
    kit_size(&l, "LIMIT", s->limit);
    kit_size(&l, "REACH", kit_numel(&s->x));
    return kit_go_items(&l, n);
}
static tn_accel_status kit_crow_check(kit *k, const tn_accel_tensor *crow, int64_t entries) {
    kit_launch l;
    kit_begin(k, &l, "crow_check", KIT_I64);
    kit_in_as(&l, "crow", crow, KIT_I64);
    kit_flag(&l);
    kit_size(&l, "ENTRIES", entries);
    kit_size(&l, "COUNT", kit_numel(crow));
    return kit_go_items(&l, kit_numel(crow));
}
static tn_accel_status kit_crow_rows(kit *k, const tn_accel_tensor *crow, const kit_array *row) {
    kit_launch l;
    kit_begin(k, &l, "crow_rows", KIT_I64);
    kit_in_as(&l, "crow", crow, KIT_I64);
    kit_out_as(&l, "row", &row->t, KIT_U32);
    kit_size(&l, "ROWS", kit_numel(crow) - 1);
    kit_size(&l, "COUNT", row->n);
    return kit_go_items(&l, row->n);
}
static tn_accel_status kit_sparse_transposed(kit *k, kit_sparse *s) {
    const int64_t places = s->y.shape[0];
    kit_order o;
    kit_array first, row;
    if (s->entries == 0 || places == 0) return kit_fill(k, &s->y, 0);
    if (s->entries > INT32_MAX || places >= INT32_MAX || kit_numel(&s->crow) > INT32_MAX) return TN_ACCEL_UNSUPPORTED; /* keys are u32 */
    kit_order_new(k, &o, 1, s->entries, 1);
    kit_array_new(k, &first, places + 1);
    kit_array_new(k, &row, s->entries);
    const kit_placing p = {s->col, 1, places, 1, 0, places, 0, NULL, NULL};
    KIT_TRY(kit_crow_rows(k, &s->crow, &row));
    KIT_TRY(kit_place(k, &o, &p, s->entries));
    KIT_TRY(kit_segment_first(k, &o, &first));
    s->crow = first.t;
    s->col = row.t;
    s->at = &o.at[o.side].t;
    s->limit = s->x.shape[0];
    return kit_sparse_run(k, s, KIT_U32);
}
static tn_accel_status kit_op_sparse_mm(kit *k, const tn_accel_call *c) {
    KIT_ATTR(tn__attr_dim, a, c);
    (void)a; /* the transpose's columns are the result's shape */
    const bool transposed = c->op == KIT_ID_sparse_mm_t, has_value = c->n_in > 3 && !kit_absent(&c->in[3]);
    kit_dense crow, col, x, value, y;
    if (tn__is_complex((tn_dtype)c->in[2].dtype)) return TN_ACCEL_UNSUPPORTED;
    KIT_TRY(kit_densely(k, &crow, &c->in[0]));
    KIT_TRY(kit_densely(k, &col, &c->in[1]));
    KIT_TRY(kit_densely(k, &x, &c->in[2]));
    if (has_value) KIT_TRY(kit_densely(k, &value, &c->in[3]));
    kit_dense_out(k, &y, &c->out[0]);
    const int64_t limit = transposed ? c->out[0].shape[0] : c->in[2].shape[0];
    kit_sparse s = {crow.t, col.t, x.t, y.t, has_value ? &value.t : NULL, NULL, kit_numel(&c->in[1]), limit};
    KIT_TRY(kit_crow_check(k, &crow.t, s.entries));
    KIT_TRY(kit_index_check(k, &col.t, limit, NULL));
    KIT_TRY(transposed ? kit_sparse_transposed(k, &s) : kit_sparse_run(k, &s, KIT_I64));
    return kit_dense_back(k, &y, &c->out[0]);
}
#define KIT_OPS_INDEX(X) X(index_select, gather) X(gather, gather) X(embedding, embedding) X(index_add, index_add) X(index_copy, index_add) X(scatter, scatter) \
    X(scatter_add, scatter) X(scatter_reduce, scatter) X(sparse_mm, sparse_mm) X(sparse_mm_t, sparse_mm)

/* kit: the rows of section reduce. What is left and what goes are two lists of dims, joined where memory allows; a row is one place
   of the first over all of the second. Where neighbours along a row are neighbours in memory, work items share a row (reduce_rows);
   where rows lie side by side, they take a row each (reduce_columns). Long rows are cut into pieces, which a second launch joins:
   how many depends on shapes alone. */
enum { KIT_BY_SUM, KIT_BY_PROD, KIT_BY_AMAX, KIT_BY_AMIN, KIT_BY_COUNT, KIT_BY_ARGMAX, KIT_BY_ARGMIN };                /* IS_… in kernels */
enum { KIT_TO_VALUE, KIT_TO_MEAN, KIT_TO_COUNT, KIT_TO_ANY, KIT_TO_ALL, KIT_TO_PLACE, KIT_TO_PARTS };                  /* TO_… */
#define KIT_GROUPS_WANTED 1024 /* enough to fill a large device */
#define KIT_UNROLL 4           /* of the kernels */

static int64_t kit_ceil(int64_t a, int64_t b) { return (a + b - 1) / b; }
/* A power of four, or most (a power of two): each is a kernel of its own, so they are few. */
static int64_t kit_power(int64_t at_least, int64_t most) {
    int64_t p = 1;
    while (p < at_least && p < most) p *= 4;
    return p < most ? p : most;
}
static uint32_t kit_group(const kit *k) { return k->group < 256 ? k->group : 256; }
/* How many elements of t may be moved at once: 16 bytes, aligned, where n, and every step but the inmost, are multiples of it. */
static int kit_vector(const kit *k, int v, const tn_accel_tensor *t, int64_t n) {
    if (k->backend->language != KIT_CUDA && k->backend->language != KIT_HIP) return 1;
    if (kit_absent(t) || !t->buffer) return v;
    while (v > 1 && (n % v || (uint64_t)v * kit_size_of(t->dtype) > 16 || t->offset % ((uint64_t)v * kit_size_of(t->dtype)))) v /= 2;
    return v;
}

/* -- reductions -- */
typedef struct { int n; int64_t size[2], stride[2], count, reach; } kit_side; /* dim 0 the inmost; reach: the largest step from the first */
typedef struct { kit_side kept, gone; bool rows; int v; int64_t lanes, chunk, splits; } kit_plan;
typedef struct { kit_type type; int op, finish; double count; } kit_reduction;

static bool kit_side_of(kit_side *s, const tn_accel_tensor *x, uint32_t mask, bool gone) { /* false: more than two dims */
    s->n = 0;
    s->count = 1;
    s->reach = 0;
    for (int d = x->ndim - 1; d >= 0; d--) {
        const int64_t n = x->shape[d], stride = x->buffer ? x->strides[d] : 0;
        if ((mask >> d & 1u) != (gone ? 1u : 0u) || n == 1) continue;
        s->count *= n;
        s->reach += n ? (n - 1) * (stride < 0 ? -stride : stride) : 0;
        if (s->n && stride == s->size[s->n - 1] * s->stride[s->n - 1]) {
            s->size[s->n - 1] *= n;
            continue;
        }
        if (s->n == 2) return false;
        s->size[s->n] = n;
        s->stride[s->n++] = stride;
    }
    for (int i = s->n; i < 2; i++) s->size[i] = 1, s->stride[i] = i ? 0 : 1;
    if (s->n == 0) s->stride[0] = 0, s->n = 1;
    return true;
}
static int kit_plan_width(const kit *k, const kit_plan *p, const tn_accel_tensor *x) {
    const kit_side *along = p->rows ? &p->gone : &p->kept, *other = p->rows ? &p->kept : &p->gone;
    int v = along->stride[0] == 1 ? kit_vector(k, 8, x, 0) : 1;
    while (v > 1 && (other->stride[0] % v || other->stride[1] % v || along->stride[1] % v || ((along->n == 2 || !p->rows) && along->size[0] % v))) v /= 2;
    return v;
}
static void kit_plan_pieces(const kit *k, kit_plan *p) {
    const int64_t group = kit_group(k), len = p->gone.count, rows = p->kept.count;
    int64_t step; /* of a group along the row, at full speed */
    if (p->rows) {
        p->lanes = kit_power(kit_ceil(len, p->v * KIT_UNROLL), group);
        while (p->lanes < group && p->lanes * p->v < len && rows * p->lanes < KIT_GROUPS_WANTED * group) p->lanes = kit_power(p->lanes + 1, group);
        step = p->lanes * p->v * KIT_UNROLL;
    } else {
        const int64_t across = kit_power(kit_ceil(rows, p->v), group < 32 ? group : 32);
        p->lanes = len <= KIT_UNROLL ? 1 : group / across;
        step = p->lanes * KIT_UNROLL * 4;
    }
    const int64_t per = group / p->lanes * (p->rows ? 1 : p->v), groups = kit_ceil(rows, per);
    p->splits = groups && groups < KIT_GROUPS_WANTED / 2 ? kit_ceil(KIT_GROUPS_WANTED, groups) : 1;
    p->chunk = kit_ceil(kit_ceil(len, p->splits), step) * step;
    p->splits = len ? kit_ceil(len, p->chunk) : 1;
}
static bool kit_plan_of(const kit *k, kit_plan *p, const tn_accel_tensor *x, uint32_t mask) {
    if (!kit_side_of(&p->kept, x, mask, false) || !kit_side_of(&p->gone, x, mask, true)) return false;
    const int64_t a = p->kept.count > 1 ? p->kept.stride[0] : INT64_MAX, b = p->gone.stride[0];
    p->rows = p->gone.count > 1 && (b < 0 ? -b : b) <= (a < 0 ? -a : a);
    p->v = kit_plan_width(k, p, x);
    kit_plan_pieces(k, p);
    return true;
}
static void kit_put_sides(kit_launch *l, const kit_plan *p) {
    kit_const(l, "KEPT_DIMS", p->kept.n);
    kit_const(l, "GONE_DIMS", p->gone.n);
    kit_size(l, "K0", p->kept.size[0]);
    kit_size(l, "SK0", p->kept.stride[0]);
    kit_size(l, "SK1", p->kept.stride[1]);
    kit_size(l, "G0", p->gone.size[0]);
    kit_size(l, "SG0", p->gone.stride[0]);
    kit_size(l, "SG1", p->gone.stride[1]);
    kit_size(l, "ROWS", p->kept.count);
    kit_size(l, "LEN", p->gone.count);
    kit_size(l, "CHUNK", p->chunk);
    kit_size(l, "SPLITS", p->splits);
    kit_size(l, "REACH", p->kept.reach + p->gone.reach + KIT_UNROLL * p->chunk); /* for its width alone */
}
/* One launch: x, or parts and where they are (p), to y, or to parts and places (q). */
static tn_accel_status kit_reduce_step(kit *k, const kit_plan *plan, const kit_reduction *r, const tn_accel_tensor *x, const tn_accel_tensor *p, const tn_accel_tensor *y, const tn_accel_tensor *q) {
    kit_launch l;
    const bool values = r->finish <= KIT_TO_MEAN || (r->finish == KIT_TO_PARTS && r->op != KIT_BY_COUNT);
    const int64_t per = kit_group(k) / plan->lanes * (plan->rows ? 1 : plan->v);
    kit_begin(k, &l, plan->rows ? "reduce_rows" : "reduce_columns", r->type);
    kit_in(&l, "x", x);
    if (p) kit_in_as(&l, "p", p, KIT_I64);
    kit_out_as(&l, "y", y, values ? KIT_T : KIT_I64);
    if (q) kit_out_as(&l, "q", q, KIT_I64);
    kit_const(&l, "OP", r->op);
    kit_const(&l, "FINISH", r->finish);
    kit_const(&l, "JOINING", p != NULL);
    kit_const(&l, "COMPENSATED", r->type == KIT_F32 && x->dtype == TN_F32);
    kit_const(&l, "V", plan->v);
    kit_const(&l, "LANES", plan->lanes);
    kit_const(&l, "ACROSS", !plan->rows);
    kit_put_sides(&l, plan);
    kit_size(&l, "TOTAL", (int64_t)r->count);
    kit_real(&l, "DIVISOR", r->count);
    return kit_go3(&l, (uint64_t)kit_ceil(plan->kept.count, per), (uint64_t)plan->splits, 1);
}
/* Parts as a tensor to reduce: [rows, splits], or [splits, rows] where rows lie side by side. */
static tn_accel_status kit_reduce_parts(kit *k, const kit_plan *plan, const kit_reduction *r, const tn_accel_tensor *parts, const tn_accel_tensor *places, const tn_accel_tensor *y) {
    const int64_t rows = plan->kept.count, n = plan->splits, shape[2] = {plan->rows ? rows : n, plan->rows ? n : rows}, strides[2] = {shape[1], 1};
    const tn_accel_tensor x = kit_reshaped(parts, shape, strides, 2);
    kit_reduction second = *r;
    kit_plan joins;
    if (r->op == KIT_BY_COUNT) second.op = KIT_BY_SUM, second.type = KIT_I64;
    (void)kit_plan_of(k, &joins, &x, plan->rows ? 2 : 1);
    joins.chunk = n; /* in one piece */
    joins.splits = 1;
    return kit_reduce_step(k, &joins, &second, &x, places, y, NULL);
}
static tn_accel_status kit_reduce_planned(kit *k, const kit_plan *plan, const kit_reduction *r, const tn_accel_tensor *x, const tn_accel_tensor *y) {
    const int32_t dtype = r->type == KIT_F64 ? TN_F64 : r->type == KIT_F32 && r->op != KIT_BY_COUNT ? TN_F32 : TN_I64;
    const bool places = r->op >= KIT_BY_ARGMAX;
    const int64_t n = plan->kept.count * plan->splits;
    tn_accel_tensor parts, where;
    kit_reduction first = *r;
    if (plan->splits == 1) return kit_reduce_step(k, plan, r, x, NULL, y, NULL);
    kit_scratch(k, &parts, r->op == KIT_BY_COUNT ? TN_I64 : dtype, &n);
    if (places) kit_scratch(k, &where, TN_I64, &n);
    first.finish = KIT_TO_PARTS;
    KIT_TRY(kit_reduce_step(k, plan, &first, x, NULL, &parts, places ? &where : NULL));
    return kit_reduce_parts(k, plan, r, &parts, places ? &where : NULL, y);
}
/* x copied with the dims that stay in front. */
static tn_accel_status kit_reduce_copied(kit *k, const kit_reduction *r, const tn_accel_tensor *x, uint32_t mask, const tn_accel_tensor *y) {
    int64_t shape[TN_MAX_DIMS], strides[TN_MAX_DIMS];
    tn_accel_tensor moved = *x;
    kit_dense d;
    kit_plan plan;
    int n = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < x->ndim; i++)
            if ((int)(mask >> i & 1u) == pass) shape[n] = x->shape[i], strides[n++] = x->strides[i];
    moved.shape = shape;
    moved.strides = strides;
    int kept = 0;
    for (int i = 0; i < x->ndim; i++) kept += !(mask >> i & 1u);
    KIT_TRY(kit_densely(k, &d, &moved));
    if (!kit_plan_of(k, &plan, &d.t, (1u << x->ndim) - (1u << kept))) return TN_ACCEL_UNSUPPORTED;
    return kit_reduce_planned(k, &plan, r, &d.t, y);
}
/* Reduces x over the dims of mask into y, which is contiguous. */
static tn_accel_status kit_reduce(kit *k, const kit_reduction *r, const tn_accel_tensor *x, uint32_t mask, const tn_accel_tensor *y) {
    kit_plan plan;
    if (!kit_contiguous(y)) return TN_ACCEL_UNSUPPORTED;
    if (!kit_plan_of(k, &plan, x, mask)) return kit_reduce_copied(k, r, x, mask, y);
    return kit_reduce_planned(k, &plan, r, x, y);
}
static tn_accel_status kit_op_reduce(kit *k, const tn_accel_call *c) {
    static const uint8_t op[] = {KIT_BY_SUM, KIT_BY_SUM, KIT_BY_PROD, KIT_BY_AMAX, KIT_BY_AMIN, KIT_BY_COUNT, KIT_BY_COUNT, KIT_BY_COUNT, KIT_BY_ARGMAX, KIT_BY_ARGMIN};
    static const uint8_t finish[] = {KIT_TO_VALUE, KIT_TO_MEAN, KIT_TO_VALUE, KIT_TO_VALUE, KIT_TO_VALUE, KIT_TO_ANY, KIT_TO_ALL, KIT_TO_COUNT, KIT_TO_PLACE, KIT_TO_PLACE};
    KIT_ATTR(tn__attr_reduce, a, c);
    const tn_accel_tensor *x = &c->in[0];
    kit_reduction r;
    if (a->kind < 0 || a->kind >= (int)sizeof op) return TN_ACCEL_UNSUPPORTED;
    r.type = kit_compute(x->dtype);
    r.op = op[a->kind];
    r.finish = finish[a->kind];
    r.count = 1;
    for (int d = 0; d < x->ndim; d++)
        if (a->mask >> d & 1u) r.count *= (double)x->shape[d];
    if (r.op == KIT_BY_PROD && r.type == KIT_F32 && k->f64) r.type = KIT_F64; /* what is between may be out of f32's range */
    return kit_reduce(k, &r, x, a->mask, &c->out[0]);
}

/* -- one element of each row -- */
static tn_accel_status kit_op_pick(kit *k, const tn_accel_call *c) {
    KIT_ATTR(tn__attr_pick, a, c);
    const kit_type raw = kit_raw_type(c->in[0].dtype);
    kit_launch l;
    kit_dense x, index;
    int64_t outer, n, inner;
    kit_split(&c->in[0], a->dim, &outer, &n, &inner);
    if (!kit_contiguous(&c->out[0])) return TN_ACCEL_UNSUPPORTED;
    KIT_TRY(kit_densely(k, &x, &c->in[0]));
    KIT_TRY(kit_densely(k, &index, &c->in[1]));
    kit_begin(k, &l, "pick", raw);
    kit_in_as(&l, "x", &x.t, raw);
    kit_in_as(&l, "index", &index.t, KIT_I64);
    kit_out_as(&l, "y", &c->out[0], raw);
    kit_flag(&l);
    kit_size(&l, "COUNT", outer * inner);
    kit_size(&l, "N", n);
    kit_size(&l, "INNER", inner);
    kit_size(&l, "REACH", outer * n * inner);
    return kit_go_items(&l, outer * inner);
}
static tn_accel_status kit_op_pick_backward(kit *k, const tn_accel_call *c) {
    KIT_ATTR(tn__attr_pick, a, c);
    const kit_type raw = kit_raw_type(c->in[0].dtype);
    kit_launch l;
    kit_dense g, index;
    int64_t outer, n, inner;
    kit_split(&c->out[0], a->dim, &outer, &n, &inner);
    if (!kit_contiguous(&c->out[0])) return TN_ACCEL_UNSUPPORTED;
    KIT_TRY(kit_densely(k, &g, &c->in[0]));
    KIT_TRY(kit_densely(k, &index, &c->in[1]));
    kit_begin(k, &l, "pick_backward", raw);
    kit_in_as(&l, "g", &g.t, raw);
    kit_in_as(&l, "index", &index.t, KIT_I64);
    kit_out_as(&l, "y", &c->out[0], raw);
    kit_size(&l, "COUNT", outer * n * inner);
    kit_size(&l, "N", n);
    kit_size(&l, "INNER", inner);
    return kit_go_items(&l, outer * n * inner);
}

/* -- running sums: pieces of a line are summed first, and those sums run up; then each piece begins where the one before ends -- */
typedef struct { int64_t outer, n, inner, chunk, splits; } kit_lines;
#define KIT_SCAN_ITEMS 4
static tn_accel_status kit_cumsum_run(kit *k, kit_type type, const kit_lines *s, const tn_accel_tensor *x, const tn_accel_tensor *p, const tn_accel_tensor *y) {
    kit_launch l;
    const bool rows = s->inner == 1;
    kit_begin(k, &l, rows ? "cumsum_rows" : "cumsum_lines", type);
    kit_in(&l, "x", x);
    if (p) kit_in(&l, "p", p);
    kit_out(&l, "y", y);
    kit_const(&l, "STARTED", p != NULL);
    kit_const(&l, "ITEMS", KIT_SCAN_ITEMS);
    kit_size(&l, "LEN", s->n);
    kit_size(&l, "CHUNK", s->chunk);
    kit_size(&l, "SPLITS", s->splits);
    kit_size(&l, "LINES", s->outer * s->inner);
    kit_size(&l, "INNER", s->inner);
    kit_size(&l, "REACH", s->outer * s->n * s->inner + s->chunk);
    if (rows) return kit_go(&l, (uint64_t)(s->outer * s->splits));
    return kit_go3(&l, (uint64_t)kit_ceil(s->outer * s->inner, l.group), (uint64_t)s->splits, 1);
}
/* The sums of pieces, by the kernels of reductions: parts [rows, splits] or [splits, lines]. */
static tn_accel_status kit_cumsum_parts(kit *k, kit_type type, const kit_lines *s, const tn_accel_tensor *x, const tn_accel_tensor *parts) {
    const int64_t shape[3] = {s->outer, s->n, s->inner}, strides[3] = {s->n * s->inner, s->inner, 1};
    const tn_accel_tensor v = kit_reshaped(x, shape, strides, 3);
    const kit_reduction r = {type, KIT_BY_SUM, KIT_TO_PARTS, 1};
    kit_plan plan;
    if (!kit_plan_of(k, &plan, &v, 2)) return TN_ACCEL_UNSUPPORTED;
    plan.rows = s->inner == 1;
    plan.v = kit_plan_width(k, &plan, &v);
    kit_plan_pieces(k, &plan);
    plan.chunk = s->chunk;
    plan.splits = s->splits;
    return kit_reduce_step(k, &plan, &r, &v, NULL, parts, NULL);
}
static void kit_cumsum_pieces(const kit *k, kit_lines *s) {
    const int64_t tile = s->inner == 1 ? kit_group(k) * KIT_SCAN_ITEMS : 64, groups = s->inner == 1 ? s->outer : kit_ceil(s->outer * s->inner, kit_group(k));
    s->splits = groups && groups < KIT_GROUPS_WANTED / 2 ? kit_ceil(KIT_GROUPS_WANTED, groups) : 1;
    s->chunk = kit_ceil(kit_ceil(s->n, s->splits), tile) * tile;
    s->splits = kit_ceil(s->n, s->chunk);
}
static tn_accel_status kit_op_cumsum(kit *k, const tn_accel_call *c) {
    KIT_ATTR(tn__attr_dim, a, c);
    const kit_type type = kit_compute(c->out[0].dtype) == KIT_I64 ? KIT_I64 : k->f64 ? KIT_F64 : kit_compute(c->out[0].dtype); /* errors add up along a line */
    kit_dense x;
    kit_lines s;
    tn_accel_tensor parts, starts;
    if (!kit_contiguous(&c->out[0])) return TN_ACCEL_UNSUPPORTED;
    kit_split(&c->in[0], a->dim, &s.outer, &s.n, &s.inner);
    if (s.outer * s.n * s.inner == 0) return TN_ACCEL_OK;
    KIT_TRY(kit_densely(k, &x, &c->in[0]));
    kit_cumsum_pieces(k, &s);
    if (s.splits == 1) return kit_cumsum_run(k, type, &s, &x.t, NULL, &c->out[0]);
    const int64_t n = s.outer * s.inner * s.splits;
    const kit_lines up = {s.inner == 1 ? s.outer : 1, s.splits, s.inner == 1 ? 1 : s.outer * s.inner, s.splits, 1};
    kit_scratch(k, &parts, type == KIT_I64 ? TN_I64 : type == KIT_F64 ? TN_F64 : TN_F32, &n);
    kit_scratch(k, &starts, parts.dtype, &n);
    KIT_TRY(kit_cumsum_parts(k, type, &s, &x.t, &parts));
    KIT_TRY(kit_cumsum_run(k, type, &up, &parts, NULL, &starts));
    return kit_cumsum_run(k, type, &s, &x.t, &starts, &c->out[0]);
}

/* -- rows that a group keeps in registers -- */
typedef struct { int64_t rows, len, inner, lanes, items; int v; } kit_rows;
/* How work items share rows of which most elements at once fit into one's registers. v: what operands allow. */
static void kit_share_rows(const kit *k, kit_rows *r, int v, int64_t most) {
    const int64_t group = kit_group(k);
    r->v = r->inner > 1 ? 1 : v;
    r->lanes = kit_power(kit_ceil(r->len, r->v * 4), r->inner > 1 && group > 32 ? group / 32 : group);
    while (r->inner == 1 && r->lanes < group && r->lanes * r->v < r->len && r->rows * r->lanes < KIT_GROUPS_WANTED / 8 * group) r->lanes = kit_power(r->lanes + 1, group);
    r->items = 1;
    while (r->items * r->lanes * r->v < r->len && r->items * r->v <= most) r->items *= r->items < 4 ? 4 : 2;
    if (r->items * r->v > most) r->items = 0;
}
static void kit_put_rows(kit_launch *l, const kit_rows *r) {
    kit_const(l, "V", r->v);
    kit_const(l, "ITEMS", r->items);
    kit_const(l, "LANES", r->lanes);
    kit_const(l, "ACROSS", r->inner > 1);
    kit_size(l, "ROWS", r->rows);
    kit_size(l, "LEN", r->len);
    kit_size(l, "INNER", r->inner);
    kit_size(l, "REACH", (r->rows + l->group) * r->len + 2 * r->lanes * r->v); /* for its width alone */
}
static tn_accel_status kit_go_rows(kit_launch *l, const kit_rows *r) { return kit_go(l, (uint64_t)kit_ceil(r->rows, l->group / r->lanes)); }
static tn_accel_status kit_softmax(kit *k, const tn_accel_call *c, bool backward, bool logarithm) {
    KIT_ATTR(tn__attr_dim, a, c);
    kit_launch l;
    kit_dense x, g;
    kit_rows r;
    int64_t outer;
    if (!kit_contiguous(&c->out[0])) return TN_ACCEL_UNSUPPORTED;
    kit_split(&c->in[0], a->dim, &outer, &r.len, &r.inner);
    r.rows = outer * r.inner;
    if (r.rows * r.len == 0) return TN_ACCEL_OK;
    KIT_TRY(kit_densely(k, &x, &c->in[0]));
    if (backward) KIT_TRY(kit_densely(k, &g, &c->in[1]));
    int v = kit_vector(k, kit_vector(k, 8, &x.t, r.len), &c->out[0], r.len);
    if (backward) v = kit_vector(k, v, &g.t, r.len);
    kit_share_rows(k, &r, v, backward ? 32 : 64);
    kit_begin(k, &l, backward ? "softmax_backward" : "softmax", kit_compute(c->out[0].dtype));
    kit_in(&l, backward ? "y" : "x", &x.t);
    if (backward) kit_in(&l, "g", &g.t);
    kit_out(&l, backward ? "gx" : "y", &c->out[0]);
    kit_const(&l, "LOGARITHM", logarithm);
    kit_put_rows(&l, &r);
    return kit_go_rows(&l, &r);
}
static tn_accel_status kit_op_softmax(kit *k, const tn_accel_call *c) { return kit_softmax(k, c, false, c->op == KIT_ID_log_softmax); }
static tn_accel_status kit_op_softmax_backward(kit *k, const tn_accel_call *c) { return kit_softmax(k, c, true, c->op == KIT_ID_log_softmax_backward); }
#define KIT_OPS_REDUCE(X)                                                                                              \
    X(sum, reduce) X(mean, reduce) X(prod, reduce) X(amax, reduce) X(amin, reduce) X(any, reduce) X(all, reduce)        \
    X(count_nonzero, reduce) X(argmax, reduce) X(argmin, reduce) X(pick, pick) X(pick_backward, pick_backward)          \
    X(cumsum, cumsum) X(softmax, softmax) X(log_softmax, softmax) X(softmax_backward, softmax_backward)                 \
    X(log_softmax_backward, softmax_backward)

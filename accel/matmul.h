/* kit: the rows of section matmul, and the product of matrices that they and others call. */

/* C = A B (+ bias) (+ C), batch times, A being m x k, B k x n. Of a tensor here only buffer, offset and dtype count: element
   (i, j) of sample s lies s batch + i row + j col elements after its first. A bias has its steps too (0: the same for all
   rows, or columns); it is absent where its ndim is -1. Computes in C's kind: f32 for halves, i64 for integers. */
typedef struct { int64_t row, col, batch; } kit_steps;
typedef struct kit_gemm_call {
    tn_accel_tensor a, b, c, bias;
    kit_steps a_step, b_step, c_step, bias_step;
    int64_t m, n, k, batch;
    bool add;
} kit_gemm_call;
/* How a product is cut: tiles of bm x bn, rm x rn sums a work item; the depth in parts. */
typedef struct { int64_t bm, bn, rm, rn, parts, depth; } kit_tiling;
#define KIT_GEMM_STEP 16

static int64_t kit_ceil_div(int64_t n, int64_t by) { return (n + by - 1) / by; }
/* Into how many parts a depth goes, so that there are groups for all units, each with least products a sum at the least. */
static void kit_cut_depth(const kit *k, kit_tiling *t, int64_t groups, int64_t depth, int64_t least) {
    const int64_t wanted = 2 * (int64_t)k->units / TN__MAX(groups, 1), most = depth / least, parts = TN__MAX(TN__MIN(TN__MIN(wanted, most), 64), 1);
    t->depth = TN__MAX(kit_ceil_div(kit_ceil_div(depth, parts), KIT_GEMM_STEP), 1) * KIT_GEMM_STEP;
    t->parts = TN__MAX(kit_ceil_div(depth, t->depth), 1);
}
/* The largest tile that keeps the units busy. */
static kit_tiling kit_tile(const kit *k, kit_type type, int64_t m, int64_t n, int64_t depth, int64_t batch) {
    static const kit_tiling sizes[] = {{128, 128, 8, 8, 1, 0}, {64, 64, 4, 4, 1, 0}, {32, 32, 2, 2, 1, 0}, {16, 128, 2, 4, 1, 0}};
    const int64_t large = kit_ceil_div(m, 128) * kit_ceil_div(n, 128) * batch, parts = TN__MAX(depth / 512, 1);
    const bool wide = type == KIT_F32 && m > 64 && n > 64 && (large >= k->units || large * TN__MIN(parts, 64) >= k->units);
    kit_tiling t = sizes[wide ? 0 : m <= 16 && n >= 64 ? 3 : m > 32 && n > 32 ? 1 : 2];
    kit_cut_depth(k, &t, kit_ceil_div(m, t.bm) * kit_ceil_div(n, t.bn) * batch, depth, 256);
    return t;
}
static void kit_put_tiling(kit_launch *l, const kit_tiling *t) {
    kit_const(l, "BM", t->bm);
    kit_const(l, "BN", t->bn);
    kit_const(l, "RM", t->rm);
    kit_const(l, "RN", t->rn);
    kit_const(l, "BK", KIT_GEMM_STEP);
    kit_size(l, "PARTS", t->parts);
    kit_size(l, "DEPTH", t->depth);
}
/* Indices up to last are formed. */
static void kit_reach(kit_launch *l, int64_t last) { l->wide = l->wide || last > INT32_MAX; }
static int64_t kit_last(const kit_steps *s, int64_t m, int64_t n, int64_t batch) { return (m - 1) * s->row + (n - 1) * s->col + (batch - 1) * s->batch; }
static void kit_put_steps(kit_launch *l, const kit_steps *s, const char *row, const char *col, const char *batch) {
    kit_size(l, row, s->row);
    kit_size(l, col, s->col);
    kit_size(l, batch, s->batch);
}
/* What goes to C: bias, sum, places. */
static void kit_put_result(kit_launch *l, const kit_gemm_call *g) {
    const bool biased = !kit_absent(&g->bias);
    kit_out(l, "to_c", &g->c);
    kit_put_steps(l, &g->c_step, "C_ROW", "C_COL", "C_BATCH");
    kit_size(l, "SIZE_M", g->m);
    kit_size(l, "SIZE_N", g->n);
    kit_const(l, "BIAS", biased);
    kit_const(l, "ADD", g->add);
    kit_reach(l, kit_last(&g->c_step, g->m, g->n, g->batch));
    if (!biased) return;
    kit_in(l, "bias", &g->bias);
    kit_size(l, "BIAS_ROW", g->bias_step.row);
    kit_size(l, "BIAS_COL", g->bias_step.col);
}
static void kit_put_factors(kit_launch *l, const kit_gemm_call *g, int64_t part) {
    kit_in(l, "from_a", &g->a);
    kit_in(l, "from_b", &g->b);
    kit_put_steps(l, &g->a_step, "A_ROW", "A_COL", "A_BATCH");
    kit_put_steps(l, &g->b_step, "B_ROW", "B_COL", "B_BATCH");
    kit_size(l, "SIZE_K", g->k);
    kit_size(l, "PART", part);
    kit_reach(l, kit_last(&g->a_step, g->m, g->k, g->batch));
    kit_reach(l, kit_last(&g->b_step, g->k, g->n, g->batch));
}
static tn_accel_status kit_gemm_join(kit *k, const kit_gemm_call *g, const tn_accel_tensor *sums, int64_t parts) {
    kit_launch l;
    const int64_t count = g->batch * g->m * g->n;
    kit_begin(k, &l, "gemm_join", kit_compute(g->c.dtype));
    kit_in(&l, "part", sums);
    kit_put_result(&l, g);
    kit_size(&l, "COUNT", count);
    kit_size(&l, "PARTS", parts);
    kit_reach(&l, count * parts);
    return kit_go_items(&l, count);
}
/* The same product, for sums of parts in scratch: they join it to what g asks for. */
static kit_gemm_call kit_gemm_to_parts(kit *k, const kit_gemm_call *g, int64_t parts, int64_t *room) {
    const kit_type type = kit_compute(g->c.dtype);
    kit_gemm_call p = *g;
    *room = parts * g->batch * g->m * g->n;
    kit_scratch(k, &p.c, type == KIT_F64 ? TN_F64 : type == KIT_F32 ? TN_F32 : TN_I64, room);
    p.c_step.row = g->n, p.c_step.col = 1, p.c_step.batch = g->m * g->n;
    p.bias.ndim = -1;
    p.add = false;
    return p;
}
static tn_accel_status kit_gemm_tiles(kit *k, const kit_gemm_call *g, const kit_tiling *t) {
    kit_launch l;
    const int64_t m = kit_ceil_div(g->m, t->bm), n = kit_ceil_div(g->n, t->bn);
    kit_begin(k, &l, "gemm", kit_compute(g->c.dtype));
    if (l.group != 256) return TN_ACCEL_UNSUPPORTED;
    kit_put_factors(&l, g, t->parts > 1 ? g->batch * g->m * g->n : 0);
    kit_put_result(&l, g);
    kit_put_tiling(&l, t);
    kit_const(&l, "A_ALONG", g->a_step.col == 1 || g->a_step.row != 1);
    kit_const(&l, "B_ALONG", g->b_step.col != 1);
    kit_size(&l, "TILES_M", m);
    kit_size(&l, "TILES_N", n);
    kit_reach(&l, m * n * t->parts * g->batch);
    return kit_go(&l, (uint64_t)(m * n * t->parts * g->batch));
}
#define KIT_GEMM_THIN 8
static tn_accel_status kit_gemm_thin(kit *k, const kit_gemm_call *g, const kit_tiling *t, int lanes, bool along) {
    kit_launch l;
    kit_begin(k, &l, "gemm_thin", kit_compute(g->c.dtype));
    if (l.group < 32) return TN_ACCEL_UNSUPPORTED;
    kit_put_factors(&l, g, t->parts > 1 ? g->batch * g->m * g->n : 0);
    kit_put_result(&l, g);
    kit_const(&l, "ROWS", g->m <= 1 ? 1 : g->m <= 2 ? 2 : g->m <= 4 ? 4 : KIT_GEMM_THIN);
    kit_const(&l, "SHARERS", lanes);
    kit_const(&l, "ALONG", along);
    kit_size(&l, "PARTS", t->parts);
    kit_size(&l, "DEPTH", t->depth);
    kit_size(&l, "BATCH", g->batch);
    kit_reach(&l, g->batch * g->n + l.group);
    return kit_go(&l, (uint64_t)(kit_ceil_div(g->batch * g->n, l.group / (uint32_t)lanes) * t->parts));
}
/* C transposed is B transposed times A transposed. */
static kit_gemm_call kit_gemm_turned(const kit_gemm_call *g) {
    kit_gemm_call t = *g;
    t.a = g->b, t.b = g->a;
    t.m = g->n, t.n = g->m;
    t.a_step.row = g->b_step.col, t.a_step.col = g->b_step.row, t.a_step.batch = g->b_step.batch;
    t.b_step.row = g->a_step.col, t.b_step.col = g->a_step.row, t.b_step.batch = g->a_step.batch;
    t.c_step.row = g->c_step.col, t.c_step.col = g->c_step.row;
    t.bias_step.row = g->bias_step.col, t.bias_step.col = g->bias_step.row;
    return t;
}
static tn_accel_status kit_gemm_cut(kit *k, const kit_gemm_call *g, const kit_tiling *t, bool thin, int lanes, bool along) {
    int64_t room;
    if (t->parts == 1) return thin ? kit_gemm_thin(k, g, t, lanes, along) : kit_gemm_tiles(k, g, t);
    const kit_gemm_call p = kit_gemm_to_parts(k, g, t->parts, &room);
    KIT_TRY(thin ? kit_gemm_thin(k, &p, t, lanes, along) : kit_gemm_tiles(k, &p, t));
    return kit_gemm_join(k, g, &p.c, t->parts);
}
static tn_accel_status kit_gemm_own(kit *k, const kit_gemm_call *g, const kit_gemm_call *turned) {
    const bool few = TN__MIN(g->m, g->n) <= 16; /* few rows rather than few columns; else the result's neighbours are columns */
    const kit_gemm_call *s = (few ? g->n < g->m : g->c_step.row == 1 && g->c_step.col != 1) ? turned : g;
    kit_tiling t;
    if (s->m > KIT_GEMM_THIN) {
        t = kit_tile(k, kit_compute(g->c.dtype), s->m, s->n, s->k, s->batch);
        return kit_gemm_cut(k, s, &t, false, 0, false);
    }
    const bool along = s->b_step.row == 1 || s->b_step.col != 1;
    const int lanes = s->k < 32 ? 1 : along ? 32 : 8;
    kit_cut_depth(k, &t, kit_ceil_div(s->batch * s->n, 256 / lanes), s->k, 1024);
    return kit_gemm_cut(k, s, &t, true, lanes, along && lanes > 1);
}
/* A library's, where there is one that takes the call. Dry, one is believed to take floats: their kernels need not be at hand. */
static tn_accel_status kit_gemm(kit *k, const kit_gemm_call *g) {
    const kit_gemm_call turned = kit_gemm_turned(g);
    const bool fixed = k->fixed, library = k->backend->gemm != NULL;
    if (g->m == 0 || g->n == 0 || g->batch == 0) return TN_ACCEL_OK;
    if (!k->dry && library) {
        const tn_accel_status s = k->backend->gemm(k, g->c_step.col == 1 || g->n == 1 ? g : &turned, k->error);
        k->launched = k->launched || s == TN_ACCEL_OK;
        if (s != TN_ACCEL_UNSUPPORTED) return s;
    }
    k->fixed = fixed && !(k->dry && library && kit_compute(g->c.dtype) != KIT_I64);
    const tn_accel_status s = kit_gemm_own(k, g, &turned);
    k->fixed = fixed;
    return s;
}

/* -- rows -- */
static kit_gemm_call kit_gemm_of(const tn_accel_tensor *a, const tn_accel_tensor *b, const tn_accel_tensor *c) {
    kit_gemm_call g;
    memset(&g, 0, sizeof g);
    g.a = *a, g.b = *b, g.c = *c;
    g.bias.ndim = -1;
    g.batch = 1;
    return g;
}
static kit_steps kit_matrix_steps(const tn_accel_tensor *t) {
    const kit_steps s = {t->strides[t->ndim - 2], t->strides[t->ndim - 1], t->ndim == 3 ? t->strides[0] : 0};
    return s;
}
static tn_accel_status kit_op_mm(kit *k, const tn_accel_call *c) {
    const tn_accel_tensor *a = &c->in[0], *b = &c->in[1], *y = &c->out[0];
    kit_gemm_call g = kit_gemm_of(a, b, y);
    if (tn__is_complex((tn_dtype)y->dtype)) return TN_ACCEL_UNSUPPORTED;
    g.batch = a->ndim == 3 ? a->shape[0] : 1;
    g.m = a->shape[a->ndim - 2], g.k = a->shape[a->ndim - 1], g.n = b->shape[b->ndim - 1];
    g.a_step = kit_matrix_steps(a), g.b_step = kit_matrix_steps(b), g.c_step = kit_matrix_steps(y);
    return kit_gemm(k, &g);
}
/* The one step between rows of [..., n], where there is one. */
static bool kit_row_step(const tn_accel_tensor *t, int64_t *step) {
    int64_t rows = 1;
    *step = 0;
    for (int d = t->ndim - 2; d >= 0; rows *= t->shape[d], d--) {
        if (t->shape[d] == 1) continue;
        if (rows == 1) *step = t->strides[d];
        else if (t->strides[d] != *step * rows) return false;
    }
    return true;
}
static tn_accel_status kit_op_linear(kit *k, const tn_accel_call *c) {
    const tn_accel_tensor *w = &c->in[1], *y = &c->out[0], *bias = c->n_in > 2 ? &c->in[2] : NULL;
    const bool flat = w->ndim == 2;
    kit_dense x;
    kit_gemm_call g = kit_gemm_of(&c->in[0], w, y);
    if (tn__is_complex((tn_dtype)y->dtype)) return TN_ACCEL_UNSUPPORTED;
    x.t = c->in[0];
    if (!kit_row_step(&x.t, &g.a_step.row)) KIT_TRY(kit_densely(k, &x, &c->in[0]));
    (void)kit_row_step(&x.t, &g.a_step.row);
    g.a = x.t;
    g.k = w->shape[w->ndim - 1];
    g.n = flat ? w->shape[0] : 1;
    g.m = g.n ? kit_numel(y) / g.n : 0;
    g.a_step.col = x.t.strides[x.t.ndim - 1];
    g.b_step.row = w->strides[w->ndim - 1], g.b_step.col = flat ? w->strides[0] : 0;
    g.c_step.row = g.n, g.c_step.col = 1;
    if (!kit_contiguous(y)) return TN_ACCEL_UNSUPPORTED;
    if (bias) g.bias = *bias, g.bias_step.col = bias->ndim == 1 ? bias->strides[0] : 0;
    return kit_gemm(k, &g);
}
#define KIT_OPS_MATMUL(X) X(mm, mm) X(bmm, mm) X(int_mm, mm) X(linear, linear)

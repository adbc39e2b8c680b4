/* kit: the rows of section conv: convolutions, pools, unfold and fold, resizing. */

/* -- convolutions: products of matrices whose operand of patches is read by index (conv.k) -- */
enum { KIT_CONV_FORWARD, KIT_CONV_INPUT, KIT_CONV_WEIGHT, KIT_CONV_NO_PRODUCT };
typedef struct {
    const tn__attr_conv *a;
    int mode;
    int64_t n, groups, cg, og, in[3], win[3], out[3];   /* samples; channels in and out of a group; sizes along the axes */
    int64_t places_in, places, window, rows, cols, depth; /* the product's sizes, of a group */
} kit_conv;
static void kit_conv_finish(kit_conv *v) {
    v->places_in = v->places = v->window = 1;
    for (int m = 0; m < 3; m++) v->places_in *= v->in[m], v->places *= v->out[m], v->window *= v->win[m];
    v->rows = v->mode == KIT_CONV_INPUT ? v->cg : v->og;
    v->cols = v->mode == KIT_CONV_FORWARD ? v->n * v->places : v->mode == KIT_CONV_INPUT ? v->n * v->places_in : v->cg * v->window;
    v->depth = v->mode == KIT_CONV_FORWARD ? v->cg * v->window : v->mode == KIT_CONV_INPUT ? v->og * v->window : v->n * v->places;
}
/* x: what has the input's shape; w: the weight's; y: the output's. */
static kit_conv kit_conv_of(const tn__attr_conv *a, int mode, const tn_accel_tensor *x, const tn_accel_tensor *w, const tn_accel_tensor *y) {
    kit_conv v;
    memset(&v, 0, sizeof v);
    v.a = a;
    v.mode = mode;
    v.n = x->shape[0];
    v.groups = a->groups;
    v.cg = w->shape[1];
    v.og = w->shape[0] / a->groups;
    tn__conv_sizes(x->shape, x->ndim, a->axes, v.in);
    tn__conv_sizes(w->shape, w->ndim, a->axes, v.win);
    tn__conv_sizes(y->shape, y->ndim, a->axes, v.out);
    kit_conv_finish(&v);
    return v;
}
/* Small window sizes and strides go into the text: what divides by them becomes cheap. */
static void kit_conv_axis(kit_launch *l, const char *name, int64_t v) {
    if (v <= 8) kit_const(l, name, v);
    else kit_size(l, name, v);
}
static void kit_put_conv(kit_launch *l, const kit_conv *v) {
    static const char *const in[] = {"IN0", "IN1", "IN2"}, *const out[] = {"OUT0", "OUT1", "OUT2"}, *const win[] = {"WIN0", "WIN1", "WIN2"};
    static const char *const step[] = {"STEP0", "STEP1", "STEP2"}, *const pad[] = {"PAD0", "PAD1", "PAD2"}, *const dilate[] = {"DILATE0", "DILATE1", "DILATE2"};
    kit_const(l, "AXES", v->a->axes);
    kit_const(l, "MODE", v->mode);
    for (int m = 0; m < 3; m++) {
        kit_size(l, in[m], v->in[m]);
        kit_size(l, out[m], v->out[m]);
        kit_size(l, pad[m], v->a->padding[m]);
        kit_size(l, dilate[m], v->a->dilation[m]);
        kit_conv_axis(l, win[m], v->win[m]);
        kit_conv_axis(l, step[m], v->a->stride[m]);
        kit_reach(l, v->in[m] + v->a->padding[m] + v->win[m] * v->a->dilation[m] + v->out[m] * v->a->stride[m]);
    }
    kit_size(l, "GROUPS", v->groups);
    kit_size(l, "CG", v->cg);
    kit_size(l, "OG", v->og);
    kit_reach(l, v->n * v->groups * v->cg * v->places_in);
    kit_reach(l, v->n * v->groups * v->og * v->places);
    kit_reach(l, v->groups * v->og * v->cg * v->window);
}
/* a: the weight, or what stands on the left of its gradient; b: what is read by patches. */
static void kit_conv_begin(kit *k, kit_launch *l, const kit_conv *v, const char *kernel, const tn_accel_tensor *a, const tn_accel_tensor *b, const tn_accel_tensor *y) {
    kit_begin(k, l, kernel, kit_compute(y->dtype));
    kit_in(l, "from_w", a);
    kit_in(l, "from_x", b);
    kit_out(l, "to_y", y);
    kit_put_conv(l, v);
    kit_size(l, "SIZE_M", v->rows);
    kit_size(l, "SIZE_N", v->cols);
    kit_size(l, "SIZE_K", v->depth);
}
static tn_accel_status kit_conv_tiles(kit *k, const kit_conv *v, const kit_tiling *t, const tn_accel_tensor *a, const tn_accel_tensor *b, const tn_accel_tensor *y) {
    kit_launch l;
    const int64_t m = kit_ceil_div(v->rows, t->bm), n = kit_ceil_div(v->cols, t->bn), groups = m * n * t->parts * v->groups;
    kit_conv_begin(k, &l, v, "conv_tiles", a, b, y);
    if (l.group != 256) return TN_ACCEL_UNSUPPORTED;
    kit_put_tiling(&l, t);
    kit_const(&l, "A_ALONG", 1);
    kit_const(&l, "B_ALONG", v->mode == KIT_CONV_WEIGHT);
    kit_size(&l, "TILES_M", m);
    kit_size(&l, "TILES_N", n);
    kit_reach(&l, groups);
    kit_reach(&l, t->parts * v->groups * v->rows * v->cols);
    return kit_go(&l, (uint64_t)groups);
}
/* The weight's gradient sums over all samples and places: in parts, which are added in their order. */
static tn_accel_status kit_conv_parts(kit *k, const kit_conv *v, const kit_tiling *t, const tn_accel_tensor *a, const tn_accel_tensor *b, const tn_accel_tensor *y) {
    kit_gemm_call g;
    int64_t room;
    if (t->parts == 1) return kit_conv_tiles(k, v, t, a, b, y);
    memset(&g, 0, sizeof g);
    g.c = *y;
    g.bias.ndim = -1;
    g.batch = v->groups, g.m = v->rows, g.n = v->cols;
    g.c_step.batch = v->rows * v->cols, g.c_step.row = v->cols, g.c_step.col = 1;
    const kit_gemm_call p = kit_gemm_to_parts(k, &g, t->parts, &room);
    KIT_TRY(kit_conv_tiles(k, v, t, a, b, &p.c));
    return kit_gemm_join(k, &g, &p.c, t->parts);
}
static tn_accel_status kit_conv_items(kit *k, const kit_conv *v, const tn_accel_tensor *a, const tn_accel_tensor *b, const tn_accel_tensor *y) {
    kit_launch l;
    const bool weight = v->mode == KIT_CONV_WEIGHT;
    const int64_t count = v->groups * v->rows * v->cols;
    kit_conv_begin(k, &l, v, weight ? "conv_groups" : "conv_items", a, b, y);
    kit_reach(&l, count);
    if (weight) return kit_go(&l, (uint64_t)count);
    kit_size(&l, "COUNT", count);
    return kit_go_items(&l, count);
}
/* A window of one place, without padding or stride: a product of matrices as they lie. */
static bool kit_conv_plain(const kit_conv *v) {
    bool plain = v->groups == 1 && v->mode != KIT_CONV_WEIGHT && (v->n == 1 || v->places >= 128);
    for (int m = 0; m < 3; m++) plain = plain && v->win[m] == 1 && v->a->stride[m] == 1 && v->a->padding[m] == 0 && v->in[m] == v->out[m];
    return plain;
}
static tn_accel_status kit_conv_gemm(kit *k, const kit_conv *v, const tn_accel_tensor *w, const tn_accel_tensor *x, const tn_accel_tensor *y) {
    kit_gemm_call g = kit_gemm_of(w, x, y);
    const bool turned = v->mode == KIT_CONV_INPUT;
    g.batch = v->n, g.m = v->rows, g.n = v->places, g.k = v->depth;
    g.a_step.row = turned ? 1 : v->cg, g.a_step.col = turned ? v->cg : 1;
    g.b_step.row = g.c_step.row = v->places, g.b_step.col = g.c_step.col = 1;
    g.b_step.batch = v->depth * v->places, g.c_step.batch = v->rows * v->places;
    return kit_gemm(k, &g);
}
static tn_accel_status kit_conv_run(kit *k, const kit_conv *v, const tn_accel_tensor *a, const tn_accel_tensor *b, const tn_accel_tensor *y) {
    const bool few = v->rows < 8 || (v->mode == KIT_CONV_WEIGHT && v->cols < 8);
    if (v->rows == 0 || v->cols == 0) return TN_ACCEL_OK;
    if (kit_conv_plain(v)) return kit_conv_gemm(k, v, a, b, y);
    if (few) return kit_conv_items(k, v, a, b, y);
    kit_tiling t = kit_tile(k, kit_compute(y->dtype), v->rows, v->cols, v->depth, v->groups);
    if (v->mode != KIT_CONV_WEIGHT) t.parts = 1, t.depth = TN__MAX(v->depth, 1);
    return kit_conv_parts(k, v, &t, a, b, y);
}
static tn_accel_status kit_op_conv(kit *k, const tn_accel_call *c) {
    KIT_ATTR(tn__attr_conv, a, c);
    const int mode = c->op == KIT_ID_convolution ? KIT_CONV_FORWARD : c->op == KIT_ID_conv_input ? KIT_CONV_INPUT : KIT_CONV_WEIGHT;
    const int first = mode != KIT_CONV_WEIGHT; /* where the left operand is: the weight, or the output's gradient */
    const tn_accel_tensor *y = &c->out[0];
    kit_dense left, right, to;
    if (!tn__is_float((tn_dtype)y->dtype) && (y->dtype != TN_I64 || mode == KIT_CONV_WEIGHT)) return TN_ACCEL_UNSUPPORTED;
    KIT_TRY(kit_densely(k, &left, &c->in[first]));
    KIT_TRY(kit_densely(k, &right, &c->in[1 - first]));
    kit_dense_out(k, &to, y);
    const tn_accel_tensor *in = mode == KIT_CONV_INPUT ? y : mode == KIT_CONV_FORWARD ? &c->in[0] : &c->in[1];
    const tn_accel_tensor *weight = mode == KIT_CONV_WEIGHT ? y : &c->in[1], *out = mode == KIT_CONV_FORWARD ? y : &c->in[0];
    const kit_conv v = kit_conv_of(a, mode, in, weight, out);
    KIT_TRY(kit_conv_run(k, &v, &left.t, &right.t, &to.t));
    return kit_dense_back(k, &to, y);
}
static tn_accel_status kit_op_unfold(kit *k, const tn_accel_call *c) {
    KIT_ATTR(tn__attr_conv, a, c);
    const bool back = c->op == KIT_ID_fold;
    const tn_accel_tensor *image = back ? &c->out[0] : &c->in[0];
    kit_dense x, y;
    kit_launch l;
    kit_conv v;
    memset(&v, 0, sizeof v);
    v.a = a;
    v.mode = KIT_CONV_NO_PRODUCT;
    v.n = image->shape[0], v.groups = 1, v.cg = image->shape[1], v.og = 1;
    for (int m = 0; m < 3; m++) {
        v.in[m] = a->in[m], v.win[m] = a->kernel[m];
        v.out[m] = m ? (a->in[m] + 2 * a->padding[m] - a->dilation[m] * (a->kernel[m] - 1) - 1) / a->stride[m] + 1 : 1;
    }
    kit_conv_finish(&v);
    KIT_TRY(kit_densely(k, &x, &c->in[0]));
    kit_dense_out(k, &y, &c->out[0]);
    kit_begin(k, &l, back ? "fold" : "unfold", kit_compute(c->out[0].dtype));
    kit_in(&l, "from_x", &x.t);
    kit_out(&l, "to_y", &y.t);
    kit_put_conv(&l, &v);
    kit_size(&l, "COUNT", kit_numel(&c->out[0]));
    kit_reach(&l, v.n * v.cg * v.window * v.places);
    KIT_TRY(kit_go_items(&l, kit_numel(&c->out[0])));
    return kit_dense_back(k, &y, &c->out[0]);
}

/* -- pools: gathers over the elements of the result -- */
/* wide: the planes that windows are taken of; small: those of an element a window. */
static void kit_put_pool(kit_launch *l, const tn__attr_pool *a, const tn_accel_tensor *wide, const tn_accel_tensor *small) {
    static const char *const in[] = {"U_IN0", "U_IN1"}, *const out[] = {"U_OUT0", "U_OUT1"}, *const size[] = {"U_SIZE0", "U_SIZE1"};
    static const char *const stride[] = {"U_STRIDE0", "U_STRIDE1"}, *const pad[] = {"U_PAD0", "U_PAD1"}, *const dilate[] = {"U_DILATE0", "U_DILATE1"};
    for (int m = 0; m < 2; m++) {
        const int64_t i = wide->shape[wide->ndim - 2 + m], o = small->shape[small->ndim - 2 + m];
        kit_size(l, in[m], i);
        kit_size(l, out[m], o);
        kit_size(l, size[m], a->kernel[m]);
        kit_size(l, stride[m], a->adaptive ? 1 : a->stride[m]);
        kit_size(l, pad[m], a->padding[m]);
        kit_size(l, dilate[m], a->adaptive ? 1 : a->dilation[m]);
        kit_reach(l, a->adaptive ? (i + 1) * (o + 1) : (o + 1) * a->stride[m] + a->padding[m] + a->kernel[m] * a->dilation[m]);
    }
    kit_const(l, "ADAPTIVE", a->adaptive != 0);
    kit_const(l, "FIXED", a->divisor != 0);
    kit_const(l, "PADDED", a->include_pad != 0);
    kit_size(l, "U_DIVISOR", a->divisor);
    kit_reach(l, kit_numel(wide));
    kit_reach(l, kit_numel(small));
}
static tn_accel_status kit_op_max_pool(kit *k, const tn_accel_call *c) {
    KIT_ATTR(tn__attr_pool, a, c);
    kit_launch l;
    kit_dense x;
    if (!kit_contiguous(&c->out[0]) || !kit_contiguous(&c->out[1])) return TN_ACCEL_UNSUPPORTED;
    KIT_TRY(kit_densely(k, &x, &c->in[0]));
    kit_begin(k, &l, "max_pool", kit_compute(c->out[0].dtype));
    kit_in(&l, "from_x", &x.t);
    kit_out(&l, "to_y", &c->out[0]);
    kit_out_as(&l, "to_at", &c->out[1], KIT_I64);
    kit_put_pool(&l, a, &c->in[0], &c->out[0]);
    kit_size(&l, "U_COUNT", kit_numel(&c->out[0]));
    return kit_go_items(&l, kit_numel(&c->out[0]));
}
static tn_accel_status kit_op_max_unpool(kit *k, const tn_accel_call *c) {
    KIT_ATTR(tn__attr_pool, a, c);
    kit_launch l;
    kit_dense x, at;
    if (!kit_contiguous(&c->out[0])) return TN_ACCEL_UNSUPPORTED;
    KIT_TRY(kit_densely(k, &x, &c->in[0]));
    KIT_TRY(kit_densely(k, &at, &c->in[1]));
    kit_begin(k, &l, "max_unpool", kit_compute(c->out[0].dtype));
    kit_in(&l, "from_x", &x.t);
    kit_in_as(&l, "from_at", &at.t, KIT_I64);
    kit_out(&l, "to_y", &c->out[0]);
    kit_put_pool(&l, a, &c->out[0], &c->in[0]);
    kit_const(&l, "ANYWHERE", !a->adaptive && (a->dilation[0] > 1 || a->dilation[1] > 1)); /* such a window may be empty, and then takes place 0 */
    kit_size(&l, "U_COUNT", kit_numel(&c->out[0]));
    return kit_go_items(&l, kit_numel(&c->out[0]));
}
static tn_accel_status kit_op_max_pool_at(kit *k, const tn_accel_call *c) {
    KIT_ATTR(tn__attr_pool, a, c);
    kit_launch l;
    kit_dense x, at;
    const tn_accel_tensor *wide = &c->in[0], *y = &c->out[0];
    (void)a;
    if (!kit_contiguous(y)) return TN_ACCEL_UNSUPPORTED;
    KIT_TRY(kit_densely(k, &x, wide));
    KIT_TRY(kit_densely(k, &at, &c->in[1]));
    kit_begin(k, &l, "max_pool_at", kit_compute(y->dtype));
    kit_in(&l, "from_x", &x.t);
    kit_in_as(&l, "from_at", &at.t, KIT_I64);
    kit_out(&l, "to_y", y);
    kit_flag(&l);
    kit_size(&l, "IN", wide->shape[wide->ndim - 2] * wide->shape[wide->ndim - 1]);
    kit_size(&l, "OUT", y->shape[y->ndim - 2] * y->shape[y->ndim - 1]);
    kit_size(&l, "COUNT", kit_numel(y));
    kit_reach(&l, kit_numel(wide));
    return kit_go_items(&l, kit_numel(y));
}
static tn_accel_status kit_op_avg_pool(kit *k, const tn_accel_call *c) {
    KIT_ATTR(tn__attr_pool, a, c);
    const bool back = c->op == KIT_ID_avg_pool_backward;
    kit_launch l;
    kit_dense x;
    if (!kit_contiguous(&c->out[0]) || (back && !tn__is_float((tn_dtype)c->out[0].dtype))) return TN_ACCEL_UNSUPPORTED;
    KIT_TRY(kit_densely(k, &x, &c->in[0]));
    kit_begin(k, &l, back ? "avg_pool_backward" : "avg_pool", kit_compute(c->out[0].dtype));
    kit_in(&l, "from_x", &x.t);
    kit_out(&l, "to_y", &c->out[0]);
    kit_put_pool(&l, a, back ? &c->out[0] : &c->in[0], back ? &c->in[0] : &c->out[0]);
    kit_size(&l, "U_COUNT", kit_numel(&c->out[0]));
    return kit_go_items(&l, kit_numel(&c->out[0]));
}

/* -- resizing along an axis -- */
/* The step between coordinates, as the CPU's tn__resize_source has it. */
static double kit_resize_scale(const tn__attr_resize *a, bool wide) {
    const double scale = a->scale != 0 ? 1 / a->scale : (double)a->in / (double)a->out;
    if (a->align) return a->out > 1 ? (double)(a->in - 1) / (double)(a->out - 1) : 0;
    return wide || a->scale != 0 ? scale : (double)((float)a->in / (float)a->out);
}
static void kit_real_of(kit_launch *l, const char *name, kit_type type, double v) {
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    kit_add_word(l, name, KIT_REAL, type, bits);
}
static tn_accel_status kit_op_resize(kit *k, const tn_accel_call *c) {
    KIT_ATTR(tn__attr_resize, a, c);
    const bool back = c->op == KIT_ID_resize_backward, nearest = a->mode == TN_NEAREST || a->mode == TN_NEAREST_EXACT;
    const kit_type type = kit_compute(c->out[0].dtype), coordinate = nearest ? KIT_F32 : type;
    const double scale = kit_resize_scale(a, coordinate == KIT_F64);
    const bool itself = a->in == a->out && (nearest || a->mode == TN_LINEAR);
    int64_t outer, n, inner;
    kit_launch l;
    kit_dense x;
    if (!kit_contiguous(&c->out[0])) return TN_ACCEL_UNSUPPORTED;
    kit_split(&c->in[0], a->dim, &outer, &n, &inner);
    KIT_TRY(kit_densely(k, &x, &c->in[0]));
    kit_begin(k, &l, back ? "resize_backward" : "resize", type);
    kit_in(&l, "from_x", &x.t);
    kit_out(&l, "to_y", &c->out[0]);
    kit_const(&l, "MODE", nearest ? 0 : a->mode == TN_LINEAR ? 1 : a->mode == TN_AREA ? 4 : 3);
    kit_const(&l, "ITSELF", itself);
    kit_size(&l, "IN", a->in);
    kit_size(&l, "OUT", a->out);
    kit_size(&l, "INNER", inner);
    kit_size(&l, "COUNT", kit_numel(&c->out[0]));
    kit_real_of(&l, "SCALE", coordinate, scale);
    kit_real_of(&l, "HALF", coordinate, a->align || a->mode == TN_NEAREST ? 0 : 0.5);
    kit_real_of(&l, "BACK_SCALE", KIT_F32, itself ? 1 : scale > 0 ? TN__MIN(1 / scale, 1e30) : 1e30);
    kit_reach(&l, kit_numel(&c->in[0]));
    kit_reach(&l, (a->in + 1) * (a->out + 1));
    return kit_go_items(&l, kit_numel(&c->out[0]));
}
#define KIT_OPS_CONV(X)                                                                                                \
    X(convolution, conv) X(conv_input, conv) X(conv_weight, conv) X(max_pool, max_pool) X(max_unpool, max_unpool)      \
    X(max_pool_at, max_pool_at) X(avg_pool, avg_pool) X(avg_pool_backward, avg_pool) X(unfold, unfold) X(fold, unfold) \
    X(resize, resize) X(resize_backward, resize)

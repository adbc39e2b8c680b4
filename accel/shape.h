/* kit: the rows of section shape that are no views. */
static const char *const kit_pad_names[3][TN_MAX_DIMS] = {KIT_NAMES("N"), KIT_NAMES("LO"), KIT_NAMES("HI")};
/* A launch with a work item an element of the result, in order, and the steps of the operand along its dims. */
static void kit_each_dim(kit_launch *l, int n, const int64_t *shape, const int64_t *steps) {
    kit_const(l, "NDIM", n);
    for (int d = 0; d < n; d++) {
        kit_size(l, kit_pw_sizes[d], shape[n - 1 - d]);
        kit_size(l, kit_step_x[d], steps[n - 1 - d]);
    }
}
/* x in memory, with its own strides, and the result's room, both as elements that move as they are. */
static tn_accel_status kit_moving(kit *k, const tn_accel_call *c, kit_dense *x, kit_dense *y, tn_accel_tensor *result) {
    tn_accel_tensor from;
    if (!kit_movable(&from, &c->in[0]) || !kit_movable(result, &c->out[0])) return TN_ACCEL_UNSUPPORTED;
    x->t = from;
    if (!from.buffer) KIT_TRY(kit_densely_in_memory(k, x, &from));
    kit_dense_out(k, y, result);
    return TN_ACCEL_OK;
}
static tn_accel_status kit_op_flip(kit *k, const tn_accel_call *c) {
    KIT_ATTR(tn__attr_dims, a, c);
    const int64_t n = kit_numel(&c->out[0]);
    int64_t steps[TN_MAX_DIMS], first = 0;
    kit_dense x, y;
    kit_launch l;
    tn_accel_tensor result;
    KIT_TRY(kit_moving(k, c, &x, &y, &result));
    for (int d = 0; d < x.t.ndim; d++) {
        steps[d] = a->a[d] ? -x.t.strides[d] : x.t.strides[d];
        if (a->a[d] && n) first += (x.t.shape[d] - 1) * x.t.strides[d];
    }
    kit_begin(k, &l, "flip", kit_raw_type(x.t.dtype));
    kit_in_as(&l, "x", &x.t, l.type);
    kit_out_as(&l, "o", &y.t, l.type);
    kit_each_dim(&l, x.t.ndim, x.t.shape, steps);
    kit_size(&l, "FIRST", first);
    kit_size(&l, "REACH", kit_span(&x.t));
    kit_size(&l, "COUNT", n);
    KIT_TRY(kit_go_items(&l, n));
    return kit_dense_back(k, &y, &result);
}
static tn_accel_status kit_op_tri(kit *k, const tn_accel_call *c) {
    KIT_ATTR(tn__attr_dim, a, c);
    const int64_t n = kit_numel(&c->out[0]);
    kit_dense x, y;
    kit_launch l;
    tn_accel_tensor result;
    KIT_TRY(kit_moving(k, c, &x, &y, &result));
    const int64_t far = x.t.shape[x.t.ndim - 2] + x.t.shape[x.t.ndim - 1]; /* a diagonal beyond the corners is like one at them */
    kit_begin(k, &l, "tri", kit_raw_type(x.t.dtype));
    kit_in_as(&l, "x", &x.t, l.type);
    kit_out_as(&l, "o", &y.t, l.type);
    kit_each_dim(&l, x.t.ndim, x.t.shape, x.t.strides);
    kit_const(&l, "UPPER", a->v[1] != 0);
    kit_size(&l, "DIAGONAL", a->v[0] > far ? far : a->v[0] < -far ? -far : a->v[0]);
    kit_size(&l, "REACH", kit_span(&x.t));
    kit_size(&l, "COUNT", n);
    KIT_TRY(kit_go_items(&l, n));
    return kit_dense_back(k, &y, &result);
}
/* A part of y: the shape from first on, by steps. */
static tn_accel_tensor kit_part(const tn_accel_tensor *y, const int64_t *shape, const int64_t *steps, int n, int64_t first) {
    tn_accel_tensor part = kit_reshaped(y, shape, steps, n);
    part.offset += (uint64_t)first * kit_size_of(y->dtype);
    return part;
}
static tn_accel_status kit_op_cat(kit *k, const tn_accel_call *c) {
    KIT_ATTR(tn__attr_dim, a, c);
    const tn_accel_tensor *y = &c->out[0];
    const int d = a->dim < 0 ? a->dim + y->ndim : a->dim;
    int64_t at = 0;
    if (y->dtype == TN_C128) return TN_ACCEL_UNSUPPORTED;
    for (int i = 0; i < c->n_in; i++) {
        const tn_accel_tensor *x = &c->in[i];
        if (kit_numel(x)) {
            const tn_accel_tensor part = kit_part(y, x->shape, y->strides, y->ndim, at * y->strides[d]);
            KIT_TRY(kit_copy(k, &part, x));
            at += x->shape[d];
        }
    }
    return TN_ACCEL_OK;
}

/* -- as_strided: a copy into the geometry, or, where its places coincide, its elements sorted by them -- */
static tn_accel_status kit_into_places(kit *k, const tn__attr_strided *a, const tn_accel_tensor *y, const tn_accel_tensor *src, int mode) {
    static const int64_t none = 1;
    const int64_t first = a->offset - a->base_offset, n = kit_numel(src);
    kit_joining j = {*y, *src, mode, false, false, 0, NULL};
    kit_dense d;
    if (n == 0) return TN_ACCEL_OK;
    if (tn__places_differ(a->shape, a->strides, a->n)) {
        const tn_accel_tensor part = kit_part(y, a->shape, a->strides, a->n, first);
        return kit_copy(k, &part, src);
    }
    tn_accel_tensor like = *src, zero;
    like.dtype = y->dtype;
    kit_dense_room(k, &d, &like);
    KIT_TRY(kit_copy(k, &d.t, src));
    if (!kit_movable(&j.y, y) || !kit_movable(&j.src, &d.t)) return TN_ACCEL_UNSUPPORTED;
    memset(&zero, 0, sizeof zero); /* a number in place of an index */
    zero.dtype = TN_I64;
    zero.shape = zero.strides = &none;
    const kit_placing p = {zero, 0, 1, 0, first, kit_numel(y), a->n, a->shape, a->strides};
    return kit_join(k, &j, &p, 1, n, 1);
}
static tn_accel_status kit_op_as_strided_backward(kit *k, const tn_accel_call *c) {
    KIT_ATTR(tn__attr_strided, a, c);
    if (c->in[0].dtype == TN_C128 || !kit_contiguous(&c->out[0])) return TN_ACCEL_UNSUPPORTED;
    return kit_into_places(k, a, &c->out[0], &c->in[0], KIT_SUM); /* infer has filled it with zeros */
}
static tn_accel_status kit_op_as_strided_scatter(kit *k, const tn_accel_call *c) {
    KIT_ATTR(tn__attr_strided, a, c);
    if (c->in[0].dtype == TN_C128 || c->in[1].dtype == TN_C128 || !kit_contiguous(&c->out[0])) return TN_ACCEL_UNSUPPORTED;
    KIT_TRY(kit_copy(k, &c->out[0], &c->in[0]));
    return kit_into_places(k, a, &c->out[0], &c->in[1], KIT_SET);
}

/* -- pad: neighbouring dims that nothing is added to are one where small lies so -- */
typedef struct { int n; int64_t wide[TN_MAX_DIMS], small[TN_MAX_DIMS], before[TN_MAX_DIMS], after[TN_MAX_DIMS], steps[TN_MAX_DIMS]; } kit_padding;
static void kit_pad_lay(kit_padding *p, const tn__attr_pad *a, const int64_t *small, int n, const int64_t *steps) {
    p->n = 0;
    for (int d = n - 1; d >= 0; d--) { /* from the inmost */
        const int last = p->n - 1;
        if (last >= 0 && !a->before[d] && !a->after[d] && !p->before[last] && !p->after[last] && steps[d] == p->steps[last] * p->small[last]) {
            p->small[last] *= small[d];
            p->wide[last] *= small[d];
            continue;
        }
        p->small[p->n] = small[d];
        p->wide[p->n] = small[d] + a->before[d] + a->after[d];
        p->before[p->n] = a->before[d];
        p->after[p->n] = a->after[d];
        p->steps[p->n++] = steps[d];
    }
    if (p->n) return;
    p->n = 1;
    p->small[0] = p->wide[0] = p->steps[0] = 1;
    p->before[0] = p->after[0] = 0;
}
static void kit_pad_words(kit_launch *l, const kit_padding *p, int mode, int64_t reach) {
    kit_const(l, "NDIM", p->n);
    kit_const(l, "MODE", mode);
    kit_size(l, "REACH", reach);
    for (int d = 0; d < p->n; d++) {
        kit_size(l, kit_pw_sizes[d], p->wide[d]);
        kit_size(l, kit_step_x[d], p->steps[d]);
        kit_size(l, kit_pad_names[0][d], p->small[d]);
        kit_size(l, kit_pad_names[1][d], p->before[d]);
        kit_size(l, kit_pad_names[2][d], p->after[d]);
    }
}
static tn_accel_status kit_op_pad(kit *k, const tn_accel_call *c) {
    KIT_ATTR(tn__attr_pad, a, c);
    const int64_t n = kit_numel(&c->out[0]);
    uint64_t fill[2] = {0, 0};
    kit_padding p;
    kit_dense x, y;
    kit_launch l;
    tn_accel_tensor result;
    KIT_TRY(kit_moving(k, c, &x, &y, &result));
    tn__set_f64((tn_dtype)c->in[0].dtype, fill, a->value);
    kit_pad_lay(&p, a, x.t.shape, x.t.ndim, x.t.strides);
    kit_begin(k, &l, "pad", kit_raw_type(x.t.dtype));
    kit_in_as(&l, "x", &x.t, l.type);
    kit_out_as(&l, "o", &y.t, l.type);
    kit_add_word(&l, "FILL", KIT_REAL, KIT_I64, fill[0]);
    kit_pad_words(&l, &p, a->mode, kit_span(&x.t));
    kit_size(&l, "COUNT", n);
    KIT_TRY(kit_go_items(&l, n));
    return kit_dense_back(k, &y, &result);
}
/* As steps of the gradient along dims whose sizes it has, which pads have made. */
static tn_accel_status kit_op_pad_backward(kit *k, const tn_accel_call *c) {
    KIT_ATTR(tn__attr_pad, a, c);
    const int64_t n = kit_numel(&c->out[0]);
    kit_padding p;
    kit_dense g, y;
    kit_launch l;
    if (tn__is_complex((tn_dtype)c->in[0].dtype)) return TN_ACCEL_UNSUPPORTED;
    KIT_TRY(kit_densely_in_memory(k, &g, &c->in[0]));
    kit_dense_out(k, &y, &c->out[0]);
    int64_t steps[TN_MAX_DIMS], step = 1;
    for (int d = c->in[0].ndim - 1; d >= 0; step *= c->in[0].shape[d], d--) steps[d] = step;
    kit_pad_lay(&p, a, c->out[0].shape, c->out[0].ndim, steps);
    kit_begin(k, &l, "pad_backward", kit_compute(c->in[0].dtype));
    kit_in(&l, "g", &g.t);
    kit_out(&l, "o", &y.t);
    kit_text(&l, "ROUNDED(v)", kit_rounded_text(c->in[0].dtype));
    kit_pad_words(&l, &p, a->mode, kit_numel(&c->in[0]));
    kit_size(&l, "COUNT", n);
    KIT_TRY(kit_go_items(&l, n));
    return kit_dense_back(k, &y, &c->out[0]);
}
#define KIT_OPS_SHAPE(X) X(as_strided_scatter, as_strided_scatter) X(as_strided_backward, as_strided_backward) X(cat, cat) X(flip, flip) X(tril, tri) X(triu, tri) \
    X(pad, pad) X(pad_backward, pad_backward)

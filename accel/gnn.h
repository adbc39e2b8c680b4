/* kit: the rows of section gnn. Their operands ends, rows and order are int32 vectors whose values the core has looked at. */
#define KIT_LONG_ROW 512 /* summands that one work item walks through */
typedef struct { const tn_accel_tensor *ends, *rows, *order; int64_t entries, n; } kit_links; /* rows, order: NULL where absent */
static kit_links kit_links_of(const tn_accel_tensor *ends, const tn_accel_tensor *rows, const tn_accel_tensor *order, int64_t entries) {
    const kit_links l = {ends, rows, order, entries, rows ? kit_numel(rows) - 1 : entries};
    return l;
}
static kit_links kit_links_at(const tn_accel_call *c, int i) { return kit_links_of(&c->in[i], kit_given(c, i + 1), kit_given(c, i + 2), kit_numel(&c->in[i])); }
static void kit_put_order(kit_launch *l, const kit_links *s) {
    if (s->order) kit_in_as(l, "order", s->order, KIT_U32);
    kit_const(l, "HAS_ORDER", s->order != NULL);
    kit_const(l, "HAS_ROWS", s->rows != NULL);
}
/* width work items a row of the result, v elements each. */
static tn_accel_status kit_go_links(kit_launch *l, const kit_links *s, int64_t width, int v) {
    const int64_t many = TN__MAX(KIT_LONG_ROW, s->entries >> 16), per = kit_power(width, 8), tiles = kit_ceil(width, per);
    const int64_t groups = s->rows ? s->entries / many * tiles : 0, count = s->n * width;
    if (s->ends) kit_in_as(l, "ends", s->ends, KIT_U32);
    if (s->rows) {
        kit_in_as(l, "rows", s->rows, KIT_U32);
        kit_const(l, "LANES", l->group / per);
        kit_const(l, "ACROSS", 1);
        kit_size(l, "ROWS", s->n);
        kit_size(l, "LONG", many);
        kit_size(l, "LONG_GROUPS", groups);
        kit_size(l, "TILES", tiles);
        kit_size(l, "REACH", count + (groups + 1) * l->group); /* for its width alone */
    }
    kit_put_order(l, s);
    kit_const(l, "V", v);
    kit_size(l, "WIDTH", width);
    kit_size(l, "COUNT", count);
    return count ? kit_go(l, (uint64_t)(groups + kit_ceil(count, l->group))) : l->status;
}
static int64_t kit_row_size(const tn_accel_tensor *t) { return t->shape[0] ? kit_numel(t) / t->shape[0] : 0; }
static tn_accel_status kit_op_propagate(kit *k, const tn_accel_call *c) {
    KIT_ATTR(tn__attr_dim, a, c);
    const kit_links s = kit_links_at(c, 1);
    const bool nodes = (a->v[0] & TN__LINK_NODES) != 0;
    const int64_t row = kit_row_size(&c->out[0]);
    int64_t heads = 1;
    kit_dense x, w;
    kit_launch l;
    w.t.buffer = NULL;
    if (!kit_contiguous(&c->out[0]) || (a->v[0] & ~(int64_t)(TN__LINK_NODES | TN__LINK_MEAN))) return TN_ACCEL_UNSUPPORTED;
    KIT_TRY(kit_densely(k, &x, &c->in[0]));
    if (kit_given(c, 7)) KIT_TRY(kit_densely(k, &w, &c->in[7]));
    for (int d = 1; kit_given(c, 7) && d < c->in[7].ndim; d++) heads *= c->in[7].shape[d];
    const int64_t cols = heads ? row / heads : 0;
    const int v = kit_vector(k, kit_vector(k, 8, &x.t, cols), &c->out[0], cols);
    kit_begin(k, &l, "propagate", kit_compute(c->out[0].dtype));
    kit_in(&l, "x", &x.t);
    if (kit_given(c, 7)) kit_in(&l, "w", &w.t);
    kit_out(&l, "y", &c->out[0]);
    kit_const(&l, "WEIGHTS", !kit_given(c, 7) ? 0 : nodes ? 2 : 1);
    kit_const(&l, "MEAN", (a->v[0] & TN__LINK_MEAN) != 0);
    kit_size(&l, "ROW", row);
    kit_size(&l, "HEADS", heads);
    kit_size(&l, "COLS", cols);
    return kit_go_links(&l, &s, row / v, v);
}
static tn_accel_status kit_op_propagate_max(kit *k, const tn_accel_call *c) {
    KIT_ATTR(tn__attr_dim, a, c);
    const kit_links s = kit_links_at(c, 1);
    const int64_t row = kit_row_size(&c->out[0]);
    kit_dense x;
    kit_launch l;
    if (!kit_contiguous(&c->out[0]) || !kit_contiguous(&c->out[1]) || (a->v[0] & ~(int64_t)TN__LINK_MIN)) return TN_ACCEL_UNSUPPORTED;
    KIT_TRY(kit_densely(k, &x, &c->in[0]));
    const int v = kit_vector(k, kit_vector(k, kit_vector(k, 8, &x.t, row), &c->out[0], row), &c->out[1], row);
    kit_begin(k, &l, "propagate_max", kit_compute(c->out[0].dtype));
    kit_in(&l, "x", &x.t);
    kit_out(&l, "y", &c->out[0]);
    kit_out(&l, "equal", &c->out[1]);
    kit_const(&l, "LEAST", a->v[0] != 0);
    kit_size(&l, "ROW", row);
    return kit_go_links(&l, &s, row / v, v);
}
static tn_accel_status kit_op_propagate_equal(kit *k, const tn_accel_call *c) {
    static const char *const names[3] = {"x", "beside", "own"};
    const kit_links s = kit_links_at(c, 3);
    const int64_t row = kit_row_size(&c->out[0]);
    kit_dense in[3];
    kit_launch l;
    if (!kit_contiguous(&c->out[0])) return TN_ACCEL_UNSUPPORTED;
    int v = kit_vector(k, 8, &c->out[0], row);
    for (int i = 0; i < 3; i++) {
        KIT_TRY(kit_densely(k, &in[i], &c->in[i]));
        v = kit_vector(k, v, &in[i].t, row);
    }
    kit_begin(k, &l, "propagate_equal", kit_compute(c->out[0].dtype));
    for (int i = 0; i < 3; i++) kit_in(&l, names[i], &in[i].t);
    kit_out(&l, "y", &c->out[0]);
    kit_size(&l, "ROW", row);
    return kit_go_links(&l, &s, row / v, v);
}
static tn_accel_status kit_op_edge_dot(kit *k, const tn_accel_call *c) {
    KIT_ATTR(tn__attr_dim, o, c);
    (void)o; /* the heads are the result's shape */
    const kit_links s = kit_links_at(c, 2);
    const int64_t heads = kit_row_size(&c->out[0]), cols = heads ? kit_row_size(&c->in[0]) / heads : 0, count = s.entries * heads;
    kit_dense a, b;
    kit_array entry;
    kit_launch l;
    if (!kit_contiguous(&c->out[0])) return TN_ACCEL_UNSUPPORTED;
    if (count == 0) return TN_ACCEL_OK;
    KIT_TRY(kit_densely(k, &a, &c->in[0]));
    KIT_TRY(kit_densely(k, &b, &c->in[1]));
    kit_array_new(k, &entry, s.rows ? s.entries : 1);
    if (s.rows) KIT_TRY(kit_crow_rows(k, s.rows, &entry));
    const int v = kit_vector(k, kit_vector(k, 8, &a.t, cols), &b.t, cols);
    kit_begin(k, &l, "edge_dot", kit_compute(c->out[0].dtype));
    const int64_t lanes = kit_power(kit_ceil(cols, v), l.group < 32 ? l.group : 32);
    kit_in(&l, "left", &a.t);
    kit_in(&l, "right", &b.t);
    kit_in_as(&l, "ends", s.ends, KIT_U32);
    if (s.rows) kit_in_as(&l, "entry", &entry.t, KIT_U32);
    kit_out(&l, "y", &c->out[0]);
    kit_put_order(&l, &s);
    kit_const(&l, "V", v);
    kit_const(&l, "LANES", lanes);
    kit_const(&l, "ACROSS", 0);
    kit_size(&l, "HEADS", heads);
    kit_size(&l, "COLS", cols);
    kit_size(&l, "COUNT", count);
    kit_size(&l, "REACH", count + l.group); /* for its width alone */
    return kit_go(&l, (uint64_t)kit_ceil(count, l.group / lanes));
}
static tn_accel_status kit_op_edge_softmax(kit *k, const tn_accel_call *c) {
    const bool back = c->op == KIT_ID_edge_softmax_backward;
    const tn_accel_tensor *rows = &c->in[back ? 2 : 1];
    const kit_links s = kit_links_of(NULL, rows, kit_given(c, back ? 3 : 2), c->out[0].shape[0]);
    kit_dense x, g;
    kit_launch l;
    if (!kit_contiguous(&c->out[0])) return TN_ACCEL_UNSUPPORTED;
    KIT_TRY(kit_densely(k, &x, &c->in[0]));
    if (back) KIT_TRY(kit_densely(k, &g, &c->in[1]));
    kit_begin(k, &l, "edge_softmax", kit_compute(c->out[0].dtype));
    kit_in(&l, "x", &x.t);
    if (back) kit_in(&l, "g", &g.t);
    kit_out(&l, "y", &c->out[0]);
    kit_const(&l, "BACKWARD", back);
    return kit_go_links(&l, &s, kit_row_size(&c->out[0]), 1);
}
#define KIT_OPS_GNN(X) X(propagate, propagate) X(propagate_max, propagate_max) X(propagate_equal, propagate_equal) X(edge_dot, edge_dot) \
    X(edge_softmax, edge_softmax) X(edge_softmax_backward, edge_softmax)

/* kit: optim_step. Operands are a list: for each parameter itself, its gradient, and the states that the mask names. */
#define KIT_OPTIM_TENSORS 8
static const char *const kit_optim_names[5][KIT_OPTIM_TENSORS] = {KIT_DIMS("p"), KIT_DIMS("g"), KIT_DIMS("s0_"), KIT_DIMS("s1_"), KIT_DIMS("s2_")};
static const char *const kit_optim_counts[KIT_OPTIM_TENSORS] = KIT_DIMS("COUNT"), *const kit_optim_blocks[KIT_OPTIM_TENSORS] = KIT_DIMS("BLOCKS");
static const char *const kit_optim_constants[TN__OPT_CONSTANTS] = {"SIGN", "STEP", "DECAY", "SHRINK", "MOMENTUM", "UNDAMPED", "FIRST", "FLAG", "WEIGHT1", "WEIGHT2", "BETA2", "ROOT", "EPS"};

static int kit_optim_width(const kit *k, const tn_accel_tensor *t, int n) {
    const int size = (int)kit_size_of(t->dtype);
    if (k->backend->language != KIT_CUDA && k->backend->language != KIT_HIP) return 1;
    int v = 16 / size;
    for (int i = 0; i < n; i++)
        while (v > 1 && t[i].offset % (uint64_t)(v * size)) v /= 2;
    return v;
}
/* So many parameters at once, of per operands each. */
static tn_accel_status kit_optim_some(kit *k, const tn__attr_optim *a, const tn_accel_tensor *t, int tensors, int per) {
    kit_launch l;
    uint64_t groups = 0;
    const int width = kit_optim_width(k, t, tensors * per);
    kit_begin(k, &l, "optim", kit_compute(t->dtype));
    kit_const(&l, "KIND", a->kernel);
    kit_const(&l, "STATES", (int64_t)a->states);
    kit_const(&l, "TENSORS", tensors);
    kit_const(&l, "V", width);
    for (int i = 0; i < TN__OPT_CONSTANTS; i++) kit_real(&l, kit_optim_constants[i], a->c[i]);
    for (int i = 0; i < tensors; i++, t += per) {
        const int64_t n = kit_numel(t), span = (int64_t)l.group * width, blocks = (n + span - 1) / span;
        int at = 2;
        kit_out(&l, kit_optim_names[0][i], &t[0]);
        kit_in(&l, kit_optim_names[1][i], &t[1]);
        for (int s = 0; s < 3; s++)
            if (a->states >> s & 1u) kit_out(&l, kit_optim_names[2 + s][i], &t[at++]);
        kit_size(&l, kit_optim_counts[i], n);
        kit_size(&l, kit_optim_blocks[i], blocks);
        groups += (uint64_t)blocks;
    }
    return kit_go(&l, groups);
}
static tn_accel_status kit_op_optim_step(kit *k, const tn_accel_call *c) {
    KIT_ATTR(tn__attr_optim, a, c);
    const int per = a->per;
    if (per < 2 || per > 5 || c->n_in % per) return TN_ACCEL_UNSUPPORTED;
    for (int i = 0; i < c->n_in; i++)
        if (!kit_contiguous(&c->in[i]) || !c->in[i].buffer || c->in[i].dtype != c->in[0].dtype) return TN_ACCEL_UNSUPPORTED;
    for (int i = 0, some; i < c->n_in; i += per * some) {
        const int left = (c->n_in - i) / per;
        some = left < KIT_OPTIM_TENSORS ? left : KIT_OPTIM_TENSORS;
        while (k->fixed && (some & (some - 1))) some &= some - 1; /* of 1, 2, 4 and 8 tensors, so that four kernels do where there is no compiler */
        KIT_TRY(kit_optim_some(k, a, &c->in[i], some, per));
    }
    return TN_ACCEL_OK;
}
#define KIT_OPS_OPTIM(X) X(optim_step, optim_step)

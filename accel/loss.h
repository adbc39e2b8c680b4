/* kit: the rows of section loss. */
#define KIT_OPS_LOSS(X)

/* kit: the rows of section reduce. */
#define KIT_OPS_REDUCE(X)

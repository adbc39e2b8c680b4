/* kit: the rows of section norm. */
#define KIT_OPS_NORM(X)

/* kit: the rows of section matmul. */
#define KIT_OPS_MATMUL(X)

/* kit: the rows of section index. */
#define KIT_OPS_INDEX(X)

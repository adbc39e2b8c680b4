/* kit: the rows of section shape. */
#define KIT_OPS_SHAPE(X)

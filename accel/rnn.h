/* kit: the rows of section rnn. */
#define KIT_OPS_RNN(X)

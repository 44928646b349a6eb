/* liar.h: a backend for tests, "liar", that acknowledges before COMMIT: it answers OK at once and applies the batch when the
 * next one comes. SQLite is behind it, with SQLite's settings under another section. It exists to be caught. */
#ifndef FAULT_LIAR_H
#define FAULT_LIAR_H
void liar_register(void);
#endif

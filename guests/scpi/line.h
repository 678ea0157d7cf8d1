/* The connection to the instrument. It is in step as long as every query has had its
 * whole answer; after anything else it is given up, and the next one starts clean. */
#ifndef LINE_H
#define LINE_H

#include "coda.h"

enum { MOST_ANSWER = 4096 };

/* Makes sure that there is a connection in step to the right instrument: an old one
 * that still answers, or a new one on which the instrument was reset. */
bool line_ready(void);

void line_close(void);

/* Whether there is a connection and it is in step. */
bool line_in_step(void);

/* Writes bytes of commands. */
bool line_write(const char *what, const void *data, size_t size);

/* Writes commands, if there are any. */
bool line_tell(const char *command);

/* Writes a query, and reads its answer of one line. The answer lives until the next. */
bool line_ask(const char *query, const char **answer);

/* Writes a query whose answer is read by line_take. */
bool line_start_answer(const char *query);

/* Reads exactly size bytes of an answer. */
bool line_take(void *buffer, size_t size);

/* Says that an answer is over and was right. */
void line_end_answer(void);

/* Reads the queue of errors until it is empty. False with what the instrument refused,
 * if anything; `during` says when. */
bool line_check(const char *during);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Errors of the user or the host: a number for the caller, a sentence for the
 * user.
 *
 *      return error_set(err, EINVAL, "%s: not a bzImage", path);
 *
 * One line, lower case, object first, then what to do about it.  The sentence
 * is written where the cause is known; error_prefix() adds context on the way
 * up, once.  Only a main() prints it and exits.
 */
#ifndef UTIL_ERROR_H
#define UTIL_ERROR_H

typedef struct Error {
    char msg[512];
} Error;

/* Write the sentence (err may be NULL); returns -errnum. */
int error_set(Error *err, int errnum, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Put "context: " before the sentence; returns ret. */
int error_prefix(Error *err, int ret, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif

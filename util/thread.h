/* SPDX-License-Identifier: MIT */
/* Threads beside the main one. */
#ifndef UTIL_THREAD_H
#define UTIL_THREAD_H

#include <pthread.h>

/* pthread_create() of a thread that takes no signals: they are for the main thread. */
int thread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
                  void *opaque);

#endif

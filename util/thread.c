/* SPDX-License-Identifier: MIT */
#include "util/thread.h"

#include <signal.h>

int thread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
                  void *opaque)
{
    sigset_t all, old;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int e = pthread_create(thread, attr, run, opaque);

    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return e;
}

/* SPDX-License-Identifier: MIT */
/*
 * tm NAME CMD ARG...: run a command, print "BENCH-START NAME" before and
 * "BENCH NAME seconds rc=N" after, by CLOCK_MONOTONIC.  What the command
 * prints goes to /tmp/tm.out.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void child(char **argv)
{
    int fd = open("/tmp/tm.out", O_WRONLY | O_CREAT | O_TRUNC, 0600);

    if (fd >= 0) {
        dup2(fd, 1);
        dup2(fd, 2);
    }
    execvp(argv[0], argv);
    _exit(127);
}

int main(int argc, char **argv)
{
    struct timespec a, b;
    int status = 0;
    pid_t pid;

    if (argc < 3) {
        fprintf(stderr, "usage: tm NAME CMD [ARG]...\n");
        return 2;
    }
    printf("BENCH-START %s\n", argv[1]);
    fflush(stdout);
    clock_gettime(CLOCK_MONOTONIC, &a);
    pid = fork();
    if (pid == 0) {
        child(argv + 2);
    }
    waitpid(pid, &status, 0);
    clock_gettime(CLOCK_MONOTONIC, &b);
    printf("BENCH %s %.3f rc=%d\n", argv[1],
           (b.tv_sec - a.tv_sec) + (b.tv_nsec - a.tv_nsec) / 1e9,
           WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status));
    return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * The back ends there are, one per file.  char.c has the table of the prefixes
 * that choose them; open() gets what follows the prefix.
 */
#ifndef CHAR_DRIVERS_H
#define CHAR_DRIVERS_H

#include "char/char.h"

extern const ChrDriver chr_null_driver;         /* null.c */
extern const ChrDriver chr_file_driver;         /* file.c: PATH */
extern const ChrDriver chr_stdio_driver;        /* stdio.c: [signal=on|off] */
extern const ChrDriver chr_pty_driver;          /* pty.c */
extern const ChrDriver chr_tcp_driver;          /* socket.c */
extern const ChrDriver chr_telnet_driver;
extern const ChrDriver chr_unix_driver;
extern const ChrDriver chr_mux_driver;          /* mux.c: SPEC */

#endif

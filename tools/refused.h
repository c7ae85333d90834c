/* SPDX-License-Identifier: MIT */
/*
 * Options of the classic tools that ours know but do not have, and what to do instead.
 */
#ifndef TOOLS_REFUSED_H
#define TOOLS_REFUSED_H

/* For "--option is not supported: ADVICE"; a constant.  option: its name, without
 * dashes, one of the table in refused.c. */
const char *refused_advice(const char *option);

#endif

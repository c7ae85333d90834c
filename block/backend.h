/* SPDX-License-Identifier: MIT */
/* The drive side of a BlockDriverState, for block.c. */
#ifndef BLOCK_BACKEND_H
#define BLOCK_BACKEND_H

#include "block/block.h"

void blk_add(BlockDriverState *bs, const char *name);
void blk_remove(BlockDriverState *bs);
/* Requests that wait for blk_resume_all() end with their error. */
void blk_fail_stopped(BlockDriverState *bs);
/* The medium has another size now. */
void blk_tell_resized(const BlockDriverState *bs);

#endif

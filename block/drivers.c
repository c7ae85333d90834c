/* SPDX-License-Identifier: MIT */
/* All block drivers there are: add yours here. */
#include "block/block-int.h"

const BlockDriver *const bdrv_drivers[] = {
    &bdrv_raw,
    &bdrv_qcow2,
    &bdrv_file,
    &bdrv_host_device,
    &bdrv_host_cdrom,
    &bdrv_overlay,
    &bdrv_bochs,
    &bdrv_cloop,
    &bdrv_cow,
    &bdrv_dmg,
    &bdrv_blkdebug,
    &bdrv_nbd,
    &bdrv_nbd_unix,
    &bdrv_null_aio,
    &bdrv_null_co,
    &bdrv_parallels,
    &bdrv_qcow,
    &bdrv_vdi,
    &bdrv_vhdx,
    &bdrv_vmdk,
    &bdrv_vpc,
    &bdrv_vvfat,
    NULL
};

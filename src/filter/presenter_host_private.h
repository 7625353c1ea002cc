/* SPDX-License-Identifier: MIT */
/*
 * The presenter's side of a host: what its thread says to the one that draws.
 */
#ifndef LIMEF_SRC_FILTER_PRESENTER_HOST_PRIVATE_H
#define LIMEF_SRC_FILTER_PRESENTER_HOST_PRIVATE_H

#include "gpu/compositor.h"

/* Which buffers decoders are lent; counted. Before the first draw. */
void presenter_host_use_buffers(struct presenter_host *host, struct buffer_pool *buffers);

/* A picture is due. 0, or an error, logged. */
int presenter_host_show(struct presenter_host *host, unsigned tile,
                        const struct limef_decoded_frame *picture);

/* What a tile's pictures moved since this was asked last. */
void presenter_host_take_moved(struct presenter_host *host, unsigned tile,
                               struct compositor_upload *moved);

void presenter_host_set_text(struct presenter_host *host, unsigned tile, const char *text);
void presenter_host_set_overlay(struct presenter_host *host, const char *text);
void presenter_host_set_layout(struct presenter_host *host, uint32_t solo);

/* What was said is to be seen. */
void presenter_host_present(struct presenter_host *host);

/* Of the last draw; 0x0: there was none. */
void presenter_host_size(const struct presenter_host *host, int *width, int *height);

#endif

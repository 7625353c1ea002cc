/* SPDX-License-Identifier: MIT */
/*
 * What the files of shout share: the connection (shout.c), the stream on it (shout_stream.c), where
 * it goes (shout_place.c).
 */
#ifndef LIMEF_SRC_FILTER_SHOUT_PRIVATE_H
#define LIMEF_SRC_FILTER_SHOUT_PRIVATE_H

#include "filter/shout_client.h"
#include "rtsp/location.h"

#include <limef/filter/shout.h>

/* A URL of Icecast taken apart. */
struct shout_place {
    struct rtsp_location location; /* host, port, whether by TLS */
    struct rtsp_secrets secrets;   /* to be wiped */
    char mount[256];
};

/* Returns 0, or AVERROR(EINVAL): another scheme, no host or no mount. */
int shout_place_read(struct shout_place *place, const char *url);

/* Begins a stream of what shout->codec says, on the connection. Returns 0, or a negative AVERROR
 * code: AVERROR(EINVAL): this codec cannot be sent. */
int shout_stream_begin(struct limef_shout_filter *shout);

/* Sends a packet. Returns 0, or a negative AVERROR code. */
int shout_stream_write(struct limef_shout_filter *shout, const struct limef_packet_frame *packet);

/* Says on the connection that the stream is over, unless it is lost; forgets the stream. */
void shout_stream_end(struct limef_shout_filter *shout, bool is_lost);

#endif

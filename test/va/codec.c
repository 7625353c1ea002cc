/* SPDX-License-Identifier: MIT */
#include "codec.h"

void stream_send_headers(struct stream *stream, struct bytes *headers, struct bytes *unit)
{
    struct bytes sent = stream->headers;

    if (headers->failed) {
        unit->failed = true;
        return;
    }
    if (bytes_are_equal(headers, &stream->headers))
        return;
    bytes_append(unit, headers->data, headers->size);
    stream->headers = *headers;
    *headers = sent;
}

void stream_clear(struct stream *stream)
{
    bytes_clear(&stream->headers);
}

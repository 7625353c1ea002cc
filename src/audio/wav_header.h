/* SPDX-License-Identifier: MIT */
/*
 * The header of a WAV file of 32 bit floats. Beyond 4 GiB it is RF64, for which it keeps a place.
 * (RFC 2361; Microsoft, Multiple Channel Audio Data and WAVE Files; EBU Tech 3306.)
 */
#ifndef LIMEF_SRC_AUDIO_WAV_HEADER_H
#define LIMEF_SRC_AUDIO_WAV_HEADER_H

#include <stdint.h>

#define WAV_HEADER_BYTES 94

/* header: written. */
void wav_header_make(uint8_t *header, uint32_t rate, uint32_t n_channels, uint64_t n_frames);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * One picture converted by a team: each part is a horizontal slice of the output, made by a
 * converter of its own from all of the input that it needs. Bit-equal to one converter.
 */
#ifndef LIMEF_SRC_FRAME_SLICES_H
#define LIMEF_SRC_FRAME_SLICES_H

struct AVFrame;
struct limef_slices;
struct limef_team;

/*
 * Makes the converters; from, to and algorithm as convert_open().
 *
 * Returns 0 and *slices, or NULL there if slices make no sense: no team, a small picture, a
 * conversion in which a line depends on the one above it, or without SWS_ACCURATE_RND;
 * AVERROR(ENOMEM) or AVERROR(EINVAL). Not logged.
 */
int slices_open(struct limef_slices **slices, const struct AVFrame *from, const struct AVFrame *to,
                int algorithm, struct limef_team *team);

/* Converts; both pictures are counted ones. Returns 0 or a negative AVERROR code. */
int slices_run(struct limef_slices *slices, struct AVFrame *out, const struct AVFrame *in);

/* NULL there does nothing, and is left there. */
void slices_close(struct limef_slices **slices);

#endif

/* SPDX-License-Identifier: MIT */
/* What a filter of a graph is, for who looks at graphs. NULL: of another type. Any thread. */
#ifndef LIMEF_SRC_FILTER_FILTER_KINDS_H
#define LIMEF_SRC_FILTER_FILTER_KINDS_H

struct limef_decode_filter;
struct limef_filter;
struct limef_presenter;
struct limef_rtsp_source;

struct limef_decode_filter *decode_filter_from(struct limef_filter *filter);
struct limef_presenter *presenter_from(struct limef_filter *filter);
struct limef_rtsp_source *rtsp_source_from(struct limef_filter *filter);

#endif

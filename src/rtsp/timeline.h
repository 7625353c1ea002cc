/* SPDX-License-Identifier: MIT */
/*
 * Where a stream's units are in time: its timestamps, which may jump, put on the clock of its
 * camera (sync.h), and the wall clock that its sender reports tell.
 */
#ifndef LIMEF_SRC_RTSP_TIMELINE_H
#define LIMEF_SRC_RTSP_TIMELINE_H

#include "rtsp/receiver.h"

/* So far apart are the times of the first packet and of one that overtakes it, pictures that refer
 * to later ones included. */
#define RTSP_FIRST_SPREAD_US 500000

/* Ticks of the stream's clock as a time. */
int64_t rtsp_timeline_us(const struct rtsp_receiver *receiver, int64_t ticks);

/* Gives a unit that came its times; its unit and arrived_us are set. */
void rtsp_timeline_place(struct rtsp_receiver *receiver, struct rtsp_arrival *arrival);

/* A sender report of the stream: the camera's wall clock. How fast that goes is told by our clock
 * that nobody sets. */
void rtsp_timeline_report(struct rtsp_receiver *receiver, const struct rtsp_report *report);

#endif

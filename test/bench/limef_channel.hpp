/* SPDX-License-Identifier: MIT */
/*
 * limef's own boundary, through its public functions: what a filterchain does.
 * Compared with the peers' frames each item also has its whole header copied
 * (88 bytes of a packet), is looked at for its class, bounds and policy, counted,
 * and every so often timed.
 */
#ifndef LIMEF_TEST_BENCH_LIMEF_CHANNEL_HPP
#define LIMEF_TEST_BENCH_LIMEF_CHANNEL_HPP

#include "locked.hpp"

#include <limef/base/memory.h>
#include <limef/fifo/fifo.h>
#include <limef/frame/decoded.h>

extern "C" {
#include <libavutil/frame.h>
}

class limef_boundary
{
  protected:
    limef_fifo fifo = {};
    limef_lane lane = {};
    limef_stack_frame frames[depth] = {};

  public:
    limef_boundary()
    {
        limef_lane_settings settings = {};

        settings.depth = depth - 2;
        limef_fifo_init(&fifo, "bench");
        if (limef_lane_init(&lane, frames, depth, &settings) < 0)
            abort();
        limef_fifo_add_lane(&fifo, &lane);
    }
    void write(const limef_packet_frame &in)
    {
        if (limef_lane_write(&lane, &in.frame) < 0)
            abort();
    }
    template <class Visit> unsigned read(Visit visit)
    {
        limef_stack_frame *frame;

        if (limef_fifo_read(&fifo, &frame, LIMEF_FOREVER) < 0)
            abort();
        visit(frame->any.frame.pts_us, frame->any.packet.dts_us);
        limef_fifo_recycle(&fifo, frame);
        return 1;
    }
    /* The C++ look-alike of the library's counters is plain; this thread reads them at rest. */
    uint64_t n_copied_bytes() const
    {
        limef_lane_counters counters;

        limef_lane_get_counters(&lane, &counters);
        return counters.copied_bytes;
    }
};

class limef_boundary_batch : public limef_boundary
{
  public:
    template <class Visit> unsigned read(Visit visit)
    {
        limef_stack_frame *batch[depth / 4];
        int n = limef_fifo_read_batch(&fifo, batch, depth / 4, LIMEF_FOREVER);

        if (n < 1)
            abort();
        for (int i = 0; i < n; i++)
            visit(batch[i]->any.frame.pts_us, batch[i]->any.packet.dts_us);
        limef_fifo_recycle_batch(&fifo, batch, static_cast<unsigned>(n));
        return static_cast<unsigned>(n);
    }
};

/* Pictures that nobody counts: the one kind of payload that a lane copies. */
class limef_boundary_copying
{
    limef_fifo fifo = {};
    limef_lane lane = {};
    limef_stack_frame frames[16] = {};
    pictures source;
    AVFrame *av = av_frame_alloc();

  public:
    limef_boundary_copying()
    {
        limef_lane_settings settings = {};

        settings.depth = copied_depth;
        limef_fifo_init(&fifo, "bench");
        if (limef_lane_init(&lane, frames, 16, &settings) < 0)
            abort();
        limef_fifo_add_lane(&fifo, &lane);
        av->format = AV_PIX_FMT_YUV420P;
        av->width = picture_width;
        av->height = picture_height;
        av->linesize[0] = picture_width;
        av->linesize[1] = av->linesize[2] = picture_width / 2;
    }
    void write(const limef_packet_frame &in)
    {
        limef_decoded_frame decoded = {};

        av->data[0] = source.next();
        av->data[1] = av->data[0] + picture_width * picture_height;
        av->data[2] = av->data[1] + picture_width * picture_height / 4;
        decoded.frame.frame_class = LIMEF_FRAME_DECODED;
        decoded.frame.media = LIMEF_MEDIA_VIDEO;
        decoded.frame.pts_us = in.frame.pts_us;
        decoded.frame.entered_us = in.dts_us;
        decoded.av = av;
        if (limef_lane_write(&lane, &decoded.frame) < 0)
            abort();
    }
    template <class Visit> unsigned read(Visit visit)
    {
        limef_stack_frame *frame;

        if (limef_fifo_read(&fifo, &frame, LIMEF_FOREVER) < 0)
            abort();
        visit(frame->any.frame.pts_us, frame->any.frame.entered_us);
        limef_fifo_recycle(&fifo, frame);
        return 1;
    }
};

#endif

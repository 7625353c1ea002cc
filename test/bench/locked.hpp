/* SPDX-License-Identifier: MIT */
/*
 * Fifos behind a lock: a mutex, a condition variable, a deque of waiting frames
 * and a stack of free ones. With references, and with pictures copied in.
 */
#ifndef LIMEF_TEST_BENCH_LOCKED_HPP
#define LIMEF_TEST_BENCH_LOCKED_HPP

#include "channel.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <vector>

constexpr size_t picture_width = 1920, picture_height = 1080;
constexpr size_t picture_bytes = picture_width * picture_height * 3 / 2;

/* 4:2:0 pictures to copy from; more than the caches hold. */
class pictures
{
    std::vector<uint8_t *> all;
    unsigned turn = 0;

  public:
    pictures()
    {
        for (unsigned i = 0; i < 8; i++) {
            all.push_back(static_cast<uint8_t *>(aligned_alloc(64, picture_bytes)));
            std::memset(all.back(), static_cast<int>(i), picture_bytes);
        }
    }
    uint8_t *next()
    {
        return all[turn++ % all.size()];
    }
};

template <class Frame> class locked_deque
{
    Frame frames[depth] = {};
    std::mutex lock;
    std::condition_variable queued, recycled;
    std::deque<Frame *> fifo;
    std::vector<Frame *> stack;

  public:
    locked_deque()
    {
        for (Frame &frame : frames)
            stack.push_back(&frame);
    }
    void write(const limef_packet_frame &in)
    {
        std::unique_lock<std::mutex> held(lock);

        recycled.wait(held, [&] { return !stack.empty(); });
        Frame *frame = stack.back();
        stack.pop_back();
        frame->fill(in);
        fifo.push_back(frame);
        queued.notify_one();
    }
    template <class Visit> unsigned read(Visit visit)
    {
        Frame *frame;
        {
            std::unique_lock<std::mutex> held(lock);
            queued.wait(held, [&] { return !fifo.empty(); });
            frame = fifo.front();
            fifo.pop_front();
        }
        visit(frame->number(), frame->when_ns());
        std::unique_lock<std::mutex> held(lock);
        frame->drop();
        stack.push_back(frame);
        recycled.notify_one();
        return 1;
    }
};

/* Each frame keeps a picture; writing copies into it, plane by plane, under the lock. */
class copying_deque
{
    struct frame {
        int64_t number, sent_ns;
        uint8_t *bytes;
    };
    frame frames[copied_depth];
    pictures source;
    std::mutex lock;
    std::condition_variable queued, recycled;
    std::deque<frame *> fifo;
    std::vector<frame *> stack;

  public:
    copying_deque()
    {
        for (frame &one : frames) {
            one.bytes = static_cast<uint8_t *>(aligned_alloc(64, picture_bytes));
            std::memset(one.bytes, 0, picture_bytes);
            stack.push_back(&one);
        }
    }
    void write(const limef_packet_frame &in)
    {
        constexpr size_t luma = picture_width * picture_height, chroma = luma / 4;
        std::unique_lock<std::mutex> held(lock);

        recycled.wait(held, [&] { return !stack.empty(); });
        frame *to = stack.back();
        stack.pop_back();
        to->number = in.frame.pts_us;
        to->sent_ns = in.dts_us;
        const uint8_t *from = source.next();
        std::memcpy(to->bytes, from, luma);
        std::memcpy(to->bytes + luma, from + luma, chroma);
        std::memcpy(to->bytes + luma + chroma, from + luma + chroma, chroma);
        fifo.push_back(to);
        queued.notify_one();
    }
    template <class Visit> unsigned read(Visit visit)
    {
        frame *one;
        {
            std::unique_lock<std::mutex> held(lock);
            queued.wait(held, [&] { return !fifo.empty(); });
            one = fifo.front();
            fifo.pop_front();
        }
        visit(one->number, one->sent_ns);
        std::unique_lock<std::mutex> held(lock);
        stack.push_back(one);
        recycled.notify_one();
        return 1;
    }
};

#endif

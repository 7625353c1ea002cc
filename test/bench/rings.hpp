/* SPDX-License-Identifier: MIT */
/*
 * The peers' rings behind one face. Each is optional: what the machine does
 * not have is left out of the tables.
 */
#ifndef LIMEF_TEST_BENCH_RINGS_HPP
#define LIMEF_TEST_BENCH_RINGS_HPP

#include "channel.hpp"

/* A plain ring with cached indices: what thirty lines of one's own give. */
template <class Frame> class plain_ring
{
    alignas(apart_bytes) std::atomic<uint32_t> tail{0};
    uint32_t head_seen = 0;
    alignas(apart_bytes) std::atomic<uint32_t> head{0};
    uint32_t tail_seen = 0;
    alignas(apart_bytes) Frame *slots[depth];

  public:
    bool push(Frame *frame)
    {
        uint32_t at = tail.load(std::memory_order_relaxed);

        if (at - head_seen == depth) {
            head_seen = head.load(std::memory_order_acquire);
            if (at - head_seen == depth)
                return false;
        }
        slots[at % depth] = frame;
        tail.store(at + 1, std::memory_order_release);
        return true;
    }
    bool pop(Frame *&frame)
    {
        uint32_t at = head.load(std::memory_order_relaxed);

        if (at == tail_seen) {
            tail_seen = tail.load(std::memory_order_acquire);
            if (at == tail_seen)
                return false;
        }
        frame = slots[at % depth];
        head.store(at + 1, std::memory_order_release);
        return true;
    }
};

#if BENCH_HAS_MOODYCAMEL
#include <readerwriterqueue/readerwritercircularbuffer.h>
#include <readerwriterqueue/readerwriterqueue.h>

template <class Frame> class moodycamel_ring
{
    moodycamel::ReaderWriterQueue<Frame *> queue{depth};

  public:
    bool push(Frame *frame)
    {
        return queue.try_enqueue(frame);
    }
    bool pop(Frame *&frame)
    {
        return queue.try_dequeue(frame);
    }
};

/* The blocking one waits in its own way. */
template <class Frame> class moodycamel_blocking
{
    Frame frames[depth] = {};
    moodycamel::BlockingReaderWriterCircularBuffer<Frame *> down{depth}, up{depth};

  public:
    moodycamel_blocking()
    {
        for (Frame &frame : frames)
            up.wait_enqueue(&frame);
    }
    void write(const limef_packet_frame &in)
    {
        Frame *frame;

        up.wait_dequeue(frame);
        frame->fill(in);
        down.wait_enqueue(frame);
    }
    template <class Visit> unsigned read(Visit visit)
    {
        Frame *frame;

        down.wait_dequeue(frame);
        visit(frame->number(), frame->when_ns());
        frame->drop();
        up.wait_enqueue(frame);
        return 1;
    }
};
#endif

#if BENCH_HAS_BOOST
#include <boost/lockfree/spsc_queue.hpp>

template <class Frame> class boost_ring
{
    boost::lockfree::spsc_queue<Frame *, boost::lockfree::capacity<depth>> queue;

  public:
    bool push(Frame *frame)
    {
        return queue.push(frame);
    }
    bool pop(Frame *&frame)
    {
        return queue.pop(frame);
    }
};
#endif

#if BENCH_HAS_CK
/* A pointer is returned as `false` in ck_ring.h, which C++ does not take. */
#pragma push_macro("false")
#define false 0
extern "C" {
#include <ck_ring.h>
}
#pragma pop_macro("false")

/* One of its slots stays free, and its size is a power of two. */
template <class Frame> class ck_spsc_ring
{
    ck_ring_t ring;
    alignas(apart_bytes) ck_ring_buffer_t slots[2 * depth];

  public:
    ck_spsc_ring()
    {
        ck_ring_init(&ring, 2 * depth);
    }
    bool push(Frame *frame)
    {
        return ck_ring_enqueue_spsc(&ring, slots, frame);
    }
    bool pop(Frame *&frame)
    {
        return ck_ring_dequeue_spsc(&ring, slots, &frame);
    }
};
#endif

#endif

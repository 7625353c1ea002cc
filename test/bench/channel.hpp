/* SPDX-License-Identifier: MIT */
/*
 * What the ways of crossing a boundary have in common: the payloads, the frame
 * that crosses, how to sleep, and the protocol over two rings (frames one way,
 * free frames back) that the peers' rings are run in.
 */
#ifndef LIMEF_TEST_BENCH_CHANNEL_HPP
#define LIMEF_TEST_BENCH_CHANNEL_HPP

#include "bench.h"

#include <limef/frame/packet.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <linux/futex.h>
#include <sys/syscall.h>

constexpr unsigned depth = 64;        /* frames of a boundary */
constexpr unsigned copied_depth = 10; /* the same where each holds a 1080p picture */
constexpr unsigned n_payloads = 256;

/* Two lines: processors fetch the neighbour of a line along with it. */
constexpr size_t apart_bytes = 128;

struct alignas(LIMEF_CACHE_LINE_BYTES) payload_line {
    limef_payload payload;
};

/* How often a thread looks before it sleeps, and how many pause instructions lie between two
 * looks; the same for every peer. */
extern unsigned n_looks, look_gap;

/* What crosses in the peers' rings when only what the protocol needs is carried. */
struct alignas(LIMEF_CACHE_LINE_BYTES) bare_frame {
    limef_payload *payload;
    int64_t pts_us, sent_ns;
    uint32_t slot, track;

    void fill(const limef_packet_frame &in)
    {
        payload = in.frame.payload;
        pts_us = in.frame.pts_us;
        slot = in.frame.slot;
        track = in.frame.track;
        sent_ns = in.dts_us;
        __atomic_fetch_add(&payload->n_refs, 1, __ATOMIC_RELAXED);
    }
    int64_t number() const
    {
        return pts_us;
    }
    int64_t when_ns() const
    {
        return sent_ns;
    }
    void drop()
    {
        if (__atomic_fetch_sub(&payload->n_refs, 1, __ATOMIC_ACQ_REL) == 1)
            payload->release(payload);
    }
};

/* The same with the whole header of a packet copied, as limef's stack frames have it. */
struct alignas(LIMEF_CACHE_LINE_BYTES) header_frame {
    limef_packet_frame packet;

    void fill(const limef_packet_frame &in)
    {
        std::memcpy(&packet, &in, sizeof(in));
        __atomic_fetch_add(&packet.frame.payload->n_refs, 1, __ATOMIC_RELAXED);
    }
    int64_t number() const
    {
        return packet.frame.pts_us;
    }
    int64_t when_ns() const
    {
        return packet.dts_us;
    }
    void drop()
    {
        limef_payload *payload = packet.frame.payload;

        if (__atomic_fetch_sub(&payload->n_refs, 1, __ATOMIC_ACQ_REL) == 1)
            payload->release(payload);
    }
};

static inline void relax_cpu()
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Looks for a while, then sleeps on a futex; the other side calls the system only if it has to. */
class sleeper
{
    alignas(apart_bytes) std::atomic<uint32_t> asleep{0};

    void futex(int operation)
    {
        syscall(SYS_futex, &asleep, operation, 1, nullptr, nullptr, 0);
    }

  public:
    template <class Attempt> void until(Attempt attempt)
    {
        for (;;) {
            for (unsigned round = 0; round <= n_looks; round++) {
                if (attempt())
                    return;
                for (unsigned pause = 0; pause < look_gap; pause++)
                    relax_cpu();
            }
            asleep.store(1, std::memory_order_seq_cst); /* pairs with the fence in wake() */
            if (attempt()) {
                asleep.store(0, std::memory_order_relaxed);
                return;
            }
            futex(FUTEX_WAIT_PRIVATE);
        }
    }

    void wake()
    {
        std::atomic_thread_fence(std::memory_order_seq_cst); /* pairs with the store in until() */
        if (!asleep.load(std::memory_order_relaxed))
            return;
        asleep.store(0, std::memory_order_relaxed);
        futex(FUTEX_WAKE_PRIVATE);
    }
};

/* A ring gives push(pointer) and pop(&pointer), both without waiting. */
template <template <class> class Ring, class Frame> class two_rings
{
    Frame frames[depth] = {};
    alignas(apart_bytes) Ring<Frame> down;
    alignas(apart_bytes) Ring<Frame> up;
    sleeper reader, writer;

  public:
    two_rings()
    {
        for (Frame &frame : frames)
            if (!up.push(&frame))
                abort();
    }

    void write(const limef_packet_frame &in)
    {
        Frame *frame;

        writer.until([&] { return up.pop(frame); });
        frame->fill(in);
        if (!down.push(frame)) /* there are no more frames than slots */
            abort();
        reader.wake();
    }

    template <class Visit> unsigned read(Visit visit)
    {
        Frame *frame;

        reader.until([&] { return down.pop(frame); });
        visit(frame->number(), frame->when_ns());
        frame->drop();
        if (!up.push(frame))
            abort();
        writer.wake();
        return 1;
    }
};

#endif

/* SPDX-License-Identifier: MIT */
/*
 * What it costs to hand a frame to another thread: limef's lane and fifo beside
 * other rings and queues, all in this one harness. A producer and a consumer,
 * each on a CPU of its own; an item is a reference to one of 256 counted
 * payloads, taken by the producer and dropped by the consumer.
 *
 *   boundary list
 *   boundary saturated NAME ITEMS [LOOKS [GAP]]
 *   boundary paced NAME RATE SECONDS [LOOKS [GAP]]
 *
 * Prints one JSON object.
 */
#include "calls.h"
#include "limef_channel.hpp"
#include "locked.hpp"
#include "rings.hpp"

#include <cstdio>
#include <memory>
#include <string>
#include <thread>

unsigned n_looks, look_gap = 1;
static payload_line payloads[n_payloads];

struct workload {
    int64_t n_items, n_warm;
    double rate; /* 0: as fast as it goes */
};

struct outcome {
    int64_t began_ns, ended_ns, cpu_ns, n_switches;
    bench_calls calls;
    std::vector<int64_t> delays_ns;
};

template <class Channel> static void consume(Channel &channel, const workload &work, outcome &out)
{
    int64_t n = 0, n_total = work.n_items + work.n_warm;

    if (work.rate > 0)
        out.delays_ns.reserve(static_cast<size_t>(n_total) + depth);
    while (n < n_total)
        channel.read([&](int64_t number, int64_t sent_ns) {
            if (number != n) {
                std::fprintf(stderr, "item %lld where %lld was due\n",
                             static_cast<long long>(number), static_cast<long long>(n));
                abort();
            }
            if (work.rate > 0 && n >= work.n_warm)
                out.delays_ns.push_back(bench_now_ns() - sent_ns);
            n++;
        });
    out.ended_ns = bench_now_ns();
}

template <class Channel> static void produce(Channel &channel, const workload &work, outcome &out)
{
    int64_t period_ns = work.rate > 0 ? static_cast<int64_t>(1e9 / work.rate) : 0;
    int64_t due_ns = bench_now_ns();
    limef_packet_frame packet = {};

    packet.frame.frame_class = LIMEF_FRAME_PACKET;
    packet.frame.media = LIMEF_MEDIA_VIDEO;
    packet.frame.flags = LIMEF_FRAME_KEY;
    for (int64_t i = 0; i < work.n_items + work.n_warm; i++) {
        if (i == work.n_warm) {
            out.calls = bench_count_calls();
            out.n_switches = bench_n_switches();
            out.cpu_ns = bench_cpu_ns();
            out.began_ns = bench_now_ns();
        }
        if (period_ns)
            bench_sleep_until_ns(due_ns += period_ns);
        packet.frame.pts_us = i;
        packet.frame.payload = &payloads[i % n_payloads].payload;
        packet.dts_us = period_ns ? bench_now_ns() : 0;
        channel.write(packet);
    }
}

static void print(const workload &work, outcome &out)
{
    double n = static_cast<double>(work.n_items);
    bench_calls calls = bench_count_calls();

    out.cpu_ns = bench_cpu_ns() - out.cpu_ns;
    out.n_switches = bench_n_switches() - out.n_switches;
    if (work.rate > 0)
        std::printf("{\"p50_us\": %.2f, \"p99_us\": %.2f, \"cpu_us\": %.3f}\n",
                    bench_percentile(out.delays_ns.data(), out.delays_ns.size(), .5) / 1e3,
                    bench_percentile(out.delays_ns.data(), out.delays_ns.size(), .99) / 1e3,
                    out.cpu_ns / 1e3 / n);
    else
        std::printf("{\"ns\": %.2f, \"cpu_ns\": %.2f, \"switches\": %.5f, \"syscalls\": %.5f, "
                    "\"allocations\": %.5f}\n",
                    (out.ended_ns - out.began_ns) / n, out.cpu_ns / n, out.n_switches / n,
                    (calls.n_syscalls - out.calls.n_syscalls) / n,
                    (calls.n_allocations - out.calls.n_allocations) / n);
}

template <class Channel> static void run(const workload &work)
{
    auto channel = std::make_unique<Channel>();
    outcome out = {};

    bench_pin(0); /* before there are threads, see there */
    std::thread consumer([&] {
        bench_pin(1);
        consume(*channel, work, out);
    });
    produce(*channel, work, out);
    consumer.join();
    print(work, out);
    channel.release(); /* its frames may still be referred to by what is being measured */
}

/* clang-format off */
static const struct {
    const char *name;
    void (*run)(const workload &work);
} channels[] = {
    {"limef", run<limef_boundary>},
    {"limef_batch", run<limef_boundary_batch>},
    {"limef_copy_1080p", run<limef_boundary_copying>},
    {"plain", run<two_rings<plain_ring, bare_frame>>},
    {"plain_header", run<two_rings<plain_ring, header_frame>>},
#if BENCH_HAS_MOODYCAMEL
    {"moodycamel", run<two_rings<moodycamel_ring, bare_frame>>},
    {"moodycamel_header", run<two_rings<moodycamel_ring, header_frame>>},
    {"moodycamel_blocking", run<moodycamel_blocking<bare_frame>>},
#endif
#if BENCH_HAS_BOOST
    {"boost", run<two_rings<boost_ring, bare_frame>>},
    {"boost_header", run<two_rings<boost_ring, header_frame>>},
#endif
#if BENCH_HAS_CK
    {"ck", run<two_rings<ck_spsc_ring, bare_frame>>},
    {"ck_header", run<two_rings<ck_spsc_ring, header_frame>>},
#endif
    {"deque", run<locked_deque<bare_frame>>},
    {"deque_copy_1080p", run<copying_deque>},
};
/* clang-format on */

int main(int n_arguments, char **arguments)
{
    std::string what = n_arguments > 1 ? arguments[1] : "";
    bool paced = what == "paced" && n_arguments > 4;
    workload work = {};

    if (what == "list") {
        for (const auto &channel : channels)
            std::puts(channel.name);
        return 0;
    }
    if (!paced && !(what == "saturated" && n_arguments > 3)) {
        std::fputs("boundary list | saturated NAME ITEMS | paced NAME RATE SECONDS [LOOKS [GAP]]\n",
                   stderr);
        return 1;
    }
    if (paced)
        work.rate = std::atof(arguments[3]);
    work.n_items = paced ? static_cast<int64_t>(work.rate * std::atof(arguments[4]))
                         : std::atoll(arguments[3]);
    work.n_warm = work.n_items / 20;
    if (n_arguments > 4 + paced)
        n_looks = static_cast<unsigned>(std::atoi(arguments[4 + paced]));
    if (n_arguments > 5 + paced)
        look_gap = static_cast<unsigned>(std::atoi(arguments[5 + paced]));
    for (payload_line &line : payloads)
        line.payload = {1, [](limef_payload *) { abort(); }};
    for (const auto &channel : channels)
        if (what.size() && !std::strcmp(channel.name, arguments[2]))
            return channel.run(work), 0;
    std::fprintf(stderr, "no %s here\n", arguments[2]);
    return 77;
}

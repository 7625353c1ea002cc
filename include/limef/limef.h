/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Everything of limef.
 */
#ifndef LIMEF_LIMEF_H
#define LIMEF_LIMEF_H

#include <limef/audio/commands.h>
#include <limef/audio/drift.h>
#include <limef/audio/mixer.h>
#include <limef/audio/output.h>
#include <limef/audio/recorder.h>
#include <limef/base/clock.h>
#include <limef/base/histogram.h>
#include <limef/base/log.h>
#include <limef/base/memory.h>
#include <limef/base/url.h>
#include <limef/base/version.h>
#include <limef/fifo/broadcast_ring.h>
#include <limef/fifo/fifo.h>
#include <limef/fifo/lane.h>
#include <limef/fifo/sample_ring.h>
#include <limef/fifo/snapshot.h>
#include <limef/filter/audio_sink.h>
#include <limef/filter/codecs.h>
#include <limef/filter/decode.h>
#include <limef/filter/dump.h>
#include <limef/filter/encode.h>
#include <limef/filter/export.h>
#include <limef/filter/export_protocol.h>
#include <limef/filter/file_source.h>
#include <limef/filter/filter.h>
#include <limef/filter/framemd5.h>
#include <limef/filter/gate.h>
#include <limef/filter/input.h>
#include <limef/filter/mosaic.h>
#include <limef/filter/presenter.h>
#include <limef/filter/presenter_host.h>
#include <limef/filter/probe.h>
#include <limef/filter/resample.h>
#include <limef/filter/ring_source.h>
#include <limef/filter/rtsp_source.h>
#include <limef/filter/scale.h>
#include <limef/filter/snapshot.h>
#include <limef/filter/split.h>
#include <limef/filter/statistics.h>
#include <limef/filter/switch.h>
#include <limef/filter/tap.h>
#include <limef/filter/tempo.h>
#include <limef/filter/throttle.h>
#include <limef/filter/timestamps.h>
#include <limef/filter/tracks.h>
#include <limef/filter/writer.h>
#include <limef/frame/any.h>
#include <limef/frame/buffer_source.h>
#include <limef/frame/codec.h>
#include <limef/frame/decoded.h>
#include <limef/frame/frame.h>
#include <limef/frame/hardware.h>
#include <limef/frame/packet.h>
#include <limef/frame/payload.h>
#include <limef/frame/pool.h>
#include <limef/frame/signal.h>
#include <limef/thread/consumer.h>
#include <limef/thread/graph.h>
#include <limef/thread/machine.h>
#include <limef/thread/plan.h>
#include <limef/thread/plan_cache.h>
#include <limef/thread/plan_diff.h>
#include <limef/thread/plan_print.h>
#include <limef/thread/producer.h>
#include <limef/thread/replan.h>
#include <limef/thread/report.h>
#include <limef/thread/team.h>
#include <limef/thread/thread.h>

#endif

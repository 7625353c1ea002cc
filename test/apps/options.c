/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <limef/filter/file_source.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

#define N_WORDS 16
#define FINGERPRINT "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct play_options options;
static char errors[512];

/* Parses words separated by blanks. */
static int parse(const char *line)
{
    static char words[512];
    char *argv[N_WORDS + 1] = {(char[]){"limef-play"}}, *rest = NULL;
    int argc = 1, ret;
    FILE *file = fmemopen(errors, sizeof(errors), "w");

    snprintf(words, sizeof(words), "%s", line);
    for (char *word = strtok_r(words, " ", &rest); word && argc < N_WORDS;
         word = strtok_r(NULL, " ", &rest))
        argv[argc++] = word;
    ret = play_options_parse(&options, argc, argv, file);
    fclose(file);
    return ret;
}

Test(options, has_sane_defaults)
{
    cr_assert(eq(int, parse("a.mp4"), 0));
    cr_assert(eq(int, (int)options.n_urls, 1));
    cr_assert(eq(str, (char *)options.urls[0], "a.mp4"));
    cr_assert(eq(int, options.vo, PLAY_VO_AUTO));
    cr_assert(eq(i64, options.n_frames, -1));
    cr_assert(eq(i64, options.duration_us, -1));
    cr_assert(eq(int, (int)options.n_loops, 0));
    cr_assert(eq(i64, options.audio_buffer_us, 20000));
    cr_assert(options.reconnect);
    cr_assert(eq(int, options.upload, PLAY_UPLOAD_AUTO));
    cr_assert(eq(int, options.log_level, LIMEF_LOG_WARNING));
}

Test(options, takes_every_option_of_the_manual)
{
    cr_assert(eq(int,
                 parse("--vo=offscreen --ao=none --hwdec=no --untimed --frames=3 --duration=1.5 "
                       "--start=2 --size=640x480 --fullscreen --upload=plain a b"),
                 0));
    cr_assert(eq(int, options.vo, PLAY_VO_OFFSCREEN));
    cr_assert(eq(i64, options.n_frames, 3));
    cr_assert(eq(i64, options.duration_us, 1500000));
    cr_assert(eq(i64, options.start_us, 2000000));
    cr_assert(eq(int, options.width, 640));
    cr_assert(eq(int, options.height, 480));
    cr_assert(options.untimed);
    cr_assert(options.fullscreen);
    cr_assert(eq(int, options.upload, PLAY_UPLOAD_PLAIN));
    cr_assert(eq(int, (int)options.n_urls, 2));
    cr_assert(eq(int,
                 parse("--rtsp-transport=tcp --reconnect=no --timeout=3 --snapshot=s.png "
                       "--framemd5=f --report=json --explain --dot=d --decode-threads=2 "
                       "--plan=fused --log-level=debug --ao=wav:o.wav --audio-track=2 a"),
                 0));
    cr_assert(eq(int, options.transport, PLAY_TRANSPORT_TCP));
    cr_assert(not(options.reconnect));
    cr_assert(eq(i64, options.timeout_us, 3000000));
    cr_assert(eq(int, options.decode_threads, 2));
    cr_assert(eq(int, options.plan, PLAY_PLAN_FUSED));
    cr_assert(options.report_json);
    cr_assert(options.explain);
    cr_assert(eq(str, (char *)options.ao, "wav:o.wav"));
    cr_assert(eq(int, options.audio_track, 2));
    cr_assert(zero(int, parse("--rtsp-transport=multicast a")));
    cr_assert(eq(int, options.transport, PLAY_TRANSPORT_MULTICAST));
    cr_assert(eq(int, parse("--rtsp-transport=sctp a"), -1));
    cr_assert(not(options.rtsp_by_libavformat));
    cr_assert(eq(int, parse("--rtsp=libavformat a"), 0));
    cr_assert(options.rtsp_by_libavformat);
    cr_assert(eq(int, parse("--rtsp=other a"), -1));
    cr_assert(eq(int, parse("--export=/tmp/s a"), 0));
    cr_assert(eq(str, (char *)options.export_path, "/tmp/s"));
    cr_assert(eq(int, parse("--export=/tmp/%d a b"), 0));
    cr_assert(eq(int, parse("--export=/tmp/s a b"), -1));
}

Test(options, takes_the_card_that_kms_is_to_show_on)
{
    cr_assert(eq(int, parse("--vo=kms a"), 0));
    cr_assert(eq(int, options.vo, PLAY_VO_KMS));
    cr_assert(zero(ptr, (void *)options.kms.device));
    cr_assert(eq(int, parse("--vo=kms:/dev/dri/card1 a"), 0));
    cr_assert(eq(int, options.vo, PLAY_VO_KMS));
    cr_assert(eq(str, (char *)options.kms.device, "/dev/dri/card1"));
    cr_assert(eq(int, parse("--vo=kms: a"), -1));
}

Test(options, takes_the_connector_and_the_mode_that_kms_is_to_show_in)
{
    cr_assert(eq(int, parse("--vo=kms --kms-connector=HDMI-A-1 --size=1280x720@50 a"), 0));
    cr_assert(eq(str, (char *)options.kms.connector, "HDMI-A-1"));
    cr_assert(eq(int, options.width, 1280));
    cr_assert(eq(int, options.height, 720));
    cr_assert(eq(int, options.kms.refresh_hz, 50));
    cr_assert(eq(int, parse("--size=1280x720@50 --size=640x480 a"), 0));
    cr_assert(eq(int, options.kms.refresh_hz, 0), "the last one is it");
    cr_assert(zero(ptr, (void *)options.kms.connector));
    cr_assert(eq(int, parse("--vo=kms --kms-connector= a"), -1));
    cr_assert(eq(int, parse("--vo=kms --size=1280x720@ a"), -1));
    cr_assert(eq(int, parse("--vo=kms --size=1280x720@0 a"), -1));
    cr_assert(eq(int, parse("--vo=kms --size=1280x720@50i a"), -1));
    cr_assert(eq(int, parse("--vo=offscreen --size=1280x720@50 a"), -1));
    cr_assert(eq(int, parse("--vo=window --kms-connector=DP-1 a"), -1));
}

Test(options, loops_forever_or_so_many_times)
{
    cr_assert(eq(int, parse("--loop a"), 0));
    cr_assert(eq(u32, options.n_loops, LIMEF_LOOP_FOREVER));
    cr_assert(eq(int, parse("--loop=4 a"), 0));
    cr_assert(eq(u32, options.n_loops, 4));
}

Test(options, says_what_is_wrong_in_one_line)
{
    static const char *const wrong[] = {
        "",
        "--vo=paper a",
        "--frames=0 a",
        "--frames=x a",
        "--size=1 a",
        "--size=9x9 a",
        "--duration=-1 a",
        "--start=nan a",
        "--nonsense a",
        "--report=xml a",
        "--snapshot= a",
        "--timeout a",
        "--ao=wav: a",
        "--decode-threads=-1 a",
        "--tls-ca= a",
        "--tls-fingerprint=12 a",
        "--tls-ca=c --tls-fingerprint=" FINGERPRINT " a",
        "--rtsp=libavformat --tls-ca=c a",
    };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char *newline;

        memset(errors, 0, sizeof(errors));
        cr_assert(eq(int, parse(wrong[i]), -1), "%s", wrong[i]);
        newline = strchr(errors, '\n');
        cr_assert(newline && !newline[1], "%s: %s", wrong[i], errors);
    }
}

Test(options, shows_no_password_of_a_url_that_was_taken_for_something_else)
{
    static const char *const wrong[] = {
        "--timeout rtsp://admin:a-secret-that-is-longer-than-what-is-shown-of-others@host/",
        "--url=rtsp://admin:a-secret@host/",
        "--size=rtsp://admin:a-secret@host/",
        "--vo rtsp://admin:a-secret@host/",
        "--snapshot rtsp://admin:a-secret@host/",
    };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        memset(errors, 0, sizeof(errors));
        cr_assert(eq(int, parse(wrong[i]), -1), "%s", wrong[i]);
        cr_assert(zero(ptr, strstr(errors, "a-secret")), "%s", errors);
        cr_assert(not(zero(ptr, strstr(errors, "rtsp://***@"))), "%s", errors);
    }
}

Test(options, takes_a_speed_and_where_sound_goes_too)
{
    cr_assert(zero(int, parse("--speed=1.5 --ao-record=a.m4a --ao-stream=icecast://h/m a.mp4")));
    cr_assert(eq(int, options.rate, 1500));
    cr_assert(eq(str, (char *)options.ao_record, "a.m4a"));
    cr_assert(eq(str, (char *)options.ao_stream, "icecast://h/m"));
    cr_assert(zero(int, parse("--audio-buffer=0 a.mp4")));
    cr_assert(zero(i64, options.audio_buffer_us));
    cr_assert(zero(int, parse("--audio-buffer=1 a.mp4")));
    cr_assert(eq(i64, options.audio_buffer_us, 1000000));
    cr_assert(zero(int, parse("a.mp4")));
    cr_assert(eq(int, options.rate, 1000));
    cr_assert(eq(int, parse("--audio-buffer=1.001 a.mp4"), -1));
    cr_assert(eq(int, parse("--audio-buffer=-0.1 a.mp4"), -1));
    cr_assert(eq(int, parse("--speed=0 a.mp4"), -1));
    cr_assert(eq(int, parse("--speed=11 a.mp4"), -1));
    cr_assert(eq(int, parse("--speed=nan a.mp4"), -1));
    cr_assert(eq(int, parse("--ao-record= a.mp4"), -1));
    cr_assert(eq(int, parse("--ao-stream=http://h/m a.mp4"), -1));
    cr_assert(eq(int, parse("--ao=none --ao-record=a.m4a a.mp4"), -1));
    cr_assert(eq(int, parse("--untimed --ao-record=a.m4a a.mp4"), -1));
}

Test(options, takes_whom_to_trust)
{
    cr_assert(zero(int, parse("--tls-ca=ca.pem a")));
    cr_assert(eq(str, (char *)options.tls_ca, "ca.pem"));
    cr_assert(zero(int, parse("--tls-fingerprint=" FINGERPRINT " a")));
    cr_assert(eq(str, (char *)options.tls_fingerprint, FINGERPRINT));
    cr_assert(zero(ptr, (void *)options.tls_ca));
}

Test(options, help_and_version_need_no_url)
{
    cr_assert(eq(int, parse("--help"), 0));
    cr_assert(options.help);
    cr_assert(eq(int, parse("--version"), 0));
    cr_assert(options.version);
}

Test(options, help_fits_on_one_screen)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *file = open_memstream(&text, &bytes);
    int n_lines = 0, column = 0;

    play_options_print_help(file);
    fclose(file);
    for (size_t i = 0; i < bytes; i++) {
        column = text[i] == '\n' ? 0 : column + 1;
        n_lines += text[i] == '\n';
        cr_assert(le(int, column, 88));
    }
    cr_assert(le(int, n_lines, 40));
    free(text);
}

Test(options, reads_urls_from_a_file)
{
    char list[] = "rtsp://a/b\n\n# a comment\n  c.mp4\r\n";
    FILE *file = fmemopen(list, strlen(list), "r");
    char *memory;

    cr_assert(eq(int, parse("-"), 0));
    cr_assert(options.urls_on_stdin);
    cr_assert(eq(int, play_options_read_urls(&options, file, &memory), 0));
    cr_assert(eq(int, (int)options.n_urls, 2));
    cr_assert(eq(str, (char *)options.urls[0], "rtsp://a/b"));
    cr_assert(eq(str, (char *)options.urls[1], "c.mp4"));
    fclose(file);
    free(memory);
}

Test(options, refuses_more_urls_than_it_has_room_for)
{
    char word[] = "x";
    char *argv[PLAY_MAX_URLS + 2];

    for (int i = 0; i < PLAY_MAX_URLS + 2; i++)
        argv[i] = word;
    cr_assert(eq(int, play_options_parse(&options, PLAY_MAX_URLS + 2, argv, NULL), -1));
}

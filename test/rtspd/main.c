/* SPDX-License-Identifier: MIT */
/*
 * rtspd [key=value...] /PATH=FILE...: serves files by RTSP through gst-rtsp-server, as a camera
 * that somebody else made, and says "ready PORT".
 *
 * address=A       127.0.0.1
 * port=N          0: a free one
 * transport=any|tcp|udp
 * user=NAME password=WORD  have to be given; with auth=basic by Basic, else by Digest
 * certificate=PEM key=PEM  speaks TLS
 * passes=N        of each file, then it ends; 0: again and again
 * version=2       answers RTSP 1.0 with 505
 * apart=1         each client begins at the beginning; else all see the same
 * speed=N         times the natural one; 1
 * seed=N          of what is lost; 1
 *
 * Lines on standard input: "freeze MS" sends nothing for so long, "drop N" leaves out pictures,
 * "jump MS" sets the clock of the packets on or back, "loss PERCENT" loses packets, "kick" closes
 * all connections, "quit" and the end of the input end it. Each is answered by "done" or "unknown".
 *
 * Exit status 77: something that is needed is not installed.
 */
#include "camera/arguments.h"
#include "rtspd/rtspd.h"

#include <libavutil/log.h>

#define ROLE "viewer"
/* How often what nobody watches any more is given up. */
#define CLEANUP_S 1
#define SKIPPED 77

static struct sending sending = {.speed = 1};
static GMainLoop *loop;
static GstRTSPServer *server;

static void configure(GstRTSPMediaFactory *factory, GstRTSPMedia *media,
                      const struct recording *recording)
{
    (void)factory;
    sending_begin(&sending, recording, media);
}

/* "( appsrc ... ! parser ! payloader name=pay0 appsrc ... )" */
static char *launch_line(const struct recording *recording)
{
    GString *line = g_string_new("( ");

    for (unsigned i = 0; i < recording->n_tracks; i++) {
        const char *elements = recording->tracks[i].elements;

        g_string_append_printf(
            line, "appsrc name=source%u is-live=true format=time ! %s name=pay%u ", i, elements, i);
        if (!strstr(elements, "pcm") && !strstr(elements, "pt="))
            g_string_append_printf(line, "pt=%u ", 96 + i);
    }
    g_string_append(line, ")");
    return g_string_free(line, FALSE);
}

/* Returns 0, or the program's exit status. */
static int add_mount(char **arguments, const char *mount)
{
    const char *file = strchr(mount, '='), *transport = argument(arguments, "transport");
    char *path = g_strndup(mount, (gsize)(file - mount)), *line;
    struct recording *recording = g_new0(struct recording, 1);
    GstRTSPMountPoints *mounts = gst_rtsp_server_get_mount_points(server);
    GstRTSPMediaFactory *factory = gst_rtsp_media_factory_new();
    GstRTSPLowerTrans by_tcp = GST_RTSP_LOWER_TRANS_TCP, by_udp = GST_RTSP_LOWER_TRANS_UDP;

    if (!recording_load(recording, file + 1))
        return 1;
    if (!recording_can_be_sent(recording))
        return SKIPPED;
    line = launch_line(recording);
    gst_rtsp_media_factory_set_launch(factory, line);
    gst_rtsp_media_factory_set_shared(factory, !number(arguments, "apart", 0));
    gst_rtsp_media_factory_set_protocols(factory, g_strcmp0(transport, "tcp") == 0 ? by_tcp
                                                  : g_strcmp0(transport, "udp") == 0
                                                      ? by_udp
                                                      : by_tcp | by_udp);
    gst_rtsp_media_factory_add_role(factory, ROLE, GST_RTSP_PERM_MEDIA_FACTORY_ACCESS,
                                    G_TYPE_BOOLEAN, TRUE, GST_RTSP_PERM_MEDIA_FACTORY_CONSTRUCT,
                                    G_TYPE_BOOLEAN, TRUE, NULL);
    g_signal_connect(factory, "media-configure", G_CALLBACK(configure), recording);
    gst_rtsp_mount_points_add_factory(mounts, path, factory);
    g_object_unref(mounts);
    g_free(line);
    g_free(path);
    return 0;
}

static bool set_up_access(char **arguments)
{
    const char *user = argument(arguments, "user"), *password = argument(arguments, "password");
    const char *certificate = argument(arguments, "certificate");
    bool is_basic = g_strcmp0(argument(arguments, "auth"), "basic") == 0;
    GstRTSPToken *token =
        gst_rtsp_token_new(GST_RTSP_TOKEN_MEDIA_FACTORY_ROLE, G_TYPE_STRING, ROLE, NULL);
    GstRTSPAuth *auth = gst_rtsp_auth_new();
    GError *error = NULL;

    if (certificate) {
        GTlsCertificate *tls =
            g_tls_certificate_new_from_files(certificate, argument(arguments, "key"), &error);

        if (!tls) {
            fprintf(stderr, "%s\n", error->message);
            return false;
        }
        gst_rtsp_auth_set_tls_certificate(auth, tls);
        g_object_unref(tls);
    }
    if (!user) {
        gst_rtsp_auth_set_default_token(auth, token);
    } else if (is_basic) {
        char *basic = gst_rtsp_auth_make_basic(user, password);

        gst_rtsp_auth_set_supported_methods(auth, GST_RTSP_AUTH_BASIC);
        gst_rtsp_auth_add_basic(auth, basic, token);
        g_free(basic);
    } else {
        gst_rtsp_auth_set_supported_methods(auth, GST_RTSP_AUTH_DIGEST);
        gst_rtsp_auth_add_digest(auth, user, password, token);
    }
    gst_rtsp_token_unref(token);
    gst_rtsp_server_set_auth(server, auth);
    g_object_unref(auth);
    return true;
}

/* Before anything that is asked; its answer is made of what comes back. */
static GstRTSPStatusCode look_at_version(GstRTSPClient *client, GstRTSPContext *context,
                                         gpointer unused)
{
    (void)client;
    (void)unused;
    return context->request->type_data.request.version == GST_RTSP_VERSION_2_0
               ? GST_RTSP_STS_OK
               : GST_RTSP_STS_RTSP_VERSION_NOT_SUPPORTED;
}

static void refuse_1(GstRTSPServer *of, GstRTSPClient *client, gpointer unused)
{
    static const char *const signals[] = {"pre-options-request", "pre-describe-request",
                                          "pre-setup-request", "pre-play-request"};

    (void)of;
    (void)unused;
    for (size_t i = 0; i < G_N_ELEMENTS(signals); i++)
        g_signal_connect(client, signals[i], G_CALLBACK(look_at_version), NULL);
}

static GstRTSPFilterResult close_client(GstRTSPServer *of, GstRTSPClient *client, gpointer context)
{
    (void)of;
    (void)context;
    gst_rtsp_client_close(client);
    return GST_RTSP_FILTER_KEEP; /* it removes itself */
}

static gboolean take_line(GIOChannel *input, GIOCondition condition, gpointer context)
{
    char *line = NULL;
    bool is_known = true;

    (void)condition;
    (void)context;
    if (g_io_channel_read_line(input, &line, NULL, NULL, NULL) != G_IO_STATUS_NORMAL ||
        !strcmp(g_strchomp(line), "quit")) {
        g_main_loop_quit(loop);
        is_known = false;
    } else if (!strcmp(line, "kick")) {
        g_list_free(gst_rtsp_server_client_filter(server, close_client, NULL));
    } else {
        is_known = sending_command(&sending, line);
    }
    puts(is_known ? "done" : "unknown");
    fflush(stdout);
    g_free(line);
    return TRUE;
}

static gboolean clean_up(gpointer context)
{
    GstRTSPSessionPool *pool = gst_rtsp_server_get_session_pool(server);

    (void)context;
    gst_rtsp_session_pool_cleanup(pool);
    g_object_unref(pool);
    return TRUE;
}

static int serve(char **arguments)
{
    const char *address = argument(arguments, "address"), *port = argument(arguments, "port");
    GIOChannel *input = g_io_channel_unix_new(STDIN_FILENO);

    server = gst_rtsp_server_new();
    loop = g_main_loop_new(NULL, FALSE);
    gst_rtsp_server_set_address(server, address ? address : "127.0.0.1");
    gst_rtsp_server_set_service(server, port ? port : "0");
    if (!set_up_access(arguments))
        return 1;
    if (number(arguments, "version", 1) == 2)
        g_signal_connect(server, "client-connected", G_CALLBACK(refuse_1), NULL);
    for (char **mount = arguments + 1; *mount; mount++) {
        int status = **mount == '/' && strchr(*mount, '=') ? add_mount(arguments, *mount) : 0;

        if (status)
            return status;
    }
    if (!gst_rtsp_server_attach(server, NULL)) {
        fprintf(stderr, "cannot listen\n");
        return 1;
    }
    g_timeout_add_seconds(CLEANUP_S, clean_up, NULL);
    g_io_add_watch(input, G_IO_IN | G_IO_HUP, take_line, NULL);
    printf("ready %d\n", gst_rtsp_server_get_bound_port(server));
    fflush(stdout);
    g_main_loop_run(loop);
    return 0;
}

int main(int n_arguments, char **arguments)
{
    (void)n_arguments;
    av_log_set_level(AV_LOG_ERROR);
    gst_init(NULL, NULL);
    sending.n_passes = (unsigned)number(arguments, "passes", 0);
    sending.seed = (guint32)number(arguments, "seed", 1);
    if (argument(arguments, "speed"))
        sending.speed = atof(argument(arguments, "speed"));
    return serve(arguments);
}

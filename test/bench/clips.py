# SPDX-License-Identifier: MIT
"""The benchmarks' clips: H.264 High, 4:2:0, 25 frames a second."""
import os
import subprocess

CAMERA = "cam_road_1080p25_h264.mp4"  # a street, where the folder of media is there
SYNTHESISED_S = 10


def ffmpeg(*arguments):
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *map(str, arguments)], check=True)


def synthesise(path):
    """Motion, detail and noise, at a camera's bit rate."""
    graph = ("testsrc2=size=1920x1080:rate=25[chart];"
             "mandelbrot=size=1920x1080:rate=25:end_pts=400[fractal];"
             "[chart][fractal]blend=all_mode=average,noise=alls=8:allf=t,format=yuv420p")
    ffmpeg("-filter_complex", graph, "-t", SYNTHESISED_S, "-c:v", "libx264", "-preset", "veryfast",
           "-profile:v", "high", "-g", 50, "-keyint_min", 50, "-sc_threshold", 0, "-b:v", "4M",
           "-maxrate", "4M", "-bufsize", "4M", path)


def clip(folder, media, seconds):
    """Path of a clip of that length, made if it is not there."""
    os.makedirs(folder, exist_ok=True)
    source = os.path.join(media, CAMERA)
    if not os.path.exists(source):
        source = os.path.join(folder, "synthesised.mp4")
        if not os.path.exists(source):
            synthesise(source)
    kind = "camera" if source.endswith(CAMERA) else "synthesised"
    path = os.path.join(folder, f"{kind}_1080p25_{seconds}s.mp4")
    if not os.path.exists(path):
        part = path + ".part"
        ffmpeg("-stream_loop", -1, "-i", source, "-an", "-c", "copy", "-t", seconds, "-f", "mp4", part)
        os.rename(part, path)
    return path


def small_clip(folder, media, seconds):
    """The same as a camera of 1280x720 would send it: no reordering, a key frame each 2 s."""
    large = clip(folder, media, seconds)
    path = large.replace("_1080p25_", "_720p25_")
    if not os.path.exists(path):
        part = path + ".part"
        ffmpeg("-i", large, "-an", "-vf", "scale=1280:720", "-c:v", "libx264", "-preset", "veryfast",
               "-profile:v", "high", "-bf", 0, "-g", 50, "-b:v", "2M", "-maxrate", "2M", "-bufsize",
               "2M", "-f", "mp4", part)
        os.rename(part, path)
    return path


def flashes(folder, per_second, seconds):
    """So many pictures that are bright a second, each as a tone of 40 ms begins; 24 pictures a second."""
    path = os.path.join(folder, f"flashes_{per_second}_{seconds}s.mp4")
    if not os.path.exists(path):
        os.makedirs(folder, exist_ok=True)
        ffmpeg("-f", "lavfi", "-i", "color=black:s=640x360:r=24,"
               f"geq=lum=if(lt(mod(N\\,{24 // per_second})\\,1)\\,235\\,16):cb=128:cr=128",
               "-f", "lavfi", "-i", f"aevalsrc=if(lt(mod(t\\,{1 / per_second})\\,0.04)\\,0.5*sin(2*PI*1000*t)\\,0)",
               "-t", seconds, "-c:v", "mpeg4", "-c:a", "aac", "-f", "mp4", path + ".part")
        os.rename(path + ".part", path)
    return path

# SPDX-License-Identifier: MIT
"""What programs need of the machine that they run on, file by file: a guest that copies these into its memory, and
runs the programs there, waits for no file of the host."""
import glob
import os
import re
import subprocess

# libraries that are loaded by name while a program runs: by us, by glvnd
BY_NAME = ("libavcodec", "libavformat", "libEGL", "libEGL_mesa", "libGLESv2")
MODULES = "limef/limef-output-*.so"  # beside liblimef.so
DRIVERS = "/usr/lib/*/dri/*swrast_dri.so", "/usr/lib/*/gbm/*.so"
READ = ("/etc/fonts", "/etc/ld.so.cache", "/usr/share/drirc.d", "/usr/share/fontconfig", "/usr/share/fonts/truetype/dejavu",
        "/usr/share/glvnd", "/usr/share/libdrm")


def libraries_of(path):
    says = subprocess.run(["ldd", path], capture_output=True, text=True, check=False).stdout
    return re.findall(r"(/\S+) \(0x", says)


def named_libraries():
    says = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
    return [path for name, path in re.findall(r"^\t(\S+)\.so\.[0-9]+ .* => (\S+)$", says, re.M) if name in BY_NAME]


def links_of(path):
    """Each link on the way to a file, and the file."""
    way, names = "/", path.split("/")
    while names:
        name = names.pop(0)
        here = os.path.normpath(os.path.join(way, name))
        if os.path.islink(here):
            yield here
            to = os.readlink(here)
            names = to.split("/") + names
            way = "/" if to.startswith("/") else way
        else:
            way = here
    yield way


def files_in(path):
    if not os.path.isdir(path):
        return [path] if os.path.exists(path) else []
    found = [os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names]
    return [file for file in found if os.path.exists(file)]  # no link to a file that is gone


def files_of(*programs):
    """All that these read, themselves among it, and the links that lead there."""
    loaded = [*programs, *named_libraries(), *(path for drivers in DRIVERS for path in glob.glob(drivers))]
    for library in (path for program in programs for path in libraries_of(program) if "/liblimef.so" in path):
        loaded += glob.glob(os.path.join(os.path.dirname(library), MODULES))
    read = [file for path in READ for file in files_in(path)]
    read += [library for path in loaded for library in [path, *libraries_of(path)]]
    return sorted({file for path in read for file in links_of(path)})

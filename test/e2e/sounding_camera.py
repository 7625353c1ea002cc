# SPDX-License-Identifier: MIT
"""A camera with a second track, of sound. By TCP, on the interleaved channel 2, as payload type 97."""
import camera

RATE = 48000
PACKET = 480  # samples, 10 ms


class SoundingCamera(camera.Camera):
    """What derives from it names the class of its sessions: Session."""

    def __init__(self, stream, *arguments):
        super().__init__(stream, *arguments)
        self.refused = ("udp",)


class SoundingSession(camera.Session):
    def describe(self):
        return super().describe() + (f"m=audio 0 RTP/AVP 97\r\na=rtpmap:97 L16/{RATE}/1\r\n"
                                     "a=control:track2\r\n").encode()

    def set_up(self, head):
        status, headers, body = super().set_up(head)
        if "track2" in head.splitlines()[0]:
            headers = [line.replace("interleaved=0-1", "interleaved=2-3") for line in headers]
        return status, headers, body

# SPDX-License-Identifier: MIT
"""A camera that goes from H.264 to H.265 and back at each key frame, by the payload types that it described."""
import re
import struct

import camera

H264, H265 = 96, 97
AUD, FU = 35, 49


class H265Unit(list):
    """NAL units of a picture."""


def units_of_h265(stream):
    """As camera.units_of()."""
    units = []
    for nal in re.split(b"\0\0\0?\1", stream):
        if nal and nal[0] >> 1 & 63 == AUD:
            units.append(H265Unit())
        elif nal:
            units[-1].append(nal)
    return units


class ChangingCamera(camera.Camera):
    def __init__(self, h264, h265, gop):
        super().__init__(h264)
        other = units_of_h265(h265)
        self.units = [unit for i in range(0, len(self.units), gop)
                      for unit in (self.units if i // gop % 2 == 0 else other)[i:i + gop]]


class ChangingSession(camera.Session):
    def describe(self):
        return (b"v=0\r\nm=video 0 RTP/AVP 96 97\r\na=rtpmap:96 H264/90000\r\n"
                b"a=fmtp:96 packetization-mode=1\r\na=rtpmap:97 H265/90000\r\na=control:track1\r\n")

    def send_unit(self, unit, timestamp):
        self.is_h265 = isinstance(unit, H265Unit)
        if not self.is_h265:
            super().send_unit(unit, timestamp)
            return
        for i, nal in enumerate(unit):
            parts = [nal[at:at + camera.LARGEST] for at in range(2, len(nal), camera.LARGEST)]
            for k, part in enumerate(parts):
                is_last = k == len(parts) - 1
                head = nal[:2] if len(parts) == 1 else bytes(
                    [nal[0] & 0x81 | FU << 1, nal[1],
                     (0x80 if k == 0 else 0) | (0x40 if is_last else 0) | nal[0] >> 1 & 63])
                self.send_payload(head + part, timestamp, is_last and i == len(unit) - 1)

    def disturb(self, packet):
        if self.is_h265:
            packet = struct.pack(">BB", packet[0], packet[1] & 0x80 | H265) + packet[2:]
        super().disturb(packet)


ChangingCamera.Session = ChangingSession

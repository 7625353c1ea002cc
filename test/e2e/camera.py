# SPDX-License-Identifier: MIT
"""A camera for tests: serves one H.264 stream by RTSP, and misbehaves as it is told."""
import base64
import hashlib
import random
import re
import socket
import ssl
import struct
import threading
import time

CLOCK_HZ = 90000
LARGEST = 1200  # bytes of a packet's payload
SPREAD = 16     # packets
GROUP = 8       # NAL units that are sent out of order: the even ones, then the odd ones
FIRST_NUMBER = 65500  # of 16 bits: they wrap
FIRST_TIMESTAMP = 4294960000  # likewise, of 32


def units_of(stream):
    """Access units of an Annex B stream with access unit delimiters: lists of NAL units."""
    units = []
    for nal in re.split(b"\0\0\0?\1", stream):
        if not nal:
            continue
        if nal[0] & 31 == 9:
            units.append([])
        else:
            units[-1].append(nal.rstrip(b"\0") if nal[0] & 31 in (7, 8) else nal)
    return units


class Camera:
    """Listens at once; every member that begins with no underscore may be set before a client
    comes, some while it plays."""

    def __init__(self, stream, rate=25, port=0):
        self.units = units_of(stream)
        self.rate = rate
        self.speed = 1.0        # times the natural rate
        self.loops = False
        self.password = None    # (user, password)
        self.algorithm = None   # of Digest; None: Basic
        self.refused = ()       # "tcp", "udp": 461
        self.answers = {}       # method -> bytes: sent instead of the real answer
        self.before = b""       # sent before each answer
        self.fold = False       # folded headers, lower case names
        self.mute = ()          # methods that are not answered
        self.sdp = None         # instead of the real one
        self.kick_at = None     # connection is closed after so many units
        self.freeze_at = None   # nothing more is sent after so many units
        self.jumps = {}         # unit -> seconds that the clock jumps
        self.loss = 0.0         # of packets
        self.duplicates = 0.0
        self.reorder = 0.0
        self.shuffled = False   # packets of a unit, within SPREAD places; one of ten twice, now or later
        self.tls = None         # an ssl.SSLContext
        self.version = 1        # of RTSP; 2: that alone
        self.interleaved = False  # packetization-mode 2
        self.n_connections = 0
        self.requests = []
        self._came = threading.Condition()
        self._random = random.Random(1)
        self._socket = socket.create_server(("127.0.0.1", port))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def url(self, credentials=""):
        return f"{'rtsps' if self.tls else 'rtsp'}://{credentials}127.0.0.1:{self.port}/stream"

    def close(self):
        self._socket.close()

    def note(self, head):
        with self._came:
            self.requests.append(head)
            self._came.notify_all()

    def was_asked(self, method, within_s=30):
        """Whether such a request came, or comes in time."""
        with self._came:
            return self._came.wait_for(
                lambda: any(head.startswith(method) for head in self.requests), within_s)

    def _listen(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.n_connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
            self.Session(self, connection).run()
        except (OSError, ValueError):
            pass
        finally:
            connection.close()


class Session:
    def __init__(self, camera, connection):
        self.camera = camera
        self.connection = connection
        self.lock = threading.Lock()
        self.nonce = f"{camera.n_connections:08x}"
        self.udp = None
        self.client = None
        self.over = threading.Event()
        self.sequence = 65500
        self.held = None
        self.waiting = []  # of the group that is sent next: number, time, NAL unit
        self.number = FIRST_NUMBER
        self.unit, self.again = [], []  # packets: of what is sent now; that are sent once more

    def run(self):
        data = b""
        try:
            while not self.over.is_set():
                while b"\r\n\r\n" not in data or data[:1] == b"$":
                    if data[:1] == b"$" and len(data) >= 4:
                        length = 4 + struct.unpack(">H", data[2:4])[0]
                        if len(data) >= length:
                            data = data[length:]
                            continue
                    more = self.connection.recv(65536)
                    if not more:
                        return
                    data += more
                head, data = data.split(b"\r\n\r\n", 1)
                self.answer(head.decode("latin1"))
        finally:
            self.over.set()

    def send(self, data):
        with self.lock:
            self.connection.sendall(data)

    def answer(self, head):
        camera = self.camera
        method, url = head.split(" ")[:2]
        camera.note(head)
        if method in camera.mute:
            return
        if method in camera.answers:
            self.send(camera.answers[method])
            return
        if head.startswith("RTSP/"):
            return
        sequence = re.search(r"CSeq: (\d+)", head).group(1)
        if f" RTSP/{camera.version}.0" in head.split("\r\n")[0]:
            status, headers, body = self.do(method, url, head)
        else:
            status, headers, body = "505 RTSP Version Not Supported", [], b""
        lines = [f"RTSP/{camera.version}.0 {status}", f"CSeq: {sequence}"] + headers
        if body:
            lines.append(f"Content-Length: {len(body)}")
        if camera.fold:
            lines = lines[:1] + [line.replace(": ", ":\r\n\t").lower() if line.startswith("Public")
                                 else line[:line.index(":")].lower() + line[line.index(":"):]
                                 for line in lines[1:]]
        self.send(camera.before + ("\r\n".join(lines) + "\r\n\r\n").encode() + body)
        if method == "PLAY" and status.startswith("200"):
            threading.Thread(target=self.stream, daemon=True).start()
        if method == "TEARDOWN":
            self.over.set()

    def do(self, method, url, head):
        camera = self.camera
        if not self.is_authorized(method, url, head):
            if camera.algorithm is None:
                return "401 Unauthorized", ['WWW-Authenticate: Basic realm="test"'], b""
            return "401 Unauthorized", [
                f'WWW-Authenticate: Digest realm="test", nonce="{self.nonce}", qop="auth", '
                f"algorithm={camera.algorithm}"], b""
        if method == "DESCRIBE":
            return "200 OK", ["Content-Type: application/sdp", f"Content-Base: {camera.url()}/",
                              "Public: DESCRIBE, SETUP, PLAY"], self.describe()
        if method == "SETUP":
            return self.set_up(head)
        headers = ["Session: 4711"]
        if camera.shuffled and method == "PLAY":  # else nobody could know which one is the first
            headers.append(f"RTP-Info: url={camera.url()}/track1;seq={self.sequence + 1};"
                           f"rtptime={FIRST_TIMESTAMP}")
        return "200 OK", headers, b""

    def is_authorized(self, method, url, head):
        if self.camera.password is None:
            return True
        user, password = self.camera.password
        given = re.search(r"Authorization: (.*)", head)
        if not given:
            return False
        if self.camera.algorithm is None:
            return given.group(1).strip() == "Basic " + base64.b64encode(
                f"{user}:{password}".encode()).decode()
        name = {"MD5": "md5", "SHA-256": "sha256"}[self.camera.algorithm]
        field = dict(re.findall(r'(\w+)="?([^",]*)"?', given.group(1)))

        def digest(text):
            return hashlib.new(name, text.encode()).hexdigest()
        inner, outer = digest(f"{user}:test:{password}"), digest(f"{method}:{url}")
        return field.get("response") == digest(
            f"{inner}:{self.nonce}:{field.get('nc')}:{field.get('cnonce')}:auth:{outer}")

    def describe(self):
        if self.camera.sdp is not None:
            return self.camera.sdp
        sets = [nal for nal in self.camera.units[0] if nal[0] & 31 in (7, 8)]
        return ("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=test\r\nt=0 0\r\na=control:*\r\n"
                f"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/{CLOCK_HZ}\r\n"
                + ("a=fmtp:96 packetization-mode=2; sprop-interleaving-depth=3; "
                   if self.camera.interleaved else "a=fmtp:96 packetization-mode=1; ")
                + "sprop-parameter-sets="
                + ",".join(base64.b64encode(nal).decode() for nal in sets)
                + "\r\na=control:track1\r\n").encode()

    def set_up(self, head):
        transport = re.search(r"Transport: (.*)", head).group(1)
        is_tcp = "TCP" in transport
        if ("tcp" if is_tcp else "udp") in self.camera.refused:
            return "461 Unsupported Transport", [], b""
        if is_tcp:
            answer = "RTP/AVP/TCP;unicast;interleaved=0-1"
        else:
            port = (self.read_port(transport) if self.camera.version == 2
                    else int(re.search(r"client_port=(\d+)", transport).group(1)))
            self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.udp.bind(("127.0.0.1", 0))
            self.client = ("127.0.0.1", port)
            own = self.udp.getsockname()[1]
            answer = f"RTP/AVP;unicast;client_port={port}-{port + 1};server_port={own}-{own + 1}"
            if self.camera.version == 2:
                answer = (f'RTP/AVP;unicast;dest_addr=":{port}"/":{port + 1}";'
                          f'src_addr="127.0.0.1:{own}"/"127.0.0.1:{own + 1}"')
        return "200 OK", ["Session: 4711;timeout=60", f"Transport: {answer}"], b""

    @staticmethod
    def read_port(transport):
        """Of the first one of which all is known (RFC 7826 section 18.54)."""
        for one in transport.strip().split(","):
            known = re.fullmatch(r'RTP/AVP(?:/UDP)?;unicast;dest_addr=":(\d+)"/":(\d+)"', one)
            if known:
                return int(known.group(1))
        raise ValueError(transport)

    def stream(self):
        camera = self.camera
        try:
            self.send_units()
            self.send_group()
            self.flush()
            # goodbye, for those who are at the end
            if camera.version == 2:
                self.send(f"PLAY_NOTIFY {camera.url()}/ RTSP/2.0\r\nCSeq: 1\r\nSession: 4711\r\n"
                          "Notify-Reason: end-of-stream\r\n\r\n".encode())
            else:
                self.send_packet(struct.pack(">BBHI", 0x81, 203, 1, 7), 1)
        except OSError:
            return  # the other side is gone; what it said before is still read
        if camera.freeze_at is None:
            # until the goodbye was read; to close with reports unread would take it back
            self.over.wait(2 if self.udp or camera.version == 2 else 0)
            self.over.set()
            self.connection.close()

    def send_units(self):
        camera = self.camera
        begun_s, n, offset = time.monotonic(), 0, 0
        while not self.over.is_set():
            for unit in camera.units:
                if n == camera.kick_at:
                    return
                if n == camera.freeze_at:
                    self.over.wait()
                    return
                if n in camera.jumps:
                    offset += camera.jumps[n] * CLOCK_HZ
                timestamp = (FIRST_TIMESTAMP + n * CLOCK_HZ // camera.rate + offset) % 2**32
                self.send_unit(unit, timestamp)
                n += 1
                left_s = begun_s + n / camera.rate / camera.speed - time.monotonic()
                if left_s > 0 and self.over.wait(left_s):
                    return
            if not camera.loops:
                return

    def send_unit(self, unit, timestamp):
        if self.camera.interleaved:
            for nal in unit:
                self.waiting.append((self.number, timestamp, nal))
                self.number = (self.number + 1) % 65536
            while len(self.waiting) > GROUP:
                self.send_group()
            return
        packets = []
        for nal in unit:
            if len(nal) <= LARGEST:
                packets.append(nal)
                continue
            parts = [nal[i:i + LARGEST] for i in range(1, len(nal), LARGEST)]
            for i, part in enumerate(parts):
                flags = (0x80 if i == 0 else 0) | (0x40 if i == len(parts) - 1 else 0)
                packets.append(bytes([nal[0] & 0xe0 | 28, nal[0] & 31 | flags]) + part)
        for i, payload in enumerate(packets):
            self.send_payload(payload, timestamp, i == len(packets) - 1)
        self.send_shuffled()

    def send_group(self):
        """STAP-B, or FU-B and FU-A (RFC 6184 section 5)."""
        group, self.waiting = self.waiting[:GROUP], self.waiting[GROUP:]
        order = group[::2] + group[1::2]
        for n, (number, timestamp, nal) in enumerate(order):
            is_last = all(other[1] != timestamp for other in order[n + 1:] + self.waiting)
            if len(nal) <= LARGEST:
                self.send_payload(struct.pack(">BHH", nal[0] & 0xe0 | 25, number, len(nal)) + nal,
                                  timestamp, is_last)
                continue
            parts = [nal[i:i + LARGEST] for i in range(1, len(nal), LARGEST)]
            for i, part in enumerate(parts):
                flags = (0x80 if i == 0 else 0) | (0x40 if i == len(parts) - 1 else 0)
                head = bytes([nal[0] & 0xe0 | (28 if i else 29), nal[0] & 31 | flags])
                self.send_payload(head + (b"" if i else struct.pack(">H", number)) + part,
                                  timestamp, is_last and i == len(parts) - 1)

    def send_payload(self, payload, timestamp, is_last):
        self.sequence = (self.sequence + 1) % 65536
        self.disturb(struct.pack(">BBHII", 0x80, 96 | (0x80 if is_last else 0), self.sequence,
                                 timestamp, 7) + payload)

    def send_shuffled(self):
        chance = self.camera._random
        twice = [packet for packet in self.unit if chance.random() < 0.1]
        places = sorted((i + chance.uniform(0, SPREAD), packet)
                        for i, packet in enumerate(self.unit + self.again))
        self.unit, self.again = [], twice
        for _, packet in places:
            self.send_packet(packet, 0)

    def disturb(self, packet):
        chance = self.camera._random.random
        if self.camera.shuffled:
            self.unit.append(packet)
            return
        if chance() < self.camera.loss:
            return
        if self.held is None and chance() < self.camera.reorder:
            self.held = packet
            return
        self.send_packet(packet, 0)
        if chance() < self.camera.duplicates:
            self.send_packet(packet, 0)
        self.flush()

    def flush(self):
        if self.held is not None:
            packet, self.held = self.held, None
            self.send_packet(packet, 0)

    def send_packet(self, packet, which):
        if self.udp:
            self.udp.sendto(packet, (self.client[0], self.client[1] + which))
        else:
            self.send(struct.pack(">cBH", b"$", which, len(packet)) + packet)


Camera.Session = Session

# SPDX-License-Identifier: MIT
"""What limef-play --metrics=unix:SOCKET says."""
import socket

DEADLINE_S = 120


def scrape(path):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(DEADLINE_S)
        connection.connect(str(path))
        connection.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        text = b""
        while data := connection.recv(65536):
            text += data
    return text.decode()

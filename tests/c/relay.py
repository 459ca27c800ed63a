"""Ends TLS in front of a server on this machine, with an authority and a certificate that openssl makes."""

from __future__ import annotations

import select
import socket
import ssl
import subprocess
import threading
from pathlib import Path


def make_certificate(folder: Path) -> Path:
    """Writes ca.pem, server.pem and server.key; returns the path of ca.pem, which a client has to trust."""

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    authority = ["-days", "2", "-subj", "/CN=projectcor tests"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", *authority)
    openssl("req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=projectcor test server")
    extensions = ["subjectAltName=IP:127.0.0.1", "extendedKeyUsage=serverAuth", "basicConstraints=CA:FALSE"]
    (folder / "server.ext").write_text("\n".join(extensions) + "\n")
    signed_by = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "server.ext"]
    openssl("x509", "-req", "-in", "server.csr", *signed_by, "-out", "server.pem")
    return folder / "ca.pem"


class Relay:
    """Listens with TLS on a free port and passes bytes on to `port`, until it is closed."""

    def __init__(self, folder: Path, port: int) -> None:
        self.ca_file = make_certificate(folder)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(folder / "server.pem", folder / "server.key")
        self.server_port = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, plain: socket.socket) -> None:
        try:
            with (
                self.context.wrap_socket(plain, server_side=True) as client,
                socket.create_connection(("127.0.0.1", self.server_port)) as server,
            ):
                relay(client, server)
        except OSError:
            plain.close()  # the client refused the certificate, or left

    def close(self) -> None:
        # A thread that waits in accept() is not woken by close() alone.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def relay(client: ssl.SSLSocket, server: socket.socket) -> None:
    while True:
        ready = [client] if client.pending() else select.select([client, server], [], [])[0]
        for source in ready:
            data = source.recv(65536)
            if not data:
                return
            (server if source is client else client).sendall(data)

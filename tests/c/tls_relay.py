"""Ends TLS in front of a server on this machine: tls_relay.py FOLDER PORT makes an authority and a certificate for
127.0.0.1 in FOLDER (ca.pem), prints the port it listens on, and relays until it is stopped."""

import select
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from pathlib import Path

folder, port = Path(sys.argv[1]), int(sys.argv[2])
if not shutil.which("openssl"):
    sys.exit("openssl is not installed")


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=projectcor tests")
openssl("req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=projectcor test server")
(folder / "server.ext").write_text("subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n")
openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
        "-extfile", "server.ext", "-out", "server.pem")
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(folder / "server.pem", folder / "server.key")
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)


def relay(client, server):
    while True:
        ready = [client] if client.pending() else select.select([client, server], [], [])[0]
        for source in ready:
            data = source.recv(65536)
            if not data:
                return
            (server if source is client else client).sendall(data)


def serve(plain):
    try:
        with context.wrap_socket(plain, server_side=True) as client:
            with socket.create_connection(("127.0.0.1", port)) as server:
                relay(client, server)
    except OSError:
        plain.close()  # it did not trust us, or left


while True:
    connection, _ = listener.accept()
    threading.Thread(target=serve, args=(connection,), daemon=True).start()

"""An HTTP proxy that leads every connection to one port of this machine.

    connect_proxy.py PORT

Prints the port that it listens on. Whoever asks it to connect to some name, `CONNECT NAME:443`, gets
a connection to PORT, so that a server on this machine can be known by any name.
"""

import socket
import sys
import threading


def copy(source, sink):
    try:
        while piece := source.recv(1 << 16):
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def serve(client, port):
    request = b""
    while b"\r\n\r\n" not in request:
        piece = client.recv(4096)
        if not piece or len(request) > 1 << 16:
            return
        request += piece
    if not request.startswith(b"CONNECT "):
        client.sendall(b"HTTP/1.1 405 Method Not Allowed\r\n\r\n")
        return
    with socket.create_connection(("127.0.0.1", port)) as server:
        client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
        back = threading.Thread(target=copy, args=(server, client), daemon=True)
        back.start()
        copy(client, server)
        back.join()


def handle(client, port):
    with client:
        serve(client, port)


def main():
    port = int(sys.argv[1])
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        client, _ = listener.accept()
        threading.Thread(target=handle, args=(client, port), daemon=True).start()


if __name__ == "__main__":
    main()

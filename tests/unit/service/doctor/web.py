"""Small servers for what is asked on a network."""

import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Web:
    """A server that runs."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def web_server(files: Mapping[str, bytes], speaks: bytes = b"", status: int = 200) -> Iterator[Web]:
    """Serve files by their path, or say the same octets to everybody, until the block ends."""

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = files.get(self.path)
            self.send_response(404 if body is None else status if self.path == "/readyz" else 200)
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            pass

    class Speaking(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.sendall(speaks)

    handler = Speaking if speaks else Answering
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield Web(server.server_address[1])
        finally:
            server.shutdown()
            thread.join()

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from typing import NamedTuple

PREFIX = "/2018-06-01/runtime"


class Invocation(NamedTuple):
    request_id: str
    payload: bytes
    arn: str
    trace_id: str
    deadline_ms: int


class Outcome(NamedTuple):
    body: bytes
    is_error: bool


class RuntimeApi:
    """
    https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html for one process, on a port of its own: an answer
    that comes from a process which is given up already cannot be taken for that of its successor.
    """

    def __init__(
        self,
        on_ready: Callable[[], None],
        on_init_error: Callable[[bytes], None],
        on_outcome: Callable[[Outcome], None],
    ) -> None:
        self._on_ready = on_ready
        self._on_init_error = on_init_error
        self._on_outcome = on_outcome
        self._invocations: SimpleQueue[Invocation | None] = SimpleQueue()
        self._current: str | None = None
        self._server = _Server(self)
        self.address = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def send(self, invocation: Invocation) -> None:
        self._invocations.put(invocation)

    def close(self) -> None:
        self._invocations.put(None)
        self._server.shutdown()
        self._server.server_close()

    def next(self) -> Invocation | None:
        self._on_ready()
        invocation = self._invocations.get()
        self._current = invocation.request_id if invocation else None
        return invocation

    def post(self, path: str, body: bytes) -> bool:
        """Whether there is such a thing to be told."""
        if path == f"{PREFIX}/init/error":
            self._on_init_error(body)
        elif path == f"{PREFIX}/invocation/{self._current}/response":
            self._on_outcome(Outcome(body, False))
        elif path == f"{PREFIX}/invocation/{self._current}/error":
            self._on_outcome(Outcome(body, True))
        else:
            return False
        return True


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, api: RuntimeApi) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.api = api


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body go out one after the other: the second would wait 40 ms for the first's acknowledgement.
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        invocation = self.server.api.next() if self.path == f"{PREFIX}/invocation/next" else None
        if invocation is None:
            self._answer(404, b"", {})
            return
        self._answer(
            200,
            invocation.payload,
            {
                "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
                "Lambda-Runtime-Deadline-Ms": str(invocation.deadline_ms),
                "Lambda-Runtime-Invoked-Function-Arn": invocation.arn,
                "Lambda-Runtime-Trace-Id": invocation.trace_id,
            },
        )

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        known = self.server.api.post(self.path, body)
        self._answer(202 if known else 404, b"", {})

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        try:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            # The process was killed while it waited.
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass

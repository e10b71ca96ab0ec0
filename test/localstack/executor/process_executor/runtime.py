import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from concurrent.futures import Future, TimeoutError
from pathlib import Path

from process_executor.runtime_api import Invocation, Outcome, RuntimeApi

BOOTSTRAP = Path(__file__).with_name("bootstrap.cjs")
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: 6 MB, and what Lambda wraps around.
MAX_RESPONSE_BYTES = 6 * 1024 * 1024 + 100


class RuntimeFailed(Exception):
    """The process died, did not start, or ran out of time; in the words of Lambda."""

    def __init__(self, error_type: str, message: str, payload: bytes | None = None) -> None:
        super().__init__(message)
        self._error_type = error_type
        self._payload = payload

    @property
    def payload(self) -> bytes:
        return self._payload or _error(self._error_type, str(self))

    def payload_for(self, request_id: str) -> bytes:
        return self._payload or _error(self._error_type, f"RequestId: {request_id} {self}")


class Runtime:
    """A Node process that runs one function, and the Runtime API that it talks to. Frozen between invocations."""

    def __init__(self, function_name: str, memory_mb: int, environment: dict[str, str], log: Path) -> None:
        self.invocations = 0
        self.init_ms = 0.0
        self.peak_memory_mb = 0
        self._started = time.monotonic()
        self._lock = threading.Lock()
        self._exit: RuntimeFailed | None = None
        self._ready: Future[None] = Future()
        self._outcome: Future[Outcome] = Future()
        self._api = RuntimeApi(self._on_ready, self._on_init_error, self._on_outcome)
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [
                    os.environ["FARWATCH_NODE"],
                    # As Lambda's own bootstrap does: nine tenths of the memory for the old generation.
                    f"--max-old-space-size={memory_mb * 9 // 10}",
                    str(BOOTSTRAP),
                    # Not read: whoever looks for the processes of a function finds them by it.
                    function_name,
                ],
                cwd=environment["LAMBDA_TASK_ROOT"],
                env={"PATH": os.environ["PATH"], "LANG": "en_US.UTF-8"}
                | environment
                | {"AWS_LAMBDA_RUNTIME_API": self._api.address},
                # The process ends when this pipe closes: it must not outlive LocalStack.
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        threading.Thread(target=self._watch, daemon=True).start()

    @property
    def ended(self) -> bool:
        return self._exit is not None

    def wait_until_ready(self) -> None:
        self._ready.result()
        self.init_ms = (time.monotonic() - self._started) * 1000
        self._freeze()

    def invoke(self, request_id: str, payload: bytes, arn: str, trace_id: str, timeout_seconds: int) -> Outcome:
        with self._lock:
            if self._exit is not None:
                raise self._exit
            self._outcome = Future()
        self.invocations += 1
        self._signal(signal.SIGCONT)
        deadline_ms = int((time.time() + timeout_seconds) * 1000)
        self._api.send(Invocation(request_id, payload, arn, trace_id, deadline_ms))
        try:
            body, is_error = self._outcome.result(timeout_seconds)
        except TimeoutError:
            self.kill()
            message = f"Error: Task timed out after {timeout_seconds:.2f} seconds"
            raise RuntimeFailed("Sandbox.Timedout", message) from None
        self._measure()
        self._freeze()
        if len(body) > MAX_RESPONSE_BYTES:
            message = (
                f"Response payload size ({len(body)} bytes) exceeded maximum allowed payload size"
                f" ({MAX_RESPONSE_BYTES} bytes)."
            )
            return Outcome(_error("Function.ResponseSizeTooLarge", message), True)
        return Outcome(body, is_error)

    def kill(self) -> None:
        """With what it started itself. Whoever waits for an answer gets `Runtime.ExitError`."""
        self._signal(signal.SIGKILL)

    def _freeze(self) -> None:
        # Lambda freezes environments between invocations: nothing goes on in the background, timers stand still.
        self._signal(signal.SIGSTOP)
        # Until it stands still: whoever has the answer may look.
        with contextlib.suppress(ChildProcessError):
            os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def _signal(self, number: signal.Signals) -> None:
        # Until it is waited for, nobody else can have its process id.
        with self._lock, contextlib.suppress(ProcessLookupError):
            if self._exit is None:
                os.killpg(self._process.pid, number)

    def _watch(self) -> None:
        os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        with self._lock:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            status = self._process.wait()
            reason = f"signal: {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
            self._exit = RuntimeFailed("Runtime.ExitError", f"Error: Runtime exited with error: {reason}")
            for future in (self._ready, self._outcome):
                if not future.done():
                    future.set_exception(self._exit)
        self._process.stdin.close()
        self._api.close()

    def _on_ready(self) -> None:
        with self._lock:
            if not self._ready.done():
                self._ready.set_result(None)

    def _on_init_error(self, payload: bytes) -> None:
        with self._lock:
            if not self._ready.done():
                self._ready.set_exception(RuntimeFailed("Runtime.InitError", "Init failed", payload))

    def _on_outcome(self, outcome: Outcome) -> None:
        with self._lock:
            if not self._outcome.done():
                self._outcome.set_result(outcome)

    def _measure(self) -> None:
        with contextlib.suppress(OSError, StopIteration, ValueError):
            status = Path(f"/proc/{self._process.pid}/status").read_text()
            line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
            self.peak_memory_mb = int(line.split()[1]) // 1024


def _error(error_type: str, message: str) -> bytes:
    return json.dumps({"errorType": error_type, "errorMessage": message}).encode()

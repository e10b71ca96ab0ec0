import json
import os
import time
from pathlib import Path

from localstack.services.lambda_.invocation.executor_endpoint import StatusErrorException
from localstack.services.lambda_.invocation.lambda_models import FunctionVersion, InvocationResult
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor

from process_executor.runtime import Runtime, RuntimeFailed

LOOPBACK = "127.0.0.1"


class ProcessExecutor(RuntimeExecutor):
    """
    One execution environment of a function: one Node process at a time. A process that timed out or died is replaced
    when the next invocation comes, as Lambda does.
    """

    def __init__(self, id: str, function_version: FunctionVersion) -> None:
        super().__init__(id, function_version)
        folder = Path(os.environ["FARWATCH_FUNCTION_LOGS"])
        folder.mkdir(parents=True, exist_ok=True)
        self._log = folder / f"{function_version.id.function_name}-{id}.log"
        self._environment: dict[str, str] = {}
        self._runtime: Runtime | None = None
        self._stopped = False

    @classmethod
    def prepare_version(cls, function_version: FunctionVersion) -> None:
        function_version.config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version: FunctionVersion) -> None:
        # The next version may have the same code on the same folder, so it stays until LocalStack's own clean-up.
        pass

    def start(self, env_vars: dict[str, str]) -> None:
        config = self.function_version.config
        task_root = str(config.code.get_unzipped_code_location())
        self._environment = {name: str(value) for name, value in env_vars.items()} | {
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{config.runtime}",
            "LAMBDA_TASK_ROOT": task_root,
        }
        try:
            self._runtime = self._new_runtime()
        except RuntimeFailed as failure:
            raise StatusErrorException(str(failure), payload=failure.payload) from failure

    def _new_runtime(self) -> Runtime:
        runtime = Runtime(
            function_name=self.function_version.id.function_name,
            memory_mb=self.function_version.config.memory_size,
            environment=self._environment,
            log=self._log,
        )
        # Kept before it is ready: `stop` comes from another thread when the init takes too long.
        self._runtime = runtime
        if self._stopped:
            runtime.kill()
        runtime.wait_until_ready()
        return runtime

    def invoke(self, payload: dict[str, str]) -> InvocationResult:
        request_id = payload["invoke-id"]
        log_start = self._log.stat().st_size
        self._write_log(f"START RequestId: {request_id} Version: {self.function_version.id.qualifier}")
        started = time.monotonic()
        try:
            if self._runtime is None or self._runtime.ended:
                self._runtime = self._new_runtime()
            body, is_error = self._runtime.invoke(
                request_id=request_id,
                payload=payload["payload"].encode(),
                arn=payload["invoked-function-arn"],
                trace_id=payload["trace-id"],
                timeout_seconds=self.function_version.config.timeout,
            )
        except RuntimeFailed as failure:
            body, is_error = failure.payload_for(request_id), True
            self._write_log(json.loads(body)["errorMessage"])
        self._write_log(f"END RequestId: {request_id}")
        self._write_log(self._report(request_id, (time.monotonic() - started) * 1000))
        return InvocationResult(request_id, body, is_error, self._read_log(log_start))

    def _report(self, request_id: str, duration_ms: float) -> str:
        runtime = self._runtime
        fields = [
            f"REPORT RequestId: {request_id}",
            f"Duration: {duration_ms:.2f} ms",
            f"Memory Size: {self.function_version.config.memory_size} MB",
            f"Max Memory Used: {runtime.peak_memory_mb} MB" if runtime else "",
        ]
        if runtime and runtime.invocations == 1:
            fields.append(f"Init Duration: {runtime.init_ms:.2f} ms")
        return "\t".join(field for field in fields if field)

    def stop(self) -> None:
        self._stopped = True
        if self._runtime is not None:
            self._runtime.kill()

    def get_logs(self) -> str:
        return self._read_log(0)

    def _write_log(self, line: str) -> None:
        with self._log.open("a") as log:
            log.write(f"{line}\n")

    def _read_log(self, start: int) -> str:
        if not self._log.exists():
            return ""
        with self._log.open("rb") as log:
            log.seek(start)
            return log.read().decode(errors="replace")

    def get_address(self) -> str:
        return LOOPBACK

    def get_endpoint_from_executor(self) -> str:
        return LOOPBACK

    def get_runtime_endpoint(self) -> str:
        return f"http://{LOOPBACK}"

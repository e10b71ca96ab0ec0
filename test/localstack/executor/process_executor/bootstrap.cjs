// The runtime inside the process: loads the handler, then asks for one invocation after the other.
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html
const http = require('node:http');
const path = require('node:path');
const { pathToFileURL } = require('node:url');

const api = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime`;
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

// LocalStack holds the other end; however it dies, this process follows.
process.stdin.resume().on('end', () => process.exit(0));

// Not `fetch`: it gives up an answer that takes five minutes to come.
function request(method, url, body) {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
    const sent = http.request(`${api}${url}`, { method, agent, headers }, async (response) => {
      try {
        const chunks = await response.toArray();
        resolve({ headers: response.headers, text: Buffer.concat(chunks).toString() });
      } catch (error) {
        reject(error);
      }
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

function errorBody(error) {
  const isError = error instanceof Error;
  return JSON.stringify({
    errorType: isError ? error.name : typeof error,
    errorMessage: isError ? error.message : String(error),
    trace: isError ? (error.stack ?? '').split('\n') : [],
  });
}

async function loadHandler() {
  const [, folder, file, name] = /^(.*\/)?([^/.]+)\.(.+)$/.exec(process.env._HANDLER) ?? [];
  const base = path.join(process.env.LAMBDA_TASK_ROOT, folder ?? '', file ?? '');
  const found = ['.js', '.mjs', '.cjs'].map((suffix) => base + suffix).find(require('node:fs').existsSync);
  if (found === undefined) throw new Error(`Cannot find module '${file}'`);
  const module = await import(pathToFileURL(found));
  const handler = module[name] ?? module.default?.[name];
  if (typeof handler !== 'function') throw new Error(`${process.env._HANDLER} is undefined or not exported`);
  return handler;
}

function contextOf(headers) {
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    awsRequestId: headers['lambda-runtime-aws-request-id'],
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    getRemainingTimeInMillis: () => Number(headers['lambda-runtime-deadline-ms']) - Date.now(),
  };
}

async function serve(handler) {
  for (;;) {
    const { headers, text } = await request('GET', '/invocation/next');
    process.env._X_AMZN_TRACE_ID = headers['lambda-runtime-trace-id'];
    const invocation = `/invocation/${headers['lambda-runtime-aws-request-id']}`;
    let answer;
    try {
      const result = await handler(JSON.parse(text), contextOf(headers));
      answer = [`${invocation}/response`, JSON.stringify(result) ?? 'null'];
    } catch (error) {
      console.error(error);
      answer = [`${invocation}/error`, errorBody(error)];
    }
    await request('POST', ...answer);
  }
}

async function main() {
  let handler;
  try {
    handler = await loadHandler();
  } catch (error) {
    console.error(error);
    await request('POST', '/init/error', errorBody(error));
    process.exit(1);
  }
  await serve(handler);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});

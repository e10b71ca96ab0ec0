import { startReceiver } from '../changes/webhook-receiver.ts';

export interface FakeAws {
  readonly endpoint: string;
  /** Functions that were called, with their payloads. */
  readonly calls: readonly { readonly name: string; readonly type: string; readonly payload: string }[];
  /** From now on nobody may call functions. */
  denyCalls(): void;
  close(): Promise<void>;
}

export const account = '000000000000';
export const region = 'eu-central-1';

/** What CloudFormation and Lambda say to a command that works on these stacks: outputs by the stacks' names. */
export async function startFakeAws(
  stacks: Readonly<Record<string, Readonly<Record<string, string>>>>,
): Promise<FakeAws> {
  let denied = false;
  const receiver = await startReceiver((response, request) => {
    if (request.url.startsWith('/2015-03-31/functions/')) {
      if (denied)
        response
          .writeHead(403, { 'x-amzn-errortype': 'AccessDeniedException' })
          .end(denial('lambda:InvokeFunction'));
      else response.writeHead(202).end();
      return;
    }
    const stack = new URLSearchParams(request.body).get('StackName') ?? '';
    const outputs = stacks[stack];
    if (stack === 'Denied')
      response.writeHead(403).end(failed('AccessDenied', sentence('cloudformation:DescribeStacks')));
    else if (outputs === undefined)
      response.writeHead(400).end(failed('ValidationError', `Stack with id ${stack} does not exist`));
    else response.writeHead(200).end(described(stack, outputs));
  });
  return {
    endpoint: new URL(receiver.url).origin,
    get calls() {
      return receiver.requests
        .filter(({ url }) => url.startsWith('/2015-03-31/functions/'))
        .map(({ url, headers, body }) => ({
          name: url.split('/')[3] ?? '',
          type: String(headers['x-amz-invocation-type']),
          payload: body,
        }));
    },
    denyCalls() {
      denied = true;
    },
    close: () => receiver.close(),
  };
}

function sentence(action: string): string {
  return `User: arn:aws:iam::${account}:user/reader is not authorized to perform: ${action} on resource: *`;
}

function denial(action: string): string {
  return JSON.stringify({ Message: sentence(action) });
}

function failed(code: string, message: string): string {
  return `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`;
}

function described(stack: string, outputs: Readonly<Record<string, string>>): string {
  const members = Object.entries(outputs).map(
    ([key, value]) => `<member><OutputKey>${key}</OutputKey><OutputValue>${value}</OutputValue></member>`,
  );
  return (
    '<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DescribeStacksResult><Stacks>' +
    `<member><StackName>${stack}</StackName><StackStatus>CREATE_COMPLETE</StackStatus><CreationTime>2026-11-21T01:00:00Z</CreationTime>` +
    `<Outputs>${members.join('')}</Outputs></member>` +
    '</Stacks></DescribeStacksResult></DescribeStacksResponse>'
  );
}

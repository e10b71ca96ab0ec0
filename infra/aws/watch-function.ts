import { type Duration, RemovalPolicy } from 'aws-cdk-lib';
import { type IGrantable, type IPrincipal, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  Architecture,
  type Code,
  Function as Lambda,
  LoggingFormat,
  Runtime,
  Tracing,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { accept, resourceFinding } from './accept.ts';
import type { FunctionName } from './bundle.ts';
import type { Egress } from './egress.ts';
import { metricsNamespace, serviceName } from './own-metrics.ts';

/** What all functions of a deployment have in common. */
export interface FunctionSettings {
  readonly code: (name: FunctionName) => Code;
  readonly logRetention: RetentionDays;
}

export interface WatchFunctionProps {
  readonly name: FunctionName;
  readonly settings: FunctionSettings;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly memorySizeMb: number;
  readonly timeout: Duration;
  readonly egress?: Egress | undefined;
  /** Default: true. */
  readonly traced?: boolean;
}

function said(environment: WatchFunctionProps['environment']): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
}

/** A function with a role and a log group of its own: AWS's basic role may write to every log of the account. */
export class WatchFunction extends Construct implements IGrantable {
  readonly function: Lambda;
  readonly logGroup: LogGroup;
  readonly grantPrincipal: IPrincipal;

  constructor(scope: Construct, id: string, props: WatchFunctionProps) {
    super(scope, id);
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    this.grantPrincipal = role;
    this.logGroup = new LogGroup(this, 'Log', {
      retention: props.settings.logRetention,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.logGroup.grantWrite(role);
    props.egress?.grantAttach(role);
    this.function = new Lambda(this, 'Function', {
      description: `Farwatch: ${props.name}`,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      handler: 'index.handler',
      code: props.settings.code(props.name),
      memorySize: props.memorySizeMb,
      timeout: props.timeout,
      role,
      logGroup: this.logGroup,
      loggingFormat: LoggingFormat.JSON,
      tracing: props.traced === false ? Tracing.PASS_THROUGH : Tracing.ACTIVE,
      ...props.egress?.placement,
      environment: {
        ...said(props.environment),
        POWERTOOLS_SERVICE_NAME: serviceName,
        POWERTOOLS_METRICS_NAMESPACE: metricsNamespace(this),
        POWERTOOLS_LOG_LEVEL: 'INFO',
      },
    });
    accept(this, resourceFinding('*'), 'X-Ray has no resources to name, nor have the questions of the VPC.');
  }
}

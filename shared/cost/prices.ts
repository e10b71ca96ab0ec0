/** What so many (`per`) of a measured thing cost. */
export interface Price {
  readonly service: string;
  readonly what: string;
  readonly dollars: number;
  readonly per: number;
}

const million = 1_000_000;

/**
 * List prices in us-east-1, US dollars, read in November 2026: without free allowances, discounts and taxes. Where a
 * price falls with volume, it is the first and highest step.
 */
export const prices = {
  // https://aws.amazon.com/lambda/pricing/
  lambdaGbSeconds: { service: 'Lambda', what: 'GB-seconds (ARM)', dollars: 0.0000133334, per: 1 },
  lambdaRequests: { service: 'Lambda', what: 'requests', dollars: 0.2, per: million },
  // https://aws.amazon.com/dynamodb/pricing/on-demand/, as lowered in November 2024
  readUnits: { service: 'DynamoDB', what: 'read request units', dollars: 0.125, per: million },
  writeUnits: { service: 'DynamoDB', what: 'write request units', dollars: 0.625, per: million },
  tableGbMonths: { service: 'DynamoDB', what: 'storage, GB', dollars: 0.25, per: 1 },
  backupGbMonths: { service: 'DynamoDB', what: 'point-in-time recovery, GB', dollars: 0.2, per: 1 },
  // https://aws.amazon.com/kms/pricing/: of keys that AWS manages in the account, calls are all that costs
  keyRequests: { service: 'KMS', what: 'calls for the key of the table', dollars: 0.03, per: 10_000 },
  // https://aws.amazon.com/sqs/pricing/: every 64 KB of a request count as one
  queueRequests: { service: 'SQS', what: 'standard requests', dollars: 0.4, per: million },
  fifoRequests: { service: 'SQS', what: 'FIFO requests', dollars: 0.5, per: million },
  // https://aws.amazon.com/eventbridge/pricing/: every 64 KB of an event count as one; scheduled rules are free
  events: { service: 'EventBridge', what: 'custom events', dollars: 1, per: million },
  archivedGb: { service: 'EventBridge', what: 'archive, GB taken in', dollars: 0.1, per: 1 },
  archiveGbMonths: { service: 'EventBridge', what: 'archive, GB kept', dollars: 0.023, per: 1 },
  // https://aws.amazon.com/step-functions/pricing/, standard workflows
  transitions: { service: 'Step Functions', what: 'state transitions', dollars: 0.025, per: 1_000 },
  // https://aws.amazon.com/secrets-manager/pricing/
  secretMonths: { service: 'Secrets Manager', what: 'secrets', dollars: 0.4, per: 1 },
  secretRequests: { service: 'Secrets Manager', what: 'requests', dollars: 0.05, per: 10_000 },
  // https://aws.amazon.com/cloudwatch/pricing/
  alarmMetricMonths: { service: 'CloudWatch', what: 'alarms, by their metrics', dollars: 0.1, per: 1 },
  metricMonths: { service: 'CloudWatch', what: 'custom metrics', dollars: 0.3, per: 1 },
  dashboardMonths: { service: 'CloudWatch', what: 'dashboards', dollars: 3, per: 1 },
  logGb: { service: 'CloudWatch', what: 'logs, GB taken in', dollars: 0.5, per: 1 },
  logGbMonths: { service: 'CloudWatch', what: 'logs, GB kept', dollars: 0.03, per: 1 },
  // https://aws.amazon.com/xray/pricing/
  traces: { service: 'X-Ray', what: 'traces', dollars: 5, per: million },
  // https://aws.amazon.com/vpc/pricing/: a gateway for a fixed address, and the address
  natGatewayHours: { service: 'VPC', what: 'NAT gateway, hours', dollars: 0.045, per: 1 },
  addressHours: { service: 'VPC', what: 'public address, hours', dollars: 0.005, per: 1 },
} as const satisfies Record<string, Price>;

export type Measure = keyof typeof prices;

/** AWS's own calculators take a month for so many hours. */
export const hoursPerMonth = 730;
export const minutesPerMonth = hoursPerMonth * 60;

/** One listing of one directory by an SFTP connector: https://aws.amazon.com/aws-transfer-family/pricing/ */
export const connectorCallDollars = 0.001;

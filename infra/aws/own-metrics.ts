import { Duration, Stack } from 'aws-cdk-lib';
import { Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';

export const serviceName = 'farwatch';

/** Each costs money every month, so these are all; the rest is read from AWS's own metrics and from the logs. */
type OwnMetric = 'ScansOverdue' | 'ScansIncomplete' | 'LoginsRefused' | 'PublishFailures' | 'TasksGivenUp';

export function metricsNamespace(scope: Construct): string {
  return `Farwatch/${Stack.of(scope).stackName}`;
}

export function ownMetric(scope: Construct, metricName: OwnMetric, period = Duration.minutes(5)): Metric {
  return new Metric({
    namespace: metricsNamespace(scope),
    metricName,
    dimensionsMap: { service: serviceName },
    statistic: metricName === 'ScansOverdue' ? Stats.MAXIMUM : Stats.SUM,
    period,
  });
}

import { Duration } from 'aws-cdk-lib';
import { Schedule as Rate, Rule, RuleTargetInput } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { Construct } from 'constructs';
import type { Planner } from './planner.ts';

/** The planner's two clocks. Watches keep their own time: it asks the state which are due. */
export class Schedule extends Construct {
  constructor(scope: Construct, id: string, { planner }: { readonly planner: Planner }) {
    super(scope, id);
    // Retrying belongs to the next minute; the default, a day of it, would pile ticks up.
    const promptly = { retryAttempts: 0, maxEventAge: Duration.minutes(1) };
    new Rule(this, 'EveryMinute', {
      description: 'Farwatch begins the scans that are due',
      schedule: Rate.rate(Duration.minutes(1)),
      targets: [new LambdaFunction(planner.function, promptly)],
    });
    new Rule(this, 'EveryNight', {
      description: 'Farwatch removes what nobody needs any more',
      schedule: Rate.cron({ hour: '3', minute: '17' }),
      targets: [
        new LambdaFunction(planner.function, {
          ...promptly,
          event: RuleTargetInput.fromObject({ trim: true }),
        }),
      ],
    });
  }
}

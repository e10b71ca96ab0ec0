import { Stack } from 'aws-cdk-lib';
import { Alarm } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { type ITopic, Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';

/** Sends every alarm of the deployment, and its end, to one address or to a topic that is already there. */
export class AlarmTopic extends Construct {
  constructor(scope: Construct, id: string, to: { readonly email: string } | { readonly topic: ITopic }) {
    super(scope, id);
    const action = new SnsAction('topic' in to ? to.topic : this.#topic(to.email));
    for (const alarm of scope.node.findAll().filter((construct) => construct instanceof Alarm)) {
      alarm.addAlarmAction(action);
      alarm.addOkAction(action);
    }
  }

  #topic(email: string): ITopic {
    const topic = new Topic(this, 'Topic', { displayName: 'Farwatch', enforceSSL: true });
    topic.addSubscription(new EmailSubscription(email));
    // A topic with a policy of its own has lost the default one, by which alarms may publish.
    const { account } = Stack.of(this);
    topic.grantPublish(
      new ServicePrincipal('cloudwatch.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': account } },
      }),
    );
    return topic;
  }
}

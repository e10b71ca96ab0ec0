import { CfnOutput } from 'aws-cdk-lib';
import { Construct } from 'constructs';

/** By these keys the commands find a deployment (`farwatch … --stack NAME`): one Farwatch a stack. */
export class Outputs extends Construct {
  constructor(scope: Construct, id: string, values: Readonly<Record<string, string | undefined>>) {
    super(scope, id);
    for (const [key, value] of Object.entries(values)) {
      if (value !== undefined) new CfnOutput(this, key, { value }).overrideLogicalId(key);
    }
  }
}

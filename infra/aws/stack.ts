import { Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { Farwatch, type FarwatchProps } from './farwatch.ts';

export class FarwatchStack extends Stack {
  readonly farwatch: Farwatch;

  constructor(scope: Construct, id: string, props: FarwatchProps & StackProps) {
    super(scope, id, { description: 'Farwatch: what changed on far FTP and SFTP servers', ...props });
    this.farwatch = new Farwatch(this, 'Watch', props);
  }
}

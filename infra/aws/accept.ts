import { CfnElement, Stack, Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/** Accepts what cdk-nag's AwsSolutions finds, where it is so on purpose. Says nothing to apps without cdk-nag. */
export function accept(construct: IConstruct, finding: string, reason: string): void {
  Validations.of(construct).acknowledge({ id: `AwsSolutions-${finding}`, reason });
}

/** The finding about a resource with a wildcard; references are written `<LogicalId.Attribute>`. */
export function resourceFinding(resource: string): string {
  return `IAM5[Resource::${resource}]`;
}

export function logicalId(construct: IConstruct): string {
  const resource = construct.node.defaultChild;
  if (!CfnElement.isCfnElement(resource)) throw new TypeError(`${construct.node.path} is no single resource`);
  return Stack.of(construct).getLogicalId(resource);
}

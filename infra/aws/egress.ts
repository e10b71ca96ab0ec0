import { Stack } from 'aws-cdk-lib';
import {
  CfnEIP,
  GatewayVpcEndpointAwsService,
  IpAddresses,
  type ISecurityGroup,
  type IVpc,
  NatProvider,
  SecurityGroup,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2';
import { type IRole, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { accept, resourceFinding } from './accept.ts';

/** One fixed address from which the scanner reaches its servers, for partners who allow-list. About $36.50 a month. */
export class Egress extends Construct {
  readonly ip: string;
  readonly placement: {
    readonly vpc: IVpc;
    readonly vpcSubnets: { readonly subnetType: SubnetType };
    readonly securityGroups: ISecurityGroup[];
  };

  constructor(scope: Construct, id: string) {
    super(scope, id);
    const address = new CfnEIP(this, 'Address', { domain: 'vpc' });
    this.ip = address.attrPublicIp;
    // CDK's own types are not made for exactOptionalPropertyTypes.
    const vpc: IVpc = new Vpc(this, 'Vpc', {
      ipAddresses: IpAddresses.cidr('10.91.0.0/22'),
      maxAzs: 2,
      natGateways: 1,
      natGatewayProvider: NatProvider.gateway({ eipAllocationIds: [address.attrAllocationId] }),
      // It would take a custom resource.
      restrictDefaultSecurityGroup: false,
      subnetConfiguration: [
        { name: 'Nat', subnetType: SubnetType.PUBLIC, cidrMask: 28, mapPublicIpOnLaunch: false },
        { name: 'Scanner', subnetType: SubnetType.PRIVATE_WITH_EGRESS, cidrMask: 24 },
      ],
      gatewayEndpoints: { Table: { service: GatewayVpcEndpointAwsService.DYNAMODB } },
    }) as IVpc;
    accept(vpc, 'VPC7', 'Only the scanner is in it, and says in its log which servers it talked to.');
    const securityGroup = new SecurityGroup(this, 'Scanner', {
      vpc,
      description: 'Farwatch scanner: out only; passive FTP goes to any port',
      allowAllOutbound: true,
    });
    this.placement = {
      vpc,
      vpcSubnets: { subnetType: SubnetType.PRIVATE_WITH_EGRESS },
      securityGroups: [securityGroup],
    };
  }

  /** Lambda tries these rights when a function is made, the writing ones on no interface in particular. */
  grantAttach(role: IRole): void {
    const { partition, region, account } = Stack.of(this);
    role.addToPrincipalPolicy(
      new PolicyStatement({
        actions: [
          'ec2:CreateNetworkInterface',
          'ec2:DeleteNetworkInterface',
          'ec2:AssignPrivateIpAddresses',
          'ec2:UnassignPrivateIpAddresses',
        ],
        resources: [`arn:${partition}:ec2:${region}:${account}:*/*`],
      }),
    );
    accept(
      role,
      resourceFinding('arn:<AWS::Partition>:ec2:<AWS::Region>:<AWS::AccountId>:*/*'),
      'Lambda asks for these rights on no interface in particular; they end at this account and region.',
    );
    role.addToPrincipalPolicy(
      new PolicyStatement({
        actions: ['ec2:DescribeNetworkInterfaces', 'ec2:DescribeSubnets'],
        resources: ['*'],
      }),
    );
  }
}

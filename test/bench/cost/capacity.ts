import { z } from 'zod';

/** An attribute as the JSON of a request has it: bytes in base64. */
export interface Attribute {
  readonly S?: string | undefined;
  readonly N?: string | undefined;
  readonly B?: string | undefined;
  readonly BOOL?: boolean | undefined;
  readonly NULL?: boolean | undefined;
  readonly L?: readonly Attribute[] | undefined;
  readonly M?: Readonly<Record<string, Attribute>> | undefined;
}

const attribute: z.ZodType<Attribute> = z.lazy(() =>
  z.object({
    S: z.string().optional(),
    N: z.string().optional(),
    B: z.string().optional(),
    BOOL: z.boolean().optional(),
    NULL: z.boolean().optional(),
    L: z.array(attribute).optional(),
    M: attributes.optional(),
  }),
);
export const attributes = z.record(z.string(), attribute);
export type Attributes = z.infer<typeof attributes>;

/** https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html */
export function itemBytes(item: Attributes): number {
  return Object.entries(item).reduce(
    (sum, [name, value]) => sum + Buffer.byteLength(name) + attributeBytes(value),
    0,
  );
}

function attributeBytes({ S, N, B, L, M }: Attribute): number {
  if (S !== undefined) return Buffer.byteLength(S);
  if (N !== undefined) return numberBytes(N);
  if (B !== undefined) return Buffer.byteLength(B, 'base64');
  if (L !== undefined) return 3 + L.reduce((sum, each) => sum + 1 + attributeBytes(each), 0);
  if (M !== undefined) return 3 + Object.keys(M).length + itemBytes(M);
  return 1;
}

/** A byte for every two significant digits, one more, and one for a sign. */
function numberBytes(text: string): number {
  const digits = text.replace(/^-/, '').replace('.', '').replace(/^0+/, '').replace(/0+$/, '').length;
  return Math.ceil(digits / 2) + 1 + (text.startsWith('-') ? 1 : 0);
}

export function writeUnits(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / 1_024));
}

/** Of a strongly consistent read; half as much otherwise. */
export function readUnits(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / 4_096));
}

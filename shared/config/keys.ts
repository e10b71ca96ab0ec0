import * as z from 'zod';
import { isData, valueAt } from './data.ts';
import type { KeyPath } from './problems.ts';

/** What the schema allows at one place of the data. */
export interface Place {
  /** Keys that it knows there. */
  readonly keys: readonly string[];
  /** A map whose keys the user names: servers, watches, headers. */
  readonly open: boolean;
  readonly list: boolean;
  /** Variants that are not the one chosen (`protocol: ftp`), by the name that chooses them, with their keys. */
  readonly others: ReadonlyMap<string, readonly string[]>;
  /** The key that chooses the variant. */
  readonly discriminator: string | undefined;
  readonly description: string | undefined;
}

type Schema = z.core.$ZodType;

export function placeAt(root: Schema, path: KeyPath, data: unknown): Place {
  let schemas: readonly Schema[] = [root];
  path.forEach((part, index) => {
    const here = valueAt(data, path.slice(0, index));
    schemas = schemas.flatMap((schema) => variants(schema, here)).flatMap((schema) => child(schema, part));
  });
  const here = valueAt(data, path);
  const expanded = schemas.flatMap((schema) => variants(schema, here));
  const union = schemas.map(unwrap).find((schema) => schema instanceof z.ZodDiscriminatedUnion);
  return {
    keys: [...new Set(expanded.flatMap(keysOf))],
    open: expanded.some((schema) => schema instanceof z.ZodRecord),
    list: expanded.some((schema) => schema instanceof z.ZodArray),
    others: union === undefined ? new Map() : otherVariants(union, expanded),
    discriminator: union?.def.discriminator,
    description: schemas.map((schema) => z.globalRegistry.get(schema)?.description).find(isText),
  };
}

function unwrap(schema: Schema): Schema {
  if (schema instanceof z.ZodOptional) return unwrap(schema.unwrap());
  if (schema instanceof z.ZodPipe) return unwrap(schema.in);
  return schema;
}

/** The schemas behind wrappers and unions; of a discriminated union the one chosen, or all while none is. */
function variants(schema: Schema, value: unknown): readonly Schema[] {
  const inner = unwrap(schema);
  if (!(inner instanceof z.ZodUnion)) return [inner];
  const options: readonly Schema[] = inner.options;
  if (!(inner instanceof z.ZodDiscriminatedUnion)) {
    return options.flatMap((option) => variants(option, value));
  }
  const { discriminator } = inner.def;
  const chosen = isData(value) ? value[discriminator] : undefined;
  const matching = options.filter((option) => choiceOf(option, discriminator) === chosen);
  return matching.length > 0 ? matching : options;
}

function otherVariants(
  union: z.ZodDiscriminatedUnion,
  chosen: readonly Schema[],
): ReadonlyMap<string, readonly string[]> {
  const options: readonly Schema[] = union.options;
  return new Map(
    options
      .filter((option) => !chosen.includes(option))
      .map((option) => [choiceOf(option, union.def.discriminator) ?? '', keysOf(option)]),
  );
}

function choiceOf(option: Schema, discriminator: string): string | undefined {
  const literal: unknown = option instanceof z.ZodObject ? option.shape[discriminator] : undefined;
  return literal instanceof z.ZodLiteral ? [...literal.values].find(isText) : undefined;
}

function child(schema: Schema, part: string | number): readonly Schema[] {
  if (schema instanceof z.ZodObject) {
    const shape: Readonly<Record<string, Schema>> = schema.shape;
    const found = Object.hasOwn(shape, part) ? shape[part] : undefined;
    return found === undefined ? [] : [found];
  }
  if (schema instanceof z.ZodRecord) return [schema.valueType];
  return schema instanceof z.ZodArray ? [schema.element] : [];
}

function keysOf(schema: Schema): readonly string[] {
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

import { type Measure, type Price, prices } from './prices.ts';

/** How much of what is used, in the units of the prices. */
export type Usage = Readonly<Partial<Record<Measure, number>>>;

export interface BillItem extends Pick<Price, 'service' | 'what'> {
  readonly measure: Measure;
  readonly quantity: number;
  readonly dollars: number;
}

export interface Bill {
  /** In the order of the price list; what is not used is left out. */
  readonly items: readonly BillItem[];
  readonly dollars: number;
}

export function billOf(usage: Usage): Bill {
  const items = measures.flatMap((measure): BillItem[] => {
    const { service, what, dollars, per } = prices[measure];
    const quantity = usage[measure] ?? 0;
    return quantity === 0 ? [] : [{ measure, service, what, quantity, dollars: (quantity * dollars) / per }];
  });
  return { items, dollars: items.reduce((sum, item) => sum + item.dollars, 0) };
}

export function together(...usages: readonly Usage[]): Usage {
  return usageOf((measure) => usages.reduce((sum, usage) => sum + (usage[measure] ?? 0), 0));
}

export function times(count: number, usage: Usage): Usage {
  return usageOf((measure) => count * (usage[measure] ?? 0));
}

const measures = Object.keys(prices).filter((key): key is Measure => key in prices);

function usageOf(quantity: (measure: Measure) => number): Usage {
  const usage: Partial<Record<Measure, number>> = {};
  for (const measure of measures) usage[measure] = quantity(measure);
  return usage;
}

import type { Bill } from './bill.ts';

/** Dollars to the cent, and finer where that would say nothing. */
export function dollars(amount: number): string {
  if (amount > 0 && amount < 0.00005) return '< $0.0001';
  const digits = amount !== 0 && Math.abs(amount) < 0.1 ? 4 : 2;
  return `$${amount.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })}`;
}

export function count(amount: number): string {
  if (amount < 1) return amount.toLocaleString('en', { maximumSignificantDigits: 2 });
  return amount.toLocaleString('en', { maximumFractionDigits: amount < 100 ? 2 : 0 });
}

/** A line for everything that is paid for, and the sum. */
export function billLines(bill: Bill): readonly string[] {
  const rows = bill.items.map(({ service, what, quantity, dollars: paid }) => [
    `${service}, ${what}`,
    count(quantity),
    dollars(paid),
  ]);
  return columns([...rows, ['together', '', dollars(bill.dollars)]]);
}

/** The first column to the left, the others to the right. */
export function columns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, index) => Math.max(...rows.map((row) => (row[index] ?? '').length)));
  return rows.map((row) =>
    row
      .map((cell, index) => (index === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[index] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}

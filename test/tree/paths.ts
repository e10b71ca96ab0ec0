import fc from 'fast-check';

/** Few different names, so that paths meet, among them the ones that trip up matchers and orders. */
export const segments = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom('a', 'b', 'A', 'x.csv', 'y.CSV', 'tmp', 'in', 'in 1', 'in-x') },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      '.hidden',
      '.csv',
      'a\\b',
      'a\nb',
      '\udc80',
      'é\udcff.csv',
      '😀',
      '...',
      '[x]',
      '!a',
      '#a',
    ),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 6 }).filter(isName) },
);

export const paths = fc.array(segments, { minLength: 1, maxLength: 5 }).map((names) => names.join('/'));

function isName(text: string): boolean {
  return !text.includes('/') && text !== '.' && text !== '..';
}

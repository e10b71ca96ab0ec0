import fc from 'fast-check';

/**
 * Loaded before every test file. In CI properties run with one seed, so that a red run is about the change it runs
 * on; elsewhere each run tries other cases. FARWATCH_TEST_SEED repeats one.
 */
const given = process.env['FARWATCH_TEST_SEED'] ?? (process.env['CI'] ? '20261121' : undefined);
if (given !== undefined) fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(given) });

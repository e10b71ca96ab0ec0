export const handler = async () => 'never';

throw new Error('the configuration is bad');

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parse } from 'yaml';
import * as z from 'zod';
import { parseConfig } from '../../shared/config/load.ts';
import { configJsonSchema } from '../../shared/config/schema.ts';
import { example } from './example.ts';

const schema = z.fromJSONSchema(configJsonSchema());
const accepts = (yaml: string) => schema.safeParse(parse(yaml)).success;

test('the JSON Schema accepts the example and refuses typos', () => {
  assert.ok(accepts(example));
  const spoilt: readonly (readonly [string, string])[] = [
    ['watches:', 'watchs:'],
    ['every: 5m', 'evry: 5m'],
    ['every: 5m', 'every: 5'],
    ['protocol: sftp', 'protocol: stfp'],
    ['    insecure: true', '    insecure: false'],
    ['    insecure: true\n', ''],
    ['maxPercent: 20', 'maxPercent: 200'],
    ['env:PARTNER_A_PASSWORD', 'hunter2'],
    ['type: stdout', 'type: stdin'],
    ['initial: baseline', 'initial: base'],
  ];
  for (const [good, bad] of spoilt) {
    assert.ok(example.includes(good), good);
    assert.ok(!accepts(example.replace(good, bad)), bad);
  }
});

test('every key has a description of one sentence', () => {
  const undescribed: string[] = [];
  visit(configJsonSchema(), '', (key, property) => {
    if (!/^[A-Z{].*\.$/.test(String(property['description']))) undescribed.push(key);
  });
  assert.deepEqual(undescribed, []);
});

test('what the README shows is right', { skip: !existsSync(readme()) && 'there is no README yet' }, () => {
  const blocks = [...readFileSync(readme(), 'utf8').matchAll(/```ya?ml\n([\s\S]*?)```/g)]
    .map(([, block = '']) => block)
    .filter((block) => /^servers:/m.test(block));
  assert.ok(blocks.length > 0, 'the README shows no configuration');
  for (const block of blocks) {
    parseConfig(block, 'README.md', {});
    assert.ok(accepts(block), block);
  }
});

function readme(): URL {
  return new URL('../../README.md', import.meta.url);
}

type Json = Readonly<Record<string, unknown>>;

function visit(node: unknown, path: string, found: (key: string, property: Json) => void): void {
  if (Array.isArray(node)) {
    for (const item of node) visit(item, path, found);
  } else if (isJson(node)) {
    for (const [key, property] of Object.entries(isJson(node['properties']) ? node['properties'] : {})) {
      if (isJson(property)) found(`${path}.${key}`, property);
      visit(property, `${path}.${key}`, found);
    }
    for (const part of ['additionalProperties', 'items', 'anyOf', 'oneOf']) visit(node[part], path, found);
  }
}

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

import { createConfig, lintFromString } from '@redocly/openapi-core';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import test from 'ava';
import fc from 'fast-check';
import { checkInputs } from '../../src/api/description/inputs.ts';
import { takesBody } from '../../src/api/description/operation.ts';
import { errorCodes, errorOf, PdiskError } from '../../src/errors.ts';
import { conforms, document, table } from '../../testkit/conforms.ts';
import { FIRST } from './support/disks.ts';
import { startServer } from './support/server.ts';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];
const operations = [...new Set([...table.routes, ...table.open].map(({ operation }) => operation))];

const ajv = new Ajv2020({ strict: false, validateSchema: false });
formats.default(ajv);
ajv.addSchema(document, 'pdisk', undefined, false);

test('a linter finds nothing', async t => {
  const config = await createConfig({ extends: ['recommended'] });
  const source = JSON.stringify(document);
  const problems = await lintFromString({ source, config, absoluteRef: 'openapi.json' });
  t.deepEqual(
    problems.map(({ ruleId, message, location }) => [ruleId, message, location[0]?.pointer]),
    [],
  );
  const broken = source.replace('"openapi":"3.1.1",', '"openapi":"3.1.1","pahts":{},');
  t.not((await lintFromString({ source: broken, config, absoluteRef: 'openapi.json' })).length, 0);
});

test('the routes that are served are those that are described, method by method', async t => {
  const { ask } = await startServer(t);
  const described = JSON.parse((await ask('GET', '/api/openapi.json')).text);
  t.deepEqual(described, document);
  t.deepEqual(
    Object.values(document.paths).flatMap(methods => Object.values(methods).map(one => one.operationId)),
    operations.flatMap(({ id, method }) =>
      method === 'GET' ? [id, `head${id.charAt(0).toUpperCase()}${id.slice(1)}`] : [id],
    ),
  );
  for (const [template, methods] of Object.entries(document.paths)) {
    const path = template
      .replace('{uuid}', FIRST)
      .replace('/inspect/{file}', '/inspect/main.js')
      .replace('{file}', 'docs.js')
      .replace(/\{\w+\}/, 'disk');
    for (const method of METHODS) {
      if (template === '/api/events' && method === 'GET') continue;
      const { status } = await ask(method, path);
      t.is(status === 405, !(method.toLowerCase() in methods), `${method} ${path}: ${status}`);
      t.not(status, 404);
    }
  }
});

test('every error code is described, with its status and its sentence', t => {
  const text = JSON.stringify(document);
  for (const code of errorCodes) t.true(text.includes(code), code);
  for (const [code, { summary, value }] of Object.entries(document.components.examples)) {
    t.is(summary, String(errorOf(code as (typeof errorCodes)[number]).status));
    t.true(
      value.message.every(sentence => !/undefined|''|: $| $/.test(sentence)),
      value.message.join(),
    );
  }
});

test('examples of answers are what the service answers, byte for byte', async t => {
  const { ask } = await startServer(t);
  const example = (path: string, method: string, status: number, name: string) => {
    const content = document.paths[path]?.[method]?.responses[status]?.content?.['application/json'];
    return JSON.stringify(
      (content as { examples: Record<string, { value: unknown }> }).examples[name]?.value,
    );
  };
  t.is(example('/api/disks', 'get', 200, 'disks'), (await ask('GET', '/api/disks')).text);
  const disk = example('/api/disks/{uuid}', 'get', 200, 'disk');
  t.is(disk?.replace('"users":"1"', '"users":"0"'), (await ask('GET', `/api/disks/${FIRST}`)).text);
  const deleted = example('/api/disks/{uuid}', 'delete', 200, 'deleted');
  t.is(deleted, (await ask('DELETE', `/api/disks/${FIRST}`)).text);
});

const texts = fc.oneof(
  fc.constantFrom('', '0', '1', '2', '0002', '1024', '1025', '1e2', '-1', '1.5', 'private', 'vdb', 'vda1'),
  fc.constantFrom(
    'n1',
    'N1.example.',
    'a..b',
    '-a',
    'a b',
    'user',
    'admin',
    'a\nb',
    '\u009f',
    '💾'.repeat(255),
  ),
  fc.constantFrom('x'.repeat(254), 'x'.repeat(255), 'x'.repeat(256), '💾'.repeat(256), 'correct horse'),
  fc.string({ unit: 'grapheme' }),
  fc.nat({ max: 2000 }).map(String),
);
interface Property {
  readonly type?: unknown;
  readonly minimum?: number;
}

const others = fc.constantFrom(null, true, [], {});
const numbers = fc.oneof(fc.integer(), fc.nat({ max: 2000 }));

/**
 * Every input takes a number for its text, but the description allows numbers only where every number is
 * valid.
 */
const valuesFor = ({ type }: Property = {}) =>
  type === 'string' ? fc.oneof(texts, others) : fc.oneof(texts, others, numbers);

test('inputs that the description allows are accepted, and others are refused', t => {
  for (const operation of operations.filter(takesBody)) {
    const { inputs, path, method } = operation;
    const at = `pdisk#/paths/${encodeURIComponent(path.replaceAll(/:(\w+)/g, '{$1}').replaceAll('/', '~1'))}`;
    const place = `${at}/${method.toLowerCase()}/requestBody/content/application~1json/schema`;
    const allows = ajv.getSchema(place);
    if (!allows) {
      t.deepEqual(Object.keys((inputs as unknown as { shape: object }).shape), [], operation.id);
      continue;
    }
    const { properties } = allows.schema as { properties: Record<string, Property> };
    const names = [...Object.keys(properties), 'another'];
    const bodies = fc.record(Object.fromEntries(names.map(name => [name, valuesFor(properties[name])])), {
      requiredKeys: names.slice(0, -1).filter((_, index) => index > 0),
    });
    const property = fc.property(bodies, body => {
      const fields = Object.fromEntries(
        Object.entries(body).map(([name, value]) => [
          name,
          typeof value === 'number' ? String(value) : value,
        ]),
      );
      const takes = takesThem(() => checkInputs(inputs, fields, 'BAD_INPUT'));
      return (allows(body) && allows(numbered(body, properties))) === takes;
    });
    fc.assert(property, { numRuns: 500 });
    t.pass();
  }
});

/**
 * Whole numbers in strings become numbers where the schema has bounds: the bounds hold for both, but JSON
 * Schema applies them to numbers only.
 */
const numbered = (body: object, properties: Record<string, Property>): object =>
  Object.fromEntries(
    Object.entries(body).map(([name, value]) => {
      const isBound = properties[name]?.minimum !== undefined && /^\d+$/.test(String(value));
      return [name, isBound ? Number(value) : value];
    }),
  );

function takesThem(check: () => unknown): boolean {
  try {
    check();
    return true;
  } catch (error) {
    if (error instanceof PdiskError) return false;
    throw error;
  }
}

test('an answer that differs from its description is noticed', t => {
  const headers = {
    'content-type': 'application/json',
    'x-request-id': 'a',
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
  };
  const seen = (status: number, text: string, more: Record<string, string> = {}) => ({
    status,
    text,
    headers: new Headers({ ...headers, ...more }),
  });
  const disk = '{"uuid":"eb198dec-3560-4a9a-b3b4-5f043410a3dd"}';
  const error = '{"message":["no"]}';
  t.notThrows(() => conforms('POST', '/api/create', seen(201, disk)));
  t.throws(() => conforms('POST', '/api/create', seen(200, disk)), { message: /status 200/ });
  t.throws(() => conforms('POST', '/api/create', seen(201, '{"uuid":"1"}')), { message: /its body/ });
  t.throws(() => conforms('POST', '/api/create', seen(201, disk, { 'x-more': '1' })), { message: /x-more/ });
  t.throws(() => conforms('GET', '/api/disks/1', seen(400, error)), { message: /X-Error-Code/ });
  const code = { 'x-error-code': 'NO_ALARM' };
  t.throws(() => conforms('GET', '/api/disks/1', seen(400, error, code)), { message: /allowed values/ });
  t.throws(() => conforms('GET', '/api/nothing', seen(200, '{}')), { message: /answered 200/ });
});

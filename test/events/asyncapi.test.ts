import specs from '@asyncapi/specs';
import { Ajv } from 'ajv';
import formats from 'ajv-formats';
import test from 'ava';
import { changeTypes } from '../../src/store/records.ts';
import { eventSite } from './support/site.ts';
import { checked } from './support/subscriber.ts';

test('the document is valid AsyncAPI 3.0 and is served to everybody', async t => {
  const site = await eventSite(t);
  const answer = await fetch(`${site.url}/api/asyncapi.json`);
  t.is(answer.status, 200);
  const document = JSON.parse(await answer.text());
  const ajv = new Ajv({ strict: false, meta: false, validateSchema: false });
  formats.default(ajv);
  // The package contains the meta-schema.
  const check = ajv.compile(specs.schemas['3.0.0'] as object);
  t.true(check(document), JSON.stringify(check.errors?.slice(0, 5), null, 1));
  const { channels, components } = document;
  t.is(channels.events.address, '/api/events');
  t.deepEqual(Object.keys(components.messages), ['event', 'bookmark', 'snapshot', 'resync', 'pool', 'drift']);
  t.deepEqual(components.messages.event.payload.properties.type.enum, Object.keys(changeTypes));
  t.true(Object.keys(changeTypes).every(type => type.startsWith('disk.')));
});

test("the tests' checker refuses a message that the document does not describe", t => {
  t.throws(() => checked('{"control":"bookmark"}'));
  t.throws(() => checked('{"control":"bookmark","sequence":1,"more":1}'));
  t.throws(() => checked('{"specversion":"1.0"}'));
  t.notThrows(() => checked('{"control":"bookmark","sequence":1}'));
});
